"""Prices and the exchanges they stand on: worked examples, the graph's two forms, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from matching import Policy, Problem, Solution, prices, solve
from matching.fairness.evenness import evenness
from matching.prices.exchanges import exchanges_of
from matching.prices.levels import Levels, Scale
from matching.prices.paths import Edges, NotOptimal
from matching.prices.worth import IMPOSSIBLE, world_of
from matching.problem import FIT_MAX
from tests.properties.test_prices import changed, difference, reached
from tests.support.matching_problems import columns_of, large_problem


def small(**changes: Any) -> Problem:
    """Two offers of one unit; a red need that both could serve, a yellow one for the first, a blue for the second."""
    columns = {
        "quantity": [1, 1, 1],
        "tier": [0, 1, 2],
        "capacity": [1, 1],
        "need": [0, 0, 1, 2],
        "offer": [0, 1, 0, 1],
        "fit": [9000, 8000, 7000, 6000],
    }
    return Problem(**{**columns, **changes})


def test_a_worked_example() -> None:
    """The red need takes the second offer, so that the yellow one has the first."""
    problem = small()
    solution = solve(problem)
    assert solution.flow.tolist() == [0, 1, 1, 0]
    told = prices(problem, solution)
    step = 3 * FIT_MAX + 1
    # A unit more at the first offer lets the red need go there and the blue one in at the second.
    assert told.offer.tolist() == [step + 9000 - 8000 + 6000, step + 6000]
    assert told.levels("offer", 0) == Levels((0, 0, 1), 7000)
    # To serve the blue need, the red one would go back to the first offer and the yellow one lose its unit.
    assert told.levels("need", 2) == Levels((0, 1, 0), 7000 + 8000 - 9000)
    assert told.need[2] == 2 * step + 6000
    assert told.arc.tolist() == [0, 2, 3]
    assert told.gained_tier("offer").tolist() == [2, 2]
    assert told.exact.all()
    assert told.exact_need.all()


def test_room_is_worth_nothing_and_taking_it_costs_nothing() -> None:
    problem = small(capacity=[5, 5])
    told = prices(problem, solve(problem))
    assert told.offer.tolist() == [0, 0]
    assert told.need.tolist() == [0, 0, 0]
    assert told.loss.tolist() == [0, 0]
    assert told.gained_tier("offer").tolist() == [-1, -1]


def test_a_need_that_no_capacity_could_serve_is_impossible() -> None:
    problem = small(capacity=[1, 0])
    told = prices(problem, solve(problem))
    assert told.need[2] == told.loss[1] == IMPOSSIBLE
    assert (told.arc[2], told.levels("need", 2)) == (-1, None)
    assert told.need[0] < IMPOSSIBLE


def test_a_full_pool_makes_its_offers_worthless_and_is_worth_their_unit() -> None:
    problem = small(pool=[0, 0], pool_capacity=[1])
    told = prices(problem, solve(problem))
    assert told.pool.tolist() == [2 * (3 * FIT_MAX + 1) + 7000 + 8000 - 9000]
    assert told.offer.tolist() == [0, 0]
    assert told.levels("entry", 0) == Levels((0, 1, 0), 7000)


def test_offers_of_one_pool_exchange_their_units() -> None:
    """The pool is full, yet a unit more of the better offer lets the need change to it."""
    problem = Problem(
        quantity=[1], tier=[0], capacity=[1, 0], need=[0, 0], offer=[0, 1], fit=[10, 30], pool=[0, 0], pool_capacity=[1]
    )
    told = prices(problem, solve(problem))
    assert told.offer.tolist() == [0, 20]
    assert told.pool.tolist() == [0]


def test_a_unit_more_is_room_for_its_use_and_its_cost() -> None:
    """Every unit uses two of the pool and costs five fen of the second offer's budget."""
    uses: dict[str, Any] = {"use": [2] * 4, "cost": [0, 5, 0, 5], "budget": [-1, 9]}
    problem = small(capacity=[9, 9], pool=[0, -1], pool_capacity=[3], **uses)
    told, before = prices(problem, solve(problem)), reached(problem)
    assert told.exact.all()
    assert told.exact_pool.all()
    more = Problem(**{**columns_of(problem), "pool_capacity": [5]})
    assert (told.pool[0], told.levels("pool", 0)) == difference(problem, reached(more), before)
    assert told.pool[0] > 0
    more = Problem(**{**columns_of(problem), "budget": [-1, 14]})
    assert (told.offer[1], told.levels("offer", 1)) == difference(problem, reached(more), before)
    assert told.offer[1] > 0
    assert told.offer[0] == 0


def test_a_budget_alone_is_a_capacity() -> None:
    problem = small(capacity=[9, 9], cost=[0, 5, 0, 5], budget=[0, 4])
    told = prices(problem, solve(problem))
    more = Problem(**{**columns_of(problem), "budget": [0, 9]})
    assert told.levels("offer", 1) == difference(problem, reached(more), reached(problem))[1]
    assert told.offer[1] > 0


def test_ranks_weigh_groups_by_their_size() -> None:
    problem = Problem(
        quantity=[2, 4, 1], tier=[0] * 3, group=[7, 3, -1], capacity=[9], need=[0, 1, 2], offer=[0] * 3, fit=[0] * 3
    )
    told = evenness(problem, np.array([2, 1, 1], np.int64))
    assert told.group.tolist() == [1, 0, -1]
    # One more: 3/4 of group 3, 5/2 of group 7; one less: 1/4 and 3/2.
    assert (told.more.tolist(), told.less.tolist()) == ([2, 4], [1, 3])
    assert told.ranks == 4
    assert evenness(problem, np.zeros(3, np.int64)).less.tolist() == [0, 0]


def test_the_unit_taken_is_of_the_group_that_has_most_beside_its_size() -> None:
    """One of two units of group 0 is served and two of four of group 1: fairness takes from 1, and gives to 1."""
    problem = Problem(
        quantity=[2, 4], tier=[0, 0], group=[0, 1], capacity=[3], need=[0, 1], offer=[0, 0], fit=[10, 9000]
    )
    fair = replace(solve(problem), flow=np.array([1, 2], np.int64), fit=18_010, fairness=Fraction(3, 2))
    told = prices(problem, fair)
    assert told.levels("loss", 0) == Levels((1,), 9000)
    assert told.levels("offer", 0) == Levels((1,), 9000)
    assert told.exact.all()
    assert not told.exact_need.any()


def test_nothing_has_no_prices() -> None:
    nothing = Problem(quantity=[], tier=[], capacity=[], need=[], offer=[], fit=[])
    told = prices(nothing, solve(nothing))
    assert told.offer.size == told.need.size == told.pool.size == 0
    alone = Problem(quantity=[2], tier=[1], capacity=[3], need=[], offer=[], fit=[])
    told = prices(alone, solve(alone))
    assert (told.offer.tolist(), told.need.tolist()) == ([0], [IMPOSSIBLE])


def test_prices_are_read_only() -> None:
    problem = small()
    with pytest.raises(ValueError, match="read-only"):
        prices(problem, solve(problem)).offer[0] = 1


@pytest.mark.parametrize("tiers", [1, 2, 3, 5, 128])
def test_the_tiers_of_a_change_can_be_told_from_its_label(tiers: int) -> None:
    problem = Problem(quantity=[1] * tiers, tier=range(tiers), capacity=[1], need=[], offer=[], fit=[])
    scale = Scale(problem, Policy())
    weight = [*scale.weight(np.arange(tiers)).tolist(), 0]
    assert sorted(weight, reverse=True) == weight
    for gained in range(tiers + 1):
        for lost in range(tiers + 1):
            for fit in (-2 * FIT_MAX, 0, 2 * FIT_MAX):
                told = scale.levels(weight[gained] - weight[lost] + fit)
                expected = [(tier == gained) - (tier == lost) for tier in range(tiers)]
                assert told == Levels(tuple(map(int, expected)), fit)


def test_the_worth_of_a_unit_is_the_contracts() -> None:
    problem = small()
    scale = Scale(problem, Policy(tiers=3))
    labels = scale.weight(np.array([0, 1, 2])) + 17
    assert scale.worth(labels).tolist() == [(3 - tier) * (3 * FIT_MAX + 1) + 17 for tier in range(3)]
    assert Scale(problem, Policy(tiers=5)).worth(labels[2:]).tolist() == [3 * (3 * FIT_MAX + 1) + 17]


@pytest.mark.parametrize("seed", range(6))
def test_larger_worlds_agree_with_solving_again(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parent = [-1, 0, 0, -1, 3]
    pools = {"pool": rng.integers(-1, 5, 40), "pool_capacity": rng.integers(5, 80, 5), "pool_parent": parent}
    problem = large_problem(seed, **pools)
    told, before = prices(problem, solve(problem)), reached(problem)
    assert (told.offer > 0).sum() > 5
    for offer in rng.permutation(40)[:12].tolist():
        gain = difference(problem, reached(changed(problem, "capacity", offer, 1)), before)
        assert (told.offer[offer], told.levels("offer", offer)) == gain
    for pool in range(5):
        gain = difference(problem, reached(changed(problem, "pool_capacity", pool, 1)), before)
        assert (told.pool[pool], told.levels("pool", pool)) == gain


@pytest.mark.parametrize("seed", range(4))
def test_the_graph_is_the_same_from_a_table_and_from_sorted_pairs(seed: int) -> None:
    problem = large_problem(seed, pool=[seed % 2] * 20 + [-1] * 20, pool_capacity=[90, 90])
    world = world_of(problem, solve(problem))
    settled = world.settled
    columns = (settled.network, settled.flow, settled.moved, world.weight, settled.first_arc)

    def same(one: Edges, other: Edges) -> bool:
        pairs = ((one.start, other.start), (one.other, other.other), (one.gain, other.gain))
        return all(np.array_equal(left, right) for left, right in pairs)

    for chunk in (1, 1000):
        other = exchanges_of(*columns, dense_offers=0, chunk=chunk)
        assert same(world.graph.onward, other.onward)
        assert same(world.graph.back, other.back)
    assert same(world.graph.back, exchanges_of(*columns, chunk=1).back)


def test_the_order_of_the_arcs_changes_no_price() -> None:
    problem = large_problem(7)
    columns = columns_of(problem)
    order = np.random.default_rng(7).permutation(problem.need.size)
    for name in ("need", "offer", "fit", "cost", "use"):
        columns[name] = columns[name][order]
    shuffled = Problem(**columns)
    one, other = prices(problem, solve(problem)), prices(shuffled, solve(shuffled))
    assert np.array_equal(one.offer, other.offer)
    assert np.array_equal(one.loss, other.loss)
    assert np.array_equal(problem.fit[one.arc] - one.need, shuffled.fit[other.arc] - other.need)


def emptied(problem: Problem, solution: Solution, status: Any) -> Solution:
    """The solution with nothing served, as if a search had been stopped before it found anything."""
    nothing = np.zeros_like(solution.flow)
    return replace(solution, flow=nothing, served=(0,) * len(solution.served), fit=0, status=status)


def test_a_flow_that_is_not_the_best_is_refused() -> None:
    problem = small()
    with pytest.raises(NotOptimal):
        prices(problem, emptied(problem, solve(problem), "optimal"))


def test_a_cancelled_solution_is_priced_as_if_it_were_finished() -> None:
    problem = small()
    finished = solve(problem)
    told = prices(problem, emptied(problem, finished, "cancelled"))
    assert told.offer.tolist() == prices(problem, finished).offer.tolist()


def test_a_search_that_was_stopped_is_finished_beside_what_it_decided() -> None:
    """Two counties, one with a whole need: only its part is improved."""
    problem = Problem(
        quantity=[2, 1, 1], tier=[0, 1, 1], capacity=[3, 1], need=[0, 1, 2], offer=[0, 0, 1], fit=[10, 20, 30],
        whole=[True, False, False],
    )  # fmt: skip
    finished = solve(problem)
    assert finished.flow.tolist() == [2, 1, 1]
    stopped = finished.flow.copy()
    stopped[1] = 0
    told = prices(problem, replace(finished, flow=stopped, status="feasible"))
    assert told.exact.tolist() == [False, True]
    assert told.exact_need.tolist() == [False, False, True]
    assert told.offer.tolist() == prices(problem, finished).offer.tolist() == [0, 0]
    assert told.loss.tolist() == prices(problem, finished).loss.tolist()


def test_offers_under_coupling_rules_are_told() -> None:
    problem = small(minimum_batch=[2, 0], capacity=[2, 1], pool=[-1, 1], pool_capacity=[5, 5])
    told = prices(problem, solve(problem))
    assert told.exact.tolist() == [False, False]
    assert told.exact_pool.tolist() == [True, False]
