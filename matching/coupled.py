"""The engine for components whose rules couple: one level of the objective after another.

Before each level the relaxed network gives a bound: the levels above are limited to the values already
fixed, so every solution that reaches them is a flow of that network, and the lexicographic optimum of the
network cannot be below the best such solution at the level in question. (A single relaxed optimum would
bound the objective only as a whole, not level by level.) Where the solution at hand reaches the bound, the
level is settled without a search; otherwise :mod:`matching.climb` searches and bounds it anew.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from matching.climb import Climb
from matching.columns import Int64s
from matching.coupling import Coupling
from matching.network import Network, best_fit, best_flow
from matching.problem import LARGEST_TOTAL, Problem
from matching.rounding import Rounding

SHARE_OF_A_LEVEL = 0.7
"""A level that is not the last may take this share of the time that is left."""

SHARE_OF_A_DIVE = 0.2
"""Rounding may take this share of all time; the searches after it find more."""

STEEPEST, STEEP = 8_000, 20
"""How much more a unit of the first tier counts than one of the last, at most, and of one tier than of the next,
where the search looks at all tiers at once. No proof rests on it."""


class Outcome(NamedTuple):
    """The answer for one component.

    Attributes:
        flow: int64, units on each of its arcs.
        bound: int64 (tiers + 1,), an objective (units by tier, then fit) that no solution of it can beat.
        optimal: the objective of ``flow`` reaches the bound.
    """

    flow: Int64s
    bound: Int64s
    optimal: bool


def solve_component(
    problem: Problem,
    coupling: Coupling,
    arcs: Int64s,
    *,
    seconds: float | None,
    workers: int | None,
    tell: Callable[[float], None],
) -> Outcome:
    """The best units on the arcs of one coupled component.

    Args:
        problem, coupling: the whole problem and its relaxation.
        arcs: row numbers of the component's live arcs.
        seconds: stop searching after about this time with the best found; None for no limit.
        workers: threads of CP-SAT; None lets it use every core.
        tell: called with the share of the levels that are done.
    """
    began = time.monotonic()
    levels = _Levels(problem, coupling.network, arcs)
    ends = _end_of_search(began, seconds, time.monotonic() - began)
    rounding = Rounding(problem, coupling, arcs)
    flow = levels.start(rounding, began + (ends - began) * SHARE_OF_A_DIVE)
    told_bound: Int64s | None = None
    climb: Climb | None = None
    for place, level in enumerate(levels.rows):
        proven = int(levels.bound[level])
        if levels.value(flow)[level] < proven:
            if climb is None:  # many components never need one: their rounded flow reaches every bound
                climb = Climb(problem, coupling, arcs, workers)
                for above in levels.rows[:place]:
                    climb.keep(levels.worth(above), int(levels.value(flow)[above]))
                found = climb.first(flow, levels.aim(level), ends)
                flow = levels.improved(flow, found, rounding)
            last = place == len(levels.rows) - 1
            left = max(ends - time.monotonic(), 0.0) * (1 if last else SHARE_OF_A_LEVEL)
            found, most = climb.level(flow, levels.worth(level), levels.aim(level), proven, left)
            flow = levels.improved(flow, found, rounding)
            proven = min(proven, most)
        reached = int(levels.value(flow)[level])
        if told_bound is None and reached < proven:
            told_bound = levels.limited(level, proven)
        if climb is not None:
            climb.keep(levels.worth(level), reached)
        over = time.monotonic() >= ends
        if over and told_bound is not None:
            break  # nothing more is searched, and no bound below is told
        if levels.fix(level, reached) and not over:
            flow = levels.better(flow, levels.start(rounding, time.monotonic() + (ends - began) * SHARE_OF_A_DIVE))
        tell((place + 1) / len(levels.rows))
    value = levels.value(flow)
    bound = value if told_bound is None else told_bound
    return Outcome(flow, bound, np.array_equal(value, bound))


def _end_of_search(began: float, seconds: float | None, flow_seconds: float) -> float:
    """When to stop searching, so that the flows still to come (a bound, and filling twice) end in time."""
    if seconds is None:
        return math.inf
    return began + seconds - min(3 * flow_seconds, seconds / 2)


class _Levels:
    """The levels of the objective on one component, and what the relaxed network says about them.

    A level is a tier, or ``tiers`` for the fit. ``bound`` holds for each level given that those above have
    the values fixed so far.
    """

    def __init__(self, problem: Problem, network: Network, arcs: Int64s) -> None:
        self._network = network.of(arcs)
        self._tier = problem.tier[problem.need[arcs]].astype(np.int64)
        self._fit = problem.fit[arcs].astype(np.int64)
        self._tiers = problem.tiers
        self._most = problem.quantity[problem.need[arcs]]
        self._limits = np.full(self._tiers, int(problem.quantity.sum()), np.int64)
        self.rows: list[int] = [*np.unique(self._tier).tolist(), self._tiers]
        self.relaxed = best_flow(self._network)
        self.bound = self.value(self.relaxed)

    def value(self, flow: Int64s) -> Int64s:
        """Units by tier, then fit."""
        value = np.zeros(self._tiers + 1, np.int64)
        np.add.at(value, self._tier, flow)
        value[self._tiers] = np.dot(flow, self._fit)
        return value

    def worth(self, level: int) -> Int64s:
        """What a unit on each arc adds to a level."""
        return self._fit if level == self._tiers else (self._tier == level).astype(np.int64)

    def aim(self, level: int) -> Int64s:
        """What a unit on each arc is worth when a level and those below it are looked at together, roughly."""
        later = [tier for tier in self.rows[:-1] if tier >= level]
        if not later:
            return self._fit
        ratio = min(STEEP, STEEPEST ** (1 / max(len(later) - 1, 1)))
        scale = np.zeros(self._tiers + 1)
        scale[later] = 10 * best_fit(self._network) * ratio ** np.arange(len(later) - 1, -1, -1)
        aim = np.round(scale[self._tier]).astype(np.int64) + self._fit
        return aim if float(self._most.sum()) * float(aim.max()) < LARGEST_TOTAL else self.worth(level)

    def start(self, rounding: Rounding, ends: float) -> Int64s:
        """A feasible flow out of the relaxed one; if that is not the best already, the better of two ways."""
        flow = rounding.feasible(self.relaxed)
        if np.array_equal(self.value(flow), self.bound):
            return flow
        return self.better(flow, rounding.dived(self._network, self._limits, ends))

    def better(self, one: Int64s, other: Int64s) -> Int64s:
        """The flow with the better objective."""
        return other if self.value(other).tolist() > self.value(one).tolist() else one

    def improved(self, flow: Int64s, found: Int64s, rounding: Rounding) -> Int64s:
        """The better of a flow and of what was found after it, with its gaps filled."""
        return flow if np.array_equal(flow, found) else self.better(flow, rounding.filled(found))

    def fix(self, level: int, value: int) -> bool:
        """Take ``value`` as the best of a level; whether that gives a new relaxed flow and bounds below it."""
        if level == self._tiers:
            return False
        self._limits[level] = value
        if value >= self.bound[level]:
            return False
        self.relaxed = best_flow(self._network, self._limits)
        self.bound = self.value(self.relaxed)
        return True

    def limited(self, level: int, most: int) -> Int64s:
        """A bound of the whole objective: the values fixed above, ``most`` here, the relaxed best below."""
        if level == self._tiers:
            bound = self.bound.copy()
        else:
            limits = self._limits.copy()
            limits[level] = most
            bound = self.value(best_flow(self._network, limits))
        bound[level] = most
        return bound
