"""Prices where units of offers cost something beside their fit, for balance or a reserve, against enumeration."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching import Policy, Problem, prices, solve
from matching.prices.levels import Levels
from matching.prices.worth import IMPOSSIBLE
from tests.properties.test_prices import changed, difference, roomier, with_rows
from tests.properties.test_reserve import POLICY, beyond, reserves
from tests.support.matching_oracles import flows, is_feasible, objective_of, pools_above
from tests.support.matching_problems import columns_of, months, problems

thorough = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SHAPES = pytest.mark.parametrize("features", [(), ("nested",)], ids=["plain", "nested"])


def penalty(problem: Problem, flow: list[int], weight: int, capacity: list[int], pace: int = 0) -> int:
    """What the balance takes, counted in the given capacities."""
    told = 0
    for offer, full in enumerate(capacity):
        units = sum(units for units, at in zip(flow, problem.offer.tolist(), strict=True) if at == offer)
        before, room = int(problem.given[offer]), max(full, 1)
        for unit in range(1, units + 1):
            told += min(weight, weight * unit // room) + min(pace, pace * (before + unit) // (before + room))
    return told


def most_balanced(problem: Problem, weight: int, capacity: list[int], pace: int = 0) -> Levels:
    """The best units by tier and fit less the balance, counted in the given capacities, over every flow."""

    def value(flow: list[int]) -> Levels:
        served, fit = objective_of(problem, flow)
        return Levels(served, fit - penalty(problem, flow, weight, capacity, pace))

    return max(value(flow) for flow in flows(problem) if is_feasible(problem, flow))


def least(problem: Problem, offer: int) -> int:
    """What the offer and the pools above it have at most."""
    return min([int(problem.capacity[offer]), *(int(problem.pool_capacity[at]) for at in pools_above(problem, offer))])


@SHAPES
@thorough
@given(data=st.data())
def test_prices_count_the_balance_in_the_capacity_as_it_is(data: st.DataObject, features: tuple[str, ...]) -> None:
    problem = data.draw(months(data.draw(problems(*features, needs=4, offers=3, units=2, arcs=5))))
    weight, pace = data.draw(st.sampled_from(((1, 0), (700, 0), (10_000, 0), (0, 900), (30, 10_000))))
    policy, capacity = Policy(load_balance_weight=weight, pace_weight=pace), problem.capacity.tolist()
    told, before = prices(problem, solve(problem, policy), policy), most_balanced(problem, weight, capacity, pace)
    assert not told.exact.any()
    assert told.exact_pool.all()
    assert told.exact_need.all()
    for offer in range(len(capacity)):
        after = most_balanced(changed(problem, "capacity", offer, 1), weight, capacity, pace)
        assert (told.offer[offer], told.levels("offer", offer)) == difference(problem, after, before)
        if least(problem, offer) == 0:
            assert told.loss[offer] == IMPOSSIBLE
        else:
            fewer = most_balanced(roomier(problem, offer, -1), weight, capacity, pace)
            assert (told.loss[offer], told.levels("loss", offer)) == difference(problem, before, fewer)
    for pool in range(problem.pool_capacity.size):
        after = most_balanced(changed(problem, "pool_capacity", pool, 1), weight, capacity, pace)
        assert (told.pool[pool], told.levels("pool", pool)) == difference(problem, after, before)
    for need in range(problem.quantity.size):
        own = np.flatnonzero(problem.need == need)
        lower = Problem(**{**columns_of(problem), "tier": problem.tier + 1})
        new: list[object] = [problem.quantity.size] * own.size
        larger = with_rows(lower, own, quantity=[1], tier=[0], bundle=[-1], group=[-1], whole=[False], need=new)
        best = most_balanced(larger, weight, capacity, pace)
        if best.units[0] == 0:
            assert (told.need[need], told.arc[need]) == (IMPOSSIBLE, -1)
            continue
        others = Levels(best.units[1:], best.fit - int(problem.fit[told.arc[need]]))
        assert (told.need[need], told.levels("need", need)) == difference(problem, before, others)


def kept_value(problem: Problem, price: list[int], weight: int, capacity: list[int], pace: int) -> int:
    """The greatest worth beyond the prices, less the balance, over every flow that uses allowed arcs alone."""
    gains = beyond(problem, price)

    def value(flow: list[int]) -> int:
        total = sum(units * gain for units, gain in zip(flow, gains, strict=True))
        return total - penalty(problem, flow, weight, capacity, pace)

    return max(
        value(flow)
        for flow in flows(problem)
        if is_feasible(problem, flow) and all(gains[arc] > 0 for arc, units in enumerate(flow) if units)
    )


@SHAPES
@thorough
@given(data=st.data())
def test_prices_beside_a_reserve_are_gains_of_its_objective(data: st.DataObject, features: tuple[str, ...]) -> None:
    problem = data.draw(months(data.draw(problems(*features, needs=4, offers=3, units=2, arcs=5))))
    price, (weight, pace) = data.draw(reserves(problem)), data.draw(st.sampled_from(((0, 0), (800, 0), (0, 600))))
    if not any(price):
        return
    policy, capacity = (
        Policy(tiers=POLICY.tiers, load_balance_weight=weight, pace_weight=pace),
        problem.capacity.tolist(),
    )
    told = prices(problem, solve(problem, policy, reserve=price), policy)
    best = partial(kept_value, price=price, weight=weight, capacity=capacity, pace=pace)
    before = best(problem)
    for offer in range(len(capacity)):
        assert told.offer[offer] == best(changed(problem, "capacity", offer, 1)) - before
        assert told.levels("offer", offer) is None
        if least(problem, offer) == 0:
            assert told.loss[offer] == IMPOSSIBLE
        else:
            assert told.loss[offer] == before - best(roomier(problem, offer, -1))
    for pool in range(problem.pool_capacity.size):
        assert told.pool[pool] == best(changed(problem, "pool_capacity", pool, 1)) - before
