"""Follow-up visits (回访): planned when help is confirmed, made by the caseworker, and what follows from them."""

from datetime import date, timedelta
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Select, select, update
from sqlalchemy.orm import joinedload

from marketplace import audit, events
from marketplace.allocations.models import OUTCOMES, Allocation, FollowUp
from marketplace.allocations.services.deliveries import refuse_supplier, reopen_row
from marketplace.allocations.services.rows import load, visible
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, Permission, scoped
from marketplace.records import LOCAL_TIME, today
from marketplace.transitions import transaction

FIRST_VISIT_DAYS = 30
"""The first visit is due so long after help was confirmed (DOMAIN.md 2.8: after one month, and after three)."""
LATEST_VISIT_DAYS = 365
NOTE_LENGTH = 1000
FAILED = ("not", "worse")
"""Outcomes after which the need may be opened again."""


@events.happened.connect_via("allocation:confirmed")
def _plan_first_visit(_sender: Any, *, row: Allocation, **_details: Any) -> None:
    """Put the first visit on the caseworkers' list, in the transaction that confirms; not for wishes."""
    if not row.wish:
        due_on = today() + timedelta(days=FIRST_VISIT_DAYS)
        db.session.add(FollowUp(allocation_id=row.id, region=row.region, due_on=due_on))


def planned_visits(actor: Actor) -> Select[Any]:
    """Visits not yet made."""
    return scoped(FollowUp, actor, Permission.ALLOCATION_CONFIRM).where(
        FollowUp.visited_on.is_(None), FollowUp.allocation.has(visible(actor) & (Allocation.state == "confirmed"))
    )


def visits_waiting(actor: Actor) -> Select[Any]:
    """Visits not yet made that are due by today."""
    return planned_visits(actor).where(FollowUp.due_on <= today())


def due_visits(actor: Actor, *, all_planned: bool = False, page: int = 1) -> Any:
    """Visits not yet made, the longest due first, as a page; without `all_planned` those due by today."""
    query = planned_visits(actor) if all_planned else visits_waiting(actor)
    query = query.options(joinedload(FollowUp.allocation).joinedload(Allocation.need))
    return db.paginate(query.order_by(FollowUp.due_on, FollowUp.id), page=page, per_page=20, error_out=False)


def find_visit(actor: Actor, public_id: str, *, lock: bool = False) -> FollowUp:
    """A visit within the actor's reach.

    Raises:
        NotFound: there is none, or it is another's.
    """
    query = scoped(FollowUp, actor, Permission.ALLOCATION_CONFIRM).where(
        FollowUp.public_id == public_id, FollowUp.allocation.has(visible(actor))
    )
    if lock:
        query = query.with_for_update(of=FollowUp)
    visit: FollowUp | None = db.session.scalar(query.execution_options(populate_existing=True))
    if visit is None:
        raise NotFound
    return visit


def plan_visit(actor: Actor, allocation_public_id: str, due_on: date | None) -> FollowUp:
    """Plan one more visit.

    Raises:
        InvalidInput: the day is missing, past or too far ahead.
        NotFound: the help is not within the actor's reach.
        StateConflict: it is not confirmed.
    """
    _check_due(due_on, "due_on")
    with transaction() as session:
        allocation = load(actor, Permission.ALLOCATION_CONFIRM, allocation_public_id, lock=True)
        if allocation.state != "confirmed":
            raise StateConflict(_("Visits follow help that was confirmed."))
        visit = FollowUp(allocation_id=allocation.id, region=allocation.region, due_on=due_on)
        session.add(visit)
        session.flush()
        audit.record(actor, "follow_up:planned", visit, changed=["due_on"])
        return visit


def _check_due(due_on: date | None, name: str) -> None:
    latest = today() + timedelta(days=LATEST_VISIT_DAYS)
    if due_on is None or not today() <= due_on <= latest:
        raise InvalidInput(fields={name: _("Choose a day from today to %(latest)s.", latest=latest.isoformat())})


def record_visit(
    actor: Actor,
    public_id: str,
    *,
    visited_on: date,
    outcome: str,
    satisfaction: int | None = None,
    note: str = "",
    next_on: date | None = None,
    open_again: bool = False,
) -> FollowUp:
    """Write down what a visit found; once. The note is for the care team and kept encrypted.

    Args:
        next_on: plan the next visit for this day.
        open_again: the help failed: the need opens again, as `reopen` does.
    Raises:
        InvalidInput: a value cannot be.
        AccessDenied: the actor supplied the help.
        NotFound: not within the actor's reach.
        StateConflict: the visit was recorded, or the help is no longer confirmed.
    """
    with transaction() as session:
        visit = find_visit(actor, public_id)
        allocation = session.scalars(
            select(Allocation).where(Allocation.id == visit.allocation_id).with_for_update()
        ).one()
        refuse_supplier(actor, allocation)
        _check_visit(allocation, visited_on, outcome, satisfaction, note)
        if next_on is not None:
            _check_due(next_on, "next_on")
        if open_again and outcome not in FAILED:
            raise InvalidInput(fields={"open_again": _("A need opens again only where the help did not solve it.")})
        if open_again:
            reopen_row(actor, allocation, f"follow-up: {outcome}")
        done = session.execute(
            update(FollowUp)
            .where(FollowUp.id == visit.id, FollowUp.visited_on.is_(None))
            .values(
                visited_on=visited_on,
                outcome=outcome,
                satisfaction=satisfaction,
                note=note.strip() or None,
                visited_by=actor.key,
                version=FollowUp.version + 1,
            )
            .execution_options(synchronize_session=False)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            raise StateConflict(_("This visit has been recorded already."))
        session.expire(visit)
        audit.record(actor, "follow_up:visited", visit, changed=["outcome", "satisfaction", "note"], after=outcome)
        if next_on is not None and not open_again:
            session.add(FollowUp(allocation_id=allocation.id, region=allocation.region, due_on=next_on))
        return visit


def _check_visit(allocation: Allocation, visited_on: date, outcome: str, satisfaction: int | None, note: str) -> None:
    faults: dict[str, Any] = {}
    confirmed = allocation.confirmed_at or allocation.created_at
    if not confirmed.astimezone(LOCAL_TIME).date() <= visited_on <= today():
        faults["visited_on"] = _("Choose a day from the confirmation to today.")
    if outcome not in OUTCOMES:
        faults["outcome"] = _("Choose what the visit found.")
    if satisfaction is not None and satisfaction not in range(1, 6):
        faults["satisfaction"] = _("Choose a number from 1 to 5.")
    if len(note) > NOTE_LENGTH:
        faults["note"] = _("Use at most 1,000 characters.")
    if faults:
        raise InvalidInput(fields=faults)
