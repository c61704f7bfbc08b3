"""The nightly question: do the counters say what the rows say?"""

from sqlalchemy import func, select

from marketplace.allocations.models import HOLDS_CAPACITY, HOLDS_NEED, Allocation
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.projects.models import Capacity


def reconcile() -> list[str]:
    """Compare the counters of needs and capacity with the allocation rows; one line a difference, empty when sound."""
    faults = []
    by_need = (
        select(Allocation.need_id, func.sum(Allocation.quantity).label("held"))
        .where(Allocation.state.in_(HOLDS_NEED))
        .group_by(Allocation.need_id)
        .subquery()
    )
    held = func.coalesce(by_need.c.held, 0)
    query = select(Need.id, Need.allocated, held).outerjoin(by_need, by_need.c.need_id == Need.id)
    for key, counter, rows in db.session.execute(query.where(Need.allocated != held).order_by(Need.id)):
        faults.append(f"need {key}: its counter says {counter}, its allocations {rows}")
    by_capacity = (
        select(Allocation.capacity_id, func.sum(Allocation.quantity).label("held"))
        .where(Allocation.state.in_(HOLDS_CAPACITY), Allocation.capacity_id.is_not(None))
        .group_by(Allocation.capacity_id)
        .subquery()
    )
    spent_units = func.coalesce(by_capacity.c.held, 0)
    cost = Capacity.unit_cost_fen * spent_units
    offered = select(Capacity.id, Capacity.allocated, spent_units, Capacity.committed_fen, cost).outerjoin(
        by_capacity, by_capacity.c.capacity_id == Capacity.id
    )
    differing = offered.where((Capacity.allocated != spent_units) | (Capacity.committed_fen != cost))
    for key, counter, rows, committed, due in db.session.execute(differing.order_by(Capacity.id)):
        faults.append(
            f"capacity {key}: its counters say {counter} and {committed} fen, its allocations {rows} and {due}"
        )
    return faults
