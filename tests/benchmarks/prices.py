"""How long prices and explanations take after a solve, beside the solve itself in the same run.

    python -m tests.benchmarks.prices [--needs N] [--capacities M] [--rounds R]

Prints a table: seconds of solving, of `prices`, of the first `explain` (which works out what all share) and of the
next ones, and the ratio of prices to the solve. The rounds alternate, so that other load on the machine meets all
alike; the medians are compared.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from matching import explain, prices, solve
from matching.choices import explainer
from tests.benchmarks.match_files import network_of
from tests.benchmarks.world import write_world

EXPLAINED = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--needs", type=int, default=100_000)
    parser.add_argument("--capacities", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=10)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        paths = write_world(Path(name), needs=told.needs, capacities=told.capacities, seed=told.seed)
        problem = network_of(*paths)
    chosen = np.random.default_rng(told.seed).integers(0, told.needs, EXPLAINED).tolist()
    solves, priced, firsts, nexts = [], [], [], []
    for _ in range(told.rounds):
        clock = [time.perf_counter()]
        solution = solve(problem)
        clock.append(time.perf_counter())
        prices(problem, solution)
        clock.append(time.perf_counter())
        explainer.cache_clear()
        explain(problem, solution, need=chosen[0])
        clock.append(time.perf_counter())
        one, other, first = np.diff(clock).tolist()
        solves.append(one)
        priced.append(other)
        firsts.append(first)
        for need in chosen:
            started = time.perf_counter()
            explain(problem, solution, need=need)
            nexts.append(time.perf_counter() - started)
    lines = [
        ("needs x offers, arcs", f"{told.needs:,} x {problem.capacity.size:,}, {problem.need.size:,}"),
        ("solve, s", _seconds(solves)),
        ("prices, s", _seconds(priced)),
        ("prices / solve", f"{statistics.median(priced) / statistics.median(solves):.3f}"),
        ("first explain, s", _seconds(firsts)),
        ("next explain, ms", f"median {1000 * statistics.median(nexts):.1f}, longest {1000 * max(nexts):.1f}"),
    ]
    width = max(len(title) for title, _ in lines)
    for title, value in lines:
        sys.stdout.write(f"{title:<{width}}  {value}\n")


def _seconds(taken: list[float]) -> str:
    return f"{statistics.median(taken):.3f}   ({', '.join(f'{one:.3f}' for one in taken)})"


if __name__ == "__main__":
    main()
