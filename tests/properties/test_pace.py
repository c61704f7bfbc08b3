"""The pace of offers over their month against an independent exact model: in networks, pools and coupled parts."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching import Policy, Problem, solve
from matching.fairness.balance import Balance
from tests.support.aims_oracle import best_value_by_milp, value_of
from tests.support.matching_oracles import is_feasible
from tests.support.matching_problems import FEATURES, columns_of, months, problems


def checked(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


@checked(120)
@given(
    data=st.data(), weight=st.sampled_from((0, 0, 500)), pace=st.sampled_from((1, 3, 700, 10_000)), fair=st.booleans()
)
def test_the_pace_is_weighed_against_fit_alone(data: st.DataObject, weight: int, pace: int, fair: bool) -> None:
    features = data.draw(st.lists(st.sampled_from(FEATURES), unique=True, max_size=3))
    problem = data.draw(months(data.draw(problems(*features, needs=5, offers=3, arcs=12))))
    group = data.draw(st.lists(st.integers(-1, 1), min_size=5, max_size=5))[: problem.quantity.size]
    problem = Problem(**{**columns_of(problem), "group": group})
    policy = Policy(fairness=fair, load_balance_weight=weight, pace_weight=pace)
    solution = solve(problem, policy, workers=1)
    value = value_of(problem, solution.flow.tolist(), weight, pace=pace, fair=fair)
    assert is_feasible(problem, solution.flow.tolist())
    assert (solution.served, solution.fit - (solution.imbalance or 0)) == (value[0], value[2])
    assert value == best_value_by_milp(problem, weight, pace=pace, fair=fair)
    assert (solution.status, solution.verified) == ("optimal", True)
    assert solution.served == solve(problem, workers=1).served


@checked(200)
@given(
    weight=st.sampled_from((0, 1, 7, 10_000)),
    pace=st.sampled_from((0, 1, 5, 9_999)),
    rows=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 2**41), st.integers(0, 90)), min_size=1, max_size=3),
)
def test_steps_are_the_costs_of_the_units_one_by_one(weight: int, pace: int, rows: list[tuple[int, int, int]]) -> None:
    full, before, capacity = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    balance = Balance(weight, pace, full, before)
    count, size, cost = balance.steps(capacity)
    told = np.split(np.repeat(cost, size), np.cumsum(capacity)[:-1])
    assert count.sum() == size.size
    for offer, (own, units) in enumerate(zip(told, capacity.tolist(), strict=True)):
        room, given_before = int(full[offer]), int(before[offer])
        assert own.tolist() == [
            weight * min(unit, room) // room + pace * (given_before + min(unit, room)) // (given_before + room)
            for unit in range(1, units + 1)
        ]


@checked(60)
@given(problem=problems("nested").flatmap(months))
def test_what_was_given_is_part_of_the_problem_only_where_something_was(problem: Problem) -> None:
    columns = columns_of(problem)
    nothing = Problem(**{**columns, "given": np.zeros(problem.capacity.size, np.int64)})
    columns.pop("given", None)
    plain = Problem(**columns)
    assert nothing.digest == plain.digest
    assert (problem.digest == plain.digest) is not bool(problem.given.any())
    with TemporaryDirectory() as folder:
        for one in (problem, nothing):
            one.save(Path(folder) / "problem.npz")
            again = Problem.load(Path(folder) / "problem.npz")
            assert (again.digest, again.given.tolist()) == (one.digest, one.given.tolist())
            with np.load(Path(folder) / "problem.npz") as stored:
                assert ("given" in stored.files) is bool(one.given.any())
