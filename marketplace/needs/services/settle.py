"""What allocations do to a need: take units, give them back, close it when all arrived, open it when help failed.

All of these join the caller's transaction, so that an allocation and the need's counter change together.
"""

from flask_babel import lazy_gettext as _
from sqlalchemy import case, select, update

from marketplace import audit, events
from marketplace.errors import CapacityExhausted, StateConflict
from marketplace.needs.models import Need
from marketplace.needs.services.consents import follow, live_consent
from marketplace.permissions import Actor, system_actor
from marketplace.records import today
from marketplace.transitions import joined, move, transaction


def take(need_id: int, quantity: int) -> None:
    """Count units as taken, guarded inside the UPDATE so that never more than the need asks for are given.

    Raises:
        ValueError: quantity is not positive (a programming error).
        StateConflict: the need is not open any more.
        CapacityExhausted: fewer units are outstanding than asked for.
    """
    if quantity <= 0:
        raise ValueError("take at least one unit")
    with joined() as session:
        done = session.execute(
            update(Need)
            .where(Need.id == need_id, Need.state == "open", Need.allocated + quantity <= Need.quantity)
            .values(
                allocated=Need.allocated + quantity,
                taken_on=case((Need.kind == "micro_wish", today()), else_=Need.taken_on),
                version=Need.version + 1,
            )
            .execution_options(synchronize_session=False)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            if session.scalar(select(Need.state).where(Need.id == need_id)) != "open":
                raise StateConflict(_("This need is not open any more, so nothing of it can be taken."))
            raise CapacityExhausted(_("Someone else took what was left of this need a moment ago."))
        _counter_moved(need_id)


def give_back(need_id: int, quantity: int) -> None:
    """Count units as outstanding again, whatever the need's state.

    Raises:
        ValueError: quantity is not positive (a programming error).
        StateConflict: fewer units are counted as taken than come back.
    """
    if quantity <= 0:
        raise ValueError("give back at least one unit")
    with joined() as session:
        done = session.execute(
            update(Need)
            .where(Need.id == need_id, Need.allocated >= quantity)
            .values(
                allocated=Need.allocated - quantity,
                taken_on=case((Need.allocated > quantity, Need.taken_on), else_=None),
                version=Need.version + 1,
            )
            .execution_options(synchronize_session=False)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]  # as above
            raise StateConflict(_("More units would come back than were taken. Reload and look again."))
        _counter_moved(need_id)
        need = session.get_one(Need, need_id)
        lost = need.wish and need.case is not None and need.case.has_lost_consent("publish", need.person_id)
        if lost and need.state == "open" and need.case_id and not need.internal_only:
            # Its consent ended while somebody held it: now that it is free again, it must not stand open.
            follow(system_actor("consent"), need.case_id, "publish")


def _counter_moved(need_id: int) -> None:
    """Loaded copies of the row are stale now, and the index shows a wish's state."""
    with joined() as session:
        for row in session.identity_map.values():
            if isinstance(row, Need) and row.id == need_id:
                session.expire(row)
                break
        events.changed.send("need", ids=[need_id])


def fulfil_if_complete(actor: Actor, need: Need, confirmed: int) -> bool:
    """Close an open need as fulfilled once the units confirmed reach its quantity; whether it did."""
    if need.state != "open" or confirmed < need.quantity:
        return False
    close_fulfilled(actor, need)
    return True


def close_if_delivered(actor: Actor, need: Need) -> bool:
    """Close an open need as fulfilled whose last delivery was confirmed while it was in review; whether it did."""
    confirmed = sum(row.quantity for row in need.allocations if row.state == "confirmed")
    return fulfil_if_complete(actor, need, confirmed)


def close_fulfilled(actor: Actor, need: Need) -> None:
    """Close an open need whose every unit has arrived.

    Raises:
        StateConflict: it is not open.
    """
    with transaction():
        move(actor, need, expect="open", to="closed", action="need:fulfilled", closing="fulfilled")


def _consent_has_ended(need: Need) -> bool:
    if need.case_id is None:
        return False
    return live_consent(need.case_id, "publish", today(), need.person_id) is None


def reopen_after_failure(actor: Actor, need: Need) -> bool:
    """Open a need again whose help failed, after `give_back`; whether it is open now.

    A need that is open already stays so. A wish whose household took back its consent to publish stays
    closed, from now on as withdrawn.
    """
    with transaction() as session:
        if need.state == "open":
            return True
        if need.wish and not need.internal_only and _consent_has_ended(need):
            need.closing = "withdrawn"
            session.flush()  # the audit event is written after the change it tells of
            audit.record(actor, "need:consent_missing", need, changed=["closing"], before="closed", after="closed")
            events.changed.send("need", ids=[need.id])
            return False
        move(actor, need, expect="closed", to="open", action="need:reopened", reason="help_failed", closing=None)
        return True
