"""How long `matching.solve` takes beside other exact solvers on the same problems in the same run.

    python -m tests.benchmarks.engines [--rows a,b,c,d] [--rounds R] [--cp-sat-seconds S] [--seed N]

Our time is that of the whole call: splitting, solving, checking. The others' is that of their solve alone,
without building. Rounds alternate, so that other load on the machine meets both alike, and medians are
compared: of wall time, and of processor time with that of the worker processes, which other load changes
less. Every result must have the same objective, or the benchmark stops.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from ortools.sat.python import cp_model
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import csr_array

from matching import FIT_MAX, Problem, Solution, solve
from tests.benchmarks.match_files import bare_solve
from tests.benchmarks.networks import county_network, dense_assignment

WORKERS = 2


def worth_of_arcs(problem: Problem) -> np.ndarray:
    """What a unit on each arc is worth in one number: the tiers before the fit."""
    step = problem.capacity.size * FIT_MAX + 1
    return (3 - problem.tier[problem.need].astype(np.int64)) * step + problem.fit


def ours(problem: Problem) -> tuple[float, int]:
    """Seconds of the call, and the worth of its flow."""
    started = time.perf_counter()
    solution: Solution = solve(problem, workers=WORKERS)
    seconds = time.perf_counter() - started
    if solution.status != "optimal":
        raise RuntimeError(solution.status)
    return seconds, int(np.dot(solution.flow, worth_of_arcs(problem)))


def highs(problem: Problem) -> tuple[float, int]:
    """Seconds of `linprog` with HiGHS' dual simplex, and the worth it finds."""
    needs, offers, arcs = problem.quantity.size, problem.capacity.size, np.arange(problem.need.size)
    rows = np.concatenate([problem.need, needs + problem.offer])
    table = csr_array((np.ones(rows.size), (rows, np.concatenate([arcs, arcs]))), shape=(needs + offers, arcs.size))
    limits = np.concatenate([problem.quantity, problem.capacity])
    started = time.perf_counter()
    result = linprog(-worth_of_arcs(problem).astype(float), A_ub=table, b_ub=limits, method="highs-ds")
    seconds = time.perf_counter() - started
    return seconds, round(-result.fun)


def cp_sat(problem: Problem, limit: float) -> tuple[float, bool, float]:
    """Seconds of a plain CP-SAT model, whether it proved the optimum, and its gap; built as in OR-Tools' examples."""
    model = cp_model.CpModel()
    most = problem.quantity[problem.need].tolist()
    variables = [model.new_int_var(0, units, "") for units in most]
    for rows, limits in ((problem.need, problem.quantity), (problem.offer, problem.capacity)):
        order = np.argsort(rows, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(rows[order])) + 1):
            model.add(sum(variables[arc] for arc in part) <= int(limits[rows[part[0]]]))
    model.maximize(cp_model.LinearExpr.weighted_sum(variables, worth_of_arcs(problem).tolist()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = WORKERS
    solver.parameters.max_time_in_seconds = limit
    started = time.perf_counter()
    status = solver.solve(model)
    seconds = time.perf_counter() - started
    bound = solver.best_objective_bound
    return seconds, status == cp_model.OPTIMAL, (bound - solver.objective_value) / bound if bound else 1.0


def hungarian(problem: Problem) -> tuple[float, int]:
    """Seconds of scipy's `linear_sum_assignment` on a full table, and the worth it finds."""
    table = worth_of_arcs(problem).reshape(problem.quantity.size, problem.capacity.size)
    started = time.perf_counter()
    row, column = linear_sum_assignment(table, maximize=True)
    return time.perf_counter() - started, int(table[row, column].sum())


Timed = Callable[[Problem], tuple[float, int]]


def processor_seconds() -> float:
    """Of this process and those that it waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


class Times:
    """Wall and processor seconds of one side, round by round."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.wall: list[float] = []
        self.processor: list[float] = []

    def measure(self, side: Timed, problem: Problem) -> int:
        """Run a side once and give the worth that it found."""
        before = processor_seconds()
        wall, worth = side(problem)
        self.processor.append(processor_seconds() - before)
        self.wall.append(wall)
        return worth

    def line(self) -> str:
        rounds = ", ".join(f"{seconds:.3f}" for seconds in self.wall)
        return f"{statistics.median(self.wall):.3f} ({rounds}), processor {statistics.median(self.processor):.3f}"


def tell(title: str, value: str) -> None:
    sys.stdout.write(f"{title:<45}  {value}\n")
    sys.stdout.flush()


def compare(title: str, problem: Problem, other: Timed, rounds: int, *, target: float, inverse: bool = False) -> None:
    """Measure a row in alternating rounds and print both sides' seconds, the ratios of the medians and the target.

    Raises:
        RuntimeError: the two sides differ in what they find.
    """
    mine, theirs = Times("ours"), Times(other.__name__)
    for _ in range(rounds):
        worth, their_worth = mine.measure(ours, problem), theirs.measure(other, problem)
        if worth != their_worth:
            raise RuntimeError(f"we found {worth}, {other.__name__} {their_worth}")
    tell(title, f"{problem.quantity.size:,} needs, {problem.need.size:,} arcs")
    for side in (mine, theirs):
        tell(f"  {side.name}, s", side.line())
    wall = statistics.median(mine.wall) / statistics.median(theirs.wall)
    processor = statistics.median(mine.processor) / statistics.median(theirs.processor)
    if inverse:
        wall, processor = 1 / wall, 1 / processor
    kind = "theirs / ours, at least" if inverse else "ours / theirs, at most"
    tell("  ratio", f"{wall:.3f}, processor {processor:.3f}   ({kind} {target:g})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", default="a,b,c,d", help="which rows to measure")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the rows b, c and d; row a takes one")
    parser.add_argument("--cp-sat-seconds", type=float, default=100.0)
    parser.add_argument("--seed", type=int, default=11)
    told = parser.parse_args()
    rows = told.rows.split(",")
    tell("load of the machine before, 1 and 5 minutes", f"{os.getloadavg()[0]:.1f} {os.getloadavg()[1]:.1f}")
    if "a" in rows:
        problem = county_network(told.seed, needs=10_000, offers=100, arcs_a_need=17, counties=1)
        compare("a  pure network, HiGHS", problem, highs, 1, target=200, inverse=True)
        seconds, proven, gap = cp_sat(problem, told.cp_sat_seconds)
        mine, _ = ours(problem)
        tell("  CP-SAT, s", f"{seconds:.1f}   ({'optimal' if proven else f'not optimal, gap {gap:.2%}'})")
        tell("  its time / ours", f"{seconds / mine:.0f}   (at least 500)")
    if "b" in rows:
        compare("b  dense assignment, Hungarian", dense_assignment(told.seed, 2000), hungarian, told.rounds, target=2)
    if "c" in rows:
        problem = county_network(told.seed, needs=100_000, offers=1000, arcs_a_need=20)
        compare("c  22 counties, one bare flow", problem, bare_solve, told.rounds, target=0.2)
    if "d" in rows:
        problem = county_network(told.seed, needs=100_000, offers=1000, arcs_a_need=20, wide_offers=0.05)
        compare("d  joined by wide offers, one bare flow", problem, bare_solve, told.rounds, target=0.6)
    tell("load of the machine after", f"{os.getloadavg()[0]:.1f} {os.getloadavg()[1]:.1f}")


if __name__ == "__main__":
    main()
