"""The engine for components whose rules couple: one level of the objective after another.

Before each level the relaxed network gives a bound: the levels above are limited to the values already
fixed, so every solution that reaches them is a flow of that network, and the lexicographic optimum of the
network cannot be below the best such solution at the level in question. (A single relaxed optimum would
bound the objective only as a whole, not level by level.) Where the solution at hand reaches the bound, the
level is settled without a search; otherwise :mod:`matching.coupled.climb` searches and bounds it anew.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from matching.columns import Int64s
from matching.coupled.climb import HANDY, SMALL, Climb
from matching.coupled.crew import Crew
from matching.coupled.rounding import Rounding
from matching.coupling import Coupling
from matching.fairness.groups import Aims
from matching.network.flow import Network, best_fit, best_flow
from matching.problem import LARGEST_TOTAL, Problem

SHARE_OF_A_LEVEL = 0.7
"""A level that is not the last may take this share of the time that is left."""

SHARE_OF_A_DIVE = 0.2
"""Rounding may take this share of all time; the searches after it find more."""

DIVED = 5_000
"""Larger components are not rounded by dives: near their linear relaxation a search begins better."""

STEEPEST, STEEP = 8_000, 20
"""How much more a unit of the first tier counts than one of the last, at most, and of one tier than of the next,
where the search looks at all tiers at once. No proof rests on it."""


class Part:
    """One coupled component, while it is worked on and after.

    Attributes:
        arcs: row numbers of its live arcs.
        flow: int64, units on each of them: the best known.
        with_fit: whether the fit is settled too, or the tiers alone.
        optimal: ``flow`` is proven best in every level that was asked for.
        begun: there is a flow, and a bound of it.
        bound: int64 (tiers + 1,), units by tier, then fit, that no solution of it can beat, compared from the
            left; the fit's is that of the fit alone, before a balance takes from it.
    """

    def __init__(self, problem: Problem, coupling: Coupling, arcs: Int64s, aims: Aims | None, *, fit: bool) -> None:
        """Prepare nothing yet: many parts wait for their turn.

        Args:
            problem, coupling: the whole problem and its relaxation.
            arcs: row numbers of the component's live arcs.
            aims: of a balance, or None.
            fit: whether to settle the fit too, or the tiers alone.
        """
        self._problem, self._coupling, self.arcs = problem, coupling, arcs
        self._aims = None
        if aims is not None and aims.balance.most:
            self._aims = aims._replace(group=np.full_like(aims.group, -1))
        self.with_fit = fit
        self.flow = np.zeros(arcs.size, np.int64)
        self.bound = np.zeros(problem.tiers + 1, np.int64)
        self.optimal = self.begun = False
        self._levels: _Levels | None = None
        self._climb: Climb | None = None
        self._guided = False
        self._settled: list[int] = []
        self._known: int | None = None

    def begin(self, flow: Int64s, bound: Int64s) -> None:
        """Take a feasible flow to begin with, and the best objective of the relaxed network."""
        self.flow, self.bound, self.begun = flow, bound, True

    @property
    def tiny(self) -> bool:
        """Whether one worker is enough however hard it is."""
        return self.arcs.size <= SMALL

    @property
    def handy(self) -> bool:
        """Whether one worker mostly proves it within a few seconds: it is small, and not all of it are knapsacks."""
        if self.tiny or self.arcs.size > HANDY:
            return self.tiny
        problem = self._problem
        differing = np.zeros(problem.capacity.size, np.bool_)
        for column, limited in ((problem.use, problem.capacity >= 0), (problem.cost, problem.budget >= 0)):
            least, most = np.full(differing.size, np.iinfo(np.int64).max), np.zeros(differing.size, np.int64)
            np.minimum.at(least, problem.offer[self.arcs], column[self.arcs])
            np.maximum.at(most, problem.offer[self.arcs], column[self.arcs])
            differing |= limited & (least < most)
        return not differing[problem.offer[self.arcs]].all()

    @property
    def proven_tiers(self) -> bool:
        """Whether its coverage is proven best."""
        return self._levels is not None and len(self._settled) >= len(self._levels.tiers)

    def work(self, seconds: float, crew: Crew, tell: Callable[[float], None]) -> None:
        """Search for about so many seconds (``math.inf`` for no limit), on from where the last time ended.

        Args:
            crew: who searches.
            tell: called with the share of the levels that are done.
        """
        began = time.monotonic()
        if self.tiny:
            crew = crew._replace(workers=1)
        if self._levels is None:
            self._levels = _Levels(self._problem, self._coupling.network, self.arcs)
            self._rounding = Rounding(self._problem, self._coupling, self.arcs)
            if self._aims is not None:
                self._climb = Climb(self._problem, self._coupling, self.arcs, crew, self._aims)
                self._levels.charge(self._climb)
            ends = _end_of_search(began, seconds, time.monotonic() - began)
            start = self._levels.start(self._rounding, began + (ends - began) * SHARE_OF_A_DIVE)
            self.flow = self._levels.better(self.flow, start)
        else:
            ends = _end_of_search(began, seconds, 0)
            self._levels.begin(self._settled)
        if self._climb is not None:
            self._climb.crew = crew
            self._climb.begin()
        told_bound = self._climbed(self._levels, began, ends, crew, tell)
        self.bound = self._levels.plain(self.flow, told_bound, fit=self.with_fit)
        self.begun = True
        self.optimal = len(self._settled) == len(self._levels.rows(fit=self.with_fit))

    def _climbed(
        self, levels: _Levels, began: float, ends: float, crew: Crew, tell: Callable[[float], None]
    ) -> Int64s | None:
        """Climb every level; the bound of the whole if one of them is not proven."""
        told_bound: Int64s | None = None
        rows, rounding = levels.rows(fit=self.with_fit), self._rounding
        settled = len(self._settled)
        for place, level in enumerate(rows):
            if place < settled:
                if self._climb is not None:
                    self._climb.keep(levels.worth(level), self._settled[place])
                continue
            proven = int(levels.bound[level])
            if place == settled and self._known is not None:
                proven = min(proven, self._known)
            if levels.value(self.flow)[level] < proven:
                proven = self._searched(levels, rows, place, proven, crew, ends)
            reached = int(levels.value(self.flow)[level])
            if told_bound is None and reached < proven:
                told_bound = levels.limited(level, proven)
                self._known = proven
            elif told_bound is None:
                self._settled.append(reached)
                self._known = None
            if self._climb is not None and level < levels.fit:
                self._climb.keep(levels.worth(level), reached)
            over = time.monotonic() >= ends
            if over and told_bound is not None:
                break  # nothing more is searched, and no bound below is told
            if levels.fix(level, reached) and not over:
                dive = time.monotonic() + (ends - began) * SHARE_OF_A_DIVE
                self.flow = levels.better(self.flow, levels.start(rounding, dive))
            tell((place + 1) / len(rows))
        return told_bound

    def _searched(self, levels: _Levels, rows: list[int], place: int, proven: int, crew: Crew, ends: float) -> int:
        """Search for a better flow in a level; a bound of it, ``proven`` or less."""
        if self._climb is None or not self._guided:  # many never need it: their rounded flow reaches every bound
            self._guided = True
            self._climb = self._begin(levels, rows[:place], crew, ends)
        last = place == len(rows) - 1
        left = max(ends - time.monotonic(), 0.0) * (1 if last else SHARE_OF_A_LEVEL)
        worth, aim = levels.columns(self._climb, rows[place])
        found, most = self._climb.level(self.flow, worth, aim, proven, left)
        self.flow = levels.improved(self.flow, found, self._rounding)
        return min(proven, most)

    def _begin(self, levels: _Levels, above: list[int], crew: Crew, ends: float) -> Climb:
        """Begin to search: near the linear relaxation, for all levels together."""
        climb = self._climb
        if climb is None:
            climb = Climb(self._problem, self._coupling, self.arcs, crew)
            for level in above:
                climb.keep(levels.worth(level), int(levels.value(self.flow)[level]))
        aim = levels.aim(levels.rows(fit=True)[len(above)])
        for near in climb.guided(self.flow, aim, ends):
            self.flow = levels.better(self.flow, self._rounding.feasible(near))
        self.flow = levels.improved(self.flow, climb.first(self.flow, aim, ends), self._rounding)
        return climb


def _end_of_search(began: float, seconds: float, flow_seconds: float) -> float:
    """When to stop searching, so that the flows still to come (a bound, and filling twice) end in time."""
    if seconds == math.inf:
        return math.inf
    return began + seconds - min(3 * flow_seconds, seconds / 2)


class _Levels:
    """The levels of the objective on one component, and what the relaxed network says about them.

    A level is a tier, or ``fit`` (the number after the last tier). ``bound`` holds for each level given that those
    above have the values fixed so far; for the fit it is that of the fit alone, without what a balance takes.
    """

    def __init__(self, problem: Problem, network: Network, arcs: Int64s) -> None:
        self._network = network.of(arcs)
        self._tier = problem.tier[problem.need[arcs]].astype(np.int64)
        self._fit = problem.fit[arcs].astype(np.int64)
        self.fit = problem.tiers
        self.tiers: list[int] = np.unique(self._tier).tolist()
        self._most = problem.quantity[problem.need[arcs]]
        self._everything = int(problem.quantity.sum())
        self._limits = np.full(self.fit, self._everything, np.int64)
        self._charged: Climb | None = None
        self.relaxed = best_flow(self._network)
        self.bound = self._plain(self.relaxed)

    def rows(self, *, fit: bool) -> list[int]:
        """The levels, in order."""
        return [*self.tiers, self.fit] if fit else self.tiers

    def charge(self, climb: Climb) -> None:
        """Count a balance in the value of flows."""
        self._charged = climb

    def begin(self, settled: list[int]) -> None:
        """Fix the first levels again, and no others."""
        self._limits[:] = self._everything
        for level, value in zip(self.tiers, settled, strict=False):
            self._limits[level] = value
        self.relaxed = best_flow(self._network, self._limits)
        self.bound = self._plain(self.relaxed)

    def _plain(self, flow: Int64s) -> Int64s:
        """Units by tier, then fit."""
        value = np.zeros(self.fit + 1, np.int64)
        np.add.at(value, self._tier, flow)
        value[self.fit] = np.dot(flow, self._fit)
        return value

    def value(self, flow: Int64s) -> Int64s:
        """Units by tier, then fit less what a balance takes."""
        value = self._plain(flow)
        if self._charged is not None:
            program = self._charged.program
            value[self.fit] -= np.dot(program.charge, program.values(flow))
        return value

    def plain(self, flow: Int64s, bound: Int64s | None, *, fit: bool) -> Int64s:
        """A bound of units by tier and fit alone; from one that was told, or of a flow proven best, its ``fit`` too."""
        if bound is not None:
            return bound
        plain = self._plain(flow)
        if self._charged is not None or not fit:
            plain[self.fit] = self.bound[self.fit]
        return plain

    def worth(self, level: int) -> Int64s:
        """What a unit on each arc adds to a level."""
        return self._fit if level == self.fit else (self._tier == level).astype(np.int64)

    def columns(self, climb: Climb, level: int) -> tuple[Int64s, Int64s]:
        """What each column adds to a level, and to it and those below together."""
        worth, aim = climb.columns(self.worth(level)), climb.columns(self.aim(level))
        if level == self.fit:
            worth = aim = worth - climb.program.charge
        return worth, aim

    def aim(self, level: int) -> Int64s:
        """What a unit on each arc is worth when a level and those below it are looked at together, roughly."""
        later = [tier for tier in self.tiers if tier >= level]
        if not later:
            return self._fit
        ratio = min(STEEP, STEEPEST ** (1 / max(len(later) - 1, 1)))
        scale = np.zeros(self.fit + 1)
        scale[later] = 10 * best_fit(self._network) * ratio ** np.arange(len(later) - 1, -1, -1)
        aim = np.round(scale[self._tier]).astype(np.int64) + self._fit
        return aim if float(self._most.sum()) * float(aim.max()) < LARGEST_TOTAL else self.worth(level)

    def start(self, rounding: Rounding, ends: float) -> Int64s:
        """A feasible flow out of the relaxed one; if that is not the best already, the better of two ways."""
        flow = rounding.feasible(self.relaxed)
        if flow.size > DIVED or np.array_equal(self.value(flow), self.bound):
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
        if level == self.fit:
            return False
        self._limits[level] = value
        if value >= self.bound[level]:
            return False
        self.relaxed = best_flow(self._network, self._limits)
        self.bound = self._plain(self.relaxed)
        return True

    def limited(self, level: int, most: int) -> Int64s:
        """A bound of the whole objective: the values fixed above, ``most`` here, the relaxed best below."""
        if level == self.fit:
            bound = self.bound.copy()
            if self._charged is None:
                bound[level] = most
            return bound
        limits = self._limits.copy()
        limits[level] = most
        bound = self._plain(best_flow(self._network, limits))
        bound[level] = most
        return bound
