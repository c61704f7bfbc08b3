"""Quantity that comes back: released by hand, or expired because nothing happened."""

from datetime import timedelta

import structlog
from flask_babel import lazy_gettext as _
from sqlalchemy import and_, or_, select

from marketplace import audit, events, jobs
from marketplace.allocations.models import DECLINE_REASONS, Allocation
from marketplace.allocations.services.interested import tell_free_again
from marketplace.allocations.services.rows import delivered_units, load
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Permission, system_actor
from marketplace.projects import services as projects
from marketplace.records import now, today
from marketplace.transitions import move, transaction

log = structlog.get_logger(__name__)

GRACE_DAYS = 3
"""A claim under way lapses so many days after the delivery date that its volunteer set."""


def release(actor: Actor, public_id: str, reason: str = "other") -> Allocation:
    """Give back what is not delivered; the wish or need is free for others at once.

    Raises:
        InvalidInput: the reason is none of the list.
        NotFound: not within the actor's reach.
        StateConflict: it is delivered, or has ended.
    """
    if reason not in DECLINE_REASONS:
        raise InvalidInput(fields={"reason": _("Choose a reason of the list.")})
    with transaction():
        allocation = load(actor, Permission.ALLOCATION_RELEASE, public_id, lock=True)
        if allocation.state not in ("accepted", "delivering"):
            raise StateConflict(_("This is delivered or has ended; nothing is left to release."))
        returned = return_units(actor, allocation, to="released", reason=reason)
        tell_free_again(actor, returned)
        return returned


def return_units(actor: Actor, allocation: Allocation, *, to: str, reason: str) -> Allocation:
    """Return the units not delivered. After part deliveries the allocation splits: what was given stays.

    Inside the caller's transaction(), which has locked the allocation; gives the allocation that ended.
    """
    delivered = delivered_units(allocation.id)
    rest = allocation.quantity - delivered
    needs.give_back(allocation.need_id, rest)
    if allocation.capacity_id is not None:
        projects.give_back(allocation.capacity_id, rest)
    if delivered == 0:
        move(
            actor,
            allocation,
            expect=("accepted", "delivering"),
            to=to,
            reason=reason,
            decline_reason=reason,
            expires_at=None,
        )
        return allocation
    returned = _split(actor, allocation, delivered, rest)
    move(actor, returned, expect="delivering", to=to, reason=reason, decline_reason=reason)
    return returned


def _split(actor: Actor, allocation: Allocation, delivered: int, rest: int) -> Allocation:
    returned = Allocation(
        need_id=allocation.need_id,
        capacity_id=allocation.capacity_id,
        claimant_id=allocation.claimant_id,
        organization_id=allocation.organization_id,
        region=allocation.region,
        wish=allocation.wish,
        quantity=rest,
        source=allocation.source,
        run_id=allocation.run_id,
        state="delivering",
        fit=allocation.fit,
        reasons=allocation.reasons,
        guest_id=allocation.guest_id,
        accepted_at=allocation.accepted_at,
    )
    db.session.add(returned)
    db.session.flush()
    audit.record(actor, "allocation:split", returned, changed=["quantity"], after="delivering")
    events.changed.send("allocation", ids=[returned.id])
    move(
        actor,
        allocation,
        expect="delivering",
        to="delivered",
        reason="split",
        quantity=delivered,
        delivered_at=now(),
        expires_at=None,
    )
    return returned


def expire_overdue(limit: int | None = None) -> int:
    """End claims and proposals whose time is over, and proposals for needs that are closed, each in a transaction of
    its own; how many were ended.

    Args:
        limit: look at so many at most.
    """
    actor = system_actor("expiry")
    moment, day = now(), today()
    claim = Allocation.source == "claim"
    closed = Allocation.need.has(Need.state == "closed")
    query = select(Allocation.id).where(
        or_(
            and_(claim, Allocation.state == "accepted", Allocation.expires_at < moment),
            and_(claim, Allocation.state == "delivering", Allocation.due_on < day - timedelta(days=GRACE_DAYS)),
            and_(Allocation.state == "proposed", or_(Allocation.expires_at < moment, closed)),
        )
    )
    ended = 0
    for key in list(db.session.scalars(query.order_by(Allocation.id).limit(limit))):
        try:
            with transaction() as session:
                again = query.where(Allocation.id == key).with_only_columns(Allocation).with_for_update()
                allocation = session.scalar(again)
                if allocation is None:
                    continue  # its volunteer acted a moment ago
                if allocation.state == "proposed":
                    move(actor, allocation, expect="proposed", to="expired", reason="overdue")
                else:
                    tell_free_again(actor, return_units(actor, allocation, to="expired", reason="timing"))
        except StateConflict:
            continue
        ended += 1
    if ended:
        log.info("allocations_expired", number=ended)
    return ended


@jobs.sweeper
def _expire_every_minute() -> None:
    expire_overdue()
