"""A supplier asks that what is kept of a capacity be released; a coordinator decides."""

from datetime import date, timedelta
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from marketplace import audit, events
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db, insert_once
from marketplace.matches.holds.models import HoldRelease
from marketplace.matches.holds.services.current import held_units
from marketplace.permissions import Actor, Permission, scoped
from marketplace.projects.models import Capacity
from marketplace.reasons import reason_given
from marketplace.records import new_public_id, now, today
from marketplace.transitions import move, transaction

LONGEST = timedelta(days=366)
NOT_KEPT = _("Nothing of this capacity is kept for later any more.")
NOT_YOURS = _("You asked for this, so somebody else decides about it.")
DECIDED = _("This request has been decided, or was taken back.")


def capacity_of_supplier(actor: Actor, public_id: str) -> Capacity:
    """A capacity of the actor's organization, or the volunteer's own offer.

    Raises:
        NotFound: there is none, or it is another's.
    """
    query = scoped(Capacity, actor, Permission.HOLD_RELEASE).where(Capacity.public_id == public_id)
    capacity: Capacity | None = db.session.scalar(query.execution_options(populate_existing=True))
    if capacity is None:
        raise NotFound
    return capacity


def ask_release(actor: Actor, capacity_public_id: str, reason: str) -> HoldRelease:
    """A member, or the volunteer, asks that nothing of a capacity be kept for later.

    Raises:
        NotFound: it is another's.
        InvalidInput: no reason, or one that tells who somebody is.
        StateConflict: nothing of it is kept, or it is asked already.
    """
    given = reason_given(reason, _("Say why you want to give these units now."))
    with transaction() as session:
        capacity = capacity_of_supplier(actor, capacity_public_id)
        held = held_units([capacity]).get(capacity.id)
        if held is None:
            raise StateConflict(NOT_KEPT)
        values = {
            "public_id": new_public_id(),
            "created_at": now(),
            "version": 1,
            "capacity_id": capacity.id,
            "organization_id": capacity.organization_id,
            "owner_id": capacity.owner_id,
            "state": "requested",
            "units": held.units,
            "reason": given,
            "asked_by": actor.key,
        }
        if not insert_once(HoldRelease, values):
            raise StateConflict(_("This has been asked for already, and waits for a coordinator."))
        row = session.scalars(select(HoldRelease).where(HoldRelease.public_id == values["public_id"])).one()
        audit.record(actor, "hold_release:requested", row, changed=["state"], after="requested", reason=given)
        events.changed.send("hold_release", ids=[row.id])
        events.happened.send("hold_release:requested", row=row, actor=actor)
    return row


def withdraw_release(actor: Actor, public_id: str) -> HoldRelease:
    """Whoever may ask takes a request back.

    Raises:
        NotFound: it is another's.
        StateConflict: it has been decided.
    """
    with transaction():
        row = _load(actor, public_id, Permission.HOLD_RELEASE)
        _require_open(row)
        move(actor, row, expect="requested", to="withdrawn")
    return row


def find_release(actor: Actor, public_id: str) -> HoldRelease:
    """A request that the actor may decide about.

    Raises:
        NotFound: there is none in the actor's region.
    """
    return _load(actor, public_id, Permission.HOLD_DECIDE)


def grant_release(actor: Actor, public_id: str, until: date, reason: str) -> HoldRelease:
    """A coordinator grants it: runs keep nothing of the capacity up to a day.

    Raises:
        NotFound: it is of another region.
        InvalidInput: no reason, or a day that has passed or is more than a year away.
        StateConflict: it has been decided, nothing is kept any more, or the actor asked for it.
    """
    answer = reason_given(reason, _("Say why, in a few words. It is kept with the decision."))
    if not today() <= until <= today() + LONGEST:
        raise InvalidInput(fields={"until": _("Choose a day from today on, within a year.")})
    with transaction():
        row = _to_decide(actor, public_id)
        if row.capacity_id not in held_units([row.capacity]):
            raise StateConflict(NOT_KEPT)
        decided: dict[str, Any] = {"answer": answer, "decided_by": actor.key, "decided_at": now()}
        move(actor, row, expect="requested", to="granted", reason=answer, until=until, **decided)
    return row


def refuse_release(actor: Actor, public_id: str, reason: str) -> HoldRelease:
    """A coordinator refuses it, with a reason that the supplier reads.

    Raises:
        NotFound, InvalidInput, StateConflict: as in `grant_release`.
    """
    answer = reason_given(reason, _("Say why. The supplier reads it."))
    with transaction():
        row = _to_decide(actor, public_id)
        decided: dict[str, Any] = {"answer": answer, "decided_by": actor.key, "decided_at": now()}
        move(actor, row, expect="requested", to="refused", reason=answer, **decided)
    return row


def _load(actor: Actor, public_id: str, permission: Permission, *, lock: bool = False) -> HoldRelease:
    query = scoped(HoldRelease, actor, permission).where(HoldRelease.public_id == public_id)
    query = query.with_for_update(of=HoldRelease) if lock else query
    row: HoldRelease | None = db.session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise NotFound
    return row


def _to_decide(actor: Actor, public_id: str) -> HoldRelease:
    row = _load(actor, public_id, Permission.HOLD_DECIDE, lock=True)
    _require_open(row)
    if row.asked_by == actor.key:
        raise StateConflict(NOT_YOURS)
    return row


def _require_open(row: HoldRelease) -> None:
    if row.state != "requested":
        raise StateConflict(DECIDED)
