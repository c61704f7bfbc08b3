"""Who may still come, as the process that solves is handed it, and the prices that a run compares its needs with.

Pure: columns of numbers in, columns out; it loads neither the web nor the database. A need that may come is a copy
of one that came: category, region, groups, qualifications and colour are that one's, nothing else of it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from marketplace.matches.file_codes import code_tables
from matching import Policy, Problem
from matching.eligibility.rules import Candidates, Needs, Offers, candidates
from matching.foresight.expectations import CAUTION
from matching.foresight.expected_prices import outlook
from matching.scoring import Scorer

Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]

NO_DEADLINE = 2**31


@dataclass(frozen=True)
class Drawn:
    """A future: which needs come, and when.

    Attributes:
        row: int64 (x,), rows of the needs that are copied.
        day: int64 (x,), days after the day of the run, from 1.
    """

    row: Int64s
    day: Int64s


@dataclass(frozen=True)
class Ahead:
    """What a run knows of the days to come.

    Attributes:
        needs: needs of the past that the futures copy; their qualifications are numbered as the snapshot's.
        quantity, tier: of these needs, as in `matching.Problem`; that some must be served whole is left out.
        futures: each with the same chance, drawn at the scale of `expectations.CAUTION`.
        first, last: int64 (m,), days after the day of the run, 0 the day itself: each offer serves from the one to
            the other; what has no end lasts as far as the run looks ahead.
        released: bool (m,), offers that their suppliers asked not to be kept for anybody.
        next_run: days until the scope is matched again.
        days_known: so many days of arrivals the futures are drawn from; 0 where a coordinator told what to expect.
    """

    needs: Needs
    quantity: Int64s
    tier: NDArray[np.int8]
    futures: tuple[Drawn, ...]
    first: Int64s
    last: Int64s
    released: Bools
    next_run: int
    days_known: int


@dataclass(frozen=True)
class Pairs:
    """Pairs of all needs of the past and all offers, whatever their dates: sorted by need.

    Attributes:
        begin: int64 (n + 1,), where the pairs of each need begin.
        offer: int32 (k,). fit: int32 (k,), of a need that has just come.
        deadline: int64 (n,), days from a need's day to its last useful one.
    """

    begin: Int64s
    offer: NDArray[np.int32]
    fit: NDArray[np.int32]
    deadline: Int64s

    @classmethod
    def of(cls, needs: Needs, offers: Offers, policy: Policy, as_of: np.datetime64) -> Pairs:
        """What the hard rules allow, dates apart, and how well each pair fits."""
        arcs = timeless(needs, offers, as_of)
        fresh = replace(needs, posted=np.full(len(needs), np.datetime64("NaT"), "M8[D]"))
        fit = Scorer(fresh, offers, code_tables(), policy, as_of).fit(arcs)
        return cls(np.searchsorted(arcs.need, np.arange(len(needs) + 1)), arcs.offer, fit, useful_days(needs))


def timeless(needs: Needs, offers: Offers, as_of: np.datetime64) -> Candidates:
    """Pairs that the hard rules allow, dates apart."""
    never = np.datetime64("NaT")
    openly = replace(needs, deadline=np.full(len(needs), never, "M8[D]"))
    always = replace(
        offers, valid_from=np.full(len(offers), never, "M8[D]"), valid_until=np.full(len(offers), never, "M8[D]")
    )
    return candidates(openly, always, code_tables(), as_of)


def useful_days(needs: Needs) -> Int64s:
    """int64 (n,): days from a need's day to its last useful one; NO_DEADLINE for none."""
    days = (needs.deadline - needs.posted).astype(np.int64)
    return np.where(np.isnat(needs.deadline) | np.isnat(needs.posted), NO_DEADLINE, np.maximum(days, 0))


def future_of(drawn: Drawn, ahead: Ahead, pairs: Pairs, problem: Problem) -> Problem:
    """A future over the offers of a problem: a need may go where the offer lasts until it comes, and begins in time."""
    size = np.diff(pairs.begin)[drawn.row]
    need = np.repeat(np.arange(drawn.row.size), size)
    place = np.repeat(pairs.begin[drawn.row] - np.cumsum(size) + size, size) + np.arange(int(size.sum()))
    offer = pairs.offer[place]
    day, useful = drawn.day[need], pairs.deadline[drawn.row][need]
    keep = (day <= ahead.last[offer]) & (ahead.first[offer] <= day + useful)
    columns = problem.columns()
    sides = {name: columns[name] for name in ("capacity", "pool", "pool_capacity", "pool_parent", "minimum_batch")}
    return Problem(
        quantity=ahead.quantity[drawn.row],
        tier=ahead.tier[drawn.row],
        need=need[keep],
        offer=offer[keep],
        fit=pairs.fit[place][keep],
        **sides,
    )


@dataclass(frozen=True)
class Kept:
    """What a run kept capacity back for; all by offer, and numbers of units without the margin of the futures.

    Attributes:
        price: int64 (m,), what the last unit is worth to those still to come; 0 keeps nothing back.
        to_come: float (m, T), mean units by tier still to come that get capacity of the offer.
        queue: float (m, T), mean units by tier still to come that it could serve and that get none anywhere.
        last: int64 (m,), the last day looked at, in days after the day of the run.
        saved: float (T,), units by tier that holding is expected to serve beyond those that it makes wait, until
            the capacity ends; mean over the futures that were weighed.
        weighed: how many futures that mean is over.
        days_known: as `Ahead.days_known`.
    """

    price: Int64s
    to_come: NDArray[np.float64]
    queue: NDArray[np.float64]
    last: Int64s
    saved: NDArray[np.float64]
    weighed: int
    days_known: int


def futures_of(ahead: Ahead, pairs: Pairs, problem: Problem) -> list[Problem]:
    """The futures as problems; none where nobody is to come that any offer could serve."""
    found = [future_of(drawn, ahead, pairs, problem) for drawn in ahead.futures]
    return found if any(future.need.size for future in found) else []


def kept_for(problem: Problem, ahead: Ahead, futures: Sequence[Problem], policy: Policy) -> Kept:
    """The prices of a run, and whom they speak of.

    Nothing is kept where a supplier asked not to, where capacity ends before the next run, and where nobody still to
    come competes for it, not even through others: tonight's needs alone would keep it from one another.
    """
    tiers = policy.tiers
    plain = Policy(tiers=tiers)
    told = outlook(problem, futures, plain)
    free = ahead.released | (ahead.last < ahead.next_run) | ~_wanted_later(problem, futures, told.lost)
    return Kept(
        price=np.where(free, 0, told.price),
        to_come=without_margin(told.to_come),
        queue=without_margin(told.queue),
        last=ahead.last,
        saved=np.zeros(tiers),
        weighed=0,
        days_known=ahead.days_known,
    )


def without_margin(units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Units that futures show, as people are told of them: futures are drawn larger than what is expected."""
    return units / CAUTION


def _wanted_later(problem: Problem, futures: Sequence[Problem], lost: Int64s) -> Bools:
    """bool (m,): offers that somebody still to come competes for, directly or through the needs and pools between.

    Nobody is pushed on from an offer that has more than is asked for in a future, so none competes through it.
    """
    offers, pools = problem.capacity.size, problem.pool_capacity.size
    inside = np.flatnonzero(problem.pool >= 0)
    above = np.flatnonzero(problem.pool_parent >= 0)
    upwards = (offers + above, offers + problem.pool_parent[above])
    wanted = np.zeros(offers, np.bool_)
    for future, short in zip(futures, lost > 0, strict=True):
        begins = offers + pools + problem.quantity.size
        open_arcs, to_come, within = short[problem.offer], short[future.offer], inside[short[inside]]
        ends: list[tuple[Any, Any]] = [
            (problem.offer[open_arcs], offers + pools + problem.need[open_arcs]),
            (future.offer[to_come], begins + future.need[to_come]),
            (within, offers + problem.pool[within]),
            upwards,
        ]
        one, other = (np.concatenate([np.asarray(pair[side], np.int64) for pair in ends]) for side in (0, 1))
        nodes = begins + future.quantity.size
        graph = coo_array((np.ones(one.size, np.int8), (one, other)), shape=(nodes, nodes))
        _, label = connected_components(graph, directed=False)
        wanted |= np.isin(label[:offers], label[future.offer[to_come]])
    return wanted
