"""What keeping capacity for later means for each need that waits: for how much it is kept, and when its turn would be.

Pure: columns in, columns out; the process that solves works it out while it has the arcs at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matches.foresight.ahead import Kept
from matching import Policy, Problem, Solution
from matching.explain.load import Load
from matching.problem import FIT_MAX
from matching.reserve.aim import further_flow, left_over, with_arcs

Int64s = NDArray[np.int64]

NAMED = 3
"""So many capacities whose units are kept from a need are named with it: those where its turn comes soonest."""


@dataclass(frozen=True)
class KeptWaiting:
    """Needs from which free units are kept (h rows), each at the offer where its turn comes soonest.

    Attributes:
        need: int64 (h,), row numbers, ascending.
        offers: row numbers of offers whose units are kept from it, soonest turn first, at most `NAMED`.
        urgent: int64 (h,), units there that more urgent needs still to come are expected to get.
        alike: int64 (h,), the same of needs as urgent, that fit better or come to it all the same.
        fewer: int64 (h,), so many units less must be asked for before a unit of it has its turn, at least 1: what is
            expected there of both, more urgent needs still to come that get none, better placed ones that wait
            already and its own unit are so many more than are free. 0 where it would get none though nobody came any
            more, as others that wait would take all that is kept.
        last: int64 (h,), last day looked ahead to there, in days after the day of the run.

    Means over the futures; counts are rounded to whole units, `fewer` up.
    """

    need: Int64s
    offers: list[list[int]]
    urgent: Int64s
    alike: Int64s
    fewer: Int64s
    last: Int64s

    @classmethod
    def none(cls) -> KeptWaiting:
        """Nobody is kept waiting."""
        return cls(np.zeros(0, np.int64), [], *np.zeros((4, 0), np.int64))


def kept_waiting(problem: Problem, solution: Solution, policy: Policy, kept: Kept | None) -> KeptWaiting:
    """Which needs with units left could have used units that are kept back, and what is expected to take these."""
    if kept is None or solution.reserve is None:
        return KeptWaiting.none()
    left = problem.quantity.copy()
    np.subtract.at(left, problem.need, solution.flow)
    room = Load.of(problem, solution).room
    arcs = np.flatnonzero((left[problem.need] > 0) & (room[problem.offer] > 0) & (solution.reserve[problem.offer] > 0))
    tier_worth = (problem.capacity.size + 1) * FIT_MAX + 1  # as `matching.explain.choices` weighs tiers
    tier = problem.tier[problem.need[arcs]].astype(np.int64)
    worth = (policy.tiers - tier) * tier_worth + problem.fit[arcs]
    short = problem.use[arcs] * solution.reserve[problem.offer[arcs]] - worth
    refused = short >= 0
    arcs, tier, worth, short = arcs[refused], tier[refused], worth[refused], short[refused]
    need, offer = problem.need[arcs].astype(np.int64), problem.offer[arcs].astype(np.int64)
    given = _if_nobody_came(problem, solution)[arcs]
    before = _line(need, offer, worth, given)
    free = room[offer] // np.maximum(problem.use[arcs], 1)
    fewer = np.where(given > 0, np.maximum(_asked(offer, tier, kept) + before + 1 - free, 1), 0)
    order = np.lexsort([offer, short, fewer, solution.held[offer] == 0, given == 0, need])
    begins = np.flatnonzero(np.diff(need[order], prepend=-1))
    best = order[begins]
    by_tier = np.arange(kept.to_come.shape[1])
    expected = kept.to_come[offer[best]]
    more = by_tier < tier[best][:, None]
    same = by_tier == tier[best][:, None]
    return KeptWaiting(
        need=need[best],
        offers=[rows[:NAMED].tolist() for rows in np.split(offer[order], begins[1:])] if best.size else [],
        urgent=_rounded((expected * more).sum(axis=1)),
        alike=_rounded((expected * same).sum(axis=1)),
        fewer=fewer[best],
        last=kept.last[offer[best]],
    )


def _if_nobody_came(problem: Problem, solution: Solution) -> Int64s:
    """int64 (k,): units on each arc if what is kept were given to those who wait, the most urgent first.

    Offers give what was held at each. Where that would leave out more urgent ones, as those held there are only one
    way to fill a pool, they give what is free.
    """
    rest, arcs = left_over(problem, solution.flow)
    left = problem.quantity - np.bincount(problem.need, solution.flow, problem.quantity.size).astype(np.int64)
    every, tier = np.arange(rest.need.size), problem.tier[left > 0]
    most = np.ones(problem.capacity.size, np.int64)
    np.maximum.at(most, problem.offer, problem.use)
    rooms = [np.minimum(rest.capacity, solution.held * most), rest.capacity]
    ways = [
        further_flow(with_arcs(rest, every, capacity=room, tier=tier))[0]
        for room in (rooms if problem.pool_capacity.size else rooms[:1])
    ]
    by_tier = [np.bincount(tier[rest.need], way, problem.tiers).tolist() for way in ways]
    given = np.zeros(problem.need.size, np.int64)
    given[arcs] = ways[by_tier.index(max(by_tier))]
    return given


def _line(need: Int64s, offer: Int64s, worth: Int64s, given: Int64s) -> Int64s:
    """Units that needs which are worth more at an offer would be given there, before each arc's need."""
    line = np.lexsort([need, -worth, offer])
    before = np.cumsum(given[line]) - given[line]
    begins = np.diff(offer[line], prepend=-1) != 0
    first = np.maximum.accumulate(np.where(begins, np.arange(line.size), 0))
    waiting = np.empty(line.size, np.int64)
    waiting[line] = before - before[first]
    return waiting


def _asked(offer: Int64s, tier: Int64s, kept: Kept) -> Int64s:
    """Units that are expected to be asked for before each arc's need: those taken there, those of more urgent needs
    that get none."""
    to_come, queue = (np.cumsum(told, axis=1) for told in (kept.to_come, kept.queue))
    more_urgent = np.where(tier > 0, queue[offer, tier - 1], 0.0)
    return np.ceil(to_come[offer, tier] + more_urgent - 1e-9).astype(np.int64)


def _rounded(means: NDArray[np.float64]) -> Int64s:
    return np.floor(means + 0.5).astype(np.int64)
