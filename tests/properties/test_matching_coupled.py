"""Every coupled rule with fairness and balance against an independent exact model, and what must not change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
