"""Why this, why not that, why unmatched: reasons with the numbers behind them, and what is short.

One need is explained in full by :func:`matching.explain.choices.explain`. Here is what holds for many: a need without
candidates failed a hard rule: its reason is the first rule, in their order, after which no offer
was left. A need with candidates that is not served in full met full offers: the reason tells which tiers took
them. Where offers have room and still do not serve, a rule that binds several units stood in the way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int8s, Int32s, Int64s
from matching.eligibility.codes import CodeTables
from matching.eligibility.rules import Needs, Offers, funnel
from matching.explain.changes import Change, Rules
from matching.explain.choices import Choice, Explainer, Explanation, RunnerUp, explain
from matching.explain.load import Load
from matching.network.market import starts_of
from matching.policy import Policy
from matching.prices.paths import NotOptimal
from matching.prices.worth import DEFAULT_POLICY, Prices, prices
from matching.problem import Problem
from matching.reasons import FUNNEL_REASONS, REASONS, Reason
from matching.solution import Solution

__all__ = [
    "Change",
    "Choice",
    "Explainer",
    "Explanation",
    "Rules",
    "RunnerUp",
    "Shortages",
    "Unmatched",
    "Waiting",
    "explain",
    "shortages",
    "unmatched",
    "waiting",
]


@dataclass(frozen=True)
class Unmatched:
    """The needs (u) that are not served in full, by row number.

    Attributes:
        need: int64 (u,).
        unserved: int64 (u,), units not served, at least 1.
        reason: int8 (u,), position in `REASONS`.
        candidates: int64 (u,), offers that could serve it.
        considered: int64 (u,), offers that the reason speaks of: its candidates, or where it has none those that
            passed all rules before the one that failed.
        nearest_metres: int64 (u,), distance to the nearest offer of its category and region; −1 not asked.
        radius_metres: int64 (u,), that offer's radius; −1 none.
        missing: uint64 (u, w), required qualifications that the best qualified offer lacks.
        taken: int64 (u, T), units by tier that its candidates, or the pools that bind them, serve instead.
    """

    need: Int64s
    unserved: Int64s
    reason: Int8s
    candidates: Int64s
    considered: Int64s
    nearest_metres: Int64s
    radius_metres: Int64s
    missing: NDArray[np.uint64]
    taken: Int64s

    def __len__(self) -> int:
        return int(self.need.size)


def unmatched(
    problem: Problem,
    solution: Solution,
    needs: Needs,
    offers: Offers,
    tables: CodeTables,
    as_of: np.datetime64,
    *,
    budget_bound: Bools | None = None,
) -> Unmatched:
    """Why each need that is not served in full is not.

    Args:
        problem: arcs as :func:`matching.eligibility.rules.candidates` found them.
        budget_bound: bool (m,), offers whose capacity in the problem is what their budget pays for rather
            than their quantity.
    """
    given = np.flatnonzero(solution.flow > 0)
    unserved = problem.quantity.copy()
    np.subtract.at(unserved, problem.need[given], solution.flow[given])
    rows = np.flatnonzero(unserved > 0)
    degree = np.bincount(problem.need, minlength=problem.quantity.size)
    place = np.full(problem.quantity.size, -1, np.int64)
    place[rows] = np.arange(rows.size)
    tiers = max(problem.tiers, 1)
    found = Unmatched(
        need=rows,
        unserved=unserved[rows],
        reason=np.zeros(rows.size, np.int8),
        candidates=degree[rows].astype(np.int64),
        considered=degree[rows].astype(np.int64),
        nearest_metres=np.full(rows.size, -1, np.int64),
        radius_metres=np.full(rows.size, -1, np.int64),
        missing=np.zeros((rows.size, needs.requires.shape[1]), np.uint64),
        taken=np.zeros((rows.size, tiers), np.int64),
    )
    _explain_rules(found, needs, offers, tables, as_of)
    _explain_capacity(found, problem, solution, place, budget_bound)
    return found


def _explain_rules(found: Unmatched, needs: Needs, offers: Offers, tables: CodeTables, as_of: np.datetime64) -> None:
    """Fill in the needs without candidates."""
    alone = np.flatnonzero(found.candidates == 0)
    if alone.size == 0:
        return
    steps = funnel(needs, offers, tables, as_of, found.need[alone])
    failed = np.argmax(steps.left == 0, axis=1)
    codes = np.array([REASONS.index(reason) for reason in FUNNEL_REASONS], np.int8)
    found.reason[alone] = codes[failed]
    before = np.c_[np.full(alone.size, len(offers)), steps.left]
    found.considered[alone] = before[np.arange(alone.size), failed]
    too_far = failed == FUNNEL_REASONS.index(Reason.TOO_FAR)
    found.nearest_metres[alone] = np.where(too_far, steps.nearest_metres, -1)
    found.radius_metres[alone] = np.where(too_far, steps.nearest_radius_metres, -1)
    unqualified = failed == FUNNEL_REASONS.index(Reason.QUALIFICATION)
    found.missing[alone] = np.where(unqualified[:, None], steps.missing, np.uint64(0))


def _explain_capacity(
    found: Unmatched, problem: Problem, solution: Solution, place: Int64s, budget_bound: Bools | None
) -> None:
    """Fill in the needs with candidates: who took them, or which rule kept free units from them."""
    arcs = np.flatnonzero(place[problem.need] >= 0)
    if arcs.size == 0:
        return
    at, offer = place[problem.need[arcs]], problem.offer[arcs]
    load = Load.of(problem, solution)
    full = load.full[offer]
    free = np.zeros(found.need.size, np.bool_)
    free[at[~full]] = True
    held = np.zeros(found.need.size, np.bool_)
    held[at[~full & (solution.held[offer] > 0)]] = True
    # A pool that binds several candidates of a need took their units once, not once for each.
    key = _distinct(at[full] * load.taken.shape[0] + load.binding[offer[full]])
    np.add.at(found.taken, key // load.taken.shape[0], load.taken[key % load.taken.shape[0]])
    spent = np.zeros(found.need.size, np.bool_)
    if budget_bound is not None:
        unspent = np.zeros(found.need.size, np.bool_)
        unspent[at[~budget_bound[offer]]] = True
        spent = ~unspent
    batch, budgeted = np.zeros((2, found.need.size), np.bool_)
    batch[at[~full & (problem.minimum_batch[offer] > 1)]] = True
    budgeted[at[~full & (problem.budget[offer] >= 0)]] = True
    excluded = np.zeros(problem.quantity.size, np.bool_)
    excluded[problem.exclusions.ravel()] = True
    whole, bundle, beside = _never_served(problem)
    rows = found.need
    conditions = [
        (free & held, Reason.HELD),
        (free & (problem.bundle[rows] >= 0), Reason.BUNDLE),
        (free & problem.whole[rows] & (problem.quantity[rows] > 1), Reason.WHOLE),
        (free & batch, Reason.MINIMUM_BATCH),
        (free & excluded[rows], Reason.EXCLUSION),
        (free & budgeted, Reason.BUDGET),
        (free, Reason.NOT_PROVEN),
        (beside[rows], Reason.BUNDLE),
        (spent, Reason.BUDGET),
        (found.taken.sum(axis=1) == 0, Reason.NO_CAPACITY),
        (whole[rows], Reason.WHOLE),
        (bundle[rows], Reason.BUNDLE),
    ]
    codes = np.select(
        [condition for condition, _ in conditions],
        [np.int8(REASONS.index(reason)) for _, reason in conditions],
        np.int8(REASONS.index(Reason.CAPACITY_TAKEN)),
    )
    some = found.candidates > 0
    found.reason[some] = codes[some]


def _never_served(problem: Problem) -> tuple[Bools, Bools, Bools]:
    """Needs that all-or-nothing rules leave unserved however empty the offers are: nobody took their capacity.

    Returns:
        whole: bool (n,), taken whole, and larger than any of its offers.
        bundle: bool (n,), in a bundle, and larger than all its offers together or than any one it must come from.
        beside: bool (n,), in a bundle with another such need.
    """
    size = problem.quantity.size
    bundled = problem.bundle >= 0
    if not (problem.whole | bundled).any():  # the usual case, and its arcs are many
        none: Bools = np.zeros(size, np.bool_)
        return none, none, none
    room, pool = problem.capacity.copy(), problem.pool.astype(np.int64)
    while (inside := np.flatnonzero(pool >= 0)).size:
        room[inside] = np.minimum(room[inside], problem.pool_capacity[pool[inside]])
        pool[inside] = problem.pool_parent[pool[inside]]
    needed = problem.quantity[problem.need]
    units = np.minimum(room[problem.offer] // np.maximum(problem.use, 1), needed)
    fits, total = np.zeros((2, size), np.int64)
    np.maximum.at(fits, problem.need, units)
    np.add.at(total, problem.need, units)
    whole: Bools = problem.whole & (fits < problem.quantity)
    bundle: Bools = bundled & (whole | (total < problem.quantity))
    stuck = np.bincount(problem.bundle[bundle], minlength=int(problem.bundle.max(initial=-1)) + 1)
    beside = np.zeros(size, np.bool_)
    beside[bundled] = stuck[problem.bundle[bundled]] > bundle[bundled]
    return whole, bundle, beside


@dataclass(frozen=True)
class Waiting:
    """Full offers and the units that wait for them.

    Attributes:
        offer: int64 (f,), row numbers of offers that are full (they or their pool) while units wait.
        units: int64 (f, T), unserved units by tier that the offer could serve. Units that could go to several
            offers count at each: they say what one more unit here may help, not how much is missing.
    """

    offer: Int64s
    units: Int64s


def waiting(problem: Problem, solution: Solution, found: Unmatched) -> Waiting:
    """Which offers are full while needs wait for them, the most urgent and longest queues first."""
    left = np.zeros(problem.quantity.size, np.int64)
    left[found.need] = found.unserved
    arcs = np.flatnonzero(left[problem.need] > 0)
    units = np.zeros((problem.capacity.size, max(problem.tiers, 1)), np.int64)
    need = problem.need[arcs]
    np.add.at(units, (problem.offer[arcs], problem.tier[need]), left[need])
    rows = np.flatnonzero(Load.of(problem, solution).full & (units.sum(axis=1) > 0))
    order = np.lexsort([rows, *(-units[rows, tier] for tier in reversed(range(units.shape[1])))])
    return Waiting(rows[order], units[rows[order]])


@dataclass(frozen=True)
class Shortages:
    """Unserved units by category, region and reason (s rows): where one more unit helps most comes first.

    Attributes:
        category, region: int32 (s,), positions in the code tables.
        reason: int8 (s,), position in `REASONS`.
        helped: int64 (s, T), how many of these needs one unit more would serve, by tier: any unit that fits where
            nobody may serve them, else one more at an offer where no more urgent need would take it. Of a
            solution that keeps capacity back for later only the former are counted.
        units: int64 (s, T), units not served by tier.
        needs: int64 (s,), how many needs they are of.
        full: the full offers that these needs could have had, by row numbers, for each row.
    """

    category: Int32s
    region: Int32s
    reason: Int8s
    helped: Int64s
    units: Int64s
    needs: Int64s
    full: list[list[int]]


def shortages(
    problem: Problem,
    solution: Solution,
    needs: Needs,
    found: Unmatched,
    known: Prices | None = None,
    *,
    policy: Policy = DEFAULT_POLICY,
) -> Shortages:
    """What is short, where and why: the most needs that one unit more would serve first, red before yellow.

    Args:
        known: the prices of the solution; worked out where None.
        policy: the policy of the solution, to work them out.
    """
    tiers, offers = max(problem.tiers, 1), problem.capacity.size
    key = np.stack([needs.category[found.need], needs.region[found.need], found.reason.astype(np.int32)])
    distinct, place = np.unique(key, axis=1, return_inverse=True)
    place = place.ravel()
    rows = distinct.shape[1]
    units, helped = np.zeros((2, rows, tiers), np.int64)
    np.add.at(units, (place, problem.tier[found.need]), found.unserved)
    first = np.flatnonzero(_first_in_line(problem, solution, found, known, policy))
    np.add.at(helped, (place[first], problem.tier[found.need[first]]), 1)
    count = np.bincount(place, minlength=rows).astype(np.int64)
    weights = [-column for column in (*units.T[::-1], *helped.T[::-1])]
    order = np.lexsort([*distinct[::-1], *weights])
    row_of = np.full(problem.quantity.size, -1, np.int64)
    row_of[found.need] = place
    arcs = np.flatnonzero((row_of[problem.need] >= 0) & Load.of(problem, solution).full[problem.offer])
    pairs = _distinct(row_of[problem.need[arcs]] * offers + problem.offer[arcs])
    full = np.split(pairs % max(offers, 1), np.searchsorted(pairs // max(offers, 1), np.arange(1, rows)))
    category, region, reason = distinct[:, order]
    return Shortages(
        category=category,
        region=region,
        reason=reason.astype(np.int8),
        helped=helped[order],
        units=units[order],
        needs=count[order],
        full=[full[row].tolist() for row in order.tolist()],
    )


def _distinct(keys: Int64s) -> Int64s:
    """The different keys in order; of millions, sorting finds them sooner than the hashes of ``np.unique``."""
    ordered = np.sort(keys)
    return ordered[starts_of(ordered)]


def _first_in_line(
    problem: Problem, solution: Solution, found: Unmatched, known: Prices | None, policy: Policy
) -> Bools:
    """bool (u,): needs that one unit more would serve, and no more urgent one in their place."""
    first: Bools = found.candidates == 0
    if found.need.size == 0 or first.all():
        return first
    try:
        told = prices(problem, solution, policy) if known is None else known
    except NotOptimal:  # not known to be the best for its reserve: what a unit more would do is not told
        return first
    unserved = np.zeros(problem.quantity.size, np.bool_)
    unserved[found.need] = True
    arcs = np.flatnonzero(unserved[problem.need])
    gained = told.gained_tier("entry")[problem.offer[arcs]]
    in_line = np.zeros(problem.quantity.size, np.bool_)
    in_line[problem.need[arcs[gained >= problem.tier[problem.need[arcs]]]]] = True
    return first | in_line[found.need]
