"""Backtests: started by a coordinator, and anew every month where runs look ahead; worked off beside the web."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import structlog
from flask_babel import lazy_gettext as _
from sqlalchemy import exists, select, update

from marketplace import audit, events, jobs
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.matches.foresight import period, replay
from marketplace.matches.foresight.models import HORIZON, LEAST_HORIZON, MOST_HORIZON, Backtest, Foresight
from marketplace.matches.foresight.record import scope_key
from marketplace.matches.foresight.services.reading import find
from marketplace.matches.foresight.services.switch import scope_of
from marketplace.matches.scope import Scope
from marketplace.matches.services.settings import check_region, policy_for, policy_of
from marketplace.matches.solving import SolverStopped, in_child
from marketplace.permissions import Actor, system_actor
from marketplace.records import now
from marketplace.transitions import move, transaction

log = structlog.get_logger(__name__)

JOB = "matches.backtest"
EVERY = timedelta(days=30)
"""How often a scope that looks ahead is shown what it would have been."""

BEAT_SECONDS = 1.0
LOST_AFTER = timedelta(minutes=5)
QUEUED_AFTER = timedelta(minutes=1)
UNDER_WAY = ("queued", "running")


def start(actor: Actor, region: str, alliance: str | None = None, horizon: int = HORIZON) -> Backtest:
    """Queue a backtest of the last 90 days of a scope, or of as many as there are.

    Args:
        horizon: how many days its runs look ahead at most.
    Raises:
        InvalidInput: no such region or alliance, an odd horizon, or hardly any history to run again.
        AccessDenied: the region is not the actor's to match.
        StateConflict: one of the same scope is under way.
    """
    scope = scope_of(actor, region, alliance)
    if not LEAST_HORIZON <= horizon <= MOST_HORIZON:
        raise InvalidInput(
            fields={
                "horizon": _("Enter %(least)s to %(most)s days", least=LEAST_HORIZON, most=MOST_HORIZON),
            }
        )
    if period.days_on_record(scope) < period.LEAST_DAYS:
        raise InvalidInput(
            _("There is less than a week of needs on record here: nothing to run again yet. Come back later.")
        )
    return _queue(actor, scope, horizon)


def _queue(actor: Actor, scope: Scope, horizon: int) -> Backtest:
    key = scope_key(scope)
    with transaction() as session:
        if session.scalar(select(Backtest).where(Backtest.scope == key, Backtest.state.in_(UNDER_WAY))) is not None:
            raise StateConflict(_("A backtest of this scope is under way. Wait for it, or stop it first."))
        row = Backtest(
            region=scope.region,
            alliance_id=scope.alliance_id,
            scope=key,
            started_by=actor.key,
            state="queued",
            horizon_days=horizon,
            policy=policy_for(scope.region, scope.alliance_id).as_dict(),
            heartbeat_at=now(),
        )
        session.add(row)
        session.flush()
        audit.record(actor, "backtest:queued", row, changed=["state"], after="queued")
        events.changed.send("backtest", ids=[row.id])
    jobs.enqueue(JOB, row.id)
    return row


def cancel(actor: Actor, public_id: str) -> Backtest:
    """Stop a backtest that waits or is under way; nothing of it is kept.

    Raises:
        NotFound, AccessDenied: it is not the actor's to stop.
        StateConflict: it has ended.
    """
    asked = find(actor, public_id)
    check_region(actor, asked.region)
    key = asked.id
    with transaction() as session:
        row = session.get_one(Backtest, key)
        if row.state not in UNDER_WAY:
            raise StateConflict(_("This backtest has ended; there is nothing to stop."))
        move(actor, row, expect=UNDER_WAY, to="cancelled", finished_at=now())
    return row


@jobs.job(JOB)
def perform(backtest_id: int) -> None:
    """The work behind a queued backtest. Doing it twice does it once."""
    actor = system_actor("foresight")
    if not _begin(actor, backtest_id):
        return
    try:
        _replay_and_write(actor, backtest_id)
    except _Cancelled:
        log.info("backtest_cancelled", backtest=backtest_id)
    except SolverStopped as error:
        _fail(actor, backtest_id, f"solver: {error}")
        log.warning("backtest_failed", backtest=backtest_id)
    except BaseException as error:
        _fail(actor, backtest_id, f"fault: {type(error).__name__}" if isinstance(error, Exception) else "lost")
        raise


class _Cancelled(Exception):
    """Somebody stopped the backtest, or a sweeper gave it up."""


def _begin(actor: Actor, key: int) -> bool:
    try:
        with transaction() as session:
            row = session.get(Backtest, key)
            if row is None or row.state != "queued":
                return False
            move(actor, row, expect="queued", to="running", heartbeat_at=now(), progress=1)
    except StateConflict:
        return False
    return True


def _replay_and_write(actor: Actor, key: int) -> None:
    row = db.session.get_one(Backtest, key, populate_existing=True)
    scope = Scope(row.region, row.alliance_id)
    policy, horizon = policy_of(row.policy), row.horizon_days
    began = time.perf_counter()
    read = period.read(scope, policy, horizon, period.days_on_record(scope))
    found: replay.Replayed = _followed(key, in_child(replay.work(read), pause=BEAT_SECONDS))
    seconds = round(time.perf_counter() - began, 1)
    with transaction() as session:
        row = session.get_one(Backtest, key, populate_existing=True)
        if row.state != "running":
            raise _Cancelled
        move(
            actor,
            row,
            expect="running",
            to="done",
            action="backtest:reviewed" if row.started_by == system_actor("foresight").key else None,
            progress=100,
            finished_at=now(),
            begins_on=read.begins,
            ends_on=read.begins + timedelta(days=read.days - 1),
            summary={**found.summary, "seconds": seconds},
        )
    log.info("backtest_done", backtest=key, seconds=seconds)


def _followed(key: int, steps: Iterator[Any]) -> Any:
    """The outcome of the child process, while no transaction is open; beats about once a second."""
    last = 0.0
    for step in steps:
        if not isinstance(step, float):
            return step
        if time.monotonic() - last >= BEAT_SECONDS:
            last = time.monotonic()
            _beat(key, step)
    raise SolverStopped("no result")


def _beat(key: int, share: float) -> None:
    with transaction() as session:
        alive = session.execute(
            update(Backtest)
            .where(Backtest.id == key, Backtest.state == "running")
            .values(heartbeat_at=now(), progress=min(max(int(100 * share), 1), 99))
            .execution_options(synchronize_session=False)
        )
    if alive.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
        raise _Cancelled


def _fail(actor: Actor, key: int, why: str) -> None:
    try:
        with transaction() as session:
            row = session.get_one(Backtest, key)
            move(actor, row, expect="running", to="failed", finished_at=now(), failure=why[:500])
    except StateConflict:
        log.info("backtest_ended_before_it_failed", backtest=key)


@jobs.sweeper
def take_up_lost_backtests() -> None:
    """Queue again what waits too long, and give up what has been silent too long."""
    waiting = select(Backtest.id).where(Backtest.state == "queued", Backtest.heartbeat_at < now() - QUEUED_AFTER)
    for key in list(db.session.scalars(waiting)):
        with transaction() as session:
            session.execute(update(Backtest).where(Backtest.id == key).values(heartbeat_at=now()))
        jobs.enqueue(JOB, key)
    silent = select(Backtest.id).where(Backtest.state == "running", Backtest.heartbeat_at < now() - LOST_AFTER)
    for key in list(db.session.scalars(silent)):
        _fail(system_actor("foresight"), key, "lost")


@jobs.sweeper
def review_monthly() -> None:
    """Make a new backtest for every scope that looks ahead and has had none, of whatever end, for a month."""
    lately = exists(select(Backtest.id).where(Backtest.scope == Foresight.scope, Backtest.created_at > now() - EVERY))
    due = select(Foresight.region, Foresight.alliance_id, Foresight.horizon_days).where(
        Foresight.state == "on", ~lately
    )
    for region, alliance_id, horizon in list(db.session.execute(due)):
        try:
            _queue(system_actor("foresight"), Scope(region, alliance_id), horizon)
        except StateConflict:
            log.info("monthly_backtest_left_out", region=region)
