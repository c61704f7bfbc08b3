"""Matching runs over the database: start, solve in a process of its own, write all or nothing."""

import json
import os
import signal
import threading
from datetime import timedelta
from typing import Any

import psutil
import pytest
from flask import Flask
from sqlalchemy import func, select, update

from marketplace import jobs
from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.cases.models import Consent, Person
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches import problem, services
from marketplace.matches.models import MatchRun, RunOutcome
from marketplace.matches.problem import Scope
from marketplace.matches.solving import Snapshot, SolverStopped, match, match_in_child
from marketplace.organizations.models import AllianceMember
from marketplace.permissions import Actor, Role, system_actor
from marketplace.projects.models import Pool
from marketplace.records import now, today
from matching import Policy
from tests.support import world

SYSTEM = system_actor("test")


@pytest.fixture
def coordinator(app: Flask) -> Actor:
    return actor_of(world.a_user(Role.COORDINATOR))


def snapshot(region: str = world.DAWUKOU, alliance_id: int | None = None) -> Snapshot:
    return problem.read(Scope(region, alliance_id), Policy())


def again(row: Any) -> Any:
    db.session.rollback()
    return db.session.get(type(row), row.id, populate_existing=True)


def solvers() -> set[int]:
    """Solving processes of this test process."""
    found = set()
    for child in psutil.Process().children():
        try:
            if "spawn_main" in str(child.cmdline()):
                found.add(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found


def proposals() -> list[Allocation]:
    db.session.rollback()
    return list(db.session.scalars(select(Allocation).where(Allocation.state == "proposed").order_by(Allocation.id)))


def test_from_a_queued_run_to_a_fulfilled_need(app: Flask, coordinator: Actor) -> None:
    capacity = world.a_capacity(quantity=3)
    urgent, later = world.a_need(urgency="red", quantity=2), world.a_need(urgency="blue", quantity=2)
    run = services.start(coordinator, world.DAWUKOU)
    assert run.state == "queued"
    db.session.rollback()
    jobs.work_off(app)
    run = again(run)
    assert (run.state, run.progress, run.status) == ("done", 100, "optimal")
    assert run.summary["served"] == {"red": 2, "yellow": 0, "blue": 1}
    assert run.summary["unserved"] == {"red": 0, "yellow": 0, "blue": 1}
    assert run.summary["unserved_by_reason"] == {"capacity_taken": 1}
    found = proposals()
    assert [(row.need_id, row.quantity) for row in found] == [(urgent.id, 2), (later.id, 1)]
    assert set(found[0].reasons["parts"]) == {"closeness", "specialisation", "group_fit", "waiting"}
    supplier = actor_of(world.a_user(region=None, organization=capacity.organization))
    caseworker = actor_of(world.a_user(Role.CASEWORKER))
    chosen = proposals()[0].public_id
    allocations.accept(supplier, chosen)
    allocations.mark_delivered(supplier, chosen)
    allocations.confirm(caseworker, chosen, 5)
    assert again(urgent).closing == "fulfilled"
    assert allocations.reconcile() == []


def test_a_second_run_replaces_open_proposals_alone(app: Flask) -> None:
    capacity = world.a_capacity(quantity=10)
    needs = [world.a_need() for _ in range(3)]
    first = services.run_now(SYSTEM, world.DAWUKOU)
    supplier = actor_of(world.a_user(region=None, organization=capacity.organization))
    allocations.accept(supplier, proposals()[0].public_id)
    second = services.run_now(SYSTEM, "640200")
    states = dict(
        db.session.execute(select(Allocation.state, func.count()).group_by(Allocation.state)).all()  # type: ignore[arg-type]  # pairs
    )
    assert states == {"accepted": 1, "superseded": 2, "proposed": 2}
    assert (first.summary["units"], second.summary["units"]) == (6, 4)
    assert {row.need_id for row in proposals()} == {need.id for need in needs[1:]}


def test_alternatives_are_kept_with_a_proposal(app: Flask) -> None:
    world.a_need(quantity=1)
    chosen = world.a_capacity()
    others = [world.a_capacity(categories=["S11"]), world.a_capacity(categories=["S11", "S10"])]
    services.run_now(SYSTEM, world.DAWUKOU)
    (row,) = proposals()
    assert row.capacity_id == chosen.id
    assert [capacity.id for capacity, _, _ in allocations.alternatives(row)] == [other.id for other in others]


LEFT_OUT_NEEDS: dict[str, Any] = {
    "draft": {"state": "draft"},
    "closed": {"state": "closed", "closing": "withdrawn"},
    "no consent": {"share_consent_on": None},
    "past": {"deadline": world.in_days(-1)},
    "elsewhere": {"region": world.XINGQING},
    "taken": {"allocated": 2},
}
LEFT_OUT_CAPACITIES: dict[str, Any] = {
    "withdrawn": {"active": False},
    "used up": {"allocated": 10},
    "over": {"valid_until": world.in_days(-1)},
    "to come": {"valid_from": world.in_days(1)},
    "not confirmed": {"confirmed_on": None},
    "confirmed long ago": {"confirmed_on": world.in_days(-61)},
    "elsewhere": {"regions": [world.XINGQING]},
}


@pytest.mark.parametrize("values", LEFT_OUT_NEEDS.values(), ids=LEFT_OUT_NEEDS)
def test_needs_that_take_no_part(app: Flask, values: dict[str, Any]) -> None:
    world.a_need(**values)
    kept = world.a_need()
    assert snapshot().need_id.tolist() == [kept.id]


@pytest.mark.parametrize("values", LEFT_OUT_CAPACITIES.values(), ids=LEFT_OUT_CAPACITIES)
def test_capacities_that_take_no_part(app: Flask, values: dict[str, Any]) -> None:
    world.a_capacity(**values)
    kept = world.a_capacity(regions=["640200"])
    assert snapshot().capacity_id.tolist() == [kept.id]


def test_restricted_cases_and_ended_consents_take_no_part(app: Flask) -> None:
    world.a_need(world.a_case(restricted=True))
    withdrawn = world.a_need()
    db.session.execute(update(Consent).where(Consent.case_id == withdrawn.case_id).values(withdrawn_on=today()))
    db.session.commit()
    assert snapshot().need_id.size == 0
    shown = services.preview(SYSTEM, world.DAWUKOU)
    assert (shown.needs, shown.needs_left_out["consent"].number) == (0, 1)
    assert shown.needs_left_out["consent"].first == [withdrawn]


def test_paused_projects_and_unverified_suppliers_take_no_part(app: Flask) -> None:
    world.a_capacity(world.a_project(state="paused"))
    world.a_capacity(world.a_project(world.an_organization(state="suspended")))
    assert snapshot().capacity_id.size == 0
    shown = services.preview(SYSTEM, world.DAWUKOU)
    assert {name: left.number for name, left in shown.capacities_left_out.items()} == {
        "organization": 1, "project": 1, "validity": 0, "confirmation": 0,
    }  # fmt: skip


def test_an_alliance_matches_its_members_alone(app: Flask) -> None:
    alliance = world.an_alliance()
    member = world.a_capacity()
    world.a_capacity()
    world.save(AllianceMember(alliance_id=alliance.id, organization_id=member.organization_id))
    world.a_need()
    run = services.run_now(SYSTEM, world.DAWUKOU, alliance.slug)
    assert run.alliance_id == alliance.id
    assert {row.capacity_id for row in proposals()} == {member.id}
    with pytest.raises(InvalidInput):
        services.start(SYSTEM, world.DAWUKOU, "nobody")


def test_pools_budgets_and_batches_bind(app: Flask) -> None:
    pool = world.save(Pool(name="一辆车", quantity=3))
    for quantity in (2, 2):
        world.a_capacity(quantity=quantity, pool_id=pool.id)
    world.a_need(quantity=10)
    assert services.run_now(SYSTEM, world.DAWUKOU).summary["served"]["yellow"] == 3
    for row in db.session.scalars(select(Allocation)):
        assert row.capacity is not None
        row.capacity.active = False
    db.session.commit()
    world.a_capacity(budget_fen=250_00, unit_cost_fen=100_00)
    assert services.run_now(SYSTEM, world.DAWUKOU).summary["served"]["yellow"] == 2
    outcome = db.session.scalars(select(RunOutcome).order_by(RunOutcome.id.desc())).first()
    assert outcome is not None
    assert (outcome.quantity, outcome.reason) == (8, "budget")


def test_bundles_are_served_in_full_or_not_at_all(app: Flask) -> None:
    case = world.a_case()
    for quantity in (2, 3):
        world.a_need(case, quantity=quantity, bundle="冬衣套餐")
    capacity = world.a_capacity(quantity=4)
    services.run_now(SYSTEM, world.DAWUKOU)
    assert proposals() == []
    capacity = again(capacity)
    capacity.quantity = 5
    db.session.commit()
    services.run_now(SYSTEM, world.DAWUKOU)
    assert sum(row.quantity for row in proposals()) == 5


def test_a_declined_pair_is_left_out_and_said_so(app: Flask) -> None:
    capacity = world.a_capacity()
    need = world.a_need()
    services.run_now(SYSTEM, world.DAWUKOU)
    supplier = actor_of(world.a_user(region=None, organization=capacity.organization))
    allocations.decline(supplier, proposals()[0].public_id, "too_far")
    run = services.run_now(SYSTEM, world.DAWUKOU)
    assert proposals() == []
    outcome = db.session.scalars(select(RunOutcome).where(RunOutcome.run_id == run.id)).one()
    assert (outcome.need_id, outcome.reason) == (need.id, "declined")


def test_every_unserved_need_has_its_reason(app: Flask) -> None:
    world.a_capacity(categories=["S1102"], latitude=39.0, longitude=106.4, radius_km=5, groups=["G-DISABLED"])
    reasons = {
        world.a_need(category="S0401").id: "no_category",
        world.a_need(latitude=39.2, longitude=106.4).id: "too_far",
        world.a_need(latitude=39.0, longitude=106.4).id: "group",
        world.a_need(latitude=39.0, longitude=106.4, groups=["G-DISABLED"], requires=["Q-NURSE"]).id: "qualification",
    }
    services.run_now(SYSTEM, world.DAWUKOU)
    found = {row.need_id: row for row in db.session.scalars(select(RunOutcome))}
    assert {key: row.reason for key, row in found.items()} == reasons
    details = [found[key].details for key in reasons]
    assert details[1]["radius_metres"] == 5000
    assert 20_000 < details[1]["nearest_metres"] < 25_000
    assert details[3]["missing"] == ["Q-NURSE"]


def _frozen(shot: Snapshot) -> list[Any]:
    result = match(shot)
    return [result.digest, result.need.tolist(), result.offer.tolist(), result.units.tolist(), result.fit.tolist()]


def test_where_people_are_registered_changes_nothing(app: Flask) -> None:
    world.a_capacity(quantity=5)
    for _ in range(6):
        world.a_need()
    before = _frozen(snapshot())
    people = db.session.scalars(select(Person).order_by(Person.id)).all()
    codes = ["110000", "640202", None, "650000", "620000", "640104"]
    for person, code in zip(people, codes, strict=True):
        person.hukou_region = code
    db.session.commit()
    assert _frozen(snapshot()) == before


def test_what_changed_meanwhile_is_left_out(app: Flask) -> None:
    capacity = world.a_capacity(quantity=10)
    changed, kept = world.a_need(), world.a_need()

    def change_after_the_read(share: float) -> None:
        row = again(changed)
        if row.quantity == 2:
            row.quantity, row.version = 1, row.version + 1
            db.session.commit()
        db.session.rollback()

    run = services.run_now(SYSTEM, world.DAWUKOU, progress=change_after_the_read)
    assert [(row.need_id, row.capacity_id) for row in proposals()] == [(kept.id, capacity.id)]
    assert run.summary["stale"] == {"needs": 1, "capacities": 0}


def test_a_killed_solver_leaves_nothing_half_written(app: Flask) -> None:
    world.a_capacity(quantity=1)
    world.a_need()
    services.run_now(SYSTEM, world.DAWUKOU)
    before = [row.id for row in proposals()]
    db.session.rollback()
    run = services.start(SYSTEM, world.DAWUKOU)
    ended = threading.Event()

    def kill_the_solver() -> None:
        while not ended.is_set():
            for pid in solvers():
                os.kill(pid, signal.SIGKILL)
                return

    killer = threading.Thread(target=kill_the_solver)
    killer.start()
    jobs.work_off(app)
    ended.set()
    killer.join()
    run = again(run)
    assert run.state == "failed"
    assert "exit code -9" in run.failure
    assert [row.id for row in proposals()] == before
    assert db.session.scalar(select(func.count()).where(RunOutcome.run_id == run.id)) == 0


def test_closing_the_iterator_stops_the_process(app: Flask) -> None:
    world.a_need()
    steps = match_in_child(snapshot(), pause=0.01)
    next(steps)
    running = solvers()
    assert running
    steps.close()  # type: ignore[attr-defined]  # a generator
    assert not running & solvers()


def test_a_fault_in_the_child_is_told(app: Flask) -> None:
    world.a_need()
    frozen = snapshot()
    frozen.quantity[0] = -1
    with pytest.raises(SolverStopped, match="InvalidProblem"):
        list(match_in_child(frozen))


def test_cancelling_before_the_end_writes_nothing(app: Flask, coordinator: Actor) -> None:
    world.a_capacity()
    world.a_need()
    run = services.start(coordinator, world.DAWUKOU)
    services.cancel(coordinator, run.public_id)
    jobs.work_off(app)
    assert again(run).state == "cancelled"
    assert proposals() == []
    with pytest.raises(StateConflict):
        services.cancel(coordinator, run.public_id)


def test_cancelling_under_way_stops_the_solver(app: Flask, coordinator: Actor) -> None:
    world.a_capacity()
    world.a_need()

    def cancel_once(share: float) -> None:
        row = db.session.scalars(select(MatchRun)).one()
        if row.state == "running":
            services.cancel(coordinator, row.public_id)
        db.session.rollback()

    run = services.run_now(coordinator, world.DAWUKOU, progress=cancel_once)
    assert run.state == "cancelled"
    assert proposals() == []


def test_a_run_is_done_once(app: Flask) -> None:
    world.a_capacity()
    world.a_need()
    run = services.start(SYSTEM, world.DAWUKOU)
    services.perform(run.id)
    services.perform(run.id)
    jobs.work_off(app)
    assert len(proposals()) == 1
    assert again(run).state == "done"


def test_two_runs_of_one_scope_wait_for_each_other(app: Flask, coordinator: Actor) -> None:
    services.start(coordinator, world.DAWUKOU)
    with pytest.raises(StateConflict):
        services.start(coordinator, world.DAWUKOU)


def test_a_region_of_others_cannot_be_matched(coordinator: Actor) -> None:
    for region in (world.XINGQING, "640200", "640000"):
        with pytest.raises(AccessDenied):
            services.start(coordinator, region)
    with pytest.raises(InvalidInput):
        services.start(coordinator, "999999")
    run = world.a_run(world.XINGQING, state="queued")
    with pytest.raises(NotFound):
        services.find(coordinator, run.public_id)
    with pytest.raises(NotFound):
        services.cancel(coordinator, run.public_id)


def test_lost_runs_are_taken_up(app: Flask) -> None:
    long_ago = now() - timedelta(minutes=6)
    waiting = world.a_run(state="queued", progress=0, heartbeat_at=long_ago)
    silent = world.a_run(state="running", progress=40, heartbeat_at=long_ago)
    living = world.a_run(state="running", progress=40, heartbeat_at=now())
    services.take_up_lost_runs()
    assert (again(silent).state, again(silent).failure) == ("failed", "lost")
    assert again(living).state == "running"
    db.session.rollback()
    jobs.work_off(app)
    assert again(waiting).state == "done"


def test_progress_rises_to_one(app: Flask) -> None:
    world.a_capacity()
    world.a_need()
    told: list[float] = []
    run = services.run_now(SYSTEM, world.DAWUKOU, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    json.dumps(run.summary)
    assert set(run.summary["seconds"]) == {"read", "candidates", "solve", "explain", "write"}


def test_an_empty_region_is_no_fault(app: Flask) -> None:
    run = services.run_now(SYSTEM, world.DAWUKOU)
    assert (run.state, run.summary["needs"], run.summary["proposals"]) == ("done", 0, 0)
    assert db.session.scalar(select(func.count()).select_from(MatchRun)) == 1
