"""What a reader sees of matching runs: what one would take, which there are, and what they found."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, not_, select, true
from sqlalchemy.orm import aliased

from marketplace.cases.models import Case
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


AT_ONCE = 20_000
"""Open needs up to which a page shows what a run would take without being asked for it."""


def quick_to_preview(region: str) -> bool:
    """Whether a scope is small enough to be previewed on every visit: a county is, larger ones are counted."""
    if not region.endswith("00"):
        return True
    first = select(Need.id).where(scope.open_needs(Scope(region))).limit(AT_ONCE + 1).subquery()
    return (db.session.scalar(select(func.count()).select_from(first)) or 0) <= AT_ONCE


def preview(actor: Actor, region: str, alliance: str | None = None) -> Preview:
    """What a run would take and leave out.

    Raises:
        InvalidInput, AccessDenied: as in `start`.
    """
    check_region(actor, region)
    known = (true() if actor.system else Case.open_to(actor.user_id)) if actor.may(Permission.CASE_VIEW) else None
    return previews.preview(Scope(region, alliance_key(alliance)), known=known)


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
        .where(MatchRun.public_id == public_id, MatchRun.ordinary())
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


def _runs(actor: Actor, permission: Permission) -> Select[Any]:
    return scoped(MatchRun, actor, permission).where(MatchRun.trial.is_(False), MatchRun.ordinary())


def failed_runs(actor: Actor) -> Select[Any]:
    """Runs that failed where no later one of the same scope is done: somebody who may start one looks at them."""
    later = aliased(MatchRun)
    mended = select(later.id).where(
        later.id > MatchRun.id,
        later.region == MatchRun.region,
        later.alliance_id.is_not_distinct_from(MatchRun.alliance_id),
        later.state == "done",
        later.trial.is_(False),
        later.case_id.is_(None),
    )
    return _runs(actor, Permission.RUN_START).where(MatchRun.state == "failed", not_(mended.exists()))


def list_runs(actor: Actor, page: int = 1, *, failed: bool = False) -> Page:
    """A page of runs, the newest first.

    Args:
        failed: only those of `failed_runs`.
    """
    page = min(max(page, 1), db.LAST_PAGE)
    query = failed_runs(actor) if failed else _runs(actor, Permission.RUN_VIEW)
    query = query.order_by(MatchRun.id.desc())
    rows = db.session.execute(
        query.add_columns(func.count().over()).offset((page - 1) * PER_PAGE).limit(PER_PAGE)
    ).all()
    return Page([run for run, _ in rows], page, rows[0][1] if rows else 0)


def alliance_of(run: MatchRun) -> Alliance | None:
    return alliance_of_key(run.alliance_id)


def alliance_of_key(key: int | None) -> Alliance | None:
    return None if key is None else db.session.get(Alliance, key)


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


@dataclass(frozen=True)
class Shortage:
    """What was short, and why: needs and units, and how many needs one unit more would serve, by colour."""

    category: str
    region: str
    reason: str
    needs: int
    units: dict[str, int]
    helped: dict[str, int]


def shortages_of(run: MatchRun, page: int = 1) -> Page:
    """A page of what was short: where one unit more would serve the most needs first, red before yellow.

    A case that was restricted since is not told of: its needs are taken out of the counts.
    """
    row, page = RunShortage, min(max(page, 1), db.LAST_PAGE)
    hidden = _hidden_since(run)
    ranked = [getattr(row, f"{what}_{colour}").desc() for what in ("helped", "units") for colour in URGENCIES]
    query = select(row, func.count().over()).where(row.run_id == run.id).order_by(*ranked, row.id)
    for (category, region, reason), gone in hidden.items():
        same = (row.category == category) & (row.region == region) & (row.reason == reason)
        query = query.where(not_(same & (row.needs <= gone["needs"])))
    found = db.session.execute(query.offset((page - 1) * PER_PAGE).limit(PER_PAGE)).all()
    items = [_without(one, hidden.get((one.category, one.region, one.reason), {})) for one, _ in found]
    return Page(items, page, found[0][1] if found else 0)


def _hidden_since(run: MatchRun) -> dict[tuple[str, str, str], dict[str, int]]:
    """Unserved needs of a run that lists may not show any more: how many, and units by colour, by shortage."""
    key = (Need.category, Need.region, RunOutcome.reason)
    query = (
        select(*key, Need.urgency, func.count(), func.sum(RunOutcome.quantity))
        .select_from(Case)
        .join(Need, Need.case_id == Case.id)
        .join(RunOutcome, RunOutcome.need_id == Need.id)
        .where(Case.restricted, RunOutcome.run_id == run.id)
        .group_by(*key, Need.urgency)
    )
    hidden: dict[tuple[str, str, str], dict[str, int]] = {}
    for category, region, reason, urgency, number, units in db.session.execute(query):
        gone = hidden.setdefault((category, region, reason), {"needs": 0})
        gone["needs"] += number
        gone[urgency] = int(units)
    return hidden


def _without(row: RunShortage, gone: dict[str, int]) -> Shortage:
    needs = row.needs - gone.get("needs", 0)
    return Shortage(
        category=row.category,
        region=row.region,
        reason=row.reason,
        needs=needs,
        units={colour: max(getattr(row, f"units_{colour}") - gone.get(colour, 0), 0) for colour in URGENCIES},
        helped={colour: min(getattr(row, f"helped_{colour}"), needs) for colour in URGENCIES},
    )


def before(run: MatchRun) -> MatchRun | None:
    """The run of the same scope that was done before it."""
    query = select(MatchRun).where(
        MatchRun.region == run.region,
        MatchRun.alliance_id.is_not_distinct_from(run.alliance_id),
        MatchRun.case_id.is_not_distinct_from(run.case_id),
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
