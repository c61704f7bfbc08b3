"""A caseworker asks that a need be served from what is kept for later; granting it proposes it by hand at once."""

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from marketplace import audit, events
from marketplace.allocations import services as allocations
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db, insert_once
from marketplace.matches.holds.models import HoldException
from marketplace.matches.holds.services.current import held_need, held_units
from marketplace.matches.holds.services.releases import DECIDED, NOT_YOURS
from marketplace.matches.scope import shown_need
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Permission, scoped
from marketplace.projects.models import Capacity
from marketplace.reasons import reason_given
from marketplace.records import new_public_id, now
from marketplace.transitions import move, transaction

NOT_HELD = _("No free units are kept from this need any more. Look at what the last run proposed.")


def need_of_caseworker(actor: Actor, public_id: str) -> Need:
    """A need for which the actor may ask.

    Raises:
        NotFound: there is none, or it is not the actor's to see.
    """
    return needs.load_need(actor, public_id, Permission.HOLD_ASK)


def ask_exception(actor: Actor, need_public_id: str, reason: str) -> HoldException:
    """A caseworker asks that a need be served from what is kept for later.

    Raises:
        NotFound: the need is not the actor's to see.
        InvalidInput: no reason, or one that tells who somebody is.
        StateConflict: nothing is kept from it, or it is asked already.
    """
    given = reason_given(reason, _("Say why this need should not wait."))
    with transaction() as session:
        need = need_of_caseworker(actor, need_public_id)
        if held_need(need) is None:
            raise StateConflict(NOT_HELD)
        values = {
            "public_id": new_public_id(),
            "created_at": now(),
            "version": 1,
            "need_id": need.id,
            "state": "requested",
            "reason": given,
            "asked_by": actor.key,
        }
        if not insert_once(HoldException, values):
            raise StateConflict(_("This has been asked for already, and waits for a coordinator."))
        row = session.scalars(select(HoldException).where(HoldException.public_id == values["public_id"])).one()
        audit.record(actor, "hold_exception:requested", row, changed=["state"], after="requested", reason=given)
        events.changed.send("hold_exception", ids=[row.id])
        events.happened.send("hold_exception:requested", row=row, actor=actor)
    return row


def withdraw_exception(actor: Actor, public_id: str) -> HoldException:
    """Whoever may ask for the need takes a request back.

    Raises:
        NotFound: the need is not the actor's to see.
        StateConflict: it has been decided.
    """
    with transaction():
        readable = needs.readable(actor, Permission.HOLD_ASK).with_only_columns(Need.id)
        query = select(HoldException).where(HoldException.public_id == public_id, HoldException.need_id.in_(readable))
        row: HoldException | None = db.session.scalar(query.execution_options(populate_existing=True))
        if row is None:
            raise NotFound
        _require_open(row)
        move(actor, row, expect="requested", to="withdrawn")
    return row


def find_exception(actor: Actor, public_id: str, *, lock: bool = False) -> HoldException:
    """A request that the actor may decide about; those of cases that were restricted since are nobody's.

    Raises:
        NotFound: there is none in the actor's region.
    """
    query = (
        scoped(HoldException, actor, Permission.HOLD_DECIDE)
        .join(Need, Need.id == HoldException.need_id)
        .where(HoldException.public_id == public_id, shown_need())
    )
    query = query.with_for_update(of=HoldException) if lock else query
    row: HoldException | None = db.session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise NotFound
    return row


def capacities_kept(row: HoldException) -> list[Capacity]:
    """Capacities whose free units are kept from the need now, the one where its turn comes soonest first."""
    held = held_need(row.need)
    if held is None:
        return []
    found = {one.id: one for one in db.session.scalars(select(Capacity).where(Capacity.id.in_(held.capacity_ids)))}
    ordered = [found[key] for key in held.capacity_ids if key in found]
    kept = held_units(ordered)
    return [capacity for capacity in ordered if capacity.id in kept]


def grant_exception(actor: Actor, public_id: str, capacity_public_id: str, quantity: int, reason: str) -> HoldException:
    """A coordinator grants it: units of a capacity that are kept back are proposed to the need, in one step.

    Raises:
        NotFound: the need is of another region.
        InvalidInput: no reason, a capacity that is not among those kept, or a quantity that cannot be.
        StateConflict: it has been decided, nothing is kept from the need any more, or the actor asked for it.
        CapacityExhausted: the capacity has fewer units left.
    """
    answer = reason_given(reason, _("Say why, in a few words. It is kept with the decision."))
    with transaction():
        row = _to_decide(actor, public_id)
        kept = capacities_kept(row)
        if not kept:
            raise StateConflict(NOT_HELD)
        if capacity_public_id not in {capacity.public_id for capacity in kept}:
            raise InvalidInput(fields={"capacity": _("Choose a capacity of the list.")})
        # First the need's row and then the trail, as everywhere: the request's own row is held already.
        made = allocations.propose_by_hand(actor, row.need.public_id, capacity_public_id, quantity)
        decided: dict[str, Any] = {"answer": answer, "decided_by": actor.key, "decided_at": now()}
        move(actor, row, expect="requested", to="granted", reason=answer, allocation_id=made.id, **decided)
    return row


def refuse_exception(actor: Actor, public_id: str, reason: str) -> HoldException:
    """A coordinator refuses it, with a reason that the caseworker reads.

    Raises:
        NotFound, InvalidInput, StateConflict: as in `grant_exception`.
    """
    answer = reason_given(reason, _("Say why. The caseworker reads it."))
    with transaction():
        row = _to_decide(actor, public_id)
        decided: dict[str, Any] = {"answer": answer, "decided_by": actor.key, "decided_at": now()}
        move(actor, row, expect="requested", to="refused", reason=answer, **decided)
    return row


def _to_decide(actor: Actor, public_id: str) -> HoldException:
    row = find_exception(actor, public_id, lock=True)
    _require_open(row)
    if row.asked_by == actor.key:
        raise StateConflict(NOT_YOURS)
    return row


def _require_open(row: HoldException) -> None:
    if row.state != "requested":
        raise StateConflict(DECIDED)
