"""Start, perform and cancel matching runs, and take up what a lost worker left."""

import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from flask_babel import lazy_gettext as _
from sqlalchemy import insert, select, update

from marketplace import audit, events, jobs, regions
from marketplace.allocations import services as allocations
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches import outcomes, problem
from marketplace.matches.models import MatchRun, RunOutcome
from marketplace.matches.scope import Scope, capacities_in, needs_in
from marketplace.matches.solving import Result, Snapshot, SolverStopped, match_in_child
from marketplace.needs.models import Need
from marketplace.organizations.models import Alliance, AllianceMember
from marketplace.permissions import Actor, Permission, scoped, system_actor
from marketplace.permissions import Scope as Reach
from marketplace.projects.models import Capacity
from marketplace.records import now
from marketplace.transitions import move, transaction
from matching import Policy

log = structlog.get_logger(__name__)

JOB = "matches.run"
BEAT_SECONDS = 1.0
"""How often a run on its way writes that it lives, and looks whether it was cancelled."""
LOST_AFTER = timedelta(minutes=5)
"""A run whose worker has been silent for so long has lost it."""
QUEUED_AFTER = timedelta(minutes=1)
"""A run that waits for longer is put into the queue again: its task may be lost."""

Progress = Callable[[float], None]


def start(actor: Actor, region: str, alliance: str | None = None) -> MatchRun:
    """Queue a run over a region and all below it, with everybody's capacity or an alliance's (by its slug).

    Raises:
        InvalidInput: there is no such region or alliance.
        AccessDenied: the region is not the actor's to match.
        StateConflict: a run of the same scope is under way.
    """
    run = _create(actor, region, alliance)
    jobs.enqueue(JOB, run.id)
    return run


def run_now(
    actor: Actor, region: str, alliance: str | None = None, progress: Progress = lambda _share: None
) -> MatchRun:
    """The same run, here and now, for a command; `progress` is called with the share done, from 0 to 1.

    Raises:
        InvalidInput, AccessDenied, StateConflict: as in `start`.
        SolverStopped: the solver failed; the run is kept as failed.
    """
    run = _create(actor, region, alliance)
    _execute(run.id, progress)
    return db.session.get_one(MatchRun, run.id, populate_existing=True)


def _create(actor: Actor, region: str, alliance: str | None) -> MatchRun:
    check_region(actor, region)
    with transaction() as session:
        alliance_id = None
        if alliance:
            alliance_id = session.scalar(select(Alliance.id).where(Alliance.slug == alliance))
            if alliance_id is None:
                raise InvalidInput(fields={"alliance": _("Choose an alliance of the list.")})
        under_way = session.scalar(
            select(MatchRun.id).where(
                MatchRun.region == region,
                MatchRun.alliance_id.is_not_distinct_from(alliance_id),
                MatchRun.state.in_(("queued", "running")),
            )
        )
        if under_way is not None:
            raise StateConflict(_("A run of this scope is under way. Wait for it, or cancel it first."))
        run = MatchRun(
            region=region,
            alliance_id=alliance_id,
            started_by=actor.key,
            state="queued",
            policy=Policy().as_dict(),
            heartbeat_at=now(),
        )
        session.add(run)
        session.flush()
        audit.record(actor, "match_run:queued", run, changed=["state"], after="queued")
        events.changed.send("match_run", ids=[run.id])
    return run


def check_region(actor: Actor, region: str) -> None:
    """Refuse a region that is unknown or not the actor's to match.

    Raises:
        InvalidInput, AccessDenied.
    """
    if not regions.exists(region):
        raise InvalidInput(fields={"region": _("Choose a region of the list.")})
    reach = actor.scopes(Permission.RUN_START)
    whole = Reach.ALL in reach
    own = Reach.REGION in reach and actor.region is not None and regions.contains(actor.region, region)
    if not (whole or own):
        raise AccessDenied(_("You can match the region that you serve, and what is below it."))


def cancel(actor: Actor, public_id: str) -> MatchRun:
    """Stop a run that waits or is under way; nothing of it is written.

    Raises:
        NotFound: not within the actor's reach.
        StateConflict: it has ended.
    """
    with transaction() as session:
        run: MatchRun | None = session.scalar(
            scoped(MatchRun, actor, Permission.RUN_CANCEL).where(MatchRun.public_id == public_id)
        )
        if run is None:
            raise NotFound
        if run.state not in ("queued", "running"):
            raise StateConflict(_("This run has ended; there is nothing to cancel."))
        move(actor, run, expect=("queued", "running"), to="cancelled", finished_at=now())
    return run


@jobs.job(JOB)
def perform(run_id: int) -> None:
    """The work behind a queued run. Doing it twice does it once."""
    try:
        _execute(run_id, lambda _share: None)
    except SolverStopped:
        log.warning("run_failed", run=run_id)


def _execute(run_id: int, tell: Progress) -> None:
    actor = system_actor("matching")
    if not _begin(actor, run_id):
        return
    try:
        _match_and_write(actor, run_id, tell)
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
            move(actor, run, expect="queued", to="running", heartbeat_at=now(), progress=1)
    except StateConflict:
        return False
    return True


def _match_and_write(actor: Actor, run_id: int, tell: Progress) -> None:
    run = db.session.get_one(MatchRun, run_id, populate_existing=True)
    scope = Scope(run.region, run.alliance_id)
    policy = Policy(**run.policy)
    began = time.perf_counter()
    snapshot = problem.read(scope, policy)
    seconds = {"read": round(time.perf_counter() - began, 3)}
    tell(0.05)
    result = _solve(run_id, snapshot, tell)
    seconds |= result.seconds
    began = time.perf_counter()
    with transaction() as session:
        run = session.get_one(MatchRun, run_id, populate_existing=True)
        if run.state != "running":
            raise _Cancelled
        made = outcomes.written(run_id, snapshot, result, _fresh(scope))
        allocations.supersede(actor, scope.region, _members(scope))
        allocations.propose(actor, made.proposals, run_id=run_id)
        if made.outcomes:
            session.execute(insert(RunOutcome), made.outcomes)
        seconds["write"] = round(time.perf_counter() - began, 3)
        move(
            actor,
            run,
            expect="running",
            to="done",
            progress=100,
            finished_at=now(),
            digest=result.digest,
            status=result.status,
            summary=outcomes.summary(snapshot, result, made, seconds),
        )
    tell(1.0)
    log.info("run_done", run=run_id, proposals=len(made.proposals), unserved=len(made.outcomes))


def _solve(run_id: int, snapshot: Snapshot, tell: Progress) -> Result:
    """Solve in a child process while no transaction is open, beating once a second."""
    last = 0.0
    for step in match_in_child(snapshot, pause=BEAT_SECONDS):
        if isinstance(step, Result):
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
    query = select(AllianceMember.organization_id).where(AllianceMember.alliance_id == scope.alliance_id)
    return list(db.session.scalars(query))


def _fail(actor: Actor, run_id: int, why: str) -> None:
    try:
        with transaction() as session:
            run = session.get_one(MatchRun, run_id)
            move(actor, run, expect="running", to="failed", finished_at=now(), failure=why[:500])
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
