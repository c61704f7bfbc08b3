"""Running help whose supplier is gone: the coordinator's list, and who takes it over, in one step."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import joinedload

from marketplace import events
from marketplace.allocations.models import Allocation
from marketplace.allocations.services.answers import check_need, check_supplier
from marketplace.allocations.services.links import revoke_links
from marketplace.allocations.services.manual import (
    capacity_for,
    check_pair,
    is_restricted,
    lock_supply,
    note_agreement,
    row_by_hand,
    suggestions,
)
from marketplace.allocations.services.proposals import propose
from marketplace.allocations.services.returns import return_units
from marketplace.allocations.services.rows import delivered_units, load, visible
from marketplace.errors import CapacityExhausted, InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission, scoped, system_actor
from marketplace.projects import services as projects
from marketplace.projects.models import Capacity, Project
from marketplace.records import now, today
from marketplace.transitions import move, transaction

LATE_DAYS = 7
"""Help that is so long past its promised day is looked at, too."""


def _gone() -> Any:
    """Conditions under which a supplier no longer gives what it accepted, by the reason that the list names."""
    suspended = (
        select(Organization.id)
        .where(Organization.id == Allocation.organization_id, Organization.state != "verified")
        .exists()
    )
    stopped = (
        select(Capacity.id)
        .outerjoin(Project, Project.id == Capacity.project_id)
        .where(Capacity.id == Allocation.capacity_id, or_(~Capacity.active, Project.state == "closed"))
        .exists()
    )
    late = and_(Allocation.source != "claim", Allocation.due_on < today() - timedelta(days=LATE_DAYS))
    return {"suspended": suspended, "stopped": stopped, "late": late}


HANDOVER_REASONS = {
    "suspended": _("The organization is suspended"),
    "stopped": _("The project or capacity has ended"),
    "late": _("The promised day is long past"),
}


@dataclass(frozen=True)
class ToHandOver:
    """Running help and why it needs somebody else."""

    allocation: Allocation
    reasons: list[Any]


def help_to_hand_over(actor: Actor) -> Select[Any]:
    """Running help of suppliers that are gone."""
    return scoped(Allocation, actor, Permission.ALLOCATION_PROPOSE).where(
        Allocation.state.in_(("accepted", "delivering")), visible(actor), or_(*_gone().values())
    )


def to_hand_over(actor: Actor, page: int = 1) -> tuple[Any, list[ToHandOver]]:
    """Running help of suppliers that are gone, the longest accepted first: the page, and its rows with reasons."""
    query = help_to_hand_over(actor).options(joinedload(Allocation.need), joinedload(Allocation.capacity))
    found = db.paginate(query.order_by(Allocation.accepted_at, Allocation.id), page=page, per_page=20, error_out=False)
    keys = [row.id for row in found.items]
    why: dict[int, list[Any]] = {key: [] for key in keys}
    for code, condition in _gone().items():
        for key in db.session.scalars(select(Allocation.id).where(Allocation.id.in_(keys), condition)):
            why[key].append(HANDOVER_REASONS[code])
    return found, [ToHandOver(row, why[row.id]) for row in found.items]


def find_to_hand_over(actor: Actor, public_id: str) -> Allocation:
    """An allocation that a coordinator may hand over.

    Raises:
        NotFound: not within the actor's region.
        StateConflict: it is a claim, or nothing of it runs.
    """
    allocation = load(actor, Permission.ALLOCATION_PROPOSE, public_id)
    if allocation.capacity_id is None or allocation.state not in ("accepted", "delivering"):
        raise StateConflict(_("This is delivered or has ended; nothing is left to hand over."))
    return allocation


def reassign(
    actor: Actor, public_id: str, capacity_public_id: str, *, agreed: bool, despite: bool = False
) -> Allocation:
    """Take what is not delivered from its supplier and give it to another capacity, in one transaction.

    The units of the need are never free in between when the new supplier has agreed. What was delivered stays
    with the first supplier, as after any release.

    Args:
        agreed: the coordinator has asked the new supplier, who agreed: accepted in its name. Otherwise it is
            proposed, and holds nothing until the supplier answers.
        despite: go on although rules are broken.
    Returns:
        The allocation to the new supplier.
    Raises:
        NotFound: not within the actor's region, or no such capacity.
        InvalidInput: it is the same capacity, or a claim, which nobody can be given by hand.
        RulesBroken, CapacityExhausted, StateConflict: as `propose_by_hand`; nothing has changed then.
    """
    wanted = load(actor, Permission.ALLOCATION_PROPOSE, public_id)
    others = suggestions(wanted.need, limit=5)  # before the lock: it looks at everyone
    with transaction() as session:
        allocation = load(actor, Permission.ALLOCATION_PROPOSE, public_id, lock=True)
        if allocation.state not in ("accepted", "delivering"):
            raise StateConflict(_("This is delivered or has ended; nothing is left to hand over."))
        if allocation.capacity_id is None:
            raise InvalidInput(fields={"capacity": _("A claim is released, and the wish is free for everyone.")})
        # Locked in the order of all that takes units: the need, pools and capacities by key, then the audit chain.
        need = session.get_one(Need, allocation.need_id, populate_existing=True, with_for_update=True)
        capacity = capacity_for(actor, capacity_public_id)
        if capacity.id == allocation.capacity_id:
            raise InvalidInput(fields={"capacity": _("Choose another capacity than the present one.")})
        lock_supply(allocation.capacity_id, capacity.id)
        session.refresh(capacity)
        check_supplier(capacity)
        rest = allocation.quantity - delivered_units(allocation.id)
        rules = check_pair(need, capacity, rest, despite=despite)
        before, before_id = allocation.organization_id, allocation.capacity_id
        return_units(actor, allocation, to="released", reason="no_capacity")
        restricted = is_restricted(need)
        check_need(need.id, rest, restricted=restricted and agreed)
        if agreed:
            needs.take(need.id, rest)
            _take(capacity.id, rest)
        row = row_by_hand(need, capacity, rest, rules, [one for one in others if one.capacity.id != before_id])
        row["reasons"]["handed_over_from"] = before
        keys = propose(actor, [row], run_id=None, source="manual", ask=not agreed)
        made = session.get_one(Allocation, keys[0])
        if agreed:
            note_agreement(actor, made)
            move(actor, made, expect="proposed", to="accepted", accepted_at=now(), expires_at=None)
        events.happened.send("allocation:handed_over", row=made, actor=actor)
        return made


def _take(capacity_id: int, quantity: int) -> None:
    try:
        projects.take(capacity_id, quantity)
    except StateConflict as conflict:
        raise CapacityExhausted(_("This capacity has fewer units left than that.")) from conflict


@events.happened.connect_via("organization:suspended")
def _hand_over(_sender: Any, *, row: Organization, **_details: Any) -> None:
    """A suspended organization is asked nothing more, and what it has begun goes to the coordinators' list."""
    actor = system_actor("suspension")
    with transaction() as session:
        asked = select(Allocation).where(Allocation.organization_id == row.id, Allocation.state == "proposed")
        # One that is being answered at this moment is left: what comes of it is checked anew, or handed over.
        free = asked.order_by(Allocation.id).with_for_update(of=Allocation, skip_locked=True)
        proposals = list(session.scalars(free))
        revoke_links([proposal.id for proposal in proposals])
        for proposal in proposals:
            move(actor, proposal, expect="proposed", to="superseded", reason="supplier_suspended", expires_at=None)
        running = select(Allocation).where(
            Allocation.organization_id == row.id, Allocation.state.in_(("accepted", "delivering"))
        )
        for allocation in session.scalars(running.order_by(Allocation.id)):
            events.happened.send("allocation:handover", row=allocation, actor=actor)
