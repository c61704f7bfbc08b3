"""Expected prices against solving again with the unit taken, and what a run with them keeps and gives away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from matching import Policy, Problem, expected_prices, solve
from tests.properties.test_reserve import NETWORKS, worths
from tests.support.matching_oracles import best_by_milp, pools_above
from tests.support.matching_problems import COUPLED, columns_of, problems

thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
searching = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
POLICY = Policy(tiers=4)


@st.composite
def needs_to_come(draw: st.DrawFn, problem: Problem, *features: str) -> Problem:
    """A future over the same offers; what it says of their capacity must not matter."""
    offers = problem.capacity.size
    drawn = draw(problems(*features, needs=4, offers=offers, arcs=10))
    columns = columns_of(drawn)
    for name, filler in (("capacity", 99), ("pool", -1), ("budget", 5), ("minimum_batch", 1)):
        columns[name] = np.append(columns[name], np.full(offers - drawn.capacity.size, filler))
    return Problem(**columns)


def joined(problem: Problem, future: Problem) -> dict[str, Any]:
    """The columns of both lists of needs over the problem's capacity."""
    one, other = columns_of(problem), columns_of(future)
    other["need"] = other["need"] + problem.quantity.size
    other["exclusions"] = other["exclusions"] + problem.quantity.size
    other["bundle"] = np.where(other["bundle"] >= 0, other["bundle"] + 1000, -1)
    for name in ("quantity", "tier", "bundle", "whole", "group", "need", "offer", "fit", "cost", "use", "exclusions"):
        one[name] = np.concatenate([one[name], other[name]])
    return one


def most(problem: Problem) -> int:
    """The contract's worth of the best of a problem, by an independent exact model."""
    served, fit = best_by_milp(problem)
    step = (problem.capacity.size + 1) * 10_000 + 1
    return sum((4 - tier) * step * units for tier, units in enumerate(served)) + fit


def loss(problem: Problem, offer: int) -> int:
    """What is lost by a unit less of the offer and every pool above it; 0 where there is none to take."""
    columns = columns_of(problem)
    columns["capacity"][offer] -= 1
    for pool in pools_above(problem, offer):
        columns["pool_capacity"][pool] -= 1
    if min([columns["capacity"][offer], *(columns["pool_capacity"][pool] for pool in pools_above(problem, offer))]) < 0:
        return 0
    return max(most(problem) - most(Problem(**columns)), 0)


@NETWORKS
@thorough
@given(data=st.data())
def test_a_price_is_the_mean_of_what_a_unit_taken_loses(data: st.DataObject, features: tuple[str, ...]) -> None:
    problem = data.draw(problems(*features))
    futures = data.draw(st.lists(needs_to_come(problem), min_size=1, max_size=3))
    prices = expected_prices(problem, futures, POLICY, workers=1)
    assert prices.dtype == np.int64
    lost = [[loss(Problem(**joined(problem, future)), offer) for offer in range(prices.size)] for future in futures]
    assert prices.tolist() == [sum(column) // len(futures) for column in zip(*lost, strict=True)]


@searching
@given(data=st.data())
def test_prices_of_small_coupled_parts_are_found_by_solving_them_again(data: st.DataObject) -> None:
    features = data.draw(st.lists(st.sampled_from(("nested", *COUPLED)), unique=True, min_size=1))
    problem = data.draw(problems(*features, needs=4, offers=3, arcs=8))
    future = data.draw(needs_to_come(problem, *(set(features) - {"nested"})))
    prices = expected_prices(problem, [future], POLICY, workers=1)
    assert prices.tolist() == [loss(Problem(**joined(problem, future)), offer) for offer in range(prices.size)]


@st.composite
def uniform_uses(draw: st.DrawFn, problem: Problem) -> Problem:
    use = draw(st.integers(0, 3))
    return Problem(**{**columns_of(problem), "use": np.full(problem.need.size, use)})


@NETWORKS
@searching
@given(data=st.data())
def test_a_unit_of_capacity_that_is_no_whole_unit_served_costs_nothing(
    data: st.DataObject, features: tuple[str, ...]
) -> None:
    problem = data.draw(uniform_uses(data.draw(problems(*features))))
    future = Problem(**{**columns_of(problem), "tier": (problem.tier + 1) % 4})
    prices = expected_prices(problem, [future], POLICY, workers=1)
    assert prices.tolist() == [loss(Problem(**joined(problem, future)), offer) for offer in range(prices.size)]


@searching
@given(data=st.data())
def test_without_futures_nothing_is_kept_back(data: st.DataObject) -> None:
    features = data.draw(st.lists(st.sampled_from(("nested", *COUPLED)), unique=True))
    problem = data.draw(problems(*features))
    prices = expected_prices(problem, [], POLICY, workers=2)
    assert prices.tolist() == [0] * problem.capacity.size
    plain, kept = solve(problem, POLICY, workers=1), solve(problem, POLICY, reserve=prices, workers=1)
    assert (kept.served, kept.fit, kept.status, kept.bound) == (plain.served, plain.fit, plain.status, plain.bound)
    assert not kept.held.any()


@thorough
@given(data=st.data())
def test_without_pools_no_price_rises_when_capacity_grows(data: st.DataObject) -> None:
    problem = data.draw(problems())
    futures = data.draw(st.lists(needs_to_come(problem), min_size=1, max_size=2))
    before = expected_prices(problem, futures, POLICY)
    offer = data.draw(st.sampled_from(range(problem.capacity.size)))
    assume(problem.capacity[offer] > 0)
    capacity = problem.capacity.copy()
    capacity[offer] += data.draw(st.integers(1, 3))
    after = expected_prices(Problem(**{**columns_of(problem), "capacity": capacity}), futures, POLICY)
    assert np.all(after <= before)


@NETWORKS
@thorough
@given(data=st.data())
def test_a_need_is_held_only_for_one_at_least_as_urgent(data: st.DataObject, features: tuple[str, ...]) -> None:
    """An arc is refused only if some future loses a unit as urgent as this one by one less at the offer."""
    problem = data.draw(problems(*features))
    futures = data.draw(st.lists(needs_to_come(problem), min_size=1, max_size=3))
    prices = expected_prices(problem, futures, POLICY)
    for arc, worth in enumerate(worths(problem)):
        offer, tier = int(problem.offer[arc]), int(problem.tier[problem.need[arc]])
        if worth > prices[offer]:
            continue
        urgent = []
        for future in futures:
            together = Problem(**joined(problem, future))
            columns = columns_of(together)
            columns["capacity"][offer] -= 1
            for pool in pools_above(together, offer):
                columns["pool_capacity"][pool] -= 1
            if min([*columns["capacity"], *columns["pool_capacity"]]) < 0:
                continue
            served, fewer = best_by_milp(together)[0], best_by_milp(Problem(**columns))[0]
            urgent += [own for own, (one, less) in enumerate(zip(served, fewer, strict=True)) if less < one]
        assert min(urgent) <= tier


def test_prices_do_not_depend_on_the_number_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matching.foresight.expected_prices.FORK_FROM", 0)
    rng = np.random.default_rng(4)
    shape = {"need": np.repeat(np.arange(60), 4), "offer": np.tile(np.arange(12), 20), "capacity": np.full(12, 5)}

    def drawn() -> Problem:
        return Problem(quantity=np.ones(60), tier=rng.integers(0, 3, 60), fit=rng.integers(0, 10_001, 240), **shape)

    problem, futures = drawn(), [drawn() for _ in range(5)]
    alone, beside = (expected_prices(problem, futures, Policy(), workers=workers) for workers in (1, 2))
    assert alone.any()
    assert alone.tolist() == beside.tolist()
