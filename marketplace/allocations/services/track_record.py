"""What an organization has delivered, for its public profile: counts alone, of every household together."""

from sqlalchemy import case, func, select

from marketplace.allocations.models import Allocation, Delivery
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.organizations import services as organizations

_DONE = ("delivered", "confirmed")


@organizations.provide
def track_record_of(organization_id: int) -> organizations.TrackRecord:
    """Figures of an organization; help that failed (reopened) is no longer among them."""
    last = (
        select(Delivery.allocation_id, func.max(Delivery.delivered_on).label("day"))
        .where(Delivery.disputed.is_(False))
        .group_by(Delivery.allocation_id)
        .subquery()
    )
    promised = func.coalesce(Allocation.due_on, Need.deadline)
    kept = case((last.c.day <= promised, 1), else_=0)
    query = (
        select(
            func.count(Allocation.id),
            func.count(case((last.c.day.is_not(None), promised))),
            func.coalesce(func.sum(kept), 0),
            func.count(Allocation.satisfaction),
            func.coalesce(func.sum(Allocation.satisfaction), 0),
        )
        .join(Need, Need.id == Allocation.need_id)
        .outerjoin(last, last.c.allocation_id == Allocation.id)
        .where(Allocation.organization_id == organization_id, Allocation.state.in_(_DONE))
    )
    delivered, dated, on_time, rated, satisfaction = db.session.execute(query).one()
    return organizations.TrackRecord(delivered, dated, int(on_time), rated, int(satisfaction))
