"""Matching runs over the database: start, solve in a process of its own, write all or nothing."""

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from marketplace import jobs
from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.cases.models import Person
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.matches.models import MatchRun, RunOutcome
from marketplace.matches.snapshot import Snapshot
from marketplace.matches.solving import SolverStopped, match, match_in_child
from marketplace.permissions import Actor, Role
from marketplace.records import now
from tests.marketplace.matches.run_support import SYSTEM, again, proposals, snapshot, solvers
from tests.support import world


@pytest.fixture
def coordinator(app: Flask) -> Actor:
    return actor_of(world.a_user(Role.COORDINATOR))


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


DIES_BEFORE_ITS_COMMIT = """
import os, signal, sys
from sqlalchemy import event, func, select
from marketplace import create_app
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.permissions import system_actor

def die_with_proposals(session):
    if session.scalar(select(func.count()).select_from(Allocation)):
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    with create_app().app_context():
        event.listen(db.session, "before_commit", die_with_proposals)
        services.run_now(system_actor("test"), sys.argv[1])
"""


def test_a_worker_killed_while_writing_leaves_nothing_half_written(app: Flask, tmp_path: Path) -> None:
    world.a_capacity()
    for _ in range(5):
        world.a_need()
    db.session.rollback()
    script = tmp_path / "dies.py"
    script.write_text(DIES_BEFORE_ITS_COMMIT, encoding="utf-8")
    keys = app.extensions["marketplace.settings"].keys
    environ = {
        **os.environ,
        "INSTANCE_DIR": str(tmp_path),
        "SECRET_KEY": keys.secret_key,
        "FIELD_KEYS": ",".join(keys.field_keys),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    killed = subprocess.run([sys.executable, str(script), world.DAWUKOU], env=environ, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert db.session.scalar(select(func.count()).select_from(Allocation)) == 0
    run = db.session.scalars(select(MatchRun)).one()
    assert run.state == "running"
    db.session.execute(update(MatchRun).values(heartbeat_at=now() - timedelta(minutes=6)))
    db.session.commit()
    services.take_up_lost_runs()
    assert again(run).failure == "lost"
    assert services.run_now(SYSTEM, world.DAWUKOU).summary["proposals"] == 5
