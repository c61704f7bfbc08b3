"""Start and cancel matching runs and trials of policies."""

from datetime import timedelta
from typing import Any

import structlog
from flask_babel import lazy_gettext as _
from sqlalchemy import delete, select

from marketplace import audit, events, jobs
from marketplace.accounts.models import User
from marketplace.errors import NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches.models import MatchRun
from marketplace.matches.services.performing import JOB, Progress, execute
from marketplace.matches.services.settings import alliance_key, check_region, due_nights, policy_for
from marketplace.matches.trial import Changes
from marketplace.organizations.models import Alliance
from marketplace.permissions import Actor, Permission, scoped, system_actor
from marketplace.records import now
from marketplace.transitions import move, transaction

log = structlog.get_logger(__name__)

TRIAL_DAYS = 30
"""A trial is kept for so long."""


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
    execute(run.id, progress)
    return db.session.get_one(MatchRun, run.id, populate_existing=True)


def _create(actor: Actor, region: str, alliance: str | None, changes: Changes | None = None) -> MatchRun:
    check_region(actor, region)
    with transaction() as session:
        alliance_id = alliance_key(alliance)
        _hold(actor, region, alliance_id, trial=changes is not None)
        under_way = select(MatchRun).where(
            MatchRun.region == region,
            MatchRun.alliance_id.is_not_distinct_from(alliance_id),
            MatchRun.ordinary(),
            MatchRun.state.in_(("queued", "running")),
            MatchRun.trial.is_(changes is not None),
        )
        if changes is not None:  # who tries again has no use for what was tried before
            for old in session.scalars(under_way.where(MatchRun.started_by == actor.key)):
                move(actor, old, expect=("queued", "running"), to="cancelled", finished_at=now())
        elif session.scalar(under_way) is not None:
            raise StateConflict(_("A run of this scope is under way. Wait for it, or cancel it first."))
        run = MatchRun(
            region=region,
            alliance_id=alliance_id,
            started_by=actor.key,
            state="queued",
            policy=policy_for(region, alliance_id).as_dict(),
            heartbeat_at=now(),
            trial=changes is not None,
            changes=_told(changes),
        )
        session.add(run)
        session.flush()
        audit.record(actor, "match_run:queued", run, changed=["state"], after="queued")
        events.changed.send("match_run", ids=[run.id])
    return run


def _hold(actor: Actor, region: str, alliance_id: int | None, *, trial: bool) -> None:
    """Wait for whoever starts a run of the same scope, or who tries as the same user: their run is no row yet."""
    if trial:
        db.session.execute(select(User.id).where(User.id == actor.user_id).with_for_update(key_share=True))
    elif alliance_id is not None:
        db.session.execute(select(Alliance.id).where(Alliance.id == alliance_id).with_for_update(key_share=True))
    else:
        audit.hold(region)


def _told(changes: Changes | None) -> dict[str, Any]:
    if changes is None:
        return {}
    return {
        "policy": changes.policy.as_dict(),
        "capacity_percent": changes.capacity_percent,
        "radius_percent": changes.radius_percent,
    }


def try_changes(actor: Actor, region: str, alliance: str | None, changes: Changes) -> MatchRun:
    """Queue a comparison of the policy of a scope with another; the actor's earlier one of the scope is given up.

    Raises:
        InvalidInput, AccessDenied: as in `start`.
    """
    run = _create(actor, region, alliance, changes)
    jobs.enqueue(JOB, run.id)
    return run


def cancel(actor: Actor, public_id: str) -> MatchRun:
    """Stop a run that waits or is under way; nothing of it is written.

    Raises:
        NotFound: not within the actor's reach.
        StateConflict: it has ended.
    """
    with transaction() as session:
        run: MatchRun | None = session.scalar(
            scoped(MatchRun, actor, Permission.RUN_CANCEL).where(MatchRun.public_id == public_id, MatchRun.ordinary())
        )
        if run is None:
            raise NotFound
        if run.state not in ("queued", "running"):
            raise StateConflict(_("This run has ended; there is nothing to cancel."))
        move(actor, run, expect=("queued", "running"), to="cancelled", finished_at=now())
    return run


@jobs.sweeper
def forget_trials() -> None:
    """Trials are read on the day they are made; a month later they go, and the trail keeps that they were."""
    old = select(MatchRun.id, MatchRun.region).where(
        MatchRun.trial.is_(True),
        MatchRun.state.in_(("done", "failed", "cancelled")),
        MatchRun.created_at < now() - timedelta(days=TRIAL_DAYS),
    )
    if db.session.execute(old.limit(1)).first() is None:  # every minute: nobody who writes waits for it
        return
    with transaction() as session:
        rows = [(key, region) for key, region in session.execute(old.order_by(MatchRun.id).limit(500))]
        session.execute(delete(MatchRun).where(MatchRun.id.in_([key for key, _region in rows])))
        audit.record_many(system_actor("calendar"), "match_run:trial_forgotten", "match_run", rows)


@jobs.sweeper
def start_nightly_runs() -> None:
    """Start the runs of tonight; a scope with a run under way is matched by that."""
    for setting in due_nights():
        alliance = db.session.get(Alliance, setting.alliance_id) if setting.alliance_id else None
        try:
            start(system_actor("nightly"), setting.region, alliance.slug if alliance else None)
        except StateConflict:
            log.info("nightly_run_left_out", setting=setting.id)
