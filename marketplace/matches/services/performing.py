"""What a worker does with a queued run or trial, and what becomes of those whose worker was lost."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import insert, select, update

from marketplace import jobs
from marketplace.allocations import services as allocations
from marketplace.errors import StateConflict
from marketplace.extensions import db
from marketplace.matches import kept, outcomes, problem, trial
from marketplace.matches.foresight.record import looking_ahead, looks_ahead
from marketplace.matches.holds.models import RunHold
from marketplace.matches.models import MatchRun, RunOutcome, RunShortage
from marketplace.matches.scope import Scope, capacities_in, needs_in
from marketplace.matches.services import case_proposals
from marketplace.matches.services.settings import policy_of
from marketplace.matches.solving import Result, SolverStopped, in_child, match_in_child
from marketplace.needs.models import Need
from marketplace.organizations.models import AllianceMember
from marketplace.permissions import Actor, system_actor
from marketplace.projects.models import Capacity
from marketplace.records import now
from marketplace.transitions import move, transaction

log = structlog.get_logger(__name__)

JOB = "matches.run"
BEAT_SECONDS = 1.0
"""How often a run on its way writes that it lives, and looks whether it was cancelled."""
LOST_AFTER = timedelta(minutes=5)
"""A run whose worker has been silent for so long has lost it."""
QUEUED_AFTER = timedelta(minutes=1)
"""A run that waits for longer is put into the queue again: its task may be lost."""

Progress = Callable[[float], None]


@jobs.job(JOB)
def perform(run_id: int) -> None:
    """The work behind a queued run. Doing it twice does it once."""
    try:
        execute(run_id, lambda _share: None)
    except SolverStopped:
        log.warning("run_failed", run=run_id)


def execute(run_id: int, tell: Progress) -> None:
    """Do a queued run or trial here and now; one that another has taken or somebody cancelled is left alone.

    Raises:
        SolverStopped: the solver failed; the run is kept as failed.
    """
    actor = system_actor("matching")
    if not _begin(actor, run_id):
        return
    try:
        if db.session.get_one(MatchRun, run_id, populate_existing=True).trial:
            _try_and_write(actor, run_id, tell)
        else:
            while not _match_and_write(actor, run_id, tell):
                log.info("run_again_without_foresight", run=run_id)
    except _Cancelled:
        log.info("run_cancelled", run=run_id)
    except SolverStopped as error:
        _fail(actor, run_id, f"solver: {error}")
        raise
    except BaseException as error:
        # Stopping the worker is no fault of the run: its page says to start another.
        _fail(actor, run_id, f"fault: {type(error).__name__}" if isinstance(error, Exception) else "lost")
        raise


class _Cancelled(Exception):
    """Somebody cancelled the run, or a sweeper gave it up."""


def _begin(actor: Actor, run_id: int) -> bool:
    """Take a queued run; False where another worker has it or it was cancelled."""
    try:
        with transaction() as session:
            run = session.get(MatchRun, run_id)
            if run is None or run.state != "queued":
                return False
            action = _told_as(run, "running")
            move(actor, run, expect="queued", to="running", action=action, heartbeat_at=now(), progress=1)
    except StateConflict:
        return False
    return True


def _match_and_write(actor: Actor, run_id: int, tell: Progress) -> bool:
    """Whether a result was written: none is that looks ahead, once foresight was turned off meanwhile."""
    run = db.session.get_one(MatchRun, run_id, populate_existing=True)
    scope = Scope(run.region, run.alliance_id, run.case_id)
    path = kept.path_of(run.public_id)
    began = time.perf_counter()
    snapshot = looking_ahead(problem.read(scope, policy_of(run.policy)), scope)
    seconds = {"read": round(time.perf_counter() - began, 3)}
    tell(0.05)
    result: Result = _followed(run_id, match_in_child(snapshot, pause=BEAT_SECONDS, archive=path), tell)
    seconds |= result.seconds
    began = time.perf_counter()
    with transaction() as session:
        # Its row first and the trail's head later, as whoever cancels: two in other orders would wait in a circle.
        run = session.get_one(MatchRun, run_id, populate_existing=True, with_for_update=True)
        if run.state != "running":
            raise _Cancelled
        if snapshot.ahead is not None and not looks_ahead(scope):
            return False
        made = outcomes.written(run_id, snapshot, result, _fresh(scope))
        if scope.case_id is None:
            allocations.supersede(actor, scope.region, _members(scope))
            allocations.propose(actor, made.proposals, run_id=run_id)
        else:
            case_proposals.replace(actor, scope.case_id, made.proposals, run_id=run_id)
        if made.outcomes:
            session.execute(insert(RunOutcome), made.outcomes)
        if made.shortages and scope.case_id is None:
            session.execute(insert(RunShortage), made.shortages)
        if made.holds and scope.case_id is None:
            session.execute(insert(RunHold), made.holds)
        seconds["write"] = round(time.perf_counter() - began, 3)
        move(
            actor,
            run,
            expect="running",
            to="done",
            action=_told_as(run, "done"),
            progress=100,
            finished_at=now(),
            digest=result.digest,
            status=result.status,
            summary=outcomes.summary(snapshot, result, made, seconds),
        )
    _forget_older(scope)
    tell(1.0)
    log.info("run_done", run=run_id, proposals=len(made.proposals), unserved=len(made.outcomes))
    return True


def _told_as(run: MatchRun, state: str) -> str | None:
    """The action of the trail by which readers are told: what of a restricted case or a trial is not told as a run."""
    if run.case_id is not None:
        return f"match_run:case_{state}"
    return {"done": "match_run:tried", "failed": "match_run:trial_failed"}.get(state) if run.trial else None


def _forget_older(scope: Scope) -> None:
    """Of each scope the newest runs can be explained need by need."""
    done = (
        select(MatchRun.public_id)
        .where(
            MatchRun.region == scope.region,
            MatchRun.alliance_id.is_not_distinct_from(scope.alliance_id),
            MatchRun.case_id.is_not_distinct_from(scope.case_id),
            MatchRun.state == "done",
            MatchRun.trial.is_(False),
        )
        .order_by(MatchRun.id.desc())
        .offset(kept.KEPT_A_SCOPE)
        .limit(20)
    )
    kept.forget(list(db.session.scalars(done)))


def _try_and_write(actor: Actor, run_id: int, tell: Progress) -> None:
    run = db.session.get_one(MatchRun, run_id, populate_existing=True)
    asked = dict(run.changes)
    changes = trial.Changes(policy_of(asked["policy"]), int(asked["capacity_percent"]), int(asked["radius_percent"]))
    began = time.perf_counter()
    scope = Scope(run.region, run.alliance_id)
    snapshot = looking_ahead(problem.read(scope, policy_of(run.policy)), scope)
    tell(0.05)
    work = in_child(trial.work(snapshot, changes), pause=BEAT_SECONDS)
    tried: trial.Tried = _followed(run_id, work, tell)
    seconds = round(time.perf_counter() - began, 3)
    with transaction() as session:
        run = session.get_one(MatchRun, run_id, populate_existing=True)
        if run.state != "running":
            raise _Cancelled
        move(
            actor,
            run,
            expect="running",
            to="done",
            action=_told_as(run, "done"),
            progress=100,
            finished_at=now(),
            summary={**tried.summary, "seconds": seconds},
        )
    tell(1.0)


def _followed(run_id: int, steps: Iterator[Any], tell: Progress) -> Any:
    """The outcome of a child process, while no transaction is open; beats once a second.

    Raises:
        SolverStopped: it ended without one. _Cancelled: somebody cancelled the run.
    """
    last = 0.0
    for step in steps:
        if not isinstance(step, float):
            return step
        share = 0.05 + 0.9 * step
        tell(share)
        if time.monotonic() - last >= BEAT_SECONDS:
            last = time.monotonic()
            _beat(run_id, share)
    raise SolverStopped("no result")


def _beat(run_id: int, share: float) -> None:
    with transaction() as session:
        alive = session.execute(
            update(MatchRun)
            .where(MatchRun.id == run_id, MatchRun.state == "running")
            .values(heartbeat_at=now(), progress=min(int(100 * share), 99))
            .execution_options(synchronize_session=False)
        )
    if alive.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
        raise _Cancelled


def _fresh(scope: Scope) -> outcomes.Fresh:
    needs = db.session.execute(needs_in(scope).with_only_columns(Need.id, Need.version))
    offers = db.session.execute(
        capacities_in(scope).with_only_columns(Capacity.id, Capacity.version, Capacity.allocated)
    )
    return outcomes.Fresh(
        needs={row.id: row.version for row in needs},
        capacities={key: (version, allocated) for key, version, allocated in offers},
    )


def _members(scope: Scope) -> list[int] | None:
    if scope.alliance_id is None:
        return None
    query = select(AllianceMember.organization_id).where(
        AllianceMember.alliance_id == scope.alliance_id, AllianceMember.left_on.is_(None)
    )
    return list(db.session.scalars(query))


def _fail(actor: Actor, run_id: int, why: str) -> None:
    try:
        with transaction() as session:
            run = session.get_one(MatchRun, run_id)
            action = _told_as(run, "failed")
            move(actor, run, expect="running", to="failed", action=action, finished_at=now(), failure=why[:500])
    except StateConflict:
        log.info("run_ended_before_it_failed", run=run_id)


@jobs.sweeper
def take_up_lost_runs() -> None:
    """Queue again what waits too long, and give up what has been silent too long."""
    waiting = select(MatchRun.id).where(MatchRun.state == "queued", MatchRun.heartbeat_at < now() - QUEUED_AFTER)
    for key in list(db.session.scalars(waiting)):
        with transaction() as session:
            session.execute(update(MatchRun).where(MatchRun.id == key).values(heartbeat_at=now()))
        jobs.enqueue(JOB, key)
    silent = select(MatchRun.id).where(MatchRun.state == "running", MatchRun.heartbeat_at < now() - LOST_AFTER)
    for key in list(db.session.scalars(silent)):
        _fail(system_actor("matching"), key, "lost")
