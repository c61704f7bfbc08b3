"""verify: a right solution passes, and every single thing that can be wrong with one is found."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import Bound, InvalidSolution, Policy, Problem, Solution, solve, verify
from matching.verify import objective
from tests.support.matching_oracles import is_feasible
from tests.support.matching_problems import FEATURES, problems


def claimed(problem: Problem, flow: list[int], status: Any = "feasible") -> Solution:
    """A solution that claims ``flow``, with sums to match and a bound that nothing reaches."""
    served, fit = objective(problem, np.array(flow, np.int64))
    everything = tuple([int(problem.quantity.sum()) + 1] * problem.tiers)
    return Solution(
        flow=np.array(flow, np.int64),
        served=served,
        fit=fit,
        status=status,
        fairness=None,
        bound=Bound(served, None, fit) if status == "optimal" else Bound(everything, None, 0),
        engines={"network": 1.0},
        verified=False,
        held=np.zeros(problem.capacity.size, np.int64),
        timings={},
    )


BASE: dict[str, Any] = {
    "quantity": [2, 2],
    "tier": [0, 1],
    "capacity": [4, 4],
    "need": [0, 0, 1, 1],
    "offer": [0, 1, 0, 1],
    "fit": [10, 20, 30, 40],
}

BROKEN: list[tuple[dict[str, Any], list[int], str]] = [
    ({}, [-1, 0, 0, 0], "flow: below 0 on arcs 0"),
    ({}, [0, 3, 0, 0], "flow: more than the need asks for on arcs 1"),
    ({}, [0, 0, 2, 1], "quantity: more than asked for at needs 1"),
    ({"capacity": [1, 4]}, [1, 0, 1, 0], "capacity: exceeded at offers 0"),
    ({"use": [1, 3, 1, 1]}, [0, 2, 0, 0], "capacity: exceeded at offers 1"),
    ({"pool": [0, 0], "pool_capacity": [1]}, [1, 0, 0, 1], "pool_capacity: exceeded at pools 0"),
    (
        {"pool": [0, 1], "pool_capacity": [9, 9, 9, 1], "pool_parent": [2, 2, 3, -1]},
        [1, 0, 0, 1],
        "pool_capacity: exceeded at pools 3",
    ),
    (
        {"pool": [-1, 0], "pool_capacity": [3], "use": [1, 2, 1, 2]},
        [0, 1, 0, 1],
        "pool_capacity: exceeded at pools 0",
    ),
    ({"budget": [5, -1], "cost": [3, 9, 3, 9]}, [1, 1, 1, 1], "budget: exceeded at offers 0"),
    ({"minimum_batch": [0, 3]}, [0, 2, 0, 0], "minimum_batch: opened for less at offers 1"),
    ({"whole": [1, 0]}, [1, 0, 0, 0], "whole: served in part at needs 0"),
    ({"whole": [1, 0]}, [1, 1, 0, 0], "whole: served by several offers at needs 0"),
    ({"bundle": [5, 5]}, [2, 0, 0, 0], "bundle: neither in full nor left out at needs 0, 1"),
    ({"bundle": [5, 5]}, [2, 0, 1, 0], "bundle: neither in full nor left out at needs 0, 1"),
    ({"exclusions": [[0, 1]]}, [1, 0, 1, 0], "exclusions: share an offer at pairs 0"),
]


@pytest.mark.parametrize(("changes", "flow", "told"), BROKEN)
def test_each_broken_rule_is_named_with_its_row(changes: dict[str, Any], flow: list[int], told: str) -> None:
    problem = Problem(**{**BASE, **changes})
    with pytest.raises(InvalidSolution) as caught:
        verify(problem, claimed(problem, flow))
    assert caught.value.faults == [told]


def test_a_report_counts_what_was_served() -> None:
    problem = Problem(**BASE)
    report = verify(problem, claimed(problem, [1, 1, 0, 1]))
    assert (report.served, report.fit, report.arcs_used) == ((2, 1), 70, 3)
    assert (report.needs_in_full, report.needs_in_part) == (1, 1)


def wrong_length(solution: Solution) -> Solution:
    return replace(solution, flow=solution.flow[:-1])


def wrong_type(solution: Solution) -> Solution:
    return replace(solution, flow=solution.flow.astype(np.float64))


@pytest.mark.parametrize("spoil", [wrong_length, wrong_type])
def test_a_flow_of_another_shape_is_refused(spoil: Any) -> None:
    problem = Problem(**BASE)
    with pytest.raises(InvalidSolution, match="flow: expected int64"):
        verify(problem, spoil(solve(problem)))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"served": (2, 1)}, "served: "),
        ({"fit": 7}, "fit: 7 told"),
        ({"bound": Bound((2, 1), None, 10**6)}, "bound: "),
        ({"bound": Bound((2, 2), None, 0)}, "bound: "),
        ({"bound": Bound((2, 3), None, 0)}, "bound: .* differs from an optimal value"),
    ],
)
def test_wrong_sums_and_bounds_are_found(changes: dict[str, Any], told: str) -> None:
    problem = Problem(**BASE)
    with pytest.raises(InvalidSolution, match=told):
        verify(problem, replace(solve(problem), **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pool": [0, 0], "pool_capacity": [4]},
        {"budget": [2, -1], "cost": [2, 1, 1, 1]},
        {"minimum_batch": [2, 2]},
    ],
)
def test_a_unit_left_out_is_found_where_the_status_is_optimal(changes: dict[str, Any]) -> None:
    problem = Problem(**{**BASE, **changes})
    verify(problem, claimed(problem, [0, 2, 0, 1]))
    with pytest.raises(InvalidSolution, match="a unit more fits on arcs"):
        verify(problem, claimed(problem, [0, 2, 0, 1], "optimal"))


def test_many_faults_are_counted_and_a_few_named() -> None:
    problem = Problem(quantity=[1] * 9, tier=[0] * 9, capacity=[0] * 9, need=range(9), offer=range(9), fit=[0] * 9)
    with pytest.raises(InvalidSolution, match=r"capacity: exceeded at offers 0, 1, 2, 3, 4 and 4 more"):
        verify(problem, claimed(problem, [1] * 9))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_it_agrees_with_the_plain_rules_on_any_flow(data: st.DataObject) -> None:
    features = data.draw(st.lists(st.sampled_from(FEATURES), unique=True))
    problem = data.draw(problems(*features, needs=3, offers=3))
    units = st.sampled_from((0, 0, 1, 2, 3))
    flow = data.draw(st.lists(units, min_size=problem.need.size, max_size=problem.need.size))
    refused = not is_feasible(problem, flow)
    with pytest.raises(InvalidSolution) if refused else nullcontext():
        verify(problem, claimed(problem, flow))


def test_fairness_and_balance_are_counted_again() -> None:
    problem, policy = Problem(**BASE, group=[0, 0]), Policy(fairness=True, load_balance_weight=100)
    right = solve(problem, policy)
    assert (right.fairness, right.imbalance) == (Fraction(4), 25 + 50 + 25 + 50)
    verify(problem, right, policy)
    wrong: list[tuple[Solution, Policy, str]] = [
        (replace(right, fairness=Fraction(3)), policy, "fairness: 3 told, 4 counted"),
        (replace(right, imbalance=149), policy, "imbalance: 149 told, 150 counted"),
        (right, Policy(load_balance_weight=100), "fairness: told if and only if the policy asks for it"),
        (replace(right, bound=right.bound._replace(fairness=Fraction(5))), policy, "is below what was reached"),
        (replace(right, bound=right.bound._replace(fairness=Fraction(3))), policy, "differs from an optimal value"),
    ]
    for solution, asked, told in wrong:
        with pytest.raises(InvalidSolution, match=told):
            verify(problem, solution, asked)
