"""A made-up province with bundles, budgets and batches: the gap of the first level that is not proven optimal.

    python -m tests.benchmarks.coupled [--needs N] [--seconds S] [--workers W] [--seeds A,B,C]

The gap is (bound - value) / bound, as :class:`matching.Solution` tells it. Besides, the time of many small coupled
components is measured, where the start of a solver counts more than its search.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from matching import Solution, solve
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
        started = time.perf_counter()
        solution = solve(problem, time_limit=told.seconds, workers=told.workers)
        seconds = time.perf_counter() - started
        level, gap = gap_of(solution)
        say(f"seed {seed}: {problem.need.size:,} arcs, served {solution.served} of at most {solution.bound.served}, ")
        say(f"first level not proven: {level}, gap {gap:.3%}, {seconds:.1f} s, load {os.getloadavg()[0]:.1f}\n")
        sys.stdout.flush()
    problem = coupled_world(1, needs=2_000, share=0.0, counties=200)
    started = time.perf_counter()
    solution = solve(problem, workers=told.workers, time_limit=20.0)
    seconds = time.perf_counter() - started
    level, gap = gap_of(solution)
    say(f"200 components of 10 needs, 20 s: {solution.status}, {level} {gap:.3%}, {seconds:.1f} s\n")


if __name__ == "__main__":
    main()
