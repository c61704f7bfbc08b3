"""Backtests: what a period was and would have been; made, stopped, lost, and made again every month."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import update

from marketplace import jobs
from marketplace.accounts.services import actor_of
from marketplace.audit import history
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches.foresight import period, replay
from marketplace.matches.foresight import services as foresight
from marketplace.matches.foresight.models import Backtest
from marketplace.matches.foresight.services import backtests
from marketplace.matches.scope import Scope
from marketplace.matches.services.settings import SITE_POLICY
from marketplace.notifications.models import Notification
from marketplace.permissions import Actor, Role
from marketplace.records import now
from matching.foresight.expectations import CAUTION, Record, draw
from tests.marketplace.matches.run_support import SYSTEM
from tests.support import world
from tests.support.past import a_backtest, a_past, a_switch

SCOPE = Scope(world.DAWUKOU)
DAYS = 30


@pytest.fixture
def coordinator(app: Flask) -> Actor:
    return actor_of(world.a_user(Role.COORDINATOR))


def test_the_ways_a_period_could_have_gone(app: Flask) -> None:
    a_past()
    read = period.read(SCOPE, SITE_POLICY, 30, DAYS)
    shares: list[float] = []
    told = replay.replay(read, shares.append).summary
    ways = told["ways"]
    assert shares == sorted(shares)
    assert told["came"] == {"red": 6, "yellow": 0, "blue": 30}
    assert told["asked"] == {"red": 7, "yellow": 0, "blue": 50}
    assert (told["capacity"], told["capacities"], told["forecast_nights"]) == (12, 1, DAYS)
    assert ways["happened"]["served"] == {"red": 2, "yellow": 0, "blue": 10}
    assert ways["happened"]["expired"] == {"red": 4, "yellow": 0, "blue": 20}
    assert ways["nightly"]["served"] == {"red": 1, "yellow": 0, "blue": 11}
    assert ways["hindsight"]["served"] == {"red": 7, "yellow": 0, "blue": 5}
    for way in ("foresight", "low", "high"):
        assert 5 <= ways[way]["served"]["red"] <= 7
        assert ways[way]["by_region"] == {world.DAWUKOU: ways[way]["served"]}
        assert ways[way]["waiting_days"]["blue"] >= ways["nightly"]["waiting_days"]["blue"]
    assert all(sum(way["served"].values()) == 12 and way["unspent"] == 0 for way in ways.values())
    for way in ways.values():
        kinds = (way[kind] for kind in ("served", "still_waiting", "expired"))
        assert sum(sum(kind.values()) for kind in kinds) == 57


def test_a_night_knows_nothing_of_what_came_after_it(app: Flask) -> None:
    a_past(months=4)
    read = period.read(SCOPE, SITE_POLICY, 30, DAYS)
    night = 10
    futures = replay._Nights(replay._World(read), 1.0)._futures(night, 15)
    assert futures is not None
    assert all((read.day[future.row] <= night).all() and (future.day >= 1).all() for future in futures)
    known = read.day <= night
    record = read.record
    shorter = replace(read, record=Record(record.day[known], record.first, record.days - DAYS + night + 1))
    again = replay._Nights(replay._World(shorter), 1.0)._futures(night, 15)
    assert again is not None
    for one, other in zip(futures, again, strict=True):
        assert np.array_equal(read.day[one.row], read.day[other.row])
        assert np.array_equal(one.day, other.day)


@pytest.mark.parametrize("last_of_month", [False, True])
def test_nights_count_what_was_given_in_their_month_where_the_policy_has_a_pace(
    app: Flask, last_of_month: bool
) -> None:
    a_past()
    read = period.read(SCOPE, replace(SITE_POLICY, pace_weight=1_000), 30, DAYS)
    begins = date(2026, 8, 31) if last_of_month else date(2026, 9, 1)
    nights = replay._Nights(replay._World(replace(read, begins=begins)), None)
    nights.run(0)
    on_the_first = nights.gave - read.given
    assert on_the_first.sum() > 0
    for night in range(1, DAYS):
        nights.run(night)
    in_month = nights.gave - read.given - (on_the_first if last_of_month else 0)
    assert np.array_equal(nights.of_month, in_month)
    problem, _rows = nights._problem(DAYS - 1, nights.left > 0, np.zeros(0, np.int64))
    assert np.array_equal(problem.given, in_month)


def test_forecasts_too_low_or_high_multiply_the_margin_of_every_run(app: Flask) -> None:
    a_past(months=4)
    read = period.read(SCOPE, SITE_POLICY, 30, DAYS)
    world_of, start = replay._World(read), read.begins + timedelta(days=11)
    for scale in (1.0, 0.7, 1.3):
        futures = replay._Nights(world_of, scale)._futures(10, 15)
        assert futures is not None
        drawn = draw(read.record, start, 15, seed=start.toordinal(), scale=scale * CAUTION)
        assert [one.row.tolist() for one in futures] == [one.row.tolist() for one in drawn]


def test_a_thin_record_is_run_without_a_forecast_or_by_what_is_expected(app: Flask, coordinator: Actor) -> None:
    a_past(months=2)
    told = replay.replay(period.read(SCOPE, SITE_POLICY, 30, DAYS)).summary
    assert told["forecast_nights"] == 0 < told["thin_nights"]
    assert told["ways"]["foresight"] == told["ways"]["nightly"]
    foresight.expect(coordinator, world.DAWUKOU, None, [foresight.Expected("S1102", world.DAWUKOU, "red", 12)])
    told = replay.replay(period.read(SCOPE, SITE_POLICY, 30, DAYS)).summary
    assert (told["expected"], told["thin_nights"], told["expected_nights"]) == (True, 0, told["forecast_nights"])
    assert told["ways"]["foresight"]["served"]["red"] > told["ways"]["nightly"]["served"]["red"]


def test_what_volunteers_and_others_were_given_is_in_no_row(app: Flask) -> None:
    (_, capacity) = a_past(months=2)
    before = period.read(SCOPE, SITE_POLICY, 30, DAYS)
    claimed = world.a_wish(posted_on=world.in_days(-9), category="S1102")
    world.an_allocation(claimed, claimant_id=world.a_user(Role.VOLUNTEER).id, accepted_at=now() - timedelta(days=5))
    elsewhere = world.a_need(world.a_case(world.HUINONG), quantity=1)
    capacity.quantity += 1
    world.an_allocation(elsewhere, capacity, state="confirmed", accepted_at=now() - timedelta(days=5))
    after = period.read(SCOPE, SITE_POLICY, 30, DAYS)
    assert int(after.left.sum()) == int(before.left.sum())
    assert after.capacity.tolist() == before.capacity.tolist() == [12]
    assert after.happened.tolist() == before.happened.tolist()


def test_a_backtest_is_queued_done_and_told(app: Flask, coordinator: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(period, "DAYS", 10)
    a_past(months=4)
    row = foresight.start(coordinator, world.DAWUKOU, None, 30)
    with pytest.raises(StateConflict):
        foresight.start(coordinator, world.DAWUKOU)
    jobs.work_off(app)
    done = foresight.find(coordinator, row.public_id)
    assert (done.state, done.progress, done.summary["days"], done.begins_on, done.ends_on) == (
        "done", 100, 10, world.in_days(-10), world.in_days(-1),
    )  # fmt: skip
    assert [event.action for event in history("backtest", row.id)] == [
        "backtest:queued", "backtest:running", "backtest:done",
    ]  # fmt: skip
    foresight.perform(row.id)  # a task that comes twice
    assert foresight.find(coordinator, row.public_id).version == done.version


def test_a_backtest_is_stopped(app: Flask, coordinator: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    a_past(months=4)
    row = foresight.start(coordinator, world.DAWUKOU)
    foresight.cancel(coordinator, row.public_id)
    jobs.work_off(app)
    assert foresight.find(coordinator, row.public_id).state == "cancelled"
    with pytest.raises(StateConflict):
        foresight.cancel(coordinator, row.public_id)
    again = foresight.start(coordinator, world.DAWUKOU)
    beat = backtests._beat

    def stop_then_beat(key: int, share: float) -> None:
        foresight.cancel(coordinator, again.public_id)
        beat(key, share)

    monkeypatch.setattr(backtests, "_beat", stop_then_beat)
    jobs.work_off(app)
    ended = foresight.find(coordinator, again.public_id)
    assert (ended.state, ended.summary) == ("cancelled", {})


def test_who_may_not_match_a_region_may_not_run_its_past_again(app: Flask, coordinator: Actor) -> None:
    with pytest.raises(AccessDenied):
        foresight.start(coordinator, world.XINGQING)
    with pytest.raises(NotFound):
        foresight.find(coordinator, a_backtest(region=world.XINGQING).public_id)
    with pytest.raises(InvalidInput):  # nothing on record
        foresight.start(coordinator, world.DAWUKOU)
    a_past(months=1)
    with pytest.raises(InvalidInput):
        foresight.start(coordinator, world.DAWUKOU, None, 1)


def test_lost_backtests_are_taken_up_or_given_up(app: Flask, coordinator: Actor) -> None:
    silent = a_backtest(state="running", heartbeat_at=now() - timedelta(minutes=6), finished_at=None)
    waiting = a_backtest(state="queued", heartbeat_at=now() - timedelta(minutes=2), finished_at=None)
    foresight.take_up_lost_backtests()
    again = db.session.get_one(Backtest, silent.id, populate_existing=True)
    assert (again.state, again.failure) == ("failed", "lost")
    beat = db.session.get_one(Backtest, waiting.id, populate_existing=True).heartbeat_at
    assert beat is not None
    assert beat > now() - timedelta(minutes=1)


def test_a_scope_that_looks_ahead_is_shown_a_backtest_every_month(
    app: Flask, coordinator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(period, "DAYS", 7)
    a_past(months=1)
    switch = a_switch()
    foresight.review_monthly()
    assert db.session.query(Backtest).count() == 1  # made this month
    db.session.execute(update(Backtest).values(created_at=now() - timedelta(days=31)))
    db.session.commit()
    for _ in range(2):
        foresight.review_monthly()
    db.session.rollback()
    jobs.work_off(app)
    told = foresight.backtests_of(coordinator, switch.scope).items
    assert [(row.state, row.started_by) for row in told] == [("done", "system:foresight"), ("done", "system:test")]
    notices = db.session.query(Notification).all()
    assert [(one.event, one.user_id, one.record_public_id) for one in notices] == [
        ("backtest:reviewed", coordinator.user_id, told[0].public_id)
    ]
    foresight.turn_off(SYSTEM, world.DAWUKOU)
    db.session.execute(update(Backtest).values(created_at=now() - timedelta(days=31)))
    db.session.commit()
    foresight.review_monthly()
    assert db.session.query(Backtest).count() == 2
