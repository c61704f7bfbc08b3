"""Every feature of the solver against independent exact answers, on random small problems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching import Problem, Solution, solve
from matching.coupling import examine
from matching.network.flow import best_flow
from tests.support.matching_oracles import best_by_enumeration, best_by_milp, is_feasible, objective_of
from tests.support.matching_problems import COUPLED, FEATURES, columns_of, problems

thorough = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
searching = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def solved(problem: Problem) -> Solution:
    solution = solve(problem, workers=1)
    assert is_feasible(problem, solution.flow.tolist())
    assert objective_of(problem, solution.flow.tolist()) == (solution.served, solution.fit)
    assert solution.status == "optimal"
    assert (solution.bound.served, solution.bound.fit) == (solution.served, solution.fit)
    return solution


@pytest.mark.parametrize("features", [(), ("pools",), ("nested",)], ids=lambda chosen: "+".join(chosen) or "plain")
@thorough
@given(data=st.data())
def test_networks_reach_the_optimum_of_the_exact_model(data: st.DataObject, features: tuple[str, ...]) -> None:
    problem = data.draw(problems(*features))
    solution = solved(problem)
    assert (solution.served, solution.fit) == best_by_milp(problem)
    assert solution.engines == {"network": 1.0}


@pytest.mark.parametrize("feature", COUPLED)
@searching
@given(data=st.data())
def test_each_coupled_rule_reaches_the_optimum_of_the_exact_model(data: st.DataObject, feature: str) -> None:
    problem = data.draw(problems(feature))
    solution = solved(problem)
    assert (solution.served, solution.fit) == best_by_milp(problem)


@searching
@given(data=st.data())
def test_rules_together_reach_the_optimum_of_the_exact_model(data: st.DataObject) -> None:
    features = data.draw(st.lists(st.sampled_from(FEATURES), unique=True))
    problem = data.draw(problems(*features))
    solution = solved(problem)
    assert (solution.served, solution.fit) == best_by_milp(problem)


@searching
@given(data=st.data())
def test_tiny_problems_reach_the_best_of_all_flows(data: st.DataObject) -> None:
    features = data.draw(st.lists(st.sampled_from(FEATURES), unique=True))
    problem = data.draw(problems(*features, needs=4, offers=3, units=2, arcs=6))
    solution = solved(problem)
    assert (solution.served, solution.fit) == best_by_enumeration(problem)


@thorough
@given(problem=problems("nested"))
def test_two_flows_with_small_costs_equal_one_with_large_costs(problem: Problem) -> None:
    network = examine(problem).network
    one, two = best_flow(network), best_flow(network, largest_cost=0)
    assert is_feasible(problem, two.tolist())
    assert objective_of(problem, one.tolist()) == objective_of(problem, two.tolist())


@thorough
@given(problem=problems("nested"), limits=st.lists(st.integers(0, 4), min_size=4, max_size=4))
def test_limits_cap_the_units_of_a_tier_and_the_fallback_agrees(problem: Problem, limits: list[int]) -> None:
    network = examine(problem).network
    flows = [best_flow(network, np.array(limits), largest_cost=cost).tolist() for cost in (2**50, 0)]
    served, fit = objective_of(problem, flows[0])
    assert all(units <= limit for units, limit in zip(served, limits, strict=False))
    assert (served, fit) == objective_of(problem, flows[1])


@thorough
@given(data=st.data())
def test_more_capacity_never_lowers_the_coverage(data: st.DataObject) -> None:
    features = data.draw(st.sampled_from([(), ("nested",), ("bundle",), ("whole", "minimum_batch")]))
    problem = data.draw(problems(*features))
    columns = columns_of(problem)
    columns["capacity"][data.draw(st.integers(0, problem.capacity.size - 1))] += data.draw(st.integers(1, 3))
    before, after = solved(problem), solved(Problem(**columns))
    assert after.served >= before.served
    if set(features) <= {"nested"}:  # for networks alone no prefix sum falls either
        assert np.all(np.cumsum(after.served) >= np.cumsum(before.served))


@thorough
@given(data=st.data())
def test_the_order_of_rows_does_not_change_the_objective(data: st.DataObject) -> None:
    features = data.draw(st.lists(st.sampled_from(FEATURES), unique=True))
    problem = data.draw(problems(*features))
    columns = columns_of(problem)
    n, m, k = problem.quantity.size, problem.capacity.size, problem.need.size
    need_at = np.array(data.draw(st.permutations(range(n))), np.int64)
    offer_at = np.array(data.draw(st.permutations(range(m))), np.int64)
    arc_at = np.array(data.draw(st.permutations(range(k))), np.int64)
    for name in ("quantity", "tier", "bundle", "whole", "group"):
        columns[name] = columns[name][need_at]
    for name in ("capacity", "pool", "budget", "minimum_batch"):
        columns[name] = columns[name][offer_at]
    place_of_need, place_of_offer = np.argsort(need_at), np.argsort(offer_at)
    columns["need"] = place_of_need[problem.need]
    columns["offer"] = place_of_offer[problem.offer]
    columns["exclusions"] = place_of_need[problem.exclusions]
    for name in ("need", "offer", "fit", "cost", "use"):
        columns[name] = columns[name][arc_at]
    one, other = solved(problem), solved(Problem(**columns))
    assert (one.served, one.fit) == (other.served, other.fit)


@thorough
@given(problem=problems("nested"))
def test_the_same_network_gives_the_same_flow(problem: Problem) -> None:
    again = Problem(**columns_of(problem))
    assert solve(problem).flow.tolist() == solve(again, workers=2).flow.tolist()
