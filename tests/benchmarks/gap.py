"""Generalized assignment: how far `matching.solve` ends above the best known costs.

    python -m tests.benchmarks.gap [--gap FILE] [--seconds S] [--workers W]

FILE is one of OR-Library's, ``gapd.txt`` or ``gapc.txt`` (J. E. Beasley; number of problems, and for each: agents,
jobs, costs, uses, capacities). Without it instances of type D are made by the published recipe; nobody knows their
best costs, so that the proven bound stands in for them and the percentages say more than the truth.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from matching import FIT_MAX, Problem, solve
from matching.columns import Int64s

BEST_KNOWN = {
    "gapc.txt": (1931, 3456, 1402, 2806, 1243, 2391),
    "gapd.txt": (6353, 12742, 6347, 12430, 6185, 12241),
}
SIZES = ((5, 100), (5, 200), (10, 100), (10, 200), (20, 100), (20, 200))


class Instance(NamedTuple):
    """Costs and uses (agents, jobs), capacities, and the best known cost or None."""

    cost: Int64s
    use: Int64s
    capacity: Int64s
    best_known: int | None


def read(path: Path) -> Iterator[Instance]:
    """The instances of a file of OR-Library."""
    numbers = np.array(path.read_text().split(), np.int64)
    best = BEST_KNOWN.get(path.name, ())
    place = 1
    for number in range(int(numbers[0])):
        agents, jobs = (int(size) for size in numbers[place : place + 2])
        place += 2
        cost, use = (numbers[place + k * agents * jobs :][: agents * jobs].reshape(agents, jobs) for k in (0, 1))
        place += 2 * agents * jobs
        yield Instance(cost, use, numbers[place : place + agents], best[number] if number < len(best) else None)
        place += agents


def made(seed: int) -> Iterator[Instance]:
    """Instances of type D (Chu & Beasley 1997, Computers & Operations Research 24)."""
    random = np.random.default_rng(seed)
    for agents, jobs in SIZES:
        use = random.integers(1, 101, (agents, jobs))
        cost = np.maximum(111 - use + random.integers(-10, 11, use.shape), 1)
        yield Instance(cost, use, (0.8 * use.sum(axis=1) / agents).astype(np.int64), None)


def problem_of(instance: Instance) -> Problem:
    """One need a job, one offer an agent; the best fit is the least cost."""
    agents, jobs = instance.cost.shape
    return Problem(
        quantity=np.ones(jobs, np.int64),
        tier=np.zeros(jobs, np.int64),
        capacity=instance.capacity,
        need=np.tile(np.arange(jobs), agents),
        offer=np.repeat(np.arange(agents), jobs),
        fit=FIT_MAX - instance.cost.ravel(),
        use=instance.use.ravel(),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--gap", type=Path, default=None)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    told = parser.parse_args()
    say = sys.stdout.write
    if told.gap is None:
        say("NOTE: no --gap FILE, so the instances are MADE UP, and the gaps are to a bound, not to the best known.\n")
    titles = (("agents x jobs", -14), ("assigned", 8), ("cost", 7), ("against", 7), ("bound", 7), ("above", 8))
    say(" ".join(f"{title:<{-width}}" if width < 0 else f"{title:>{width}}" for title, width in titles))
    say("      s  processor  load\n")
    above = []
    for instance in read(told.gap) if told.gap is not None else made(11):
        agents, jobs = instance.cost.shape
        started, processor = time.perf_counter(), time.process_time()
        solution = solve(problem_of(instance), time_limit=told.seconds, workers=told.workers)
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
        cost, bound = (FIT_MAX * jobs - fit for fit in (solution.fit, solution.bound.fit))
        against = bound if instance.best_known is None else instance.best_known
        above.append(100 * (cost - against) / against if solution.served == (jobs,) else float("inf"))
        assigned = f"{sum(solution.served)}/{jobs}"
        say(f"{f'{agents} x {jobs}':14} {assigned:>8} {cost:7} {against:7} {bound:7} {above[-1]:7.3f}% {seconds:6.1f}")
        say(f" {processor:10.1f} {os.getloadavg()[0]:5.1f}\n")
        sys.stdout.flush()
    say(f"mean {statistics.mean(above):.3f} %, worst {max(above):.3f} %\n")


if __name__ == "__main__":
    main()
