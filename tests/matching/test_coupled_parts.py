"""Many coupled parts: all proven fast, taken up again where time was short, stopped at once; and the threads for it."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import matching.coupled.parts
from matching import Cancelled, Policy, Problem, solve
from matching.coupled.crew import Crew, Solvers, Stopped, all_done
from matching.verify import verify
from tests.benchmarks.coupled_world import coupled_world
from tests.benchmarks.gap import made, problem_of
from tests.support.matching_problems import columns_of

SECONDS_A_PART = 0.5
"""Processor time; measured are some hundredths. Without the full relaxation single parts took up to a minute."""


def counties(parts: int = 40) -> Problem:
    return coupled_world(1, needs=12 * parts, share=0.0, counties=parts)


def test_many_small_parts_are_all_proven_without_a_limit() -> None:
    problem, began = counties(), time.process_time()
    solution = solve(problem, workers=2)
    assert time.process_time() - began < 40 * SECONDS_A_PART
    assert solution.status == "optimal"
    assert (solution.bound.served, solution.bound.fit) == (solution.served, solution.fit)


def test_one_worker_and_two_reach_the_same() -> None:
    problem = counties(12)
    one, two = (solve(problem, workers=workers) for workers in (1, 2))
    assert (one.status, two.status) == ("optimal", "optimal")
    assert (one.served, one.fit) == (two.served, two.fit)


@pytest.mark.parametrize("limit", [None, 20.0])
def test_parts_that_were_short_of_time_are_taken_up_again(monkeypatch: pytest.MonkeyPatch, limit: float | None) -> None:
    problem = counties(12)
    best = solve(problem, workers=2)
    monkeypatch.setattr(matching.coupled.parts, "FIRST_SECONDS", 1e-4)
    again = solve(problem, workers=2, time_limit=limit)
    assert again.status == "optimal"
    assert (again.served, again.fit) == (best.served, best.fit)


def test_with_hardly_any_time_every_part_is_served_in_part_and_the_bounds_hold() -> None:
    problem = counties(20)
    best, hurried = solve(problem, workers=2), solve(problem, workers=2, time_limit=0.01)
    verify(problem, hurried)
    assert sum(hurried.served) > 0.5 * sum(best.served)
    assert (hurried.served, hurried.fit) <= (best.served, best.fit) <= (hurried.bound.served, hurried.bound.fit)


def test_fairness_over_many_parts_keeps_the_limit_and_bounds_what_is_best() -> None:
    columns = columns_of(counties(10))
    columns["group"] = np.arange(columns["quantity"].size) % 5 - 1
    problem, policy = Problem(**columns), Policy(fairness=True, load_balance_weight=500)
    started = time.perf_counter()
    solution = solve(problem, policy, workers=2, time_limit=4.0)
    assert time.perf_counter() - started < 6.0
    plain = solve(problem, Policy(load_balance_weight=500), workers=2)
    assert solution.served == plain.served
    assert solution.fairness is not None
    assert solution.bound.fairness is not None
    assert solution.fairness >= solution.bound.fairness
    assert solution.bound.fit >= solution.fit


def test_progress_moves_while_a_search_runs_and_can_stop_it() -> None:
    problem, told = problem_of(list(made(3))[-1]), []

    def stop(share: float) -> None:
        told.append(share)
        if len(told) == 8:
            raise Cancelled

    started = time.perf_counter()
    solution = solve(problem, time_limit=120.0, workers=2, progress=stop)
    assert time.perf_counter() - started < 30
    assert (solution.status, solution.verified) == ("cancelled", True)
    assert told == sorted(set(told))
    verify(problem, solution)


def test_errors_and_stops_end_the_threads() -> None:
    solvers, done = Solvers(), list[int]()

    def do(task: int) -> None:
        if task == 3:
            raise KeyError(task)
        solvers.check()

    with pytest.raises(KeyError):
        all_done(range(50), do, done.append, lambda: None, 2, solvers)
    assert 3 not in done
    with pytest.raises(Stopped):
        solvers.check()
    with pytest.raises(Stopped), Crew(1, solvers).solvers.running(_Idle()):
        pass


def test_a_listener_hears_of_long_tasks_and_its_error_is_passed_on() -> None:
    release = threading.Event()

    def hear() -> None:
        release.set()
        raise InterruptedError

    with pytest.raises(InterruptedError):
        all_done([1], lambda _: assert_(release.wait(20)), lambda _: None, hear, 1, Solvers())


def assert_(truth: bool) -> None:
    assert truth


class _Idle:
    def stop_search(self) -> None:
        """Nothing runs."""
