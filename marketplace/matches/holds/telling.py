"""What keeping capacity for later means for each need that waits: for how much it is kept, and when its turn would be.

Pure: columns in, columns out; the process that solves works it out while it has the arcs at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matches.foresight.ahead import Kept
from matching import Policy, Problem, Solution
from matching.load import Load
from matching.problem import FIT_MAX

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
        fewer: int64 (h,), so many units less must be asked for before a unit of it has its turn: its own, and those
            of more urgent needs still to come that get none, and of better placed ones that wait already. 0 where
            these would take all that is kept though nobody came any more.
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
    tier_worth = (problem.capacity.size + 1) * FIT_MAX + 1  # as `matching.choices` weighs tiers
    tier = problem.tier[problem.need[arcs]].astype(np.int64)
    worth = (policy.tiers - tier) * tier_worth + problem.fit[arcs]
    short = problem.use[arcs] * solution.reserve[problem.offer[arcs]] - worth
    refused = short >= 0
    arcs, tier, worth, short = arcs[refused], tier[refused], worth[refused], short[refused]
    need, offer = problem.need[arcs].astype(np.int64), problem.offer[arcs].astype(np.int64)
    line = _line(need, offer, worth, left)
    fewer = _turn(offer, tier, kept) + line
    order = np.lexsort([offer, short, fewer, need])
    begins = np.flatnonzero(np.diff(need[order], prepend=-1))
    best = order[begins]
    by_tier = np.arange(kept.to_come.shape[1])
    expected = kept.to_come[offer[best]]
    more = by_tier < tier[best][:, None]
    same = by_tier == tier[best][:, None]
    urgent, alike = _rounded((expected * more).sum(axis=1)), _rounded((expected * same).sum(axis=1))
    return KeptWaiting(
        need=need[best],
        offers=[rows[:NAMED].tolist() for rows in np.split(offer[order], begins[1:])] if best.size else [],
        urgent=urgent,
        alike=alike,
        fewer=np.where(line[best] < np.where(urgent > 0, urgent, alike), fewer[best], 0),
        last=kept.last[offer[best]],
    )


def _line(need: Int64s, offer: Int64s, worth: Int64s, left: Int64s) -> Int64s:
    """Units of needs that wait at an offer already and are worth more there, before each arc's need."""
    line = np.lexsort([need, -worth, offer])
    before = np.cumsum(left[need[line]]) - left[need[line]]
    begins = np.diff(offer[line], prepend=-1) != 0
    first = np.maximum.accumulate(np.where(begins, np.arange(line.size), 0))
    waiting = np.empty(line.size, np.int64)
    waiting[line] = before - before[first]
    return waiting


def _turn(offer: Int64s, tier: Int64s, kept: Kept) -> Int64s:
    """The unit that each arc's need asks for, and those of more urgent needs still to come that get none."""
    more_urgent = np.concatenate([np.zeros((kept.queue.shape[0], 1)), np.cumsum(kept.queue, axis=1)], axis=1)
    return np.ceil(1 + more_urgent[offer, tier] - 1e-9).astype(np.int64)


def _rounded(means: NDArray[np.float64]) -> Int64s:
    return np.floor(means + 0.5).astype(np.int64)
