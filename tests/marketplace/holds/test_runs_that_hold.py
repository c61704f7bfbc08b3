"""A run that looks ahead writes down what it kept and for whom; what was released it keeps no more."""

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.accounts.services import actor_of
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.matches import services as runs
from marketplace.matches.foresight.models import Backtest, Expectation, Foresight
from marketplace.matches.foresight.record import scope_key
from marketplace.matches.holds import services
from marketplace.matches.holds.models import RunHold
from marketplace.matches.models import RunOutcome
from marketplace.matches.scope import Scope
from marketplace.needs.models import Need
from marketplace.permissions import Role, system_actor
from marketplace.projects.models import Capacity
from marketplace.records import now
from tests.support import world

WHY = "人手这周空闲"
SYSTEM = system_actor("test")


def look_ahead(*, red: int) -> None:
    """Runs of Dawukou look ahead; a coordinator expects so many red needs for winter clothes a month."""
    of = {"region": world.DAWUKOU, "scope": scope_key(Scope(world.DAWUKOU))}
    backtest = world.save(Backtest(**of, started_by="system:test", state="done", finished_at=now()))
    on = {"state": "on", "backtest_id": backtest.id, "backtest_state": "done", "changed_by": "system:test"}
    world.save(
        Foresight(**of, **on, changed_at=now()),
        Expectation(
            **of, category="S1102", place=world.DAWUKOU, urgency="red", a_month=red, told_by="system:test"
        ),
    )  # fmt: skip


@pytest.fixture
def capacity(app: Flask) -> Capacity:
    return world.a_capacity(quantity=2)


def test_what_a_run_kept_is_written_down_and_let_go_when_released(capacity: Capacity) -> None:
    blue = [world.a_need(urgency="blue", quantity=1) for _ in range(2)]
    red = world.a_need(urgency="red", quantity=1)
    look_ahead(red=60)
    first = runs.run_now(SYSTEM, world.DAWUKOU)
    assert [row.need_id for row in db.session.scalars(select(Allocation))] == [red.id]
    (hold,) = db.session.scalars(select(RunHold))
    assert (hold.run_id, hold.capacity_id, hold.units) == (first.id, capacity.id, 1)
    assert hold.expected_red >= 1
    outcomes = list(db.session.scalars(select(RunOutcome).order_by(RunOutcome.need_id)))
    assert [(row.need_id, row.reason) for row in outcomes] == [(need.id, "held") for need in blue]
    told = [row.details["kept"] for row in outcomes]
    assert {row["until"] for row in told} == {str(hold.until)}
    assert [row["capacities"] for row in told] == [[capacity.id]] * 2
    assert [row["fewer"] > 0 for row in told] == [True, False]  # the one unit would go to the first of the two
    assert services.held_need(db.session.get_one(Need, blue[0].id)) is not None

    supplier = actor_of(world.a_user(region=None, organization=capacity.organization))
    coordinator = actor_of(world.a_user(Role.COORDINATOR))
    asked = services.ask_release(supplier, capacity.public_id, WHY)
    services.grant_release(coordinator, asked.public_id, world.in_days(3), WHY)
    second = runs.run_now(SYSTEM, world.DAWUKOU)
    assert db.session.scalars(select(RunHold).where(RunHold.run_id == second.id)).all() == []
    proposed = select(Allocation.need_id).where(Allocation.run_id == second.id)
    assert set(db.session.scalars(proposed)) == {red.id, blue[0].id}


def test_a_run_that_looks_at_its_night_alone_keeps_nothing(capacity: Capacity) -> None:
    blue = world.a_need(urgency="blue", quantity=1)
    runs.run_now(SYSTEM, world.DAWUKOU)
    assert db.session.scalars(select(RunHold)).all() == []
    assert [row.need_id for row in db.session.scalars(select(Allocation))] == [blue.id]
