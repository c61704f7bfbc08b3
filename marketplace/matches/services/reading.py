"""What a reader sees of matching runs: what one would take, which there are, and what they found."""

from typing import Any

from sqlalchemy import func, select

from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.matches import scope
from marketplace.matches.models import MatchRun, RunOutcome
from marketplace.matches.scope import Preview, Scope
from marketplace.matches.services.settings import alliance_key, check_region
from marketplace.needs.models import Need
from marketplace.organizations.models import Alliance
from marketplace.permissions import Actor, Permission, scoped


def preview(actor: Actor, region: str, alliance: str | None = None) -> Preview:
    """What a run would take and leave out.

    Raises:
        InvalidInput, AccessDenied: as in `start`.
    """
    check_region(actor, region)
    return scope.preview(Scope(region, alliance_key(alliance)))


def alliances_for(actor: Actor) -> list[Alliance]:
    """Alliances that work in or around the actor's region."""
    rows = db.session.scalars(select(Alliance).order_by(Alliance.name))
    return [row for row in rows if actor.region is None or scope.serves([row.region], actor.region)]


def find(actor: Actor, public_id: str) -> MatchRun:
    """One run.

    Raises:
        NotFound: there is none, or it is of another region.
    """
    run: MatchRun | None = db.session.scalar(
        scoped(MatchRun, actor, Permission.RUN_VIEW)
        .where(MatchRun.public_id == public_id)
        .execution_options(populate_existing=True)
    )
    if run is None:
        raise NotFound
    return run


def list_runs(actor: Actor, page: int = 1) -> Any:
    """A page of runs, the newest first."""
    query = scoped(MatchRun, actor, Permission.RUN_VIEW).where(MatchRun.trial.is_(False)).order_by(MatchRun.id.desc())
    return db.paginate(query, page=page, per_page=20, error_out=False)


def alliance_of(run: MatchRun) -> Alliance | None:
    return None if run.alliance_id is None else db.session.get(Alliance, run.alliance_id)


def outcomes_of(run: MatchRun, *, reason: str = "", urgency: str = "", page: int = 1) -> Any:
    """A page of needs that a run left unserved, as pairs of outcome and need, the most urgent first."""
    query = (
        select(RunOutcome)
        .join(Need, Need.id == RunOutcome.need_id)
        .where(RunOutcome.run_id == run.id, scope.shown_need())
    )
    if reason:
        query = query.where(RunOutcome.reason == reason)
    if urgency:
        query = query.where(Need.urgency == urgency)
    query = query.order_by(scope.URGENCY_RANK, RunOutcome.id)
    return db.paginate(query, page=page, per_page=20, error_out=False)


def needs_of(rows: list[RunOutcome]) -> dict[int, Need]:
    """The needs of outcomes, by key."""
    keys = [row.need_id for row in rows]
    return {row.id: row for row in db.session.scalars(select(Need).where(Need.id.in_(keys)))}


def shortages_of(run: MatchRun, limit: int = 100) -> list[Any]:
    """What is short: category, region, reason, needs and unserved units, the most units first."""
    units = func.sum(RunOutcome.quantity).label("units")
    query = (
        select(Need.category, Need.region, RunOutcome.reason, func.count().label("needs"), units)
        .join(Need, Need.id == RunOutcome.need_id)
        .where(RunOutcome.run_id == run.id, scope.shown_need())
        .group_by(Need.category, Need.region, RunOutcome.reason)
        .order_by(units.desc(), Need.category, Need.region)
        .limit(limit)
    )
    return list(db.session.execute(query))
