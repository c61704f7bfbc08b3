"""Prices and explanations where fairness between groups ranks between coverage and fit, against enumeration."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching import Problem, Solution, explain, prices, solve
from matching.prices.levels import Levels
from tests.properties.test_explanations import carried_out
from tests.properties.test_prices import changed, difference
from tests.support.matching_oracles import flows, is_feasible, objective_of
from tests.support.matching_problems import columns_of, problems

thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def unevenness(problem: Problem, flow: list[int]) -> Fraction:
    """The sum of served^2 / size over the groups."""
    total = Fraction(0)
    for group in set(problem.group.tolist()) - {-1}:
        size = sum(int(units) for units, own in zip(problem.quantity, problem.group, strict=True) if own == group)
        served = sum(units for arc, units in enumerate(flow) if problem.group[problem.need[arc]] == group)
        total += Fraction(served * served, size)
    return total


def fairest(problem: Problem) -> Solution:
    """A best solution: most served by tier, then the least unevenness, then the most fit."""

    def value(flow: list[int]) -> tuple[tuple[int, ...], Fraction, int]:
        served, fit = objective_of(problem, flow)
        return served, -unevenness(problem, flow), fit

    best = max((flow for flow in flows(problem) if is_feasible(problem, flow)), key=value)
    served, fit = objective_of(problem, best)
    plain = solve(problem)
    return replace(plain, flow=np.array(best, np.int64), served=served, fit=fit, fairness=unevenness(problem, best))


def grouped(problem: Problem, groups: list[int]) -> Problem:
    return Problem(**{**columns_of(problem), "group": groups[: problem.quantity.size]})


@pytest.mark.parametrize("features", [(), ("nested",)], ids=["plain", "nested"])
@thorough
@given(data=st.data())
def test_prices_and_costs_keep_to_fairness(data: st.DataObject, features: tuple[str, ...]) -> None:
    drawn = data.draw(problems(*features, needs=4, offers=3, units=2, arcs=5))
    problem = grouped(drawn, data.draw(st.lists(st.integers(-1, 2), min_size=4, max_size=4)))
    solution = fairest(problem)
    before = Levels(solution.served, solution.fit)
    told = prices(problem, solution)
    for offer in np.flatnonzero(told.exact).tolist():
        after = fairest(changed(problem, "capacity", offer, 1))
        _, gain = difference(problem, Levels(after.served, after.fit), before)
        assert told.levels("offer", offer) == gain
    if not features:
        assert told.exact.all()
    for need in range(problem.quantity.size):
        found = explain(problem, solution, need=need)
        for one in found.runners_up:
            if one.cost is None:
                continue
            ways = [flow for flow in carried_out(problem, solution, found, one) if is_feasible(problem, flow)]
            costs = [difference(problem, before, Levels(*objective_of(problem, flow)))[1] for flow in ways]
            assert one.cost in costs
            # No way that was told may beat the solution.
            for flow in ways:
                served, fit = objective_of(problem, flow)
                assert (served, -unevenness(problem, flow), fit) <= (
                    solution.served, -unevenness(problem, solution.flow.tolist()), solution.fit
                )  # fmt: skip
