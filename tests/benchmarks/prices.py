"""What prices, explanations and foresight take beside the solve itself, in the same run.

    python -m tests.benchmarks.prices [--needs N] [--capacities M] [--rounds R] [--futures F] [--seed S]

Prints a table: seconds of solving, of `prices`, of the first `explain` (which works out what all share) and of the
next ones, and the ratio of prices to the solve; then of a run that looks ahead (`expected_prices` over F futures as
large as the problem, and the solve with this reserve) and its ratio to the plain run. The rounds alternate, so that
other load on the machine meets all alike; the medians are compared. Processor time is told beside the time that
passed, with that of the processes started: it does not grow by what else the machine does.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from matching import Policy, Problem, expected_prices, explain, prices, solve
from matching.explain.choices import explainer
from matching.prices.paths import spread
from tests.benchmarks.match_files import network_of
from tests.benchmarks.world import write_world

EXPLAINED = 200

Result = TypeVar("Result")


class Took(NamedTuple):
    """Seconds that passed, and seconds of processors, children included."""

    passed: float
    worked: float


def timed(work: Callable[[], Result]) -> tuple[Result, Took]:
    """A result and what it took."""
    before, started = os.times(), time.perf_counter()
    result = work()
    passed, after = time.perf_counter() - started, os.times()
    return result, Took(passed, sum(after[:4]) - sum(before[:4]))


def future_of(problem: Problem, seed: int) -> Problem:
    """As many needs as the problem has, drawn from it with repetition, their fits moved a little."""
    rng = np.random.default_rng(seed)
    needs = problem.quantity.size
    drawn = np.sort(rng.integers(0, needs, needs))
    first = np.searchsorted(problem.need, np.arange(needs + 1))
    count = (first[1:] - first[:-1])[drawn]
    arcs = spread(first[drawn], count)
    return Problem(
        quantity=problem.quantity[drawn],
        tier=problem.tier[drawn],
        capacity=problem.capacity,
        need=np.repeat(np.arange(needs), count),
        offer=problem.offer[arcs],
        fit=np.clip(problem.fit[arcs] + rng.integers(-300, 301, arcs.size), 0, 10_000),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--needs", type=int, default=100_000)
    parser.add_argument("--capacities", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--futures", type=int, default=5)
    parser.add_argument("--seed", type=int, default=10)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        paths = write_world(Path(name), needs=told.needs, capacities=told.capacities, seed=told.seed)
        problem = network_of(*paths)
    futures = [future_of(problem, told.seed + number) for number in range(told.futures)]
    chosen = np.random.default_rng(told.seed).integers(0, told.needs, EXPLAINED).tolist()
    took: dict[str, list[Took]] = {name: [] for name in ("solve", "prices", "first", "expected", "reserved")}
    nexts = []
    for _ in range(told.rounds):
        solution, took_now = timed(partial(solve, problem))
        took["solve"].append(took_now)
        took["prices"].append(timed(partial(prices, problem, solution))[1])
        explainer.cache_clear()
        again = replace(solution)  # nothing is known of this one yet
        took["first"].append(timed(partial(explain, problem, again, need=chosen[0]))[1])
        nexts += [timed(partial(explain, problem, again, need=need))[1] for need in chosen]
        reserve, took_now = timed(partial(expected_prices, problem, futures, Policy(), workers=2))
        took["expected"].append(took_now)
        took["reserved"].append(timed(partial(solve, problem, reserve=reserve))[1])
    ahead = [Took(*np.add(one, other)) for one, other in zip(took["expected"], took["reserved"], strict=True)]
    lines = [
        ("needs x offers, arcs", f"{told.needs:,} x {problem.capacity.size:,}, {problem.need.size:,}"),
        ("solve, s", _seconds(took["solve"])),
        ("prices, s", _seconds(took["prices"])),
        ("prices / solve", _ratio(took["prices"], took["solve"])),
        ("first explain, s", _seconds(took["first"])),
        ("next explain, s", f"{_median(nexts)}, longest {max(nexts).passed:.4f}"),
        (f"expected prices, {told.futures} futures, s", _seconds(took["expected"])),
        ("solve with the reserve, s", _seconds(took["reserved"])),
        ("run that looks ahead / solve", _ratio(ahead, took["solve"])),
    ]
    width = max(len(title) for title, _ in lines)
    for title, value in lines:
        sys.stdout.write(f"{title:<{width}}  {value}\n")


def _median(taken: list[Took]) -> str:
    passed, worked = (statistics.median(column) for column in zip(*taken, strict=True))
    return f"{passed:.3f} passed, {worked:.3f} of processors"


def _seconds(taken: list[Took]) -> str:
    return f"{_median(taken)}   ({', '.join(f'{one.passed:.3f}' for one in taken)})"


def _ratio(taken: list[Took], other: list[Took]) -> str:
    ratios = [
        statistics.median(one) / statistics.median(two)
        for one, two in zip(zip(*taken, strict=True), zip(*other, strict=True), strict=True)
    ]
    return f"{ratios[0]:.3f} passed, {ratios[1]:.3f} of processors"


if __name__ == "__main__":
    main()
