"""Hard coupled worlds under a time limit: kept, a good answer early, an honest gap, and better ones with time."""

from __future__ import annotations

import time

import pytest

from matching import solve
from matching.verify import verify
from tests.benchmarks.coupled import gap_of
from tests.benchmarks.coupled_world import coupled_world
from tests.benchmarks.gap import made, problem_of

BUSY = 0.5
"""Seconds that a machine with other work may add to a tenth of the limit."""


@pytest.mark.scale
@pytest.mark.parametrize("seconds", [2.0, 5.0])
def test_a_province_keeps_its_time_limit(seconds: float) -> None:
    problem = coupled_world(3)
    started = time.perf_counter()
    solution = solve(problem, time_limit=seconds, workers=2)
    assert time.perf_counter() - started <= seconds * 1.1 + BUSY
    verify(problem, solution)
    assert solution.status == "feasible"
    assert (solution.bound.served, solution.bound.fit) > (solution.served, solution.fit)
    assert sum(solution.served) > 0.8 * sum(solution.bound.served)


@pytest.mark.parametrize("seconds", [1.0, 3.0])
def test_generalized_assignment_keeps_its_time_limit(seconds: float) -> None:
    *_, large = made(5)
    problem = problem_of(large)
    started = time.perf_counter()
    solution = solve(problem, time_limit=seconds, workers=2)
    assert time.perf_counter() - started <= seconds * 1.1 + BUSY
    verify(problem, solution)
    assert solution.status == "feasible"


def test_small_parts_beside_a_large_one_are_settled_too() -> None:
    problem = coupled_world(4, needs=400, share=0.5, counties=8)
    solution = solve(problem, time_limit=4.0, workers=2)
    level, gap = gap_of(solution)
    assert gap < 0.04, level


def test_the_gap_is_of_the_first_level_that_is_not_proven() -> None:
    problem = coupled_world(3, needs=300)
    solution = solve(problem, time_limit=0.5, workers=1)
    level, gap = gap_of(solution)
    values, bounds = (*solution.served, solution.fit), (*solution.bound.served, solution.bound.fit)
    place = 3 if level == "fit" else int(level.removeprefix("tier "))
    assert values[:place] == bounds[:place]
    assert gap == pytest.approx((bounds[place] - values[place]) / bounds[place])


def test_made_worlds_are_the_same_for_the_same_seed() -> None:
    assert coupled_world(5, needs=500).digest == coupled_world(5, needs=500).digest
    assert coupled_world(5, needs=500).digest != coupled_world(6, needs=500).digest
