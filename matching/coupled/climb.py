"""One level of a coupled component: better solutions and better bounds until they meet or time is over.

In this order, each step with a share of the time: CP-SAT on everything where the component is small enough to
hope for a proof at once; the linear relaxation, and where the rules are knapsacks their decomposition, for a
bound and for a guide; CP-SAT on the *kernel*, the columns that the guide or the solution uses; large
neighbourhoods; CP-SAT on every column that the bounds leave open, for the proof.
"""

from __future__ import annotations

import math
import time

import numpy as np

from matching.columns import Bools, Int64s
from matching.coupled.crew import Crew
from matching.coupled.decomposition import blocks, decompose
from matching.coupled.improve import Neighbourhoods, improve, kernel, rounded
from matching.coupled.program import Rows, program
from matching.coupled.relaxation import Floats, Relaxed, relax
from matching.coupled.search import Found, search
from matching.coupling import Coupling
from matching.fairness.groups import Aims
from matching.problem import Problem

SMALL = 300
"""Components up to so many arcs go to CP-SAT at once, and to one worker: more cost more than they save."""

HANDY = 1_500
"""Components up to so many arcs, if they are no knapsacks, are first tried as a whole by one worker."""

MEDIUM = 5_000
"""Components up to so many arcs are tried as a whole before anything else."""

LARGE = 20_000
"""More columns than this are not searched as a whole: a time limit would pass on the presolve, a day on the rest."""

CLOSE = 0.05
"""A tier is near its bound if less than this share of it is missing."""

OPEN_A_NEED = 4
"""With more open columns for each need, knapsacks are not proven in reasonable time."""

NEAR_ENOUGH = 1e-2
"""A relaxation that only guides may end so far from its bound, as a share."""

LONGEST = 10.0
"""Seconds for a step that comes before a search as a whole, where there is no time limit."""


class Climb:
    """The search on one component; the levels above are kept by rows that are added one after another."""

    def __init__(
        self, problem: Problem, coupling: Coupling, arcs: Int64s, crew: Crew, aims: Aims | None = None
    ) -> None:
        self.program = self._program = program(problem, coupling, arcs, aims)
        self.rows = self._program.rows
        self.crew = crew
        self._small = arcs.size <= SMALL
        self._blocks = None if self._small else blocks(self._program, self.rows)
        self._places: Neighbourhoods | None = None
        self._guide: Floats | None = None
        self._guided: Rows | None = None
        self._random = np.random.default_rng(1)

    def begin(self) -> None:
        """Forget the levels that were kept."""
        self.rows = self._program.rows

    def keep(self, worth: Int64s, reached: int) -> None:
        """Let everything later reach at least ``reached`` in a level; ``worth`` is of a unit on each arc."""
        concerned = worth > 0
        rows, first = np.unique(self._program.need_row[concerned], return_index=True)
        if rows.size and reached == int((worth * self._program.quantity)[concerned][first].sum()):
            self.rows = self._program.in_full(self.rows, concerned)
        self.keep_columns(self.columns(worth), reached)

    def keep_columns(self, worth: Int64s, reached: int) -> None:
        """The same for the worth of columns."""
        self.rows = self.rows.add(worth, reached)

    def columns(self, worth: Int64s) -> Int64s:
        """What each 1 of a column adds, from the worth of a unit on each arc."""
        columns = np.zeros(self._program.most.size, np.int64)
        columns[: worth.size] = worth * self._program.step
        return columns

    def guided(self, flow: Int64s, aim: Int64s, ends: float) -> list[Int64s]:
        """Flows near the linear relaxation for all levels together, not all of them feasible; it is the guide now.

        Its fractions are left out of the first, and rounded to the nearest in the second.
        """
        left = ends - time.monotonic()
        if self._small or left <= 0:
            return []
        relaxed = self._relaxed(self._program.values(flow), self.columns(aim), left)
        if relaxed is None:
            return []
        self._guide = relaxed.values
        whole = np.floor(relaxed.values + 1e-6).astype(np.int64), np.round(relaxed.values).astype(np.int64)
        return [self._program.flow(one) for one in whole]

    def _relaxed(self, values: Int64s, aim: Int64s, left: float) -> Relaxed | None:
        """The relaxation for several levels together, near enough to guide."""
        self._guided = self.rows
        seconds = _share(left, 0.3)
        return relax(self._program, self.rows, aim, values, self._likely(), seconds, self.crew.solvers, NEAR_ENOUGH)

    def first(self, flow: Int64s, aim: Int64s, ends: float) -> Int64s:
        """A better flow for all levels together, from the columns that the guide uses."""
        left = ends - time.monotonic()
        if self._guide is None or left <= 0:
            return flow
        values = self._program.values(flow)
        free = kernel(self._program, values, self._guide)
        found = search(
            self._program, self.rows, self.columns(aim), values, free, seconds=_share(left, 0.1), crew=self.crew
        )
        return flow if found.values is None else self._program.flow(found.values)

    def level(self, flow: Int64s, worth: Int64s, aim: Int64s, most: int, seconds: float) -> tuple[Int64s, int]:
        """The best flow found for a level within ``seconds``, and a bound of the level.

        Args:
            flow: a feasible flow that keeps the levels above.
            worth: int64 (columns,), what each 1 adds to the level.
            aim: int64 (columns,), the same, with a little for the levels below.
            most: a bound that is known.
            seconds: the most time for it.
        """
        state = _State(self, flow, worth, most, time.monotonic() + seconds)
        if state.done:
            return flow, most
        if self._small:
            state.whole(1.0)
            return state.answer()
        if self._blocks is None and flow.size <= HANDY:
            state.whole(0.5, crew=self.crew._replace(workers=1))
        elif self._blocks is None and flow.size <= MEDIUM:
            state.whole(0.15)
        relaxed = None if state.done else self._bounded(state, aim)
        if not state.done:
            self._searched(state, aim, relaxed)
        if not state.done and self._hopeful(state, relaxed):
            state.whole(1.0, relaxed)
        return state.answer()

    def _hopeful(self, state: _State, relaxed: Relaxed | None) -> bool:
        """Whether a proof by a search of all that is open may come before the time is over, or without a limit ever."""
        if self._blocks is None or relaxed is None or state.ends == math.inf:
            return self._program.most.size <= LARGE
        return int(state.open(relaxed).sum()) <= OPEN_A_NEED * np.unique(self._program.need).size

    def forget(self) -> None:
        """Take no guide from the levels before: the next is of another kind."""
        self._guide = None

    def _likely(self) -> Bools:
        """The columns that the guide uses."""
        return np.zeros(self._program.most.size, np.bool_) if self._guide is None else self._guide > 0

    def _bounded(self, state: _State, aim: Int64s) -> Relaxed | None:
        """Bound the level by the relaxation and the decomposition, and take a solution of one of them as the guide.

        Where the levels below count too, that is a relaxation of its own: it changes with what is kept above.
        """
        relaxed = relax(
            self._program,
            self.rows,
            state.worth,
            state.values,
            self._likely(),
            _share(state.left, 0.3),
            self.crew.solvers,
        )
        duals = np.zeros(self.rows.lower.size)
        if relaxed is not None:
            state.bound = min(state.bound, relaxed.bound)
            duals = relaxed.duals
        if self._blocks is None and not state.done and self._guided is not self.rows:
            finer = relaxed if not np.any(aim != state.worth) else self._relaxed(state.values, aim, state.left)
            self._guide = self._guide if finer is None else finer.values
        if self._blocks is not None and not state.done:
            tighter = decompose(
                self._program,
                self.rows,
                state.worth,
                self._blocks,
                duals,
                state.reached,
                _share(state.left, 0.25),
            )
            state.bound = min(state.bound, tighter.bound)
            self._guide = tighter.values
            return tighter
        return relaxed

    def _in_kernel(self, rows: Rows, aim: Int64s, state: _State, guide: Floats) -> Found:
        """Search the columns that the guide uses; those of the solution too, unless the guide is near enough.

        The mean of the knapsacks' solutions is so near to the best that a worse solution only leads astray.
        """
        seconds = _share(state.left, 0.3)
        if self._blocks is not None:
            free = kernel(self._program, np.zeros_like(state.values), guide)
            free[self._program.switches_end :] = True
            found = search(
                self._program,
                rows,
                aim,
                np.where(free, state.values, 0),
                free,
                seconds=seconds,
                crew=self.crew,
                hint=rounded(self._program, guide),
            )
            if found.values is not None:
                return found
        free = kernel(self._program, state.values, guide)
        seconds = min(seconds, state.left)
        return search(self._program, rows, aim, state.values, free, seconds=seconds, crew=self.crew)

    def _searched(self, state: _State, aim: Int64s, relaxed: Relaxed | None) -> None:
        """Neighbourhoods and the kernel: first the one that is likelier to be enough.

        A tier near its bound lacks a few units, which neighbourhoods bring without harm to the tiers below. Far
        from it, and for the fit, the kernel leaps. What is left then is asked of the kernel for the tier alone: a
        bound that can be reached is mostly reached so at once, though it harms what comes after.
        """
        alone = self._blocks is not None or not np.any(aim != state.worth)
        if alone:
            aim = state.worth  # knapsacks are hard enough one level at a time
        if not alone and state.bound - state.reached <= CLOSE * abs(state.bound):
            self._by_neighbourhoods(state, aim, relaxed, 0.25)
        elif self._guide is not None:
            rows = self.rows.add(state.worth, state.reached)
            state.take(self._in_kernel(rows, aim, state, self._guide).values, aim)
        if not alone and not state.done and self._guide is not None:
            free = kernel(self._program, state.values, self._guide)
            found = search(
                self._program,
                self.rows,
                state.worth,
                state.values,
                free,
                seconds=_share(state.left, 0.1),
                crew=self.crew,
            )
            if found.values is not None and int(np.dot(state.worth, found.values)) >= state.bound:
                state.take(found.values, aim)
        if not state.done:
            self._by_neighbourhoods(state, aim, relaxed, 0.8 if self._hopeful(state, relaxed) else 1.0)

    def _by_neighbourhoods(self, state: _State, aim: Int64s, relaxed: Relaxed | None, share: float) -> None:
        if self._places is None:
            self._places = Neighbourhoods(self._program)
        promising: Bools = np.ones(state.values.size, np.bool_)
        if relaxed is not None:  # who costs the bound a fourth of the gap is rarely part of a better solution
            promising = relaxed.loss <= max((relaxed.exact_bound - state.reached) / 4, 1.0)
        if self._guide is not None:
            promising |= self._guide > 0.01
        values = improve(
            self._program,
            self._places,
            self.rows,
            aim,
            state.worth,
            state.values,
            self._guide,
            promising,
            enough=state.bound,
            seconds=_share(state.left, share),
            crew=self.crew,
            random=self._random,
        )
        state.take(values, aim)


class _State:
    """A level while it is climbed."""

    def __init__(self, climb: Climb, flow: Int64s, worth: Int64s, bound: int, ends: float) -> None:
        self._climb = climb
        self.values = climb._program.values(flow)
        self.worth, self.bound, self.ends = worth, bound, ends

    @property
    def reached(self) -> int:
        return int(np.dot(self.worth, self.values))

    @property
    def done(self) -> bool:
        return self.reached >= self.bound or self.left <= 0

    @property
    def left(self) -> float:
        return self.ends - time.monotonic()

    def take(self, values: Int64s | None, aim: Int64s) -> None:
        """Take a solution that is not worse in the level, and not in what it was made for."""
        if values is None or int(np.dot(self.worth, values)) < self.reached:
            return
        if int(np.dot(self.worth, values)) > self.reached or int(np.dot(aim, values - self.values)) > 0:
            self.values = values

    def whole(self, share: float, relaxed: Relaxed | None = None, crew: Crew | None = None) -> None:
        """Search every column that a better solution could use, for a share of the time."""
        climb = self._climb
        free: Bools = np.ones(self.values.size, np.bool_)
        start = self.values
        if relaxed is not None:
            free = self.open(relaxed)
            start = np.where(free, start, np.where(relaxed.at_most, climb._program.most, 0))
        found = search(
            climb._program,
            climb.rows,
            self.worth,
            start,
            free,
            seconds=self.left if share == 1 else _share(self.left, share),
            crew=crew or climb.crew,
        )
        if found.proven and found.values is None:
            if relaxed is None:
                raise RuntimeError("the search claims that nothing is feasible, though a solution is at hand")
            self.bound = self.reached
        if found.bound is not None:
            self.bound = min(self.bound, max(found.bound, self.reached))
        self.take(found.values, self.worth)

    def open(self, relaxed: Relaxed) -> Bools:
        """The columns a better solution may move: it is worth 1 more, which others cost the bound."""
        return relaxed.loss <= relaxed.exact_bound - self.reached - 1

    def answer(self) -> tuple[Int64s, int]:
        return self._climb._program.flow(self.values), self.bound


def _share(seconds: float, share: float) -> float:
    """A share of the time left, and no more than ``LONGEST`` where there is no limit."""
    return LONGEST if seconds == math.inf else seconds * share
