"""The engine for components whose rules couple: CP-SAT, one level of the objective after another.

Before each level the relaxed network gives a bound: the levels above are limited to the values already
fixed, so every solution that reaches them is a flow of that network, and the lexicographic optimum of the
network cannot be below the best such solution at the level in question. (A single relaxed optimum would
bound the objective only as a whole, not level by level.) Where the solution at hand reaches the bound, the
level is settled without a search.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from ortools.sat.python import cp_model

from matching.columns import Int32s, Int64s
from matching.coupling import Coupling, excluded_arcs
from matching.network import Network, best_flow
from matching.problem import FIT_MAX, LARGEST_TOTAL, InvalidProblem, Problem
from matching.rounding import Rounding

SHARE_OF_A_LEVEL = 0.7
"""A level that is not the last may take this share of the time that is left."""

SMALL = 300
"""Components up to so many arcs are searched by one worker: starting more costs more than they save."""


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
    ends = math.inf if seconds is None else time.monotonic() + seconds
    levels = _Levels(problem, coupling.network, arcs)
    rounding = Rounding(problem, coupling, arcs)
    flow = levels.start(rounding)
    told_bound: Int64s | None = None
    model: _Model | None = None
    kept: list[tuple[Int64s, int]] = []
    for place, level in enumerate(levels.rows):
        if levels.value(flow)[level] < levels.bound[level]:
            if model is None:  # many components never need one: their rounded flow reaches every bound
                model = _Model(problem, coupling, arcs)
            while kept:
                model.keep(*kept.pop())
            left = (ends - time.monotonic()) * (1 if place == len(levels.rows) - 1 else SHARE_OF_A_LEVEL)
            threads = 1 if arcs.size <= SMALL else workers
            better, proven = model.maximise(levels.worth(level), flow, left, threads)
            flow = flow if better is None else levels.better(flow, rounding.filled(better))
        else:
            proven = int(levels.bound[level])
        reached = int(levels.value(flow)[level])
        if told_bound is None and reached < min(proven, levels.bound[level]):
            told_bound = levels.limited(level, min(proven, int(levels.bound[level])))
        kept.append((levels.worth(level), reached))
        if levels.fix(level, reached):
            flow = levels.better(flow, levels.start(rounding))
        tell((place + 1) / len(levels.rows))
    value = levels.value(flow)
    bound = value if told_bound is None else told_bound
    return Outcome(flow, bound, np.array_equal(value, bound))


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

    def start(self, rounding: Rounding) -> Int64s:
        """A feasible flow out of the relaxed one; if that is not the best already, the better of two ways."""
        flow = rounding.feasible(self.relaxed)
        if np.array_equal(self.value(flow), self.bound):
            return flow
        return self.better(flow, rounding.dived(self._network, self._limits))

    def better(self, one: Int64s, other: Int64s) -> Int64s:
        """The flow with the better objective."""
        return other if self.value(other).tolist() > self.value(one).tolist() else one

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


class _Model:
    """The rules of one component as a CP-SAT model. Arc a carries ``step[a] * variable[a]`` units."""

    def __init__(self, problem: Problem, coupling: Coupling, arcs: Int64s) -> None:
        self._model = cp_model.CpModel()
        need, offer = problem.need[arcs], problem.offer[arcs]
        quantity = problem.quantity[need]
        self._step = np.where(problem.whole[need], quantity, 1)
        self._most = np.minimum(quantity, coupling.network.capacity[offer]) // self._step
        self._check_range(problem, arcs)
        self._switches: list[tuple[cp_model.IntVar, list[int]]] = []
        self._variables = [self._variable(most) for most in self._most.tolist()]
        self._need_rules(problem, coupling, need)
        self._offer_rules(problem, arcs, offer)
        self._batches(problem, offer)
        self._exclusions(coupling, need, offer)

    def _check_range(self, problem: Problem, arcs: Int64s) -> None:
        """Refuse sums that CP-SAT cannot hold: it adds over arcs, where a flow is bounded by the needs."""
        units = (self._step * self._most).astype(np.float64)
        for worth in (np.full(arcs.size, FIT_MAX), problem.use[arcs], problem.cost[arcs]):
            if float(np.dot(units, worth)) >= LARGEST_TOTAL:
                need = int(problem.need[arcs[int((units * worth).argmax())]])
                rule = "too large among coupled rules: its units x fit, use or cost, summed over arcs, pass 2**62"
                raise InvalidProblem("quantity", need, rule)

    def _variable(self, most: int) -> cp_model.IntVar:
        return self._model.new_bool_var("") if most == 1 else self._model.new_int_var(0, most, "")

    def _whether_any(self, rows: list[int]) -> cp_model.IntVar:
        """A new literal that means that some of the arcs carry something; the caller states the rule."""
        variable = self._model.new_bool_var("")
        self._switches.append((variable, rows))
        return variable

    def _sum(self, rows: Sequence[int], worth: Int64s | None = None) -> cp_model.LinearExprT:
        """The sum over some arcs of their units, each times its worth."""
        factor = self._step[rows] if worth is None else self._step[rows] * worth[rows]
        return cp_model.LinearExpr.weighted_sum([self._variables[row] for row in rows], factor.tolist())

    def _at_most(self, rows: Sequence[int], worth: Int64s | None, limit: int) -> None:
        factor = self._step[rows] if worth is None else self._step[rows] * worth[rows]
        if int(np.dot(factor, self._most[rows])) > limit:
            self._model.add(self._sum(rows, worth) <= limit)

    def _need_rules(self, problem: Problem, coupling: Coupling, need: Int32s) -> None:
        taken: dict[int, cp_model.IntVar] = {}
        for row, arcs in _by_key(need):
            quantity = int(problem.quantity[row])
            bundle = int(problem.bundle[row])
            if bundle >= 0 and coupling.needs[row]:
                if bundle not in taken:
                    taken[bundle] = self._whether_any(arcs)
                self._model.add(self._sum(arcs) == quantity * taken[bundle])
            elif self._step[arcs[0]] == quantity:
                self._model.add_at_most_one([self._variables[arc] for arc in arcs])
            else:
                self._at_most(arcs, None, quantity)

    def _offer_rules(self, problem: Problem, arcs: Int64s, offer: Int32s) -> None:
        use, cost = problem.use[arcs], problem.cost[arcs]
        below: dict[int, list[int]] = {}
        for row, on_offer in _by_key(offer):
            self._at_most(on_offer, use, int(problem.capacity[row]))
            if problem.budget[row] >= 0:
                self._at_most(on_offer, cost, int(problem.budget[row]))
            pool = int(problem.pool[row])
            while pool >= 0:
                below.setdefault(pool, []).extend(on_offer)
                pool = int(problem.pool_parent[pool])
        for pool, in_pool in below.items():
            self._at_most(in_pool, use, int(problem.pool_capacity[pool]))

    def _batches(self, problem: Problem, offer: Int32s) -> None:
        for row, arcs in _by_key(offer):
            least = int(problem.minimum_batch[row])
            if least > 1:
                opened = self._whether_any(arcs)
                self._model.add(self._sum(arcs) >= least * opened)
                for arc in arcs:
                    self._model.add(self._variables[arc] <= int(self._most[arc]) * opened)

    def _exclusions(self, coupling: Coupling, need: Int32s, offer: Int32s) -> None:
        used: dict[int, cp_model.IntVar] = {}
        for pair in excluded_arcs(coupling.exclusions, need, offer):
            self._model.add_at_most_one([self._used(row, used) for row in pair])

    def _used(self, row: int, used: dict[int, cp_model.IntVar]) -> cp_model.IntVar:
        """A literal that is true if the arc carries anything."""
        if self._most[row] == 1:
            return self._variables[row]
        if row not in used:
            used[row] = self._whether_any([row])
            self._model.add(self._variables[row] <= int(self._most[row]) * used[row])
        return used[row]

    def maximise(self, worth: Int64s, hint: Int64s, seconds: float, workers: int | None) -> tuple[Int64s | None, int]:
        """The best flow found for a level within ``seconds``, None if none was, and a bound of the level.

        Raises:
            RuntimeError: the search claims that nothing is feasible, though serving what was kept is.
        """
        everything = range(len(self._variables))
        loose = int(np.dot(self._step * worth, self._most))
        if seconds <= 0:
            return None, loose
        self._model.clear_hints()  # type: ignore[no-untyped-call]  # published without annotations
        for variable, value in zip(self._variables, (hint // self._step).tolist(), strict=True):
            self._model.add_hint(variable, value)
        for variable, rows in self._switches:  # a hint that leaves some out is often not completed
            self._model.add_hint(variable, bool(hint[rows].any()))
        self._model.maximize(self._sum(everything, worth))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = workers or 0
        solver.parameters.random_seed = 1
        if seconds < math.inf:
            solver.parameters.max_time_in_seconds = seconds
        status = solver.solve(self._model)
        if status == cp_model.UNKNOWN:
            return None, loose
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            raise RuntimeError(f"CP-SAT ended as {solver.status_name(status)}, though a solution exists")
        values = np.array([solver.value(variable) for variable in self._variables], np.int64)
        flow = values * self._step
        if status == cp_model.OPTIMAL:
            return flow, int(np.dot(flow, worth))
        # The bound is told as a float: rounded up by more than it can have lost, it stays a bound.
        told = solver.best_objective_bound
        return flow, min(loose, math.floor(told + 1e-6 + abs(told) * 2**-50))

    def keep(self, worth: Int64s, reached: int) -> None:
        """Let every later search reach at least ``reached`` in a level."""
        self._model.add(self._sum(range(len(self._variables)), worth) >= reached)


def _by_key(keys: Int32s) -> Iterable[tuple[int, list[int]]]:
    """Each key with the rows that have it."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    for key, rows in zip(keys[order[starts]].tolist(), np.split(order, starts[1:]), strict=True):
        yield key, rows.tolist()
