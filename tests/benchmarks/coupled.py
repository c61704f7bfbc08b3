"""A made-up province with bundles, budgets and batches: the gap of the first level that is not proven optimal.

    python -m tests.benchmarks.coupled [--needs N] [--seconds S] [--workers W] [--seeds A,B,C]

The gap is (bound - value) / bound, as :class:`matching.Solution` tells it. Besides, the time of many small coupled
components without a limit is measured, where the start of a solver counts more than its search. Processor time is
that of all threads: with W workers and a quiet machine it would be up to W times the limit.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from matching import Problem, Solution, solve
from tests.benchmarks.coupled_world import coupled_world


def gap_of(solution: Solution) -> tuple[str, float]:
    """The first level whose value is below its bound, and by what share."""
    values, bounds = (*solution.served, solution.fit), (*solution.bound.served, solution.bound.fit)
    for level, (value, bound) in enumerate(zip(values, bounds, strict=True)):
        if value < bound:
            return f"tier {level}" if level < len(solution.served) else "fit", (bound - value) / bound
    return "none", 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--needs", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", default="1,2,3")
    told = parser.parse_args()
    say = sys.stdout.write
    for seed in map(int, told.seeds.split(",")):
        problem = coupled_world(seed, needs=told.needs)
        solution, spent = timed(problem, workers=told.workers, time_limit=told.seconds)
        level, gap = gap_of(solution)
        say(f"seed {seed}: {problem.need.size:,} arcs, served {solution.served} of at most {solution.bound.served}, ")
        say(f"first level not proven: {level}, gap {gap:.3%}, {spent}\n")
        sys.stdout.flush()
    for parts, needs in ((500, 12), (20, 100)):
        problem = coupled_world(1, needs=parts * needs, share=0.0, counties=parts)
        solution, spent = timed(problem, workers=told.workers, time_limit=None)
        say(f"{parts} components of {needs} needs, no limit: {solution.status}, {spent}\n")
        sys.stdout.flush()


def timed(problem: Problem, *, workers: int, time_limit: float | None) -> tuple[Solution, str]:
    """The solution, and what it took in words."""
    wall, processor = time.perf_counter(), time.process_time()
    solution = solve(problem, workers=workers, time_limit=time_limit)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return solution, f"{wall:.1f} s, {processor:.1f} s of processor time, load {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
