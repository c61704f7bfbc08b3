"""The flow found by prices against the plain flow, on networks of every shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from scipy.optimize import linear_sum_assignment

from matching import Problem, solve
from matching.coupling import examine
from matching.network.flow import Network, best_flow
from matching.network.market import market_of
from matching.network.potentials import proving_prices
from matching.network.restricted import Chosen
from matching.network.sifting import SIFT_FROM, exact_flow, sifted
from tests.support.matching_oracles import is_feasible, objective_of
from tests.support.matching_problems import large_problem, problems

ARC_COLUMNS = ("need", "offer", "fit")

thorough = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@thorough
@given(problem=problems("nested"))
def test_small_networks_reach_the_same_objective(problem: Problem) -> None:
    network = examine(problem).network
    if network.need.size == 0:
        return
    market = market_of(network)
    assert market is not None
    flow = sifted(market, rounds=200)
    assert flow is not None
    given_order = market.in_given_order(flow).tolist()
    assert is_feasible(problem, given_order)
    assert objective_of(problem, given_order) == objective_of(problem, best_flow(network).tolist())


def shapes() -> dict[str, dict[str, Any]]:
    """Larger networks: scarce, ample, joined by pools, with many equal fits, with few units an offer."""
    rng = np.random.default_rng(8)
    arcs = 3000 * 8
    return {
        "plain": {},
        "scarce": {"capacity": rng.integers(0, 30, 60)},
        "ample": {"capacity": rng.integers(100, 400, 60)},
        "pools": {
            "pool": rng.integers(-1, 9, 60),
            "pool_capacity": rng.integers(0, 400, 9),
            "pool_parent": [-1, 0, 0, 1, 1, 2, -1, 6, 6],
        },
        "equal fits": {"fit": rng.integers(0, 3, arcs)},
        "one fit": {"fit": np.full(arcs, 7)},
        "few units": {"capacity": rng.integers(0, 3, 60)},
        "one tier": {"tier": np.zeros(3000, np.int64)},
        "many tiers": {"tier": rng.integers(0, 100, 3000)},
    }


@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("seed", range(6))
def test_larger_networks_reach_the_same_objective(shape: str, seed: int) -> None:
    problem = large_problem(seed, needs=3000, offers=60, arcs_a_need=8, **shapes()[shape])
    shuffled = np.random.default_rng(seed).permutation(problem.need.size)
    network = examine(problem).network.of(shuffled)
    flow, plain = exact_flow(network, sift_from=0, always=True), best_flow(network)
    back = np.argsort(shuffled)
    assert is_feasible(problem, flow[back].tolist())
    assert objective_of(problem, flow[back].tolist()) == objective_of(problem, plain[back].tolist())
    assert flow.tolist() == exact_flow(network, sift_from=0, always=True).tolist()


def test_solve_takes_the_road_by_prices_on_its_own() -> None:
    problem = large_problem(9, needs=20_000, offers=100, arcs_a_need=12)
    network = examine(problem).network
    assert network.need.size >= SIFT_FROM
    solution = solve(problem)
    assert (solution.served, solution.fit) == objective_of(problem, best_flow(network).tolist())
    assert solution.flow.tolist() == solve(problem, workers=2, progress=lambda _: None).flow.tolist()


@pytest.mark.parametrize(("needs", "offers"), [(600, 600), (400, 700), (700, 400)])
def test_dense_assignments_equal_the_hungarian_method(needs: int, offers: int) -> None:
    rng = np.random.default_rng(needs)
    problem = Problem(
        quantity=np.ones(needs, np.int64),
        tier=rng.choice(3, needs),
        capacity=np.ones(offers, np.int64),
        need=np.repeat(np.arange(needs), offers),
        offer=np.tile(np.arange(offers), needs),
        fit=rng.integers(0, 10_001, needs * offers),
    )
    worth = (3 - problem.tier[problem.need].astype(np.int64)) * 10**8 + problem.fit
    rows, columns = linear_sum_assignment(worth.reshape(needs, offers), maximize=True)
    chosen = np.zeros((needs, offers), np.int64)
    chosen[rows, columns] = 1
    best = objective_of(problem, chosen.ravel().tolist())
    order = rng.permutation(problem.need.size)
    shuffled = Problem(**problem.columns() | {name: getattr(problem, name)[order] for name in ARC_COLUMNS})
    for same in (problem, shuffled):
        solution = solve(same)
        assert (solution.served, solution.fit) == best


def test_costs_beyond_the_range_leave_it_to_the_plain_flow() -> None:
    """The worths of so many units would add up beyond int64."""
    columns = {"quantity": [2**34] * 2000, "tier": [0] * 2000, "capacity": [2**50] * 2000}
    rows = np.arange(2000)
    problem = Problem(**columns, need=rows, offer=rows, fit=rows)
    network: Network = examine(problem).network
    assert market_of(network) is None
    assert exact_flow(network, sift_from=0).tolist() == [2**34] * 2000


def test_prices_refuse_a_flow_that_is_not_best() -> None:
    problem = Problem(quantity=[1, 1], tier=[0, 1], capacity=[1], need=[0, 1], offer=[0, 0], fit=[5, 5])
    market = market_of(examine(problem).network)
    assert market is not None
    rows = np.arange(2)
    for flow in ([0, 1], [0, 0]):
        chosen = Chosen(rows, rows, rows.astype(np.int32), market.capacity, np.array(flow))
        with pytest.raises(ValueError, match="the flow is not best"):
            proving_prices(market, chosen, np.zeros(2, np.int64))
