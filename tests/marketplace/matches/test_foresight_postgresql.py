"""Foresight over PostgreSQL: a backtest, the switch with its rule of the database, a run that looks ahead."""

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from marketplace import jobs
from marketplace.accounts.services import actor_of
from marketplace.errors import StateConflict
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.matches.foresight import period
from marketplace.matches.foresight import services as foresight
from marketplace.matches.foresight.models import Backtest, Foresight
from marketplace.permissions import Role
from tests.marketplace.allocations.engines import postgresql_app, postgresql_cluster, postgresql_url
from tests.support import world
from tests.support.past import a_past

__all__ = ["postgresql_app", "postgresql_cluster", "postgresql_url"]


@pytest.mark.postgresql
def test_from_a_backtest_to_a_run_that_keeps_capacity(postgresql_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(period, "DAYS", 30)
    a_past(months=5)
    coordinator = actor_of(world.a_user(Role.COORDINATOR))
    key = foresight.start(coordinator, world.DAWUKOU, None, 30).public_id
    jobs.work_off(postgresql_app)
    backtest = foresight.find(coordinator, key)
    assert (backtest.state, backtest.summary["days"], backtest.summary["thin_nights"]) == ("done", 30, 0)
    foresight.turn_on(coordinator, key)
    with pytest.raises(StateConflict):
        foresight.turn_on(coordinator, key)
    for statement in (
        update(Backtest).values(state="failed"),
        update(Foresight).values(backtest_state="failed"),
        update(Foresight).values(scope=f"{world.HUINONG}:0"),
        update(Foresight).values(backtest_id=None, backtest_state=None),
    ):
        with pytest.raises(IntegrityError):
            db.session.execute(statement)
        db.session.rollback()
    world.a_capacity(quantity=2, valid_until=world.in_days(20))
    for _ in range(2):
        world.a_need(urgency="blue", quantity=1)
    run = services.run_now(coordinator, world.DAWUKOU)
    assert run.summary["foresight"]["held"] == 2
    foresight.expect(coordinator, world.DAWUKOU, None, [foresight.Expected("S1102", world.DAWUKOU, "red", 3)])
    foresight.turn_off(coordinator, world.DAWUKOU)
    assert services.run_now(coordinator, world.DAWUKOU).summary["served"]["blue"] == 2
    foresight.review_monthly()
    assert foresight.backtests_of(coordinator, f"{world.DAWUKOU}:0").total == 1
