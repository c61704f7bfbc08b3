"""Fairness between groups and balance between offers against plain enumeration of the contract's objective."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching import Policy, Problem, solve
from matching.coupling import examine
from matching.fairness.groups import aims_of, convex_flow
from tests.support.matching_oracles import flows, is_feasible, objective_of
from tests.support.matching_problems import columns_of, problems

thorough = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Value = tuple[tuple[int, ...], Fraction, int]


@st.composite
def grouped_problems(draw: st.DrawFn, *features: str, **sizes: int) -> Problem:
    """A small problem whose needs belong to up to three groups, or to none."""
    columns = columns_of(draw(problems(*features, **sizes)))
    needs = len(columns["quantity"])
    columns["group"] = draw(st.lists(st.sampled_from((-1, 0, 3, 7)), min_size=needs, max_size=needs))
    return Problem(**columns)


def value_of(problem: Problem, flow: list[int], weight: int = 0, *, fair: bool = True) -> Value:
    """Coverage, minus unfairness, fit less balance: the greater, the better."""
    served, fit = objective_of(problem, flow)
    by_group: dict[int, int] = {}
    for arc, units in enumerate(flow):
        group = int(problem.group[problem.need[arc]])
        by_group[group] = by_group.get(group, 0) + units
    size = {group: int(problem.quantity[problem.group == group].sum()) for group in by_group}
    unfair = sum((Fraction(units**2, size[group]) for group, units in by_group.items() if group >= 0), Fraction(0))
    for offer, capacity in enumerate(problem.capacity.tolist()):
        units = sum(flow[arc] for arc in np.flatnonzero(problem.offer == offer).tolist())
        fit -= sum(weight * unit // capacity for unit in range(1, units + 1))
    return served, -unfair if fair else Fraction(0), fit


def best_of(problem: Problem, weight: int = 0, *, fair: bool = True) -> Value:
    return max(value_of(problem, flow, weight, fair=fair) for flow in flows(problem) if is_feasible(problem, flow))


SMALL: dict[str, int] = {"needs": 5, "offers": 3, "units": 2, "arcs": 7}


@thorough
@given(problem=grouped_problems("nested", **SMALL))
def test_fairness_is_least_after_coverage_and_before_fit(problem: Problem) -> None:
    solution = solve(problem, Policy(fairness=True))
    assert solution.fairness is not None
    assert solution.status == "optimal"
    assert (solution.served, -solution.fairness, solution.fit) == best_of(problem)
    assert solution.bound == (solution.served, solution.fairness, solution.fit)


@thorough
@given(problem=grouped_problems("pools", **SMALL), weight=st.sampled_from((1, 3, 700, 10_000)), fair=st.booleans())
def test_balance_is_weighed_against_fit_alone(problem: Problem, weight: int, fair: bool) -> None:
    solution = solve(problem, Policy(fairness=fair, load_balance_weight=weight))
    assert solution.imbalance is not None
    reached = (solution.served, -(solution.fairness or Fraction(0)), solution.fit - solution.imbalance)
    assert reached == best_of(problem, weight, fair=fair)
    assert solution.status == "optimal"
    assert solution.bound.fit >= solution.fit


@thorough
@given(problem=grouped_problems("nested"), weight=st.sampled_from((0, 5, 9000)))
def test_two_flows_with_small_costs_are_as_fair_as_one(problem: Problem, weight: int) -> None:
    network, aims = examine(problem).network, aims_of(problem, fair=True, weight=weight)
    one, two = convex_flow(network, aims).tolist(), convex_flow(network, aims, largest_cost=0).tolist()
    assert is_feasible(problem, two)
    assert value_of(problem, one, weight) == value_of(problem, two, weight)


@settings(thorough, max_examples=60)
@given(data=st.data())
def test_with_coupled_parts_the_bound_holds_and_optimal_means_it(data: st.DataObject) -> None:
    feature = data.draw(st.sampled_from(("whole", "bundle", "minimum_batch", "exclusions")))
    problem = data.draw(grouped_problems(feature, needs=4, offers=3, units=2, arcs=6))
    solution = solve(problem, Policy(fairness=True), workers=1)
    best = best_of(problem)
    assert solution.fairness is not None
    assert solution.bound.fairness is not None
    reached = (solution.served, -solution.fairness, solution.fit)
    assert reached[0] == best[0]  # coverage is exact in coupled parts too
    assert reached <= best <= (solution.bound.served, -solution.bound.fairness, solution.bound.fit)
    if solution.status == "optimal":
        assert reached == best


@thorough
@given(problem=grouped_problems("pools"))
def test_without_groups_fairness_changes_nothing(problem: Problem) -> None:
    columns: dict[str, Any] = columns_of(problem)
    del columns["group"]
    alone = Problem(**columns)
    plain, fair = solve(alone), solve(alone, Policy(fairness=True))
    assert (fair.served, fair.fit, fair.fairness) == (plain.served, plain.fit, 0)


@thorough
@given(data=st.data(), weight=st.sampled_from((0, 300)))
def test_the_order_of_rows_changes_no_level(data: st.DataObject, weight: int) -> None:
    problem = data.draw(grouped_problems("pools"))
    columns = columns_of(problem)
    need_at = np.array(data.draw(st.permutations(range(problem.quantity.size))), np.int64)
    offer_at = np.array(data.draw(st.permutations(range(problem.capacity.size))), np.int64)
    for name in ("quantity", "tier", "group", "bundle", "whole"):
        columns[name] = columns[name][need_at]
    for name in ("capacity", "pool", "budget", "minimum_batch"):
        columns[name] = columns[name][offer_at]
    columns["need"], columns["offer"] = np.argsort(need_at)[problem.need], np.argsort(offer_at)[problem.offer]
    policy = Policy(fairness=True, load_balance_weight=weight)
    one, other = solve(problem, policy), solve(Problem(**columns), policy)
    assert (one.served, one.fairness, one.fit - (one.imbalance or 0)) == (
        other.served,
        other.fairness,
        other.fit - (other.imbalance or 0),
    )


@thorough
@given(problem=grouped_problems("nested"), factor=st.integers(2, 3))
def test_scaling_fit_scales_fit_and_nothing_above_it(problem: Problem, factor: int) -> None:
    columns = columns_of(problem)
    columns["fit"] = columns["fit"] // 4
    scaled = Problem(**{**columns, "fit": columns["fit"] * factor})
    one, other = solve(Problem(**columns), Policy(fairness=True)), solve(scaled, Policy(fairness=True))
    assert (one.served, one.fairness, one.fit * factor) == (other.served, other.fairness, other.fit)


@thorough
@given(data=st.data())
def test_more_capacity_never_lowers_the_coverage_of_a_fair_solution(data: st.DataObject) -> None:
    problem = data.draw(grouped_problems("nested"))
    columns = columns_of(problem)
    columns["capacity"][data.draw(st.integers(0, problem.capacity.size - 1))] += data.draw(st.integers(1, 3))
    before, after = (solve(world, Policy(fairness=True)) for world in (problem, Problem(**columns)))
    assert np.all(np.cumsum(after.served) >= np.cumsum(before.served))
