"""Explanations beside a reserve, against enumeration with the unit forced where it was not given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching import Problem, explain, solve
from tests.properties.test_prices import roomier
from tests.properties.test_reserve import POLICY, beyond, reserves
from tests.support.matching_oracles import flows, is_feasible
from tests.support.matching_problems import problems

thorough = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("features", [(), ("nested",)], ids=["plain", "nested"])
@thorough
@given(data=st.data())
def test_another_choice_costs_what_forcing_it_loses(data: st.DataObject, features: tuple[str, ...]) -> None:
    problem = data.draw(problems(*features, needs=4, offers=3, units=2, arcs=6))
    price = data.draw(reserves(problem))
    if not any(price):
        return
    solution = solve(problem, POLICY, reserve=price)
    gains = beyond(problem, price)

    def best(forced: int = -1) -> int | None:
        values = [
            sum(units * gain for units, gain in zip(flow, gains, strict=True))
            for flow in flows(problem)
            if is_feasible(problem, flow)
            and all(gains[arc] > 0 or (arc == forced and units == 1) for arc, units in enumerate(flow) if units)
            and (forced < 0 or flow[forced])
        ]
        return max(values, default=None)

    base = best()
    assert base is not None
    assert base == solution.beyond_reserve
    for need in range(problem.quantity.size):
        told = explain(problem, solution, POLICY, need=need)
        assert told.priced
        for one in told.runners_up:
            arc = int(np.flatnonzero((problem.need == need) & (problem.offer == one.offer))[0])
            forced = best(arc)
            if forced is None:
                assert one.worth is None
            else:
                assert one.worth == base - forced
        check_held(problem, solution.flow.tolist(), gains, need, told.served, [one.offer for one in told.held])
        if not told.served:
            full = "displaced" if told.candidates else "no candidate"
            assert told.outcome == ("held" if told.held else full)


def check_held(problem: Problem, flow: list[int], gains: list[int], need: int, served: int, told: list[int]) -> None:
    """It is held exactly where a unit more would be feasible and is not worth its price."""
    held = []
    for arc in np.flatnonzero(problem.need == need).tolist():
        more = [units + int(place == arc) for place, units in enumerate(flow)]
        if served < problem.quantity[need] and is_feasible(problem, more):
            assert gains[arc] <= 0
            held.append(int(problem.offer[arc]))
    assert sorted(told) == sorted(held)


@thorough
@given(data=st.data())
def test_one_unit_more_where_a_change_says_so_serves_a_unit_more(data: st.DataObject) -> None:
    problem = data.draw(problems("nested", needs=4, offers=3, units=2, arcs=6))
    price = data.draw(reserves(problem))
    solution = solve(problem, POLICY, reserve=price)
    for need in range(problem.quantity.size):
        for change in explain(problem, solution, POLICY, need=need).changes:
            again = solve(roomier(problem, change.offer, 1), POLICY, reserve=price)
            value, before = (
                sum(units * gain for units, gain in zip(one.flow.tolist(), beyond(problem, price), strict=True))
                for one in (again, solution)
            )
            assert value > before
