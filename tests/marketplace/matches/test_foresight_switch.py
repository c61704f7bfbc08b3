"""Foresight is turned on from a finished backtest of the same scope alone, and off at once; runs then look ahead."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from marketplace.accounts.services import actor_of
from marketplace.audit import history
from marketplace.cases.models import Person
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.matches.foresight import services as foresight
from marketplace.matches.foresight.models import Backtest, Expectation, Foresight
from marketplace.matches.foresight.record import ahead_of, looking_ahead, past_needs, record_of
from marketplace.matches.holds.models import RunHold
from marketplace.matches.models import RunSetting
from marketplace.matches.scope import Scope
from marketplace.matches.services.performing import execute
from marketplace.permissions import Actor, Role
from marketplace.records import new_public_id, now
from matching.foresight.expectations import CAUTION, draw
from tests.marketplace.matches.run_support import SYSTEM, again, proposals, snapshot
from tests.support import world
from tests.support.client import Browser
from tests.support.past import a_backtest, a_past, a_switch

SCOPE = Scope(world.DAWUKOU)


@pytest.fixture
def coordinator(app: Flask) -> Actor:
    return actor_of(world.a_user(Role.COORDINATOR))


def test_it_is_turned_on_from_the_newest_backtest_and_off_at_once(app: Flask, coordinator: Actor) -> None:
    older, newest = a_backtest(), a_backtest(horizon_days=45)
    with pytest.raises(StateConflict):
        foresight.turn_on(coordinator, older.public_id)
    row = foresight.turn_on(coordinator, newest.public_id)
    assert (row.state, row.backtest_id, row.horizon_days, row.changed_by) == ("on", newest.id, 45, coordinator.key)
    assert foresight.switched_on(SCOPE)
    assert not foresight.switched_on(Scope("640200"))
    with pytest.raises(StateConflict):
        foresight.turn_on(coordinator, newest.public_id)
    foresight.turn_off(coordinator, world.DAWUKOU)
    assert not foresight.switched_on(SCOPE)
    with pytest.raises(StateConflict):
        foresight.turn_off(coordinator, world.DAWUKOU)
    assert [event.action for event in history("foresight", row.id)] == ["foresight:on", "foresight:off"]
    foresight.turn_on(coordinator, newest.public_id)
    assert foresight.switched_on(SCOPE)


@pytest.mark.parametrize(
    "values",
    [
        {"state": "failed"},
        {"state": "running", "finished_at": None},
        {"finished_at": now() - timedelta(days=32)},
        {"summary": {"forecast_nights": 0}},
    ],
)
def test_not_from_a_backtest_that_shows_nothing(app: Flask, coordinator: Actor, values: dict[str, Any]) -> None:
    with pytest.raises(StateConflict):
        foresight.turn_on(coordinator, a_backtest(**values).public_id)
    assert not foresight.switched_on(SCOPE)


def test_not_by_who_does_not_match_the_region(app: Flask, coordinator: Actor) -> None:
    with pytest.raises(NotFound):
        foresight.turn_on(coordinator, a_backtest(world.XINGQING).public_id)
    with pytest.raises(AccessDenied):
        foresight.turn_off(coordinator, world.XINGQING)
    auditor = actor_of(world.a_user(Role.AUDITOR))
    with pytest.raises(AccessDenied):
        foresight.turn_on(auditor, a_backtest().public_id)


def test_the_database_lets_nobody_turn_it_on_otherwise(app: Flask) -> None:
    done, running = a_backtest(), a_backtest(state="running", finished_at=None)
    elsewhere = a_backtest(world.XINGQING)
    for backtest, told in ((None, None), (None, "done"), (running, "done"), (running, "running"), (elsewhere, "done")):
        with pytest.raises(IntegrityError):
            db.session.execute(insert(Foresight).values(**_row(backtest, told)))
        db.session.rollback()
    db.session.execute(insert(Foresight).values(**_row(done, "done")))
    db.session.commit()
    with pytest.raises(IntegrityError):  # what it was turned on from stays as it was
        db.session.execute(update(Backtest).where(Backtest.id == done.id).values(state="failed"))
    db.session.rollback()


def _row(backtest: Backtest | None, told: str | None) -> dict[str, Any]:
    return {
        "public_id": new_public_id(), "created_at": now(), "version": 1, "region": world.DAWUKOU,
        "scope": f"{world.DAWUKOU}:0", "state": "on", "backtest_id": backtest.id if backtest else None,
        "backtest_state": told, "horizon_days": 90, "changed_by": "system:test", "changed_at": now(),
    }  # fmt: skip


def test_a_run_of_the_scope_looks_ahead_and_tells_what_it_cost(app: Flask) -> None:
    a_past()
    a_switch()
    world.save(RunSetting(region=world.DAWUKOU, policy={}, nightly=True, nightly_hour=2, started_on=None))
    capacity = world.a_capacity(quantity=3, valid_until=world.in_days(20))
    for _ in range(4):
        world.a_need(urgency="blue", quantity=1)
    world.a_need(urgency="red", quantity=1)
    run = services.run_now(SYSTEM, world.DAWUKOU)
    told = run.summary["foresight"]
    assert run.summary["served"] == {"red": 1, "yellow": 0, "blue": 0}
    assert (told["held"], told["waits"], told["days_known"]) == (2, {"red": 0, "yellow": 0, "blue": 2}, 181)
    assert told["saved"]["red"] > 1
    assert [row.capacity_id for row in proposals()] == [capacity.id]
    foresight.turn_off(SYSTEM, world.DAWUKOU)
    plain = services.run_now(SYSTEM, world.DAWUKOU)
    assert plain.summary["served"] == {"red": 1, "yellow": 0, "blue": 2}
    assert "foresight" not in plain.summary


@pytest.mark.parametrize(("off", "served", "holds"), [(False, 1, 1), (True, 2, 0)])
def test_a_run_that_was_queued_before_it_was_turned_off_keeps_nothing(
    app: Flask, off: bool, served: int, holds: int
) -> None:
    a_past()
    a_switch()
    world.a_capacity(quantity=2, valid_until=world.in_days(20))
    world.a_need(urgency="blue", quantity=1)
    world.a_need(urgency="red", quantity=1)
    run = services.start(SYSTEM, world.DAWUKOU)
    if off:
        foresight.turn_off(SYSTEM, world.DAWUKOU)
    services.perform(run.id)
    assert sum(again(run).summary["served"].values()) == served
    assert db.session.query(RunHold).count() == holds


def test_a_run_that_is_solved_while_it_is_turned_off_keeps_nothing(app: Flask) -> None:
    a_past()
    a_switch()
    world.a_capacity(quantity=2, valid_until=world.in_days(20))
    world.a_need(urgency="blue", quantity=1)
    world.a_need(urgency="red", quantity=1)
    run = services.start(SYSTEM, world.DAWUKOU)
    off: list[float] = []

    def tell(share: float) -> None:
        if not off:  # what is read looks ahead by now
            foresight.turn_off(SYSTEM, world.DAWUKOU)
        off.append(share)

    execute(run.id, tell)
    assert sum(again(run).summary["served"].values()) == 2
    assert db.session.query(RunHold).count() == 0


def test_without_history_it_goes_by_what_is_expected_or_not_at_all(app: Flask, coordinator: Actor) -> None:
    a_switch()
    world.a_capacity(quantity=3)
    world.a_need(urgency="blue")
    assert looking_ahead(snapshot(), SCOPE).ahead is None
    rows = [
        foresight.Expected("S1102", world.DAWUKOU, "red", 10),
        foresight.Expected("S1102", world.DAWUKOU, "blue", 4),
    ]
    foresight.expect(coordinator, world.DAWUKOU, None, rows)
    ahead = looking_ahead(snapshot(), SCOPE).ahead
    assert ahead is not None
    assert (len(ahead.futures), ahead.days_known, ahead.tier.tolist()) == (5, 0, [0, 2])
    assert 5 * 5 <= sum(future.row.size for future in ahead.futures) <= 5 * 24
    foresight.expect(coordinator, world.DAWUKOU, None, rows[:1])
    assert [(row.urgency, row.a_month) for row in foresight.expectations_of(SCOPE)] == [("red", 10)]
    for wrong in (
        [foresight.Expected("nothing", world.DAWUKOU, "red", 1)],
        [foresight.Expected("S1102", world.XINGQING, "red", 1)],
        [foresight.Expected("S1102", world.DAWUKOU, "green", 1)],
        [foresight.Expected("S1102", world.DAWUKOU, "red", 0)],
        rows[:1] * 2,
    ):
        with pytest.raises(InvalidInput):
            foresight.expect(coordinator, world.DAWUKOU, None, wrong)
    foresight.expect(coordinator, world.DAWUKOU, None, [])
    assert db.session.query(Expectation).count() == 0


def test_runs_draw_more_than_is_expected_by_the_margin(app: Flask) -> None:
    a_past()
    world.a_capacity(quantity=2)
    ahead = ahead_of(snapshot(), SCOPE, 30)
    assert ahead is not None
    found = list(db.session.execute(past_needs(SCOPE)))
    record = record_of([row.posted_on for row in found], [row.id for row in found], world.in_days(0))
    drawn = draw(record, world.in_days(1), 30, seed=world.in_days(0).toordinal(), scale=CAUTION)
    assert [one.row.size for one in ahead.futures] == [one.row.size for one in drawn]


def test_futures_are_the_same_whoever_is_registered_where(app: Flask) -> None:
    a_past()
    cases = [world.a_case() for _ in range(3)]
    for case in cases:
        world.a_need(case, urgency="blue", posted_on=world.in_days(-3))
    world.a_capacity(quantity=2)

    def seen() -> tuple[Any, ...]:
        db.session.rollback()
        ahead = ahead_of(snapshot(), SCOPE, 30)
        assert ahead is not None
        drawn = [(future.row.tolist(), future.day.tolist()) for future in ahead.futures]
        return drawn, ahead.needs.category.tolist(), ahead.tier.tolist(), ahead.last.tolist()

    before, run = seen(), services.run_now(SYSTEM, world.DAWUKOU)
    for place, code in enumerate(("640202", "110101", "510104")):
        person = db.session.query(Person).filter_by(case_id=cases[place].id).one()
        person.hukou_region = code
    db.session.commit()
    assert seen() == before
    assert services.run_now(SYSTEM, world.DAWUKOU).digest == run.digest


def test_its_pages_from_the_policy_to_the_switch(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.COORDINATOR))
    assert "/runs/foresight" in client.get("/runs/policy").get_data(as_text=True)
    assert "rows-2-a_month" in client.get("/runs/foresight").get_data(as_text=True)
    assert client.submit("/runs/foresight", {"horizon": 3}).status_code == 422
    assert client.submit("/runs/foresight", {"horizon": 30}).status_code == 422  # nothing on record
    a_past(months=1)
    answer = client.submit("/runs/foresight", {"horizon": 30})
    assert answer.status_code == 303
    waiting = client.get(answer.location).get_data(as_text=True)
    assert f"{answer.location}/progress" in waiting
    assert client.submit(f"{answer.location}/cancel", {}).status_code == 303
    assert "HX-Refresh" in client.get(f"{answer.location}/progress").headers
    told = {"rows-0-category": "S1102", "rows-0-place": world.DAWUKOU, "rows-0-urgency": "red", "rows-0-a_month": "9"}
    assert client.submit("/runs/foresight/expectations", told).status_code == 303
    assert client.submit("/runs/foresight/expectations", told | {"rows-0-a_month": "0"}).status_code == 422
    assert client.submit("/runs/foresight/expectations", told | {"rows-0-category": "x"}).status_code == 422
    assert 'value="9"' in client.get("/runs/foresight").get_data(as_text=True)
    backtest = a_backtest(summary=_summary() | {"expected_nights": 7})
    address = f"/runs/foresight/{backtest.public_id}"
    page = client.get(address).get_data(as_text=True)
    assert f"{address}/on" in page
    assert "40 夜中有 7 夜历史记录不足以预测，改按所填写的预计预测" in page
    assert client.submit(f"{address}/on", {}).status_code == 303
    assert "/runs/foresight/off" in client.get(address).get_data(as_text=True)
    assert client.submit("/runs/foresight/off", {"region": world.DAWUKOU}).status_code == 303
    assert client.submit("/runs/foresight/off", {"region": world.XINGQING}).status_code == 403
    assert client.get(f"/runs/foresight/{a_backtest(world.XINGQING).public_id}").status_code == 404


@pytest.mark.parametrize(
    ("changes", "field", "fault"),
    [
        ({"rows-1-a_month": "abc"}, "rows-1-a_month", "请输入每月需求数，1 到 10000 的整数。"),
        ({"rows-1-a_month": "1.5"}, "rows-1-a_month", "请输入每月需求数，1 到 10000 的整数。"),
        ({"rows-1-a_month": "-3"}, "rows-1-a_month", "请输入每月需求数，1 到 10000 的整数。"),
        ({"rows-1-category": "", "rows-1-a_month": "4"}, "rows-1-category", "请从列表中选择服务类别。"),
    ],
)
def test_a_wrong_row_is_told_once_at_its_field_and_above(
    app: Flask, client: Browser, changes: dict[str, str], field: str, fault: str
) -> None:
    client.sign_in(world.a_user(Role.COORDINATOR))
    right = {"rows-0-category": "S1102", "rows-0-place": world.DAWUKOU, "rows-0-urgency": "red", "rows-0-a_month": "9"}
    other = {"rows-1-category": "S1102", "rows-1-place": world.DAWUKOU, "rows-1-urgency": "blue"}
    blank = {"rows-2-category": "", "rows-2-place": world.DAWUKOU, "rows-2-urgency": "yellow", "rows-2-a_month": ""}
    answer = client.submit("/runs/foresight/expectations", right | other | blank | changes)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert page.count(fault) == 2
    assert f'<a href="#{field}">{fault}</a>' in page
    assert not any(odd in page for odd in ("{&#39;", "{}", "Not a valid"))
    assert foresight.expectations_of(SCOPE) == []
    assert client.submit("/runs/foresight/expectations", right | blank).status_code == 303
    assert [row.a_month for row in foresight.expectations_of(SCOPE)] == [9]


def _summary() -> dict[str, Any]:
    units = {"red": 2, "yellow": 3, "blue": 5}
    way = {
        "served": units, "by_region": {world.DAWUKOU: units}, "still_waiting": units, "expired": units, "unspent": 4,
        "waiting_days": {"red": 0.5, "yellow": None, "blue": 7.1},
    }  # fmt: skip
    ways = dict.fromkeys(("happened", "nightly", "foresight", "low", "high"), way)
    return {
        "ways": {**ways, "hindsight": {**way, "waiting_days": None}}, "days": 40, "needs": 20, "asked": units,
        "came": units, "asked_by_region": {world.DAWUKOU: units}, "capacities": 2, "capacity": 14, "horizon": 30,
        "forecast_nights": 40, "thin_nights": 3, "record": {"days": 120, "needs": 400}, "expected": False,
        "seconds": 2.5, "by_others": 1, "without_first_day": 2, "withdrawn": 1,
    }  # fmt: skip
