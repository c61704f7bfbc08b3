"""Suppliers for one need, at once: the same hard rules and the same fit as a run's, without the competition of others.

What belongs to the capacity alone is worked out once a process, and again when a capacity, a project or an
organization has changed; free units are read anew each time.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from marketplace import regions
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.matches import problem
from marketplace.matches.file_codes import code_tables
from marketplace.matches.outcomes import told_parts
from marketplace.matches.scope import Scope, capacities_in
from marketplace.matches.services.settings import policy_for
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Permission
from marketplace.projects.models import Capacity
from marketplace.records import today
from matching.eligibility.rules import Offers, candidates
from matching.scoring import PARTS, Earlier, Scorer

SHOWN = 5


@dataclass(frozen=True)
class Suggestion:
    """A supplier that could serve a need.

    Attributes:
        reasons: as `Allocation.reasons` has them: parts of the fit, metres, days of waiting.
        free: units it could give.
        proposed: whether it has been asked already, or is at work on it.
    """

    capacity: Capacity
    fit: int
    reasons: dict[str, Any]
    free: int
    proposed: bool


@dataclass(frozen=True)
class Suggested:
    """The best suppliers for a need.

    Attributes:
        rows: at most five, the best fit first.
        eligible: how many could serve it by the rules. full: how many of them have nothing left.
        declined: how many of them have declined it.
    """

    need: Need
    rows: list[Suggestion]
    eligible: int
    full: int
    declined: int


@dataclass(frozen=True)
class _Stock:
    """All capacity on offer as columns, and what narrows it down for one need.

    Attributes:
        database: where it was read.
        key: ids and versions that it was made of.
        position: row of each id.
        covered, served: bool (m, C) and (m, R), categories and regions that each row covers.
    """

    database: str
    key: tuple[tuple[int, int], ...]
    offers: Offers
    words: tuple[str, ...]
    organization: NDArray[np.int64]
    covered: NDArray[np.bool_]
    served: NDArray[np.bool_]


_lock = threading.Lock()
_stock: _Stock | None = None


def suggest(actor: Actor, need_id: str) -> Suggested:
    """The suppliers that fit a need best, of those with something free that have not declined it.

    Raises:
        NotFound: the need is not there for the actor.
    """
    need = needs.load_need(actor, need_id, Permission.NEED_VIEW)
    query = capacities_in(Scope(regions.NINGXIA)).with_only_columns(
        Capacity.id, Capacity.version, Capacity.quantity, Capacity.allocated, Capacity.budget_fen,
        Capacity.committed_fen, Capacity.unit_cost_fen, Capacity.pool_id,
    )  # fmt: skip
    rows = db.session.execute(query.order_by(Capacity.id)).all()
    stock = _current(tuple((row.id, row.version) for row in rows))
    by_key = {row.id: row for row in rows}
    rows = [by_key[key] for key, _version in stock.key]  # what changed between the two reads is in neither
    chosen, fit, metres, parts = _ranked(need, stock)
    free = _free([rows[place] for place in chosen])
    answers = _answers(need)
    declined = {key for key, state in answers.items() if state == "declined"}
    best = [place for place, row in enumerate(chosen) if free[place] > 0 and rows[row].id not in declined][:SHOWN]
    loaded = _loaded([rows[chosen[place]].id for place in best])
    waited = max((today() - need.posted_on).days, 0)
    return Suggested(
        need=need,
        rows=[
            Suggestion(
                capacity=loaded[rows[chosen[place]].id],
                fit=int(fit[place]),
                reasons={
                    "parts": told_parts(parts[place]),
                    "metres": int(metres[place]),
                    "waiting_days": waited,
                },
                free=free[place],
                proposed=answers.get(rows[chosen[place]].id) not in (None, "declined", "expired", "superseded"),
            )
            for place in best
            if rows[chosen[place]].id in loaded
        ],
        eligible=len(chosen),
        full=sum(units <= 0 for units in free),
        declined=sum(rows[row].id in declined for row in chosen),
    )


def _current(key: tuple[tuple[int, int], ...]) -> _Stock:
    """The columns of the capacity that a key names; of what changed since they were made they are made anew."""
    global _stock  # one for the process: that is what makes it quick
    with _lock:
        database = str(db.engine.url)
        if _stock is None or _stock.database != database:
            _stock = _read(key)
        elif _stock.key != key:
            _stock = _brought_up_to(_stock, key)
        return _stock


def _read(key: tuple[tuple[int, int], ...], words: tuple[str, ...] = (), *, some: bool = False) -> _Stock:
    """The columns of the capacity that a key names.

    Args:
        words: qualifications that are numbered anyhow. some: few of those on offer are asked for.
    """
    query = _offered()
    if some:
        query = query.where(Capacity.id.in_([one for one, _version in key]))
    wanted = set(key)
    rows = [row for row in db.session.execute(query) if (row.id, row.version) in wanted]
    words = tuple(sorted({*words, *(word for row in rows for word in row.qualifications)}))
    offers, tables = problem.offer_columns(rows, words), code_tables()
    return _Stock(
        database=str(db.engine.url),
        key=tuple((row.id, row.version) for row in rows),
        offers=offers,
        words=words,
        organization=np.array([row.organization_id or -row.owner_id for row in rows], np.int64),
        covered=offers.categories @ tables.category_covers,
        served=offers.regions @ tables.region_covers,
    )


def _offered() -> Select[*tuple[Any, ...]]:
    query = capacities_in(Scope(regions.NINGXIA)).with_only_columns(*problem.CAPACITY_COLUMNS)
    return query.order_by(Capacity.id)


MOST_ANEW = 100
"""Where more has changed, all columns are made anew."""


def _brought_up_to(stock: _Stock, key: tuple[tuple[int, int], ...]) -> _Stock:
    """The stock of another key: the rows that both have are kept, the others read."""
    there = {pair: place for place, pair in enumerate(stock.key)}
    missing = tuple(pair for pair in key if pair not in there)
    if len(missing) > MOST_ANEW:
        return _read(key)
    fresh = _read(missing, stock.words, some=True) if missing else None
    if fresh is not None and fresh.words != stock.words:  # a qualification that nobody had: all masks change
        return _read(key)
    base = len(stock.key)
    place_of = there | ({pair: base + place for place, pair in enumerate(fresh.key)} if fresh else {})
    order = np.array([place_of[pair] for pair in key if pair in place_of], np.int64)

    def merged(old: Any, new: Any) -> Any:
        return (np.concatenate([old, new]) if new is not None else old)[order]

    def column(name: str) -> Any:
        return merged(getattr(stock.offers, name), getattr(fresh.offers, name) if fresh else None)

    return _Stock(
        database=stock.database,
        key=tuple(pair for pair in key if pair in place_of),
        offers=Offers(**{name: column(name) for name in vars(stock.offers)}),
        words=stock.words,
        organization=merged(stock.organization, fresh.organization if fresh else None),
        covered=merged(stock.covered, fresh.covered if fresh else None),
        served=merged(stock.served, fresh.served if fresh else None),
    )


def _ranked(need: Need, stock: _Stock) -> tuple[list[int], Any, Any, list[list[int]]]:
    """Rows of the stock that may serve a need, the best fit first, with fit, metres and parts."""
    nothing: tuple[list[int], Any, Any, list[list[int]]] = ([], [], [], [])
    if not set(need.requires) <= set(stock.words):
        return nothing
    tables = code_tables()
    category, region = tables.categories.position[need.category], tables.regions.position[need.region]
    near = np.flatnonzero(stock.covered[:, category] & stock.served[:, region])
    if near.size == 0:
        return nothing
    columns = problem.need_columns([need], stock.words)
    offers = Offers(**{name: column[near] for name, column in vars(stock.offers).items()})
    as_of = np.datetime64(today(), "D")
    found = candidates(columns, offers, tables, as_of)
    helped = [key for _, key in db.session.execute(problem.helped_before([need.case_id]))] if need.case_id else []
    earlier = Earlier([0] * len(helped), helped, stock.organization[near])
    scorer = Scorer(columns, offers, tables, policy_for(need.region), as_of, earlier=earlier)
    fit = scorer.fit(found)
    order = np.lexsort((found.offer, -fit))
    told = scorer.parts(found.need[order], found.offer[order], found.metres[order])
    parts = np.stack([getattr(told, name) for name in PARTS], axis=1).tolist()
    return near[found.offer[order]].tolist(), fit[order], found.metres[order], parts


def _free(rows: Sequence[Any]) -> list[int]:
    """Units that each capacity could give: by its quantity, its budget and its pool."""
    pools = problem.free_of_pools() if any(row.pool_id is not None for row in rows) else {}
    free = []
    for row in rows:
        units = row.quantity - row.allocated
        if row.budget_fen is not None and row.unit_cost_fen:
            units = min(units, (row.budget_fen - row.committed_fen) // row.unit_cost_fen)
        free.append(min(units, pools.get(row.pool_id, units)))
    return free


def _answers(need: Need) -> dict[int, str]:
    """The latest state of the need's allocation to each capacity."""
    query = select(Allocation.capacity_id, Allocation.state).where(
        Allocation.need_id == need.id, Allocation.capacity_id.is_not(None)
    )
    return {key: state for key, state in db.session.execute(query.order_by(Allocation.id)) if key is not None}


def _loaded(keys: list[int]) -> dict[int, Capacity]:
    if not keys:
        return {}
    query = select(Capacity).where(Capacity.id.in_(keys))
    rows = db.session.scalars(query.options(joinedload(Capacity.organization), joinedload(Capacity.project)))
    return {row.id: row for row in rows}
