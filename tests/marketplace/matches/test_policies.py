"""Policies of regions: inherited, tried beside today's, saved; and the runs of every night."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from marketplace import events, jobs
from marketplace.accounts.services import actor_of
from marketplace.audit import history
from marketplace.errors import AccessDenied, InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.matches import archive, services
from marketplace.matches.kept import path_of
from marketplace.matches.models import MatchRun, RunSetting
from marketplace.matches.services.runs import forget_trials
from marketplace.matches.services.settings import SITE_POLICY
from marketplace.matches.trial import Changes
from marketplace.permissions import Actor, Role
from marketplace.records import LOCAL_TIME, now, today
from matching import Policy
from tests.marketplace.matches.run_support import SYSTEM, proposals, statements
from tests.support import world
from tests.support.client import Browser

NEAR = Policy(closeness_weight=1000, fairness=True, load_balance_weight=700, pace_weight=300, candidates_per_need=3)


@pytest.fixture
def coordinator(app: Flask) -> Actor:
    return actor_of(world.a_user(Role.COORDINATOR))


def save(region: str, policy: Policy, alliance: str | None = None, **values: Any) -> None:
    options = {"nightly": False, "hour": 2, "version": 0} | values
    services.save(SYSTEM, region, alliance, policy, **options)


def fields(policy: Policy = NEAR, **more: Any) -> dict[str, Any]:
    """What the form sends for a policy."""
    told: dict[str, Any] = {
        name: value for name, value in policy.as_dict().items() if name.endswith(("weight", "km", "days"))
    }
    told["load_balance"] = told.pop("load_balance_weight") // 100
    told["pace"] = told.pop("pace_weight") // 100
    told |= {name: policy.as_dict()[name] or "" for name in ("yellow_after_days", "red_after_days")}
    told |= {"candidates_per_need": policy.candidates_per_need or "", "version": 0, "hour": 2}
    told |= {"capacity_percent": 100, "radius_percent": 100, "region": world.DAWUKOU}
    return {**told, **({"fairness": "y"} if policy.fairness else {}), **more}


def test_trials_are_forgotten_after_a_month(app: Flask) -> None:
    long_ago = now() - timedelta(days=31)
    old, young = (world.a_run(trial=True, state="done", created_at=moment) for moment in (long_ago, now()))
    run = world.a_run(state="done", created_at=long_ago)
    old_id, kept = old.id, {young.id, run.id}
    forget_trials()
    assert {row.id for row in db.session.query(MatchRun)} == kept
    assert history("match_run", old_id)[-1].action == "match_run:trial_forgotten"


def test_a_policy_is_inherited_from_above_until_a_region_has_its_own(app: Flask) -> None:
    alliance = world.an_alliance()
    assert services.policy_for(world.DAWUKOU) == SITE_POLICY
    assert (SITE_POLICY.yellow_after_days, SITE_POLICY.red_after_days) == (60, 30)
    for place, scale in (("640000", 10.0), ("640200", 20.5), (world.DAWUKOU, 30.0)):
        save(place, Policy(closeness_scale_km=scale))
        assert services.policy_for(world.DAWUKOU).closeness_scale_km == scale
        assert services.policy_for(world.DAWUKOU, alliance.id).closeness_scale_km == scale
    save("640200", Policy(closeness_scale_km=40.0), alliance.slug)
    assert services.policy_for(world.DAWUKOU, alliance.id).closeness_scale_km == 30.0
    save(world.DAWUKOU, Policy(closeness_scale_km=50.0), alliance.slug)
    assert services.policy_for(world.DAWUKOU, alliance.id).closeness_scale_km == 50.0
    assert services.policy_for(world.HUINONG, alliance.id).closeness_scale_km == 40.0
    assert services.policy_for(world.XINGQING).closeness_scale_km == 10.0


def test_a_run_is_done_by_the_policy_of_its_region(app: Flask) -> None:
    save(world.DAWUKOU, NEAR)
    near, far = world.a_capacity(radius_km=None), world.a_capacity(regions=[world.DAWUKOU, world.HUINONG])
    far.latitude, far.longitude = 38.3, 106.3
    db.session.commit()
    world.a_need(quantity=1)
    run = services.run_now(SYSTEM, world.DAWUKOU)
    assert run.policy == NEAR.as_dict()
    assert run.status == "optimal"
    assert [row.capacity_id for row in proposals()] == [near.id]
    stored = db.session.query(RunSetting).one()
    assert stored.policy == {
        "closeness_weight": 1000, "fairness": True, "load_balance_weight": 700, "candidates_per_need": 3,
        "pace_weight": 300, "yellow_after_days": None, "red_after_days": None,
    }  # fmt: skip


@pytest.mark.parametrize("last_month", [False, True])
def test_of_two_equal_suppliers_the_one_that_has_given_less_this_month_comes_first(
    app: Flask, last_month: bool
) -> None:
    first, second = (world.a_capacity(quantity=5) for _ in range(2))
    world.a_need(quantity=1)
    busy, idle = (first, second) if proposed_to() == first.id else (second, first)
    accepted = now() - timedelta(days=32 if last_month else 0)
    world.an_allocation(capacity=busy, quantity=2, state="accepted", accepted_at=accepted)
    busy.quantity += 2  # as much is left to give as at the other one
    db.session.commit()
    assert proposed_to() == busy.id
    save(world.DAWUKOU, Policy(pace_weight=9000))
    assert proposed_to() == (busy.id if last_month else idle.id)
    run = db.session.query(MatchRun).order_by(MatchRun.id.desc()).first()
    assert run is not None
    kept = archive.load(path_of(run.public_id))
    given = dict(zip(kept.capacity_id.tolist(), kept.problem.given.tolist(), strict=True))
    assert given == {busy.id: 0 if last_month else 2, idle.id: 0}


def proposed_to() -> int:
    """The capacity that a run proposes for the one need that waits."""
    services.run_now(SYSTEM, world.DAWUKOU)
    (row,) = proposals()
    assert row.capacity_id is not None
    return row.capacity_id


def test_candidates_per_need_bounds_the_arcs_and_changes_nothing(app: Flask) -> None:
    for _ in range(4):
        world.a_capacity(quantity=1)
    needs = [world.a_need(quantity=1, posted_on=world.in_days(-number)) for number in range(5)]
    whole = services.run_now(SYSTEM, world.DAWUKOU)
    save(world.DAWUKOU, Policy(candidates_per_need=1))
    few = services.run_now(SYSTEM, world.DAWUKOU)
    for name in ("served", "fit", "candidates", "units", "unserved_by_reason"):
        assert few.summary[name] == whole.summary[name]
    assert len(proposals()) == 4 < len(needs)


def test_saving_names_the_version_and_leaves_an_event(app: Flask, coordinator: Actor) -> None:
    services.save(coordinator, world.DAWUKOU, None, NEAR, nightly=True, hour=3, version=0)
    row = db.session.query(RunSetting).one()
    with pytest.raises(StateConflict):
        services.save(coordinator, world.DAWUKOU, None, NEAR, nightly=True, hour=3, version=0)
    services.save(coordinator, world.DAWUKOU, None, Policy(), nightly=False, hour=3, version=row.version)
    told = [event.fields for event in history("run_setting", row.id)]
    assert told[-1] == [
        "candidates_per_need", "closeness_weight", "fairness", "load_balance_weight", "nightly", "pace_weight",
    ]  # fmt: skip
    assert services.setting_of(coordinator, world.DAWUKOU, None).version == 2
    with pytest.raises(AccessDenied):
        services.save(coordinator, world.XINGQING, None, NEAR, nightly=False, hour=2, version=0)
    with pytest.raises(InvalidInput):
        services.save(coordinator, world.DAWUKOU, "nobody", NEAR, nightly=False, hour=2, version=0)


def test_a_trial_compares_and_proposes_nothing(app: Flask, coordinator: Actor) -> None:
    for number in range(3):
        world.a_need(quantity=1, urgency=("red", "yellow", "blue")[number], groups=["G-ILL"])
    world.a_capacity(quantity=2)
    far = world.a_capacity(quantity=5, regions=["640200"], radius_km=2.0)
    far.latitude, far.longitude = 38.95, 106.4
    db.session.commit()
    trial = services.try_changes(coordinator, world.DAWUKOU, None, Changes(Policy(), 50, 1000))
    jobs.work_off(app)
    told = services.find_trial(coordinator, trial.public_id).summary
    assert [told["colours"][colour]["before"] for colour in ("red", "yellow", "blue")] == [1, 1, 0]
    assert [told["colours"][colour]["after"] for colour in ("red", "yellow", "blue")] == [1, 1, 1]
    assert (told["certain"], told["better"], told["capacity"]) == (True, True, [7, 3])
    assert told["before"]["groups"]["G-ILL"]["served"] == {"red": 1, "yellow": 1, "blue": 0}
    assert told["after"]["regions"][world.DAWUKOU]["served"]["blue"] == 1
    assert told["after"]["metres"] > told["before"]["metres"]
    assert proposals() == []
    assert services.list_runs(coordinator).total == 0


def test_a_new_trial_takes_the_place_of_ones_own_alone(app: Flask, coordinator: Actor) -> None:
    other = actor_of(world.a_user(Role.COORDINATOR))
    first, theirs = (services.try_changes(one, world.DAWUKOU, None, Changes(NEAR)) for one in (coordinator, other))
    run = services.start(coordinator, world.DAWUKOU)
    second = services.try_changes(coordinator, world.DAWUKOU, None, Changes(NEAR))
    states = {row.id: row.state for row in db.session.query(MatchRun)}
    assert [states[one.id] for one in (first, theirs, run, second)] == ["cancelled", "queued", "queued", "queued"]


def test_a_policy_is_tried_and_saved_on_its_page(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.COORDINATOR))
    world.a_capacity()
    world.a_need()
    page = client.get("/runs/policy").get_data(as_text=True)
    assert 'name="waiting_weight"' in page
    answer = client.submit("/runs/policy/trials", fields())
    assert answer.status_code == 303
    waiting = client.get(answer.location).get_data(as_text=True)
    piece = re.search(r'hx-get="(/runs/policy/trials/[0-9a-f]+)"', waiting)
    assert piece
    jobs.work_off(app)
    ended = client.get(piece[1]).get_data(as_text=True)
    assert "hx-get" not in ended
    assert "2 / 2" in ended
    again = client.get(answer.location).get_data(as_text=True)
    assert 'value="1000"' in again
    assert client.get(f"/runs/{answer.location.split('trial=')[1].split('#')[0]}").status_code == 302
    assert client.submit("/runs/policy", fields(nightly="y", hour=4)).status_code == 303
    row = db.session.query(RunSetting).one()
    assert (row.nightly, row.nightly_hour, row.policy["load_balance_weight"]) == (True, 4, 700)
    assert client.submit("/runs/policy", fields()).status_code == 409


def test_a_script_gets_the_piece_alone_or_what_cannot_be_tried(client: Browser) -> None:
    client.sign_in(world.a_user(Role.COORDINATOR))
    script = {"HX-Request": "true"}
    piece = client.submit("/runs/policy/trials", fields(), headers=script)
    assert piece.status_code == 202
    assert piece.get_data(as_text=True).startswith('<section class="card" id="trial"')
    refused = client.submit("/runs/policy/trials", fields(waiting_weight="x"), headers=script)
    assert refused.status_code == 200  # or the script would leave an older result in its place
    assert 'id="trial"' in refused.get_data(as_text=True)
    assert "等候时间: 请填写 0 到 1000 的整数" in refused.get_data(as_text=True)
    assert db.session.query(MatchRun).count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"waiting_weight": -1}, {"closeness_scale_km": 0}, {"load_balance": 101}, {"pace": 101},
        {"candidates_per_need": 0}, {"red_after_days": 0}, {"capacity_percent": ""}, {"hour": 24},
        {"closeness_scale_km": "nan"},
        dict.fromkeys(("closeness_weight", "specialisation_weight", "group_fit_weight", "waiting_weight"), 0),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_not_saved(client: Browser, wrong: dict[str, Any]) -> None:
    client.sign_in(world.a_user(Role.COORDINATOR))
    for address in ("/runs/policy", "/runs/policy/trials"):
        answer = client.submit(address, fields(**wrong))
        assert answer.status_code == 422
        assert "error-summary" in answer.get_data(as_text=True)
    assert db.session.query(RunSetting).count() == db.session.query(MatchRun).count() == 0


def test_the_policy_of_others_is_out_of_reach(client: Browser) -> None:
    client.sign_in(world.a_user(Role.COORDINATOR))
    assert client.get(f"/runs/policy?region={world.XINGQING}").status_code == 403
    assert client.submit("/runs/policy", fields(region=world.XINGQING)).status_code == 403
    trial = world.a_run(world.XINGQING, trial=True)
    assert client.get(f"/runs/policy?trial={trial.public_id}").status_code == 404
    assert client.get("/runs/policy?alliance=nobody").status_code == 422


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """What time it is for the nightly runs; a test moves it."""
    moment = [datetime.combine(today() + timedelta(days=1), datetime.min.time(), LOCAL_TIME)]
    from marketplace.matches.services import settings

    monkeypatch.setattr(settings, "now", lambda: moment[0])
    monkeypatch.setattr(settings, "today", lambda: moment[0].astimezone(LOCAL_TIME).date())
    return moment


def test_a_run_starts_every_night_once(app: Flask, clock: list[datetime]) -> None:
    alliance = world.an_alliance()
    save(world.DAWUKOU, NEAR, nightly=True, hour=2)
    save(world.DAWUKOU, Policy(), alliance.slug, nightly=True, hour=3)
    save(world.HUINONG, Policy(), nightly=False)
    midnight, started = clock[0], []
    for hours in (0, 2, 2.5, 3, 23, 24, 26, 27):
        clock[0] = midnight + timedelta(hours=hours)
        services.start_nightly_runs()
        started.append(db.session.query(MatchRun).count())
        db.session.rollback()
        jobs.work_off(app)
    assert started == [0, 1, 1, 2, 2, 2, 3, 4]
    assert {run.started_by for run in db.session.query(MatchRun)} == {"system:nightly"}
    assert {run.state for run in db.session.query(MatchRun)} == {"done"}


def test_a_night_waits_for_tomorrow_when_its_hour_has_passed(app: Flask, clock: list[datetime]) -> None:
    clock[0] += timedelta(hours=15)
    save(world.DAWUKOU, NEAR, nightly=True, hour=2)
    services.start_nightly_runs()
    assert db.session.query(MatchRun).count() == 0
    clock[0] += timedelta(hours=12)
    services.start_nightly_runs()
    assert db.session.query(MatchRun).count() == 1


def test_a_run_under_way_stands_for_the_nightly_one(app: Flask, clock: list[datetime]) -> None:
    save(world.DAWUKOU, NEAR, nightly=True, hour=2)
    services.start(SYSTEM, world.DAWUKOU)
    clock[0] += timedelta(hours=3)
    services.start_nightly_runs()
    assert db.session.query(MatchRun).count() == 1


def test_pages_of_policies_take_few_statements(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.COORDINATOR))
    save("640200", NEAR)
    answer = client.submit("/runs/policy/trials", fields())
    jobs.work_off(app)
    for address in ("/runs/policy", answer.location):
        with statements() as sent:
            assert client.get(address).status_code == 200
        assert len(sent) <= 12, json.dumps(sent, indent=1)


def test_a_trial_is_no_news_of_a_run(app: Flask, coordinator: Actor) -> None:
    told: list[str] = []

    def note(sender: str, **_details: Any) -> None:
        told.append(sender)

    with events.happened.connected_to(note):
        services.try_changes(coordinator, world.DAWUKOU, None, Changes(NEAR))
        jobs.work_off(app)
        assert told == ["match_run:running", "match_run:tried"]
        services.start(coordinator, world.DAWUKOU)
        jobs.work_off(app)
    assert told[2:] == ["match_run:running", "match_run:done"]
