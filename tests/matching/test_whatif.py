"""what_if and compare: differences add up, and name who gains, loses and moves."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import Arrivals, Changes, InvalidProblem, Policy, Problem, compare, simulate, solve, what_if
from matching.simulate.whatif import Arcs
from tests.support.matching_problems import problems


def one(tier: int = 0, *, quantity: int = 1) -> Problem:
    """One need that the only offer can serve."""
    return Problem(quantity=[quantity], tier=[tier], capacity=[1], need=[0], offer=[0], fit=[10])


def pairs_of(problem: Problem) -> list[tuple[int, int]]:
    """The pair of each arc."""
    return list(zip(problem.need.tolist(), problem.offer.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(problems("pools"), st.data())
def test_more_capacity_never_lowers_the_coverage_of_a_day(problem: Problem, data: st.DataObject) -> None:
    offers = problem.capacity.size
    more = data.draw(st.lists(st.integers(0, 3), min_size=offers, max_size=offers))
    difference = what_if(problem, Changes(capacity=problem.capacity + more), workers=1)
    assert difference.after.served >= difference.before.served
    assert difference.better is (difference.after.served > difference.before.served or None)
    day, served = Arrivals(problem), difference.after.served
    assert tuple(simulate([day], difference.problem, workers=1).course().served[-1].tolist()) == served


@settings(max_examples=60, deadline=None)
@given(problems("nested"), st.data())
def test_a_difference_adds_up(problem: Problem, data: st.DataObject) -> None:
    factors: list[float | Fraction] = [0, 0.5, 1, Fraction(3, 2)]
    factor = data.draw(st.sampled_from(factors))
    keep = data.draw(st.lists(st.booleans(), min_size=problem.need.size, max_size=problem.need.size))
    region = data.draw(st.lists(st.integers(0, 2), min_size=problem.quantity.size, max_size=problem.quantity.size))
    told = what_if(problem, Changes(capacity_factor=factor, keep=keep), labels={"region": region}, workers=1)
    assert told.certain
    for part in (told.needs, told.tiers, told.labels["region"]):
        assert (part.before + part.gained - part.lost).tolist() == part.after.tolist()
        assert min([*(part.before - part.lost - part.moved).tolist(), *part.moved.tolist(), 0]) == 0
    for place in range(problem.quantity.size):
        flows = [
            {
                offer: units
                for (need, offer), units in zip(pairs_of(one), two.flow.tolist(), strict=True)
                if need == place
            }
            for one, two in ((problem, told.before), (told.problem, told.after))
        ]
        stayed = sum(min(units, flows[1].get(offer, 0)) for offer, units in flows[0].items())
        least = min(sum(flows[0].values()), sum(flows[1].values()))
        assert told.needs.moved[place] == least - stayed
    assert tuple(told.tiers.after.tolist()) == told.after.served
    assert told.tiers.wanted.sum() == told.labels["region"].wanted.sum() == problem.quantity.sum()


def test_a_difference_names_who_gains_loses_and_moves() -> None:
    # Need 0 goes first to offer 0; when that closes it moves to offer 1, and need 1 of a lower tier goes without.
    problem = Problem(
        quantity=[1, 1, 1],
        tier=[0, 1, 1],
        capacity=[1, 1, 0],
        need=[0, 0, 1, 2],
        offer=[0, 1, 1, 2],
        fit=[9, 5, 5, 5],
    )
    told = what_if(problem, Changes(capacity=[0, 1, 1]), labels={"region": [0, 1, -1]}, workers=1)
    assert told.needs.moved.tolist() == [1, 0, 0]
    assert told.needs.lost.tolist() == [0, 1, 0]
    assert told.needs.gained.tolist() == [0, 0, 1]
    assert told.tiers.difference.tolist() == [0, 0]
    assert told.tiers.unchanged.tolist() == [0, 0]
    assert told.labels["region"].difference.tolist() == [0, -1]
    assert told.better is None


def test_budget_policy_and_new_arcs_are_changes_too() -> None:
    problem = Problem(
        quantity=[4], tier=[0], capacity=[4, 4], need=[0], offer=[0], fit=[10], cost=[100], budget=[200, -1]
    )
    assert what_if(problem, Changes(budget=[300, -1]), workers=1).tiers.difference.tolist() == [1]
    wider = Changes(arcs=Arcs(need=[0], offer=[1], fit=[4]))
    assert what_if(problem, wider, workers=1).tiers.after.tolist() == [4]
    even = Problem(quantity=[2], tier=[0], capacity=[2, 2], need=[0, 0], offer=[0, 1], fit=[20, 10])
    told = what_if(even, new_policy=Policy(load_balance_weight=100), before=solve(even, workers=1), workers=1)
    assert told.needs.moved.tolist() == [1]
    refitted = what_if(even, Changes(fit=[10, 20]), workers=1)
    assert (refitted.tiers.moved.tolist(), refitted.better) == ([2], None)


def test_a_factor_is_taken_by_its_digits() -> None:
    problem = Problem(quantity=[1], tier=[0], capacity=[100, 3], need=[], offer=[], fit=[])
    assert Changes(capacity_factor=0.29).applied(problem).capacity.tolist() == [29, 0]
    for factor in (-1, float("nan")):
        with pytest.raises(InvalidProblem, match="capacity_factor"):
            Changes(capacity_factor=factor).applied(problem)


def test_only_the_same_needs_can_be_compared() -> None:
    small, other, large = one(), one(1), one(quantity=2)
    known = {problem: solve(problem, workers=1) for problem in (small, other, large)}
    for changed, array in ((other, "tier"), (large, "quantity")):
        with pytest.raises(InvalidProblem, match=rf"{array}\[0\]: the needs before and after"):
            compare((small, known[small]), (changed, known[changed]))
    with pytest.raises(InvalidProblem, match="region: expected 1 rows"):
        compare((small, known[small]), (small, known[small]), labels={"region": [1, 2]})
