"""What a reader sees of allocations: lists by what is to be done, one allocation with its history, those of a need."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, not_, or_, select
from sqlalchemy.orm import joinedload

from marketplace import audit
from marketplace.allocations.models import Allocation
from marketplace.allocations.services.rows import (
    load,
    restricted_need,
    share_consent_lives,
    still_shared,
    supplied_by,
    visible,
)
from marketplace.errors import NotFound
from marketplace.extensions import ListPage, db
from marketplace.needs.models import URGENCIES, Need
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission, row_filter, scoped
from marketplace.projects.models import Capacity

TABS = {
    "answer": ("proposed",),
    "confirm": ("delivered",),
    "running": ("accepted", "delivering", "delivered"),
    "past": ("confirmed", "declined", "expired", "superseded", "released", "reopened"),
}
"""States by what a reader wants to do with them."""

_RANK = case({colour: rank for rank, colour in enumerate(URGENCIES)}, value=Need.urgency)


def tabs_for(actor: Actor) -> tuple[str, ...]:
    """The tabs of an actor's list, what is theirs to do first."""
    if actor.may(Permission.ALLOCATION_CONFIRM):
        return ("confirm", "answer", "running", "past")
    return ("answer", "running", "past")


def _rows(actor: Actor, tab: str) -> Select[Any]:
    query = scoped(Allocation, actor, Permission.ALLOCATION_VIEW)
    query = query.where(Allocation.state.in_(TABS[tab]), visible(actor), still_shared())
    if tab == "answer":  # nobody is asked about what others have taken meanwhile: accepting it would be refused
        free = Need.quantity - Need.allocated
        query = query.where(Allocation.need.has((Need.state == "open") & (free >= Allocation.quantity)))
    return query


#: Of a tab, what waits for those who hold a permission: in which states.
_WAITING = {
    "answer": (Permission.ALLOCATION_ANSWER, ("proposed",)),
    "confirm": (Permission.ALLOCATION_CONFIRM, ("delivered",)),
    "running": (Permission.ALLOCATION_DELIVER, ("accepted", "delivering")),
}


def allocations_waiting(actor: Actor, tab: str) -> Select[Any]:
    """What of a tab waits for the actor: theirs to answer, to bring, or to confirm.

    A volunteer's own claims are not among these: they have a list of their own. Nobody confirms what they gave.
    """
    permission, states = _WAITING[tab]
    query = _rows(actor, tab).where(row_filter(Allocation, actor, permission), Allocation.state.in_(states))
    if tab == "running":
        query = query.where(or_(Allocation.source != "claim", Allocation.organization_id.is_not(None)))
    if tab == "confirm":
        query = query.where(not_(supplied_by(actor)))
    return query


#: What a list prints of each allocation, read with the page rather than row by row.
_PRINTED = (joinedload(Allocation.need), joinedload(Allocation.capacity))


def inbox(
    actor: Actor,
    tab: str,
    *,
    waiting: bool = False,
    urgency: str = "",
    category: str = "",
    reference: str = "",
    page: int = 1,
) -> Any:
    """A page of allocations: the most urgent first where something is to be done, the newest first in the past.

    Args:
        tab: a key of `TABS`.
        waiting: only what waits for the actor; the past never does.
        urgency, category, reference: keep those of needs like this; empty keeps all. A category keeps all below it.
    """
    query = allocations_waiting(actor, tab) if waiting and tab in _WAITING else _rows(actor, tab)
    query = query.join(Need, Need.id == Allocation.need_id)
    rank: Any = _RANK
    if not actor.may(Permission.NEED_VIEW):  # the colour of a claimed wish is not its giver's to learn (P17)
        rank = case((Allocation.source == "claim", len(URGENCIES)), else_=_RANK)
    if urgency:
        query = query.where(Need.urgency == urgency, rank < len(URGENCIES))
    if category:
        query = query.where(Need.category.startswith(category, autoescape=True))
    if reference:
        query = query.where(Need.reference == reference.strip().upper())
    if tab == "past":
        query = query.order_by(Allocation.id.desc())
    else:
        query = query.order_by(rank, Allocation.fit.desc(), Allocation.id)
    return db.paginate(query.options(*_PRINTED), page=page, per_page=20, error_out=False)


def inbox_counts(actor: Actor) -> dict[str, int]:
    """How many each tab holds, asked for in one statement; counting ends where leafing does."""
    counts = [
        select(func.count())
        .select_from(_rows(actor, tab).with_only_columns(Allocation.id).limit(ListPage.MOST).subquery())
        .scalar_subquery()
        for tab in tabs_for(actor)
    ]
    return dict(zip(tabs_for(actor), db.session.execute(select(*counts)).one(), strict=True))


def find(actor: Actor, public_id: str) -> Allocation:
    """One allocation.

    Raises:
        NotFound: there is none, it is another's, or the household took back its consent to share it.
    """
    allocation = load(actor, Permission.ALLOCATION_VIEW, public_id)
    if allocation.state == "proposed":
        shared = select(Need.id).where(Need.id == allocation.need_id, share_consent_lives())
        if db.session.scalar(shared) is None:
            raise NotFound
    return allocation


def find_to_deliver(actor: Actor, public_id: str) -> Allocation:
    """One allocation that the actor delivers: a volunteer's own claim, or one of a member's organization.

    Raises:
        NotFound: there is none, or it is another's.
    """
    return load(actor, Permission.ALLOCATION_DELIVER, public_id)


def events_of(allocation: Allocation) -> list[audit.AuditEvent]:
    """Its history, newest first."""
    return list(reversed(audit.history("allocation", allocation.id)))


def of_need(actor: Actor, need: Need) -> list[Allocation]:
    """Allocations of a need that the actor may see, the newest first."""
    query = scoped(Allocation, actor, Permission.ALLOCATION_VIEW).where(Allocation.need_id == need.id, visible(actor))
    return list(db.session.scalars(query.order_by(Allocation.id.desc()).limit(50)))


def of_run(run_id: int, *, urgency: str = "", state: str = "", page: int = 1) -> Any:
    """A page of a run's proposals, whatever became of them, but for cases that were restricted since.

    The caller has checked that the run may be seen.
    """
    query = select(Allocation).join(Need, Need.id == Allocation.need_id)
    query = query.where(Allocation.run_id == run_id, not_(restricted_need(Need.id)))
    if urgency:
        query = query.where(Need.urgency == urgency)
    if state:
        query = query.where(Allocation.state == state)
    return db.paginate(
        query.order_by(_RANK, Allocation.fit.desc(), Allocation.id).options(*_PRINTED),
        page=page,
        per_page=20,
        error_out=False,
    )


def suppliers_of(rows: Iterable[Allocation | Capacity]) -> dict[int, Organization]:
    """The supplying organizations of allocations or capacities, by key."""
    keys = {row.organization_id for row in rows if row.organization_id is not None}
    return {row.id: row for row in db.session.scalars(select(Organization).where(Organization.id.in_(keys)))}


def alternatives(allocation: Any) -> list[tuple[Capacity, int | None, int]]:
    """The next best capacities that the run found for the need: capacity, fit (none where by hand), metres.

    Args:
        allocation: an allocation, or what a restricted run proposes.
    """
    told = {item["capacity"]: (item["fit"], int(item["metres"])) for item in allocation.reasons.get("alternatives", ())}
    found = {row.id: row for row in db.session.scalars(select(Capacity).where(Capacity.id.in_(told)))}
    return [(found[key], *told[key]) for key in told if key in found]


@dataclass(frozen=True)
class Effect:
    """What accepting a proposal does to others.

    Attributes:
        free_after: units of the capacity that stay free.
        waiting: other open proposals to the same capacity, whose units these are too.
        waiting_units: their units.
        rivals: other suppliers that are asked about the same need.
        left_open: units that the need still lacks afterwards.
    """

    free_after: int
    waiting: int
    waiting_units: int
    rivals: int
    left_open: int


def effect(proposal: Allocation) -> Effect | None:
    """The effect of accepting an open proposal; None for anything else."""
    if proposal.state != "proposed" or proposal.capacity is None:
        return None
    return effect_on_others(proposal.need, proposal.capacity, proposal.quantity, but=proposal.id)


def effect_on_others(need: Need, capacity: Capacity, quantity: int, *, but: int | None = None) -> Effect:
    """What giving units of a capacity to a need does to others.

    Args:
        but: the proposal that would become it; the others are counted.
    """
    others = select(func.count(), func.coalesce(func.sum(Allocation.quantity), 0)).where(
        Allocation.state == "proposed", *(() if but is None else (Allocation.id != but,))
    )
    waiting, units = db.session.execute(others.where(Allocation.capacity_id == capacity.id)).one()
    rivals, _units = db.session.execute(others.where(Allocation.need_id == need.id)).one()
    return Effect(
        free_after=capacity.free - quantity,
        waiting=int(waiting),
        waiting_units=int(units),
        rivals=int(rivals),
        left_open=max(need.outstanding - quantity, 0),
    )
