"""What a reader sees of matching runs: what one would take, which there are, and what they found."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select

from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.matches import preview as previews
from marketplace.matches import scope
from marketplace.matches.models import MatchRun, RunOutcome, RunShortage
from marketplace.matches.preview import Preview
from marketplace.matches.scope import Scope
from marketplace.matches.services.settings import alliance_key, check_region
from marketplace.needs.models import URGENCIES, Need
from marketplace.organizations.models import Alliance
from marketplace.permissions import Actor, Permission, scoped

PER_PAGE = 20


@dataclass(frozen=True)
class Page:
    """A page of rows of several columns, as the pagination component reads it."""

    items: list[Any]
    page: int
    total: int

    @property
    def pages(self) -> int:
        return -(-self.total // PER_PAGE)


def preview(actor: Actor, region: str, alliance: str | None = None) -> Preview:
    """What a run would take and leave out.

    Raises:
        InvalidInput, AccessDenied: as in `start`.
    """
    check_region(actor, region)
    return previews.preview(Scope(region, alliance_key(alliance)), restricted=actor.may(Permission.CASE_VIEW))


def alliance_by_slug(slug: str) -> Alliance | None:
    """An alliance by its slug; None for none."""
    return db.session.scalar(select(Alliance).where(Alliance.slug == slug)) if slug else None


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


def find_trial(actor: Actor, public_id: str) -> MatchRun:
    """One trial of a policy.

    Raises:
        NotFound: there is none, or it is of another region.
    """
    run = find(actor, public_id)
    if not run.trial:
        raise NotFound
    return run


def list_runs(actor: Actor, page: int = 1) -> Page:
    """A page of runs, the newest first."""
    page = max(page, 1)
    query = scoped(MatchRun, actor, Permission.RUN_VIEW).where(MatchRun.trial.is_(False)).order_by(MatchRun.id.desc())
    rows = db.session.execute(
        query.add_columns(func.count().over()).offset((page - 1) * PER_PAGE).limit(PER_PAGE)
    ).all()
    return Page([run for run, _ in rows], page, rows[0][1] if rows else 0)


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


def shortages_of(run: MatchRun, page: int = 1) -> Page:
    """A page of what was short: where one unit more would serve the most needs first, red before yellow.

    Rows have category, region, reason, needs, units, and units_ and helped_ for each colour. Counted anew from the
    needs that lists may show, so that a case restricted since is not told of.
    """
    row, page = RunShortage, max(page, 1)
    short = (
        select(
            Need.category,
            Need.region,
            RunOutcome.reason,
            func.count().label("needs"),
            func.sum(RunOutcome.quantity).label("units"),
            *(_sum_of(colour, RunOutcome.quantity).label(f"units_{colour}") for colour in URGENCIES),
            *(_sum_of(colour, 1).label(f"needs_{colour}") for colour in URGENCIES),
        )
        .join(Need, Need.id == RunOutcome.need_id)
        .where(RunOutcome.run_id == run.id, scope.shown_need())
        .group_by(Need.category, Need.region, RunOutcome.reason)
        .subquery()
    )
    helped = {
        colour: case(
            (getattr(row, f"helped_{colour}") < short.c[f"needs_{colour}"], getattr(row, f"helped_{colour}")),
            (row.id.is_not(None), short.c[f"needs_{colour}"]),
            else_=0,
        ).label(f"helped_{colour}")
        for colour in URGENCIES
    }
    query = select(short, *helped.values()).outerjoin(
        row,
        (row.run_id == run.id)
        & (row.category == short.c.category)
        & (row.region == short.c.region)
        & (row.reason == short.c.reason),
    )
    ranked = [*helped.values(), *(short.c[f"units_{colour}"] for colour in URGENCIES)]
    query = query.order_by(*(column.desc() for column in ranked), short.c.category, short.c.region, short.c.reason)
    total = db.session.scalar(select(func.count()).select_from(short)) or 0
    items = list(db.session.execute(query.offset((page - 1) * PER_PAGE).limit(PER_PAGE)))
    return Page(items, page, total)


def _sum_of(colour: str, number: Any) -> Any:
    return func.sum(case((Need.urgency == colour, number), else_=0))


def before(run: MatchRun) -> MatchRun | None:
    """The run of the same scope that was done before it."""
    query = select(MatchRun).where(
        MatchRun.region == run.region,
        MatchRun.alliance_id.is_not_distinct_from(run.alliance_id),
        MatchRun.state == "done",
        MatchRun.trial.is_(False),
        MatchRun.id < run.id,
    )
    found: MatchRun | None = db.session.scalar(query.order_by(MatchRun.id.desc()).limit(1))
    return found


@dataclass(frozen=True)
class Comparison:
    """A run beside the one before it.

    Attributes:
        earlier: the run before.
        still: needs that both left unserved in part or whole. new: that only the later one did.
    """

    earlier: MatchRun
    still: int
    new: int


def compared(run: MatchRun) -> Comparison | None:
    """What changed since the run before; None where there is none."""
    earlier = before(run)
    if earlier is None or "regions" not in earlier.summary:
        return None
    left = select(RunOutcome.need_id).where(RunOutcome.run_id == earlier.id)
    both = select(func.count()).select_from(RunOutcome).where(RunOutcome.run_id == run.id, RunOutcome.need_id.in_(left))
    every = select(func.count()).select_from(RunOutcome).where(RunOutcome.run_id == run.id)
    still, number = db.session.execute(select(both.scalar_subquery(), every.scalar_subquery())).one()
    return Comparison(earlier, still, number - still)
