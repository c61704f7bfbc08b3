"""Coupled rules: which really couple, hand-made cases of each, and honest answers when time is short."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from matching import FIT_MAX, InvalidProblem, Problem, solve
from matching.components import split
from matching.coupling import examine
from tests.support.matching_oracles import best_by_milp, is_feasible
from tests.support.matching_problems import large_problem

LINE: dict[str, Any] = {
    "quantity": [2, 2, 2],
    "tier": [0, 1, 1],
    "capacity": [4, 4],
    "need": [0, 1, 1, 2],
    "offer": [0, 0, 1, 1],
    "fit": [10, 20, 30, 40],
}

HARMLESS: list[tuple[dict[str, Any], str]] = [
    ({"whole": [0, 1, 0], "quantity": [2, 1, 2]}, "a whole need of one unit"),
    ({"bundle": [0, -1, -1], "quantity": [1, 2, 2]}, "a bundle of one unit"),
    ({"bundle": [0, 0, -1], "quantity": [9, 2, 2]}, "a bundle that can never be full"),
    ({"budget": [6, -1], "cost": [3, 3, 1, 2]}, "a budget with one price"),
    ({"budget": [11, -1], "cost": [2, 3, 1, 2], "capacity": [3, 4]}, "a budget that covers every choice"),
    ({"budget": [0, 0]}, "budgets without costs"),
    ({"minimum_batch": [1, 0]}, "a batch of one"),
    ({"minimum_batch": [5, 9]}, "batches that capacity or demand never reach"),
    ({"exclusions": [[0, 2]]}, "excluded needs without a common offer"),
    ({"exclusions": [[0, 1]], "capacity": [1, 4]}, "excluded needs whose common offer has one unit"),
    ({"use": [2, 2, 3, 3]}, "each offer's own use"),
    (
        {"use": [2, 2, 2, 2], "pool": [0, 0], "pool_capacity": [5]},
        "one use below a pool",
    ),
    ({"use": [0, 0, 0, 0], "capacity": [0, 0]}, "no use at all"),
]
BINDING: list[tuple[dict[str, Any], str]] = [
    ({"whole": [0, 1, 0]}, "a whole need of two units"),
    ({"bundle": [0, 0, -1]}, "a bundle of two needs"),
    ({"bundle": [-1, 3, -1]}, "a bundle of one need of two units"),
    ({"budget": [6, -1], "cost": [2, 3, 1, 2]}, "a budget with two prices"),
    ({"minimum_batch": [0, 3]}, "a batch that may be reached"),
    ({"exclusions": [[1, 2]]}, "excluded needs with a common offer"),
    ({"use": [1, 2, 1, 1]}, "two uses at an offer"),
    ({"use": [1, 1, 2, 2], "pool": [0, 0], "pool_capacity": [5]}, "two uses below a pool"),
]


@pytest.mark.parametrize(("changes", "what"), HARMLESS, ids=[what for _, what in HARMLESS])
def test_rules_that_do_not_couple_stay_in_the_network(changes: dict[str, Any], what: str) -> None:
    problem = Problem(**{**LINE, **changes})
    solution = solve(problem)
    assert solution.engines == {"network": 1.0}
    assert is_feasible(problem, solution.flow.tolist())
    assert (solution.served, solution.fit) == best_by_milp(problem)


@pytest.mark.parametrize(("changes", "what"), BINDING, ids=[what for _, what in BINDING])
def test_rules_that_couple_go_to_the_search(changes: dict[str, Any], what: str) -> None:
    problem = Problem(**{**LINE, **changes})
    solution = solve(problem)
    assert solution.engines == {"coupled": 1.0}
    assert (solution.served, solution.fit) == best_by_milp(problem)
    assert solution.status == "optimal"


def test_a_relaxed_bound_holds_as_a_whole_only() -> None:
    """Relaxed ((1, 0), 0), true ((0, 1), FIT_MAX): the urgent need hangs on one that nobody can serve in full."""
    problem = Problem(
        quantity=[1, 3, 1],
        tier=[0, 0, 1],
        capacity=[1, 3],
        need=[0, 1, 2, 1],
        offer=[0, 1, 0, 0],
        fit=[0, 0, FIT_MAX, 0],
        bundle=[0, 0, -1],
        exclusions=[[0, 1]],
        minimum_batch=[0, 4],
    )
    solution = solve(problem)
    assert (solution.served, solution.fit, solution.status) == ((0, 1), FIT_MAX, "optimal")


def test_coupling_in_one_county_leaves_the_others_to_the_network() -> None:
    problem = large_problem(6, needs=900, offers=60, counties=6)
    bundle = np.full(900, -1)
    first = np.unique(problem.need[problem.offer < 10])[:2]
    bundle[first] = 0
    coupled = large_problem(6, needs=900, offers=60, counties=6, bundle=bundle)
    solution = solve(coupled)
    assert 0.05 < solution.engines["coupled"] < 0.4
    assert sum(solution.engines.values()) == pytest.approx(1)


def test_parts_hold_every_live_arc_once_and_share_nothing() -> None:
    whole = np.arange(3000) % 7 == 0
    problem = large_problem(7, needs=3000, offers=300, counties=30, whole=whole)
    coupling = examine(problem)
    parts = split(problem, coupling)
    arcs = [*parts.networks, *parts.coupled]
    assert sorted(np.concatenate(arcs).tolist()) == np.flatnonzero(coupling.live).tolist()
    for rows in (problem.need, problem.offer):
        seen = [set(rows[part].tolist()) for part in arcs]
        assert sum(map(len, seen)) == len(set.union(*seen))


def gap_problem(seed: int, *, needs: int, offers: int) -> Problem:
    """Generalized assignment of type D (use and cost opposed), everything to be served once if possible."""
    rng = np.random.default_rng(seed)
    use = rng.integers(1, 101, (offers, needs))
    cost = np.clip(111 - use + rng.integers(-10, 11, use.shape), 1, None)
    need, offer = np.tile(np.arange(needs), offers), np.repeat(np.arange(offers), needs)
    return Problem(
        quantity=[1] * needs,
        tier=[0] * needs,
        capacity=(0.8 * use.sum(axis=1) / offers).astype(int),
        need=need,
        offer=offer,
        fit=FIT_MAX - cost.ravel(),
        use=use.ravel(),
    )


def test_a_short_time_limit_gives_a_feasible_result_with_a_bound_above_it() -> None:
    problem = gap_problem(1, needs=200, offers=20)
    told: list[float] = []
    solution = solve(problem, time_limit=2.0, workers=2, progress=told.append)
    assert solution.status == "feasible"
    assert is_feasible(problem, solution.flow.tolist())
    assert (solution.bound.served, solution.bound.fit) > (solution.served, solution.fit)
    assert solution.timings["total"] < 3.0
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)


def test_no_time_at_all_still_gives_a_checked_result() -> None:
    problem = gap_problem(2, needs=24, offers=3)
    solution = solve(problem, time_limit=1e-9)
    assert solution.verified
    assert is_feasible(problem, solution.flow.tolist())
    best = solve(problem, workers=2)
    assert (solution.bound.served, solution.bound.fit) >= (best.served, best.fit)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_objective_does_not_depend_on_the_workers(workers: int) -> None:
    rng = np.random.default_rng(8)
    bundle = np.where(rng.random(60) < 0.4, rng.integers(0, 12, 60), -1)
    problem = large_problem(8, needs=60, offers=8, arcs_a_need=3, bundle=bundle, minimum_batch=rng.integers(0, 9, 8))
    solution = solve(problem, workers=workers)
    assert solution.status == "optimal"
    assert (solution.served, solution.fit) == best_by_milp(problem)


def test_a_large_component_is_filled_before_it_is_searched() -> None:
    """Without a rounded start the lower tiers stay empty while the upper ones are searched."""
    rng = np.random.default_rng(9)
    needs, offers = 1500, 60
    problem = large_problem(
        9,
        needs=needs,
        offers=offers,
        bundle=np.where(rng.random(needs) < 0.2, rng.integers(0, 100, needs), -1),
        minimum_batch=np.where(rng.random(offers) < 0.3, rng.integers(2, 20, offers), 0),
    )
    solution = solve(problem, time_limit=0.05)
    assert is_feasible(problem, solution.flow.tolist())
    assert sum(solution.served) > 0.7 * sum(solution.bound.served)


def test_networks_do_not_load_the_search() -> None:
    """Loading CP-SAT takes longer than solving a district's network."""
    asked = (
        "import sys; from matching import Problem, solve;"
        "solve(Problem(quantity=[1], tier=[0], capacity=[1], need=[0], offer=[0], fit=[1]));"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_amounts_too_large_for_the_search_are_refused_by_name() -> None:
    most = 2**46
    columns: dict[str, Any] = {
        "quantity": [most, 3, 3],
        "tier": [0, 0, 0],
        "capacity": [most] * 9,
        "need": [0] * 9 + [1, 2],
        "offer": [*range(9), 0, 0],
        "fit": [5] * 11,
        "exclusions": [[1, 2]],  # the relaxed bound cannot be reached, so a search is needed
    }
    with pytest.raises(InvalidProblem, match=r"quantity\[0\]: too large among coupled rules"):
        solve(Problem(**columns))
    assert solve(Problem(**{**columns, "quantity": [2**40, 3, 3], "capacity": [2**40] * 9})).verified
