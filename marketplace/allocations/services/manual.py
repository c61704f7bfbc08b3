"""A coordinator proposes by hand: suggestions, the rules that a pair breaks, and the proposal itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import joinedload

from marketplace import audit, events
from marketplace.allocations.models import Allocation
from marketplace.allocations.services.answers import accept_row, check_need, check_supplier
from marketplace.allocations.services.proposals import declined_pairs, propose
from marketplace.allocations.services.rows import of_own_team, restricted_need
from marketplace.allocations.services.rules import RULES, broken, kilometres
from marketplace.errors import CapacityExhausted, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission, scoped
from marketplace.projects.models import Capacity, Pool, Project
from marketplace.transitions import transaction

SUGGESTED = 10


class RulesBroken(InvalidInput):
    """The pair breaks rules of matching: the coordinator may go on, knowingly."""

    def __init__(self, codes: Sequence[str]) -> None:
        self.codes = list(codes)
        super().__init__(
            fields={"despite": _("Rules are broken. Look at them, then say that you propose it all the same.")}
        )


@dataclass(frozen=True)
class Suggestion:
    """A capacity for a need.

    Attributes:
        kilometres: great-circle distance.
        broken: codes of `rules.RULES`.
        fit: 0 to 10,000, as a run would score it. reasons: as an allocation has them; parts and metres.
    """

    capacity: Capacity
    kilometres: float
    broken: list[str]
    fit: int | None = None
    reasons: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What a restricted run found for a pair; the allocation that it becomes keeps it."""

    run_id: int
    fit: int
    reasons: Mapping[str, Any]


def need_to_propose_for(actor: Actor, public_id: str) -> Need:
    """A need within the coordinator's region; one of a restricted case only for a coordinator of its care team.

    Raises:
        NotFound: there is none, or it is not open to the actor.
    """
    query = scoped(Need, actor, Permission.ALLOCATION_PROPOSE).where(
        Need.public_id == public_id,
        or_(~restricted_need(Need.id), of_own_team(actor, Need.id)),
        Need.state.in_(("open", "closed")),
    )
    need: Need | None = db.session.scalar(query.execution_options(populate_existing=True))
    if need is None:
        raise NotFound
    return need


def is_restricted(need: Need) -> bool:
    """Whether a need is of a restricted case (rules R05 and R07)."""
    return bool(db.session.scalar(select(restricted_need(need.id))))


def _offered() -> Any:
    """Capacity with free units of suppliers that may give today."""
    open_project = select(Project.id).where(Project.id == Capacity.project_id, Project.state == "open").exists()
    verified = (
        select(Organization.id)
        .where(Organization.id == Capacity.organization_id, Organization.state == "verified")
        .exists()
    )
    return and_(
        Capacity.active,
        Capacity.state == "offered",
        Capacity.allocated < Capacity.quantity,
        or_(Capacity.owner_id.is_not(None), and_(open_project, verified)),
    )


def suggestions(need: Need, *, name: str = "", limit: int = SUGGESTED) -> list[Suggestion]:
    """The best capacities for a need: fewest rules broken, best fit, nearest.

    Args:
        name: those of organizations or with titles that contain this, whatever rules they break; without it only
            what offers the need's category, or serves its region.
    """
    query = select(Capacity).where(_offered()).options(joinedload(Capacity.organization))
    if name:
        named = Capacity.organization.has(Organization.name.contains(name, autoescape=True))
        query = query.where(or_(named, Capacity.title.contains(name, autoescape=True)))
    declined = declined_pairs(need.id)
    found = []
    for capacity in db.session.scalars(query.order_by(Capacity.id).limit(5000)):
        rules = broken(need, capacity, 1, declined=declined)
        if name or not {"category", "region"} & set(rules):
            found.append(Suggestion(capacity, kilometres(need, capacity), rules))
    fits = fits_of(need, [item.capacity for item in found])
    found = [replace(item, fit=fit, reasons=told) for item in found for fit, told in (fits[item.capacity.id],)]
    found.sort(key=lambda item: (len(item.broken), -(item.fit or 0), item.kilometres, item.capacity.id))
    return found[:limit]


def fits_of(need: Need, capacities: Sequence[Capacity]) -> dict[int, tuple[int | None, dict[str, Any]]]:
    """Fit and reasons of a need with each capacity, by its key, as a run would score the pair.

    The slice of matching, above this one, answers; without it there is no fit.
    """
    known = events.ask("fits_of_pairs", need=need, capacities=capacities) or {}
    return {capacity.id: known.get(capacity.id, (None, {})) for capacity in capacities}


def propose_by_hand(
    actor: Actor,
    need_public_id: str,
    capacity_public_id: str,
    quantity: int,
    *,
    despite: bool = False,
    agreed: bool = False,
    found: Found | None = None,
) -> Allocation:
    """Propose units of a capacity to a need; or, where the supplier has said yes already, accept in its name.

    Args:
        despite: go on although rules are broken; which ones stands in the proposal and in the trail.
        agreed: the coordinator has asked the supplier, who agreed; recorded as accepted in its name.
        found: the restricted run that found the pair.
    Raises:
        NotFound: the need is not within the actor's region, or there is no such capacity.
        RulesBroken: rules of matching are broken and `despite` is not said.
        InvalidInput: the quantity cannot be.
        StateConflict: the need or the capacity is not open, or such a proposal is open already.
        CapacityExhausted: the capacity has fewer units left.
    """
    wanted = need_to_propose_for(actor, need_public_id)
    others = suggestions(wanted, limit=4) if found is None else []  # before the lock: it looks at everyone
    with transaction() as session:
        need = need_to_propose_for(actor, need_public_id)
        session.execute(select(Need.id).where(Need.id == need.id).with_for_update())
        capacity = capacity_for(actor, capacity_public_id)
        restricted = is_restricted(need)
        if restricted and not agreed:
            raise InvalidInput(
                fields={"agreed": _("This case is restricted. Ask the supplier first, then accept in its name.")}
            )
        if not 1 <= quantity <= need.quantity or (need.whole and quantity != need.quantity):
            raise InvalidInput(fields={"quantity": _("Enter a whole number that the need has open, all where whole.")})
        if agreed:
            lock_supply(capacity.id)
            session.refresh(capacity)
        rules = check_pair(need, capacity, quantity, despite=despite)
        check_need(need.id, quantity, restricted=restricted)
        made = row_by_hand(need, capacity, quantity, rules, others)
        if found is not None:
            made |= {"fit": found.fit, "reasons": {**found.reasons, "broken": rules}}
        run_id, source = (None, "manual") if found is None else (found.run_id, "run")
        keys = propose(actor, [made], run_id=run_id, source=source, ask=not agreed)
        row = session.get_one(Allocation, keys[0])
        if agreed:
            note_agreement(actor, row)
            accept_row(actor, row, restricted=restricted)
        return row


def note_agreement(actor: Actor, row: Allocation) -> None:
    """Record that the coordinator asked the supplier, who agreed, and tell the supplier that it stands so."""
    audit.record(actor, "allocation:agreed", row, changed=["state"], reason="in the supplier's name")
    events.happened.send("allocation:agreed", row=row, actor=actor)


def lock_supply(*capacity_ids: int) -> None:
    """Hold capacities and their pools, in one order everywhere and before the audit chain: no deadlocks."""
    keys = sorted(capacity_ids)
    pools = select(Pool.id).join(Capacity, Capacity.pool_id == Pool.id).where(Capacity.id.in_(keys))
    db.session.execute(pools.order_by(Pool.id).with_for_update(of=Pool))
    db.session.execute(select(Capacity.id).where(Capacity.id.in_(keys)).order_by(Capacity.id).with_for_update())


def capacity_for(actor: Actor, public_id: str) -> Capacity:
    """A capacity that may give today.

    Raises:
        NotFound: there is none.
        StateConflict: it is not offered at present.
    """
    capacity = db.session.scalar(
        select(Capacity).where(Capacity.public_id == public_id).execution_options(populate_existing=True)
    )
    if capacity is None or not actor.may(Permission.ALLOCATION_PROPOSE):
        raise NotFound
    check_supplier(capacity)
    return capacity


def check_pair(need: Need, capacity: Capacity, quantity: int, *, despite: bool) -> list[str]:
    """Codes of the rules that a pair breaks, where the coordinator goes on despite of them.

    Raises:
        RulesBroken: some are broken and `despite` is not said.
        StateConflict: such a proposal is open already.
        CapacityExhausted: the capacity has fewer units left.
    """
    if capacity.free < quantity:
        raise CapacityExhausted(_("This capacity has fewer units left than that."))
    open_one = select(Allocation.id).where(
        Allocation.need_id == need.id, Allocation.capacity_id == capacity.id, Allocation.state == "proposed"
    )
    if db.session.scalar(open_one) is not None:
        raise StateConflict(_("This supplier has been asked about this need already and has not answered yet."))
    rules = broken(need, capacity, quantity, declined=declined_pairs(need.id))
    if rules and not despite:
        raise RulesBroken(rules)
    return rules


def row_by_hand(
    need: Need, capacity: Capacity, quantity: int, rules: list[str], others: Sequence[Suggestion]
) -> dict[str, Any]:
    """A proposal by hand, with why and who else could help, as a run's proposals have them."""
    fit, told = fits_of(need, [capacity])[capacity.id]
    return {
        "need_id": need.id,
        "capacity_id": capacity.id,
        "organization_id": capacity.organization_id,
        "claimant_id": capacity.owner_id,
        "region": need.region,
        "wish": need.wish,
        "quantity": quantity,
        "fit": fit,
        "reasons": {
            **told,
            "metres": round(kilometres(need, capacity) * 1000),
            "broken": rules,
            "alternatives": [
                {"capacity": item.capacity.id, "fit": item.fit, "metres": round(item.kilometres * 1000)}
                for item in others
                if item.capacity.id != capacity.id and not item.broken
            ][:3],
        },
    }


def rule_texts(codes: Sequence[str]) -> list[Any]:
    """The broken rules in words."""
    return [RULES[code] for code in codes if code in RULES]
