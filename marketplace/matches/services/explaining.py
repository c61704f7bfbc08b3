"""One need of a run explained: who serves it, what every other choice would cost, what would help."""

from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import joinedload

from marketplace import wording
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.matches import kept, outcomes, scope
from marketplace.matches.archive import Archive, NoArchive, load
from marketplace.matches.file_codes import code_tables
from marketplace.matches.models import MatchRun, RunOutcome
from marketplace.needs.models import Need
from marketplace.organizations.models import name_of
from marketplace.projects.models import Capacity
from matching.explain.accounts import Explanation
from matching.explain.sentences import Names, describe

SHOWN = 10
"""So many offers that could serve a need are told."""


@dataclass(frozen=True)
class Offer:
    """An offer that could serve the need: who, how far, how well and how that comes about.

    Attributes:
        capacity: the record; None where it is gone.
        chosen: units that the run proposed here.
        left: units that the run left free here.
        parts: of the fit, by name, 0 to 10000.
    """

    capacity: Capacity | None
    name: str
    fit: int
    metres: int | None
    chosen: int
    left: int
    parts: dict[str, int]


@dataclass(frozen=True)
class Told:
    """An explanation in words and figures."""

    need: Need
    sentences: list[str]
    offers: list[Offer]
    candidates: int


def explained(run: MatchRun, need_id: str) -> Told | None:
    """One need of a run; None where the run can no longer be explained need by need.

    Raises:
        NotFound: the need is not there to be seen.
    """
    need: Need | None = db.session.scalar(select(Need).where(Need.public_id == need_id, _named(run)))
    if need is None:
        raise NotFound
    try:
        archive = load(kept.path_of(run.public_id))
        row = archive.row_of(need.id)
    except NoArchive:
        return None
    found = archive.explain(row)
    capacities = _capacities(archive, found)
    needs = _needs(archive, found, run)
    names = _names(archive, capacities, needs)
    language = "en" if wording.language() == "en" else "zh"
    metres = archive.metres_to(row)
    parts = {choice.offer: choice.parts for choice in found.chosen}
    parts |= {one.offer: one.parts for one in found.runners_up}
    return Told(
        need=need,
        sentences=[*_kept_for(run, need), *describe(found, language, names, runners_up=5)],
        offers=[
            Offer(
                capacity=capacities.get(offer),
                name=_capacity_name(capacities.get(offer)),
                fit=fit,
                metres=metres.get(offer),
                chosen=given,
                left=left,
                parts=dict(parts.get(offer, {})),
            )
            for offer, fit, given, left in found.candidates[:SHOWN]
        ],
        candidates=len(found.candidates),
    )


def _kept_for(run: MatchRun, need: Need) -> list[str]:
    """What units were kept for instead of this need, where that is its reason."""
    query = select(RunOutcome).where(RunOutcome.run_id == run.id, RunOutcome.need_id == need.id)
    outcome = db.session.scalar(query.limit(1))
    return [outcomes.detail_text(outcome)] if outcome and outcome.reason == outcomes.HELD else []


def _capacities(archive: Archive, found: Explanation) -> dict[int, Capacity]:
    """The capacities that an explanation speaks of, by their rows."""
    rows = {offer for offer, *_rest in found.candidates[:SHOWN]}
    rows |= {choice.offer for choice in found.chosen} | {change.offer for change in found.changes}
    for one in found.runners_up:
        rows |= {one.offer, *(place for move in one.moves for place in (move.source, move.target) if place >= 0)}
    row_of = {int(archive.capacity_id[row]): row for row in rows}
    query = select(Capacity).where(Capacity.id.in_(row_of)).options(joinedload(Capacity.organization))
    return {row_of[one.id]: one for one in db.session.scalars(query)}


def _named(run: MatchRun) -> ColumnElement[bool]:
    """Needs that a run's pages may name: those of its own case where it is restricted to one."""
    return scope.shown_need() if run.case_id is None else Need.case_id == run.case_id


def _needs(archive: Archive, found: Explanation, run: MatchRun) -> dict[int, Need]:
    """The needs that may be named: those that the reader's lists show."""
    rows = {move.need for one in found.runners_up for move in one.moves if move.need >= 0}
    rows |= {change.first for change in found.changes if change.first >= 0}
    row_of = {int(archive.need_id[row]): row for row in rows}
    query = select(Need).where(Need.id.in_(row_of), _named(run))
    return {row_of[one.id]: one for one in db.session.scalars(query)}


def _names(archive: Archive, capacities: dict[int, Capacity], needs: dict[int, Need]) -> Names:
    tables = code_tables()

    def need_name(row: int) -> str:
        need = needs.get(row)
        return f"{need.reference} {need.title}" if need else str(_("another household's"))

    return Names(
        need=need_name,
        offer=lambda row: _capacity_name(capacities.get(row)),
        qualification=lambda bit: wording.qualification_name(archive.qualifications[bit]),
        group=lambda bit: wording.group_name(tables.groups.codes[bit]),
    )


def _capacity_name(capacity: Capacity | None) -> str:
    """Who offers what; a volunteer is not named."""
    if capacity is None:
        return str(_("a capacity that is gone"))
    if capacity.organization is None:
        return str(_("a volunteer's offer: %(title)s", title=capacity.title))
    name = name_of(capacity.organization, wording.language())
    return f"{name} · {capacity.title}" if capacity.title else name
