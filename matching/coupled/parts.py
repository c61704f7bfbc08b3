"""All coupled parts of a problem: which is worked on when, for how long, and what their bounds add up to.

Handy parts go first, several at a time with one worker each, for a few seconds at most; then the others one after
another with all workers. What time is left goes to the parts that are not proven yet.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from matching.columns import Int64s
from matching.coupled.crew import Crew, Solvers, all_done
from matching.coupled.engine import Part
from matching.coupled.joining import Join, Joined, joins_of
from matching.coupled.rounding import Rounding
from matching.coupling import Coupling
from matching.fairness.groups import Aims
from matching.network.flow import best_flow
from matching.problem import Problem

FIRST_SECONDS = 3.0
"""The most that a handy part may take the first time: most need some hundredths of a second."""

SHARE_OF_COVERAGE = 0.5
"""Where fairness joins parts, the search for their coverage may take this share of the time."""

PASSES = 3
"""How often parts that are not proven are taken up again."""

LEFT_SECONDS, LEFT_SHARE = 0.05, 0.02
"""Less time than this, or this share of it all, is not worth another pass."""


class CoupledParts:
    """The coupled parts of one problem.

    Attributes:
        parts: in the order of their first arcs.
    """

    def __init__(
        self,
        problem: Problem,
        coupling: Coupling,
        parts: Sequence[Int64s],
        aims: Aims | None,
        workers: int | None,
        beat: Callable[[float], None],
    ) -> None:
        """Prepare nothing yet.

        Args:
            parts: row numbers of the arcs of each.
            aims: of fairness and balance, or None. Parts that hold a group settle their tiers alone.
            workers: threads; None for one a core.
            beat: called about ten times a second with how many arcs are done, parts of them counted in part.
                What it raises stops the work and is passed on.
        """
        self._problem, self._coupling, self._aims = problem, coupling, aims
        self.solvers, self._beat = Solvers(), beat
        self._threads = workers or len(os.sched_getaffinity(0))
        self.crew = Crew(workers, self.solvers)
        self.parts = []
        for arcs in parts:
            grouped = aims is not None and bool(np.any(aims.group[problem.need[arcs]] >= 0))
            self.parts.append(Part(problem, coupling, arcs, aims, fit=not grouped))
        self._told = np.zeros(len(self.parts))
        self._sizes = np.array([part.arcs.size for part in self.parts], np.int64)
        self._span = 0.0, math.inf
        self._joins: list[Join] = []
        self._joined: list[Joined] = []

    @property
    def grouped(self) -> bool:
        """Whether fairness concerns any of them."""
        return not all(part.with_fit for part in self.parts)

    @property
    def optimal(self) -> bool:
        """Whether they, and networks that share their groups, are proven best."""
        return all(part.optimal for part in self.parts) and all(joined.optimal for joined in self._joined)

    def search(self, seconds: float) -> None:
        """Work on all parts, for about so many seconds with what :meth:`join` takes later.

        ``math.inf`` is as long as the proofs take; only parts of more than ``matching.coupled.climb.LARGE`` columns are
        left where all ways to a better solution are tried.
        """
        seconds *= SHARE_OF_COVERAGE if self.grouped else 1.0
        self._span = time.monotonic(), seconds
        ends = self._span[0] + seconds
        if seconds < math.inf and len(self.parts) > 1:
            self._begin()
        first = [number for number, part in enumerate(self.parts) if part.handy]
        self._pass(first, ends, int(self._sizes.sum()), FIRST_SECONDS)
        for again in range(1 + PASSES):
            waiting = [number for number, part in enumerate(self.parts) if not part.optimal]
            left = ends - time.monotonic()
            if not waiting or (again and (left == math.inf or left < max(LEFT_SECONDS, LEFT_SHARE * seconds))):
                return
            tiny = [number for number in waiting if self.parts[number].tiny]
            others = [number for number in waiting if not self.parts[number].tiny]
            self._pass(tiny, ends, int(self._sizes[waiting].sum()))
            self._pass(others, ends, int(self._sizes[others].sum()))

    def _begin(self) -> None:
        """Round all parts at once, which takes less than one after another: time may end before their turn comes."""
        arcs = np.concatenate([part.arcs for part in self.parts])
        tier, fit = self._problem.tier[self._problem.need[arcs]], self._problem.fit[arcs].astype(np.int64)
        relaxed = best_flow(self._coupling.network.of(arcs))
        flow = Rounding(self._problem, self._coupling, arcs).feasible(relaxed)
        first = 0
        for part in self.parts:
            own = slice(first, first + part.arcs.size)
            bound = np.zeros(self._problem.tiers + 1, np.int64)
            np.add.at(bound, tier[own], relaxed[own])
            bound[-1] = np.dot(relaxed[own], fit[own])
            part.begin(flow[own], bound)
            first = own.stop

    def _pass(self, numbers: list[int], ends: float, waiting: int, most: float | None = None) -> None:
        """Work on some parts, the smaller ones first.

        Tiny ones, and all that have ``most`` seconds at most, are done several at a time, by one worker each. Each
        may take the share of the time left that its arcs have among those ``waiting``.
        """
        together = most is not None or all(self.parts[number].tiny for number in numbers)
        threads, crew = (self._threads, self.crew._replace(workers=1)) if together else (1, self.crew)
        waits = [waiting]  # shared by the threads: a part takes its share when its turn comes
        numbers = sorted(numbers, key=lambda number: int(self._sizes[number]))

        def do(number: int) -> None:
            size = int(self._sizes[number])
            seconds = max(ends - time.monotonic(), 0.0) * min(size * threads / max(waits[0], 1), 1.0)
            waits[0] -= size
            if seconds == 0 and self.parts[number].begun:
                return
            self.parts[number].work(seconds if most is None else min(seconds, most), crew, self._teller(number))

        def done(number: int) -> None:
            self._told[number] = 1.0

        all_done(numbers, do, done, self._tell, threads, self.solvers)

    def _tell(self) -> None:
        """Tell how far the levels are, or the time that there is for them."""
        arcs = float(np.dot(self._told, self._sizes))
        began, seconds = self._span
        if seconds < math.inf:
            arcs = max(arcs, float(self._sizes.sum()) * min((time.monotonic() - began) / max(seconds, 1e-9), 0.99))
        self._beat(arcs * (SHARE_OF_COVERAGE if self.grouped else 1.0))

    def join(self, networks: Sequence[Int64s], flow: Int64s, seconds: float, *, exactly: bool) -> None:
        """Settle fairness and fit of the parts with groups, and of the networks that share these.

        Args:
            networks: row numbers of the arcs of each, whose coverage is settled.
            flow: int64 (k,), of all parts; changed in place.
            seconds: about so many, ``math.inf`` for no limit.
            exactly: the units by tier may not be passed in networks, though there is room.
        """
        coupled = [part.arcs for part in self.parts]
        if self._aims is None:
            return
        self._joins = joins_of(self._problem, self._coupling, networks, coupled, self._aims, exactly=exactly)
        ends, waiting = time.monotonic() + seconds, sum(join.arcs.size for join in self._joins)

        def do(join: Join) -> None:
            nonlocal waiting
            left = max(ends - time.monotonic(), 0.0) * (join.arcs.size / waiting)
            waiting -= join.arcs.size
            self._joined.append(join.settle(flow, left, self.crew))

        def tell() -> None:
            past = 0.0 if seconds == math.inf else (time.monotonic() - (ends - seconds)) / max(seconds, 1e-9)
            share = SHARE_OF_COVERAGE + (1 - SHARE_OF_COVERAGE) * min(past, 0.99)
            self._beat(float(self._sizes.sum()) * share)

        self._joins.sort(key=lambda join: int(join.arcs.size))
        all_done(self._joins, do, lambda _: None, tell, 1, self.solvers)

    def joined(self, arcs: Int64s) -> bool:
        """Whether these arcs of a network share groups with them."""
        return any(np.isin(arcs[:1], join.arcs).any() for join in self._joins)

    def slack(self, flow: Int64s) -> tuple[Int64s, Fraction | None]:
        """By how much bounds exceed a flow: in units by tier and fit; and by how much they are below in fairness.

        Objectives and bounds of parts add up level by level, and the lexicographic order is kept by addition, so
        the sum of the bounds is a bound of the sum. The fairness is None where a coverage is not proven, as bounds
        of joins are those of the coverage reached.
        """
        problem = self._problem
        slack, proven = np.zeros(problem.tiers + 1, np.int64), all(part.proven_tiers for part in self.parts)
        for part in self.parts:
            slack += part.bound
            np.subtract.at(slack, problem.tier[problem.need[part.arcs]], flow[part.arcs])
            slack[-1] -= self._fit(part.arcs, flow)
            if proven and not part.with_fit:
                slack[-1] -= part.bound[-1] - self._fit(part.arcs, flow)
        fairness = Fraction(0)
        for join, joined in zip(self._joins, self._joined, strict=True):
            if proven:
                fairness += join.fairness(flow) - joined.fairness
                slack[-1] += joined.fit - self._fit(join.arcs, flow)
            else:
                slack[-1] += sum(
                    join.most_fit(piece.arcs, flow) - self._fit(piece.arcs, flow)
                    for piece in join.pieces
                    if piece.network
                )
        return slack, fairness if proven else None

    def _fit(self, arcs: Int64s, flow: Int64s) -> int:
        return int(np.dot(flow[arcs], self._problem.fit[arcs].astype(np.int64)))

    def _teller(self, number: int) -> Callable[[float], None]:
        def tell(share: float) -> None:
            self._told[number] = max(self._told[number], share)

        return tell
