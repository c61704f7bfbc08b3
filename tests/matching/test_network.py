"""The network engine: hand-made cases whose answer is plain, and its behaviour on unusual sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matching import FIT_MAX, Problem, solve
from matching.coupling import examine
from matching.network.flow import Network, _cheapest, best_flow
from tests.support.matching_oracles import best_by_milp, is_feasible, objective_of
from tests.support.matching_problems import columns_of, large_problem


def test_red_displaces_blue_however_good_the_fit_of_blue() -> None:
    problem = Problem(quantity=[1, 1], tier=[2, 0], capacity=[1], need=[0, 1], offer=[0, 0], fit=[FIT_MAX, 0])
    assert solve(problem).flow.tolist() == [0, 1]


def test_coverage_goes_before_fit_along_a_chain_through_every_offer() -> None:
    """Serving the last need moves each other one to its worst offer: m units of fit are lost for one unit."""
    offers = 30
    need = [*range(offers), *range(offers), offers]
    offer = [*range(offers), *[(place + 1) % offers for place in range(offers)], 0]
    fit = [FIT_MAX] * offers + [0] * offers + [0]
    problem = Problem(
        quantity=[1] * (offers + 1),
        tier=[1] * offers + [0],
        capacity=[1] * (offers - 1) + [2],
        need=need,
        offer=offer,
        fit=fit,
    )
    solution = solve(problem)
    assert solution.served == (1, offers)
    assert (solution.served, solution.fit) == best_by_milp(problem)


def test_a_need_of_several_units_is_served_in_part_and_by_several_offers() -> None:
    problem = Problem(quantity=[5], tier=[0], capacity=[2, 1], need=[0, 0], offer=[0, 1], fit=[7, 9])
    solution = solve(problem)
    assert (solution.flow.tolist(), solution.served, solution.fit) == ([2, 1], (3,), 23)


def test_nested_pools_bind_from_the_outermost_inwards() -> None:
    problem = Problem(
        quantity=[9, 9, 9],
        tier=[0, 0, 0],
        capacity=[4, 4, 4],
        need=[0, 1, 2],
        offer=[0, 1, 2],
        fit=[3, 2, 1],
        pool=[0, 0, 1],
        pool_capacity=[5, 9, 6],
        pool_parent=[2, 2, -1],
    )
    assert solve(problem).flow.tolist() == [4, 1, 1]


def test_a_pool_without_capacity_closes_its_offers() -> None:
    problem = Problem(quantity=[1], tier=[0], capacity=[1], need=[0], offer=[0], fit=[1], pool=[0], pool_capacity=[0])
    solution = solve(problem)
    assert (solution.served, solution.status) == ((0,), "optimal")


@pytest.mark.parametrize("tiers", [[127, 0], [5, 3], [127, 126]])
def test_tiers_that_nobody_has_are_reported_as_zero(tiers: list[int]) -> None:
    problem = Problem(quantity=[1, 1], tier=tiers, capacity=[1], need=[0, 1], offer=[0, 0], fit=[5, 5])
    served = [0] * (max(tiers) + 1)
    served[min(tiers)] = 1
    assert solve(problem).served == tuple(served)


@pytest.mark.parametrize(
    "columns",
    [
        {"quantity": [], "tier": [], "capacity": [], "need": [], "offer": [], "fit": []},
        {"quantity": [3], "tier": [1], "capacity": [], "need": [], "offer": [], "fit": []},
        {"quantity": [], "tier": [], "capacity": [3], "need": [], "offer": [], "fit": []},
        {"quantity": [3], "tier": [1], "capacity": [0], "need": [0], "offer": [0], "fit": [9]},
    ],
    ids=["nothing", "only needs", "only offers", "no capacity"],
)
def test_problems_where_nothing_can_be_served(columns: dict[str, Any]) -> None:
    problem = Problem(**columns)
    solution = solve(problem)
    assert solution.served == (0,) * problem.tiers
    assert (solution.fit, solution.status, solution.verified) == (0, "optimal", True)
    assert solution.flow.dtype == np.int64
    assert solution.held.tolist() == [0] * problem.capacity.size


def test_amounts_near_the_end_of_the_range_are_exact() -> None:
    most = 2**47
    problem = Problem(
        quantity=[most, most],
        tier=[1, 0],
        capacity=[2**63 - 1, most + 1],
        need=[0, 1, 1],
        offer=[1, 0, 1],
        fit=[FIT_MAX, 1, 2],
        pool=[0, 0],
        pool_capacity=[most + 5],
    )
    solution = solve(problem)
    assert solution.served == (most, 5)
    assert solution.fit == 5 * FIT_MAX + 2 * (most - 4) + 4


def test_two_flows_equal_one_on_a_larger_network() -> None:
    problem = large_problem(3, needs=2000, offers=100, arcs_a_need=8)
    network = examine(problem).network
    one, two = best_flow(network).tolist(), best_flow(network, largest_cost=0).tolist()
    assert is_feasible(problem, two)
    assert objective_of(problem, one) == objective_of(problem, two)


def test_costs_beyond_the_solvers_range_are_told_and_no_failure() -> None:
    network = examine(large_problem(2, needs=50, offers=9)).network
    supply = np.bincount(network.tier, weights=network.quantity).astype(np.int64)
    assert _cheapest(network, supply, np.array([2**30 + 2, 2**30 + 1, 2**30]), fit=True) is not None
    assert _cheapest(network, supply, np.array([2**60 + 2, 2**60 + 1, 2**60]), fit=True) is None


def test_two_flows_equal_one_with_every_tier_there_is() -> None:
    rng = np.random.default_rng(6)
    rows = 30_000
    network = Network(
        quantity=np.ones(rows, np.int64),
        tier=(np.arange(rows) % 128).astype(np.int8),
        capacity=rng.integers(0, 2, rows),
        need=np.repeat(np.arange(rows, dtype=np.int32), 2),
        offer=np.stack([np.arange(rows), (np.arange(rows) * 7 + 1) % rows], axis=1).ravel().astype(np.int32),
        fit=rng.integers(0, FIT_MAX + 1, 2 * rows).astype(np.int32),
        pool=np.full(rows, -1, np.int32),
        pool_capacity=np.zeros(0, np.int64),
        pool_parent=np.zeros(0, np.int32),
    )
    one, two = best_flow(network), best_flow(network, largest_cost=0)
    for worth in (network.fit, *(network.tier[network.need] == tier for tier in range(128))):
        assert np.dot(one, worth.astype(np.int64)) == np.dot(two, worth.astype(np.int64))


def test_components_are_solved_apart_with_the_same_result() -> None:
    problem = large_problem(4, needs=6000, offers=240, arcs_a_need=8, counties=12)
    apart, together = solve(problem), best_flow(examine(problem).network).tolist()
    assert (apart.served, apart.fit) == objective_of(problem, together)


def test_rows_without_arcs_change_nothing() -> None:
    problem = large_problem(5, needs=300, offers=20)
    columns = columns_of(problem)
    columns["quantity"] = np.append(columns["quantity"], [7] * 5000)
    columns["tier"] = np.append(columns["tier"], [0] * 5000)
    columns["capacity"] = np.append(columns["capacity"], [7] * 5000)
    for name in ("bundle", "group", "pool", "budget", "whole", "minimum_batch"):
        del columns[name]
    assert solve(Problem(**columns)).flow.tolist() == solve(problem).flow.tolist()
