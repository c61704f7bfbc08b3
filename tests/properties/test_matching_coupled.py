"""Every coupled rule with fairness and balance against an independent exact model, and what must not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import matching.coupled.joining
import matching.coupled.sharing
from matching import Policy, Problem, Solution, solve
from tests.support.aims_oracle import Value, best_value_by_milp, value_of
from tests.support.matching_oracles import is_feasible
from tests.support.matching_problems import COUPLED, FEATURES, columns_of, problems

COUNTED: dict[str, int] = {"needs": 5, "offers": 3, "units": 3, "arcs": 12}


def checked(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def grouped(draw: st.DrawFn, *features: str) -> Problem:
    """A small problem whose needs belong to up to three groups, or to none."""
    columns = columns_of(draw(problems(*features, **COUNTED)))
    needs = len(columns["quantity"])
    columns["group"] = draw(st.lists(st.sampled_from((-1, 0, 3, 7)), min_size=needs, max_size=needs))
    return Problem(**columns)


def side_by_side(parts: list[dict[str, Any]]) -> Problem:
    """Problems that share nothing but the numbers of their groups as one."""
    needs = np.cumsum([0, *(len(part["quantity"]) for part in parts)])
    offers = np.cumsum([0, *(len(part["capacity"]) for part in parts)])
    pools = np.cumsum([0, *(len(part["pool_capacity"]) for part in parts)])
    shifts = {
        "need": needs,
        "offer": offers,
        "exclusions": needs,
        "pool": pools,
        "pool_parent": pools,
        "bundle": 10 * np.arange(len(parts) + 1),
    }
    columns: dict[str, Any] = {}
    for name in parts[0]:
        shift = shifts.get(name, np.zeros(len(parts) + 1, np.int64))
        moved = [np.where(part[name] >= 0, part[name] + by, -1) for part, by in zip(parts, shift, strict=False)]
        columns[name] = np.concatenate(moved)
    return Problem(**columns)


def reached(problem: Problem, policy: Policy, **options: Any) -> tuple[Solution, Value]:
    """A proven solution, with what holds of each checked; and its value."""
    solution = solve(problem, policy, **options)
    flow = solution.flow.tolist()
    weight, fair = policy.load_balance_weight, policy.fairness
    value = value_of(problem, flow, weight, fair=fair)
    assert is_feasible(problem, flow)
    assert solution.status == "optimal"
    assert (solution.served, -(solution.fairness or 0), solution.fit - (solution.imbalance or 0)) == value
    assert (solution.bound.served, solution.bound.fairness) == (solution.served, solution.fairness)
    assert solution.bound.fit >= solution.fit
    assert weight or solution.bound.fit == solution.fit
    return solution, value


@pytest.mark.parametrize("feature", COUPLED)
@pytest.mark.parametrize(("fair", "weight"), [(True, 0), (False, 700), (True, 10_000)])
@checked(50)
@given(data=st.data())
def test_each_coupled_rule_with_aims_reaches_the_best_value(
    data: st.DataObject, feature: str, fair: bool, weight: int
) -> None:
    problem = data.draw(grouped(feature))
    _, value = reached(problem, Policy(fairness=fair, load_balance_weight=weight), workers=1)
    assert value == best_value_by_milp(problem, weight, fair=fair)


@checked(300)
@given(data=st.data(), fair=st.booleans(), weight=st.sampled_from((0, 1, 3, 500, 9_999)))
def test_rules_together_with_aims_reach_the_best_value(data: st.DataObject, fair: bool, weight: int) -> None:
    problem = data.draw(grouped(*data.draw(st.lists(st.sampled_from(FEATURES), unique=True))))
    _, value = reached(problem, Policy(fairness=fair, load_balance_weight=weight), workers=1)
    assert value == best_value_by_milp(problem, weight, fair=fair)


@checked(150)
@given(data=st.data(), largest=st.sampled_from((0, 7, 40)))
def test_what_rounding_of_fairness_hides_is_tried(data: st.DataObject, largest: int) -> None:
    """With costs rounded as coarsely as for many groups of coprime sizes, the fairest is found all the same."""
    problem = data.draw(grouped(data.draw(st.sampled_from(("bundle", "whole", "budget", "minimum_batch")))))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(matching.coupled.sharing, "LARGEST", largest)
        solution = solve(problem, Policy(fairness=True), workers=1)
    best = best_value_by_milp(problem)
    value = value_of(problem, solution.flow.tolist())
    assert value <= best
    bound = solution.bound
    assert best <= (bound.served, -(bound.fairness or 0), bound.fit)
    if solution.status == "optimal":
        assert value == best
    assert largest == 0 or solution.status == "optimal"


@checked(150)
@given(data=st.data(), weight=st.sampled_from((0, 500)))
def test_large_joins_are_settled_part_by_part_with_a_bound_that_holds(data: st.DataObject, weight: int) -> None:
    """Several parts that share groups, each with the others held: feasible, never below its start, below its bound."""
    parts = [columns_of(data.draw(grouped(rule))) for rule in ("bundle", "budget", "pools")]
    problem = side_by_side(parts)
    policy = Policy(fairness=True, load_balance_weight=weight)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(matching.coupled.joining, "TOGETHER", 0)
        solution = solve(problem, policy, workers=1)
    assert is_feasible(problem, solution.flow.tolist())
    best, bound = best_value_by_milp(problem, weight), solution.bound
    value = value_of(problem, solution.flow.tolist(), weight)
    assert value[0] == best[0]
    assert value <= best <= (bound.served, -(bound.fairness or 0), bound.fit)
    _, together = reached(problem, policy, workers=1)
    assert together == best


@checked(100)
@given(data=st.data(), fair=st.booleans(), weight=st.sampled_from((0, 700)))
def test_the_order_of_rows_and_the_workers_change_no_level(data: st.DataObject, fair: bool, weight: int) -> None:
    problem = data.draw(grouped(*data.draw(st.lists(st.sampled_from(FEATURES), min_size=1, unique=True))))
    columns = columns_of(problem)
    need_at = np.array(data.draw(st.permutations(range(problem.quantity.size))), np.int64)
    offer_at = np.array(data.draw(st.permutations(range(problem.capacity.size))), np.int64)
    for name in ("quantity", "tier", "bundle", "whole", "group"):
        columns[name] = columns[name][need_at]
    for name in ("capacity", "pool", "budget", "minimum_batch"):
        columns[name] = columns[name][offer_at]
    columns["need"], columns["offer"] = np.argsort(need_at)[problem.need], np.argsort(offer_at)[problem.offer]
    columns["exclusions"] = np.argsort(need_at)[problem.exclusions]
    policy = Policy(fairness=fair, load_balance_weight=weight)
    _, one = reached(problem, policy, workers=1)
    _, other = reached(Problem(**columns), policy, workers=2)
    assert one == other


@checked(100)
@given(data=st.data(), fair=st.booleans())
def test_more_capacity_never_lowers_the_coverage(data: st.DataObject, fair: bool) -> None:
    problem = data.draw(grouped(*data.draw(st.lists(st.sampled_from(FEATURES), min_size=1, unique=True))))
    columns = columns_of(problem)
    columns["capacity"][data.draw(st.integers(0, problem.capacity.size - 1))] += data.draw(st.integers(1, 3))
    before, after = (reached(world, Policy(fairness=fair), workers=1)[1] for world in (problem, Problem(**columns)))
    assert after[0] >= before[0]
