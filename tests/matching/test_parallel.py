"""Networks in processes: the same flow as in one, stopped when asked, and whole after a worker is lost."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import psutil
import pytest

from matching import Cancelled, Policy, Problem, solve, verify
from matching.columns import Int64s
from matching.fairness.groups import unfairness
from matching.network.parallel import solve_parts
from tests.support.matching_problems import large_problem


def counties() -> Problem:
    return large_problem(7, needs=18_000, offers=360, arcs_a_need=8, counties=12)


@pytest.mark.parametrize("policy", [Policy(), Policy(load_balance_weight=50)], ids=["plain", "balanced"])
def test_the_flow_is_the_same_on_one_worker_and_on_two(policy: Policy) -> None:
    problem = counties()
    one, two = solve(problem, policy, workers=1), solve(problem, policy, workers=2)
    assert one.flow.tolist() == two.flow.tolist()
    assert one.flow.tolist() == solve(problem, policy, workers=2, progress=lambda _: None).flow.tolist()
    assert (two.status, two.verified) == ("optimal", True)


def test_fairness_joins_the_counties_that_share_a_group_and_is_the_same_everywhere() -> None:
    problem = counties()
    columns = problem.columns() | {"group": np.arange(problem.quantity.size) % 5}
    fair = Problem(**columns)
    one, two = solve(fair, Policy(fairness=True), workers=1), solve(fair, Policy(fairness=True), workers=2)
    assert one.flow.tolist() == two.flow.tolist()
    plain = solve(fair)
    assert plain.served == two.served
    assert two.fairness is not None
    assert two.fairness < unfairness(fair, plain.flow)


def test_progress_is_a_share_of_candidates_that_never_falls() -> None:
    told: list[float] = []
    solve(counties(), workers=2, progress=told.append)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert len(set(told)) > 6


@pytest.mark.parametrize("after", [1, 4], ids=["at once", "after some parts"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_cancelled_run_keeps_what_was_done(after: int, workers: int) -> None:
    problem, told = counties(), []

    def stop(share: float) -> None:
        told.append(share)
        if len(told) >= after:
            raise Cancelled

    solution = solve(problem, workers=workers, progress=stop)
    assert (solution.status, solution.verified) == ("cancelled", True)
    assert len(told) == after
    assert solution.bound.served >= solve(problem).served >= solution.served
    assert (solution.flow.sum() > 0) == (told[-1] > 0)
    verify(problem, solution)


def test_one_large_network_stops_while_it_is_solved() -> None:
    """Without a process of its own, the first call after the start would come when everything is done."""
    problem = large_problem(3, needs=60_000, offers=600, arcs_a_need=12)
    told: list[float] = []

    def stop(share: float) -> None:
        told.append(share)
        if len(told) == 2:
            raise Cancelled

    started = time.perf_counter()
    solution = solve(problem, progress=stop)
    assert time.perf_counter() - started < 60
    assert solution.status == "cancelled"
    assert told == [0.0, 0.0]
    assert not solution.flow.any()


def test_other_errors_of_the_listener_end_the_workers_and_are_passed_on() -> None:
    def fail(share: float) -> None:
        if share > 0:
            raise KeyError("listener")

    before = {child.pid for child in psutil.Process().children()}
    with pytest.raises(KeyError, match="listener"):
        solve(counties(), workers=2, progress=fail)
    assert {child.pid for child in psutil.Process().children()} <= before


def test_what_a_lost_worker_left_is_solved_here() -> None:
    parts = [np.arange(start, start + 10) for start in range(0, 100, 10)]
    here = os.getpid()

    def one(arcs: Int64s) -> Int64s:
        if os.getpid() != here and arcs[0] >= 50:
            os.kill(os.getpid(), signal.SIGKILL)
        return arcs * 2

    flow, done = np.zeros(100, np.int64), []
    solve_parts(parts, one, flow, lambda part: done.append(int(part[0])), lambda: None, 2)
    assert flow.tolist() == [2 * arc for arc in range(100)]
    assert sorted(done) == list(range(0, 100, 10))


def test_an_error_in_a_worker_is_raised_here() -> None:
    def one(arcs: Int64s) -> Int64s:
        raise RuntimeError(f"no flow on {arcs.size} arcs")

    with pytest.raises(RuntimeError, match="no flow on 3 arcs"):
        solve_parts([np.arange(3)], one, np.zeros(3, np.int64), lambda _: None, lambda: None, 2)
