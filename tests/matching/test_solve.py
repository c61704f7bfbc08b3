"""solve: the arguments it takes, the solution it gives."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest

from matching import Policy, Problem, solve
from tests.support.matching_problems import large_problem

SMALL = Problem(quantity=[2, 1], tier=[0, 2], capacity=[2, 1], need=[0, 1, 1], offer=[0, 0, 1], fit=[10, 20, 30])


def test_a_solution_tells_everything_the_contract_names() -> None:
    solution = solve(SMALL, Policy(), time_limit=60.0, workers=2)
    assert solution.flow.tolist() == [2, 0, 1]
    assert solution.flow.dtype == np.int64
    assert (solution.served, solution.fit) == ((2, 0, 1), 50)
    assert solution.status == "optimal"
    assert solution.fairness is None
    assert solution.bound == ((2, 0, 1), None, 50)
    assert solution.engines == {"network": 1.0}
    assert solution.verified is True
    assert solution.held.tolist() == [0, 0]
    assert solution.timings["total"] >= solution.timings["network"] > 0


def test_a_solution_cannot_be_written() -> None:
    solution = solve(SMALL)
    for array in (solution.flow, solution.held):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        solution.fit = 0  # type: ignore[misc]  # the point of the test


def test_options_are_given_by_name() -> None:
    kinds = {name: parameter.kind for name, parameter in inspect.signature(solve).parameters.items()}
    assert list(kinds)[:2] == ["problem", "policy"]
    assert {kinds[name] for name in ("time_limit", "workers", "progress")} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("options", [{"time_limit": 0}, {"time_limit": -1.0}, {"time_limit": float("nan")}])
def test_a_time_limit_must_be_positive(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="time_limit: must be above 0"):
        solve(SMALL, time_limit=options["time_limit"])


def test_at_least_one_worker_is_needed() -> None:
    with pytest.raises(ValueError, match="workers: must be at least 1"):
        solve(SMALL, workers=0)


@pytest.mark.parametrize("counties", [1, 12])
def test_progress_rises_from_zero_and_ends_at_one(counties: int) -> None:
    told: list[float] = []
    solve(large_problem(1, needs=9000, offers=240, arcs_a_need=8, counties=counties), progress=told.append)
    assert told == sorted(set(told))
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert len(told) > 2


def test_tiers_above_the_policys_are_solved_without_a_reserve() -> None:
    problem = Problem(quantity=[1, 1], tier=[9, 5], capacity=[1], need=[0, 1], offer=[0, 0], fit=[3, 3])
    assert solve(problem, Policy(tiers=3)).served == (0, 0, 0, 0, 0, 1, 0, 0, 0, 0)
