"""The counters of a capacity: units given or promised, and the money that goes with them.

Each change is one UPDATE whose WHERE holds the limit, so that two suppliers' answers at the same moment cannot
promise the same unit twice. `committed_fen` is always `allocated x unit_cost_fen`: the cost of a unit cannot be
edited while units are out.
"""

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import aliased

from marketplace import events
from marketplace.errors import CapacityExhausted, StateConflict
from marketplace.extensions import db
from marketplace.projects.models import Capacity, Pool
from marketplace.transitions import joined

_SHARING = aliased(Capacity)  # made once: an alias works its columns out anew


def take(capacity_id: int, quantity: int) -> None:
    """Count units as given or promised, inside the caller's transaction().

    Raises:
        CapacityExhausted: fewer units, or less of the budget or of the shared pool, are free than this takes,
            or the capacity was withdrawn.
        ValueError: `quantity` is below 1.
    """
    if quantity < 1:
        raise ValueError("at least one unit is taken")
    cost = Capacity.unit_cost_fen * quantity
    _change(
        capacity_id,
        quantity,
        CapacityExhausted(capacity_id=capacity_id, quantity=quantity),
        Capacity.active.is_(True),
        Capacity.allocated + quantity <= Capacity.quantity,
        or_(Capacity.budget_fen.is_(None), Capacity.committed_fen + cost <= Capacity.budget_fen),
        or_(Capacity.pool_id.is_(None), _allocated_from_pool() + quantity <= _pool_quantity()),
    )


def give_back(capacity_id: int, quantity: int) -> None:
    """Count units as free again, inside the caller's transaction(); also those of a withdrawn capacity.

    Raises:
        StateConflict: fewer units are given or promised than are given back.
        ValueError: `quantity` is below 1.
    """
    if quantity < 1:
        raise ValueError("at least one unit is given back")
    cost = Capacity.unit_cost_fen * quantity
    _change(
        capacity_id,
        -quantity,
        StateConflict(capacity_id=capacity_id, quantity=quantity),
        Capacity.allocated >= quantity,
        Capacity.committed_fen >= cost,
    )


def _change(capacity_id: int, units: int, refusal: StateConflict, *limits: ColumnElement[bool]) -> None:
    with joined() as session:
        # Capacities of one pool are different rows: on PostgreSQL they wait for the pool's own row here.
        session.execute(
            select(Pool.id)
            .join(Capacity, Capacity.pool_id == Pool.id)
            .where(Capacity.id == capacity_id)
            .with_for_update(of=Pool)
        )
        done = session.execute(
            update(Capacity)
            .where(Capacity.id == capacity_id, *limits)
            .values(
                allocated=Capacity.allocated + units,
                committed_fen=Capacity.committed_fen + Capacity.unit_cost_fen * units,
            )
            .execution_options(synchronize_session=False)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            raise refusal
        loaded = session.identity_map.get(db.session().identity_key(Capacity, capacity_id))
        if loaded is not None:
            session.expire(loaded, ["allocated", "committed_fen"])
        events.changed.send("capacity", ids=[capacity_id])


def _allocated_from_pool() -> ColumnElement[int]:
    """Units that all capacities of the updated row's pool have given or promised."""
    return (
        select(func.coalesce(func.sum(_SHARING.allocated), 0))
        .where(_SHARING.pool_id == Capacity.pool_id)
        .correlate(Capacity)
        .scalar_subquery()
    )


def _pool_quantity() -> ColumnElement[int]:
    return select(Pool.quantity).where(Pool.id == Capacity.pool_id).correlate(Capacity).scalar_subquery()
