"""The flow found by stepping down to the best prices, against an independent linear program and the plain flow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from matching import Problem
from matching.coupling import examine
from matching.network.bidding import bid
from matching.network.boxes import UNLIMITED, step
from matching.network.descent import descended
from matching.network.flow import best_flow
from matching.network.market import Market, market_of
from matching.network.sampling import sample_prices
from tests.support.matching_problems import large_problem, problems

thorough = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def market_for(problem: Problem) -> Market | None:
    network = examine(problem).network
    return market_of(network) if network.need.size else None


def greatest_worth(market: Market) -> int:
    """What HiGHS finds as the greatest worth of any flow of a market."""
    arcs, nodes, needs = market.need.size, market.above.size, market.quantity.size
    inside = np.zeros((nodes, arcs))
    for arc, node in enumerate(market.offer.tolist()):
        while node < nodes:
            inside[node, arc] = 1
            node = int(market.above[node])
    of_need = np.zeros((needs, arcs))
    of_need[market.need, np.arange(arcs)] = 1
    rows = np.concatenate([of_need, inside])
    limits = np.concatenate([market.quantity, market.capacity])
    result = linprog(-market.worth.astype(float), A_ub=rows, b_ub=limits, method="highs-ds")
    assert result.fun is not None
    return -round(result.fun)


def check(market: Market, flow: np.ndarray) -> None:
    """The units are whole, within every quantity and capacity."""
    assert flow.min(initial=0) >= 0
    assert np.all(market.sums(flow) <= market.quantity)
    own = np.zeros(market.offers, np.int64)
    np.add.at(own, market.offer, flow)
    assert np.all(market.through(own) <= market.capacity)


@thorough
@given(problem=problems("nested"))
def test_small_markets_reach_what_a_linear_program_finds(problem: Problem) -> None:
    market = market_for(problem)
    if market is None:
        return
    flow = descended(market, steps=100)
    assert flow is not None
    check(market, flow)
    assert int(np.dot(flow, market.worth)) == greatest_worth(market)


@thorough
@given(problem=problems("nested"), data=st.data())
def test_any_worths_reach_what_a_linear_program_finds(problem: Problem, data: st.DataObject) -> None:
    """Worths that no tier and fit add up to, as with a reserve's prices taken from them."""
    network = examine(problem).network
    if network.need.size == 0:
        return
    arcs = network.need.size
    worth = np.array(data.draw(st.lists(st.integers(1, 10**6), min_size=arcs, max_size=arcs)), np.int64)
    market = market_of(network, worth)
    assert market is not None
    flow = descended(market, steps=100)
    assert flow is not None
    check(market, flow)
    assert int(np.dot(flow, market.worth)) == greatest_worth(market)


@thorough
@given(problem=problems("nested"), data=st.data())
def test_any_prices_to_begin_with_lead_there(problem: Problem, data: st.DataObject) -> None:
    """Far too high, too low, or off by tiers; only that no price is below that of the node above."""
    market = market_for(problem)
    if market is None:
        return
    top = int(market.worth.max())
    price = np.zeros(market.above.size + 1, np.int64)
    price[:-1] = data.draw(st.lists(st.integers(0, top), min_size=market.above.size, max_size=market.above.size))
    for _ in range(market.above.size):
        price[:-1] = np.maximum(price[:-1], price[market.above])
    flow = descended(market, price, steps=100)
    assert flow is not None
    check(market, flow)
    assert int(np.dot(flow, market.worth)) == greatest_worth(market)


def test_what_is_sold_may_be_bought_again_further_up() -> None:
    """More units than the needs have: one offer sells at its lower limit, and a pool above buys all of it."""
    every = np.repeat([0, 1, 2], [2, 4, 4]), np.array([2, 3, 0, 1, 2, 3, 0, 1, 2, 3])
    pools = {"pool": [0, 1, 1, 0], "pool_capacity": [3, 3], "pool_parent": [-1, 0]}
    problem = Problem(
        quantity=[1] * 3, tier=[0] * 3, capacity=[1, 0, 3, 3], need=every[0], offer=every[1], fit=[0] * 10, **pools
    )
    market = market_for(problem)
    assert market is not None
    price = np.array([3, 1, 1, 3, 0, 1, 0])
    found = step(market, price, np.array([2, 0, 0, 2, 0, 0, 0]), np.array([4, 2, 2, 4, 1, 2, 0]))
    assert found is not None
    assert (found.sold.sum(), found.bought.sum()) == (4, 4)


@thorough
@given(problem=problems("nested"), width=st.integers(0, 20_000), data=st.data())
def test_a_step_finds_the_least_dual_of_its_box(problem: Problem, width: int, data: st.DataObject) -> None:
    """No prices drawn from the box do better, and the trades make up the difference to the worth of the flow."""
    market = market_for(problem)
    if market is None:
        return
    price = bid(market, sample_prices(market, 2), width, 2)
    assert np.all(price[:-1] >= price[market.above])
    lower, upper = price.copy(), price + width
    lower[:-1] = np.maximum(lower[:-1] - width, 0)
    upper[-1] = 0
    unlimited = data.draw(st.booleans())
    if unlimited:
        upper[0] = UNLIMITED
    got = step(market, price, lower, upper)
    assert got is not None
    assert np.all((lower <= got.price) & (got.price <= upper))
    assert np.all(got.price[:-1] >= got.price[market.above])
    dual = market.dual(got.price, market.best(got.price)[1])
    traded = int(np.dot(got.sold, lower[:-1])) - int(np.dot(got.bought, np.where(got.bought > 0, upper[:-1], 0)))
    assert dual == int(np.dot(got.flow, market.worth)) + traded
    for _ in range(5):
        other = lower.copy()
        for node in range(market.above.size):
            most = int(min(upper[node], market.worth.max()))
            other[node] = data.draw(st.integers(int(lower[node]), max(most, int(lower[node]))))
        for _ in range(market.above.size):
            other[:-1] = np.maximum(other[:-1], other[market.above])
        if np.all(other <= upper):
            assert market.dual(other, market.best(other)[1]) >= dual


@pytest.mark.parametrize("offers", [1, 5, 60])
@pytest.mark.parametrize("seed", range(4))
def test_larger_markets_reach_the_plain_flow_in_few_steps(offers: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = large_problem(
        seed,
        needs=4000,
        offers=offers,
        arcs_a_need=min(8, offers),
        pool=rng.integers(-1, 9, offers),
        pool_capacity=rng.integers(0, 400, 9),
        pool_parent=[-1, 0, 0, 1, 1, 2, -1, 6, 6],
    )
    network = examine(problem).network
    market = market_of(network)
    assert market is not None
    flow = descended(market)
    assert flow is not None
    check(market, flow)
    plain = best_flow(network)
    worth = market.worth if market.order is None else market.in_given_order(market.worth)
    assert int(np.dot(market.in_given_order(flow), worth)) == int(np.dot(plain, worth))
    assert descended(market, steps=0) is None
