"""Explanations against solving again: what another choice costs, who moves then, and what one more unit serves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching import Problem, Solution, explain, prices, solve
from matching.explain.chains import NOWHERE
from matching.explain.changes import Change
from matching.explain.choices import Explanation, RunnerUp
from matching.explain.sentences import describe
from matching.prices.levels import Levels
from matching.reasons import Reason
from tests.properties.test_prices import difference, reached, roomier, with_twin
from tests.support.matching_oracles import is_feasible, objective_of
from tests.support.matching_problems import FEATURES, columns_of, problems

thorough = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NETWORKS = pytest.mark.parametrize(
    "features", [(), ("pools",), ("nested",)], ids=lambda told: "+".join(told) or "plain"
)


def with_one_unit_there(problem: Problem, need: int, offer: int) -> Levels | None:
    """The best objective with a unit of the need served by the offer; None where nothing has room for one."""
    arc = int(np.flatnonzero((problem.need == need) & (problem.offer == offer))[0])
    room, pool = int(problem.capacity[offer]), int(problem.pool[offer])
    while pool >= 0:
        room, pool = min(room, int(problem.pool_capacity[pool])), int(problem.pool_parent[pool])
    if room == 0:
        return None
    columns = columns_of(roomier(problem, offer, -1))
    if problem.quantity[need] == 1:
        for name in ("need", "offer", "fit", "cost", "use"):
            columns[name] = columns[name][problem.need != need]
    else:
        columns["quantity"][need] -= 1
    rest = reached(Problem(**columns))
    units = list(rest.units)
    units[int(problem.tier[need])] += 1
    return Levels(tuple(units), rest.fit + int(problem.fit[arc]))


@NETWORKS
@thorough
@given(data=st.data())
def test_the_cost_of_another_choice_is_what_solving_again_loses(data: st.DataObject, features: tuple[str, ...]) -> None:
    problem = data.draw(problems(*features))
    solution, before = solve(problem), reached(problem)
    for need in range(problem.quantity.size):
        told = explain(problem, solution, need=need)
        costs = [one.worth for one in told.runners_up if one.worth is not None]
        assert costs == sorted(costs)
        for one in told.runners_up:
            assert one.exact
            after = with_one_unit_there(problem, need, one.offer)
            if after is None:
                assert (one.worth, one.cost) == (None, None)
            else:
                assert (one.worth, one.cost) == difference(problem, before, after)
                assert one.worth is not None
                assert one.worth >= 0


def carried_out(problem: Problem, solution: Solution, told: Explanation, one: RunnerUp) -> list[list[int]]:
    """The flows after the need's unit went to the runner-up and the others moved as told."""
    place = {(int(i), int(j)): arc for arc, (i, j) in enumerate(zip(problem.need, problem.offer, strict=True))}
    flow = solution.flow.tolist()
    flow[place[told.need, one.offer]] += 1
    for move in one.moves:
        if move.source != NOWHERE:
            flow[place[move.need, move.source]] -= 1
        if move.target != NOWHERE:
            flow[place[move.need, move.target]] += 1
    if told.served < told.quantity:
        return [flow]
    flows = []
    for choice in told.chosen:
        given_up = flow.copy()
        given_up[place[told.need, choice.offer]] -= 1
        flows.append(given_up)
    return flows


@NETWORKS
@thorough
@given(data=st.data())
def test_the_moves_of_the_others_can_be_carried_out_and_cost_what_is_told(
    data: st.DataObject, features: tuple[str, ...]
) -> None:
    problem = data.draw(problems(*features))
    solution = solve(problem)
    before = Levels(solution.served, solution.fit)
    for need in range(problem.quantity.size):
        told = explain(problem, solution, need=need)
        for one in told.runners_up:
            if one.cost is not None:
                after = [Levels(*objective_of(problem, flow)) for flow in carried_out(problem, solution, told, one)
                         if is_feasible(problem, flow)]  # fmt: skip
                assert one.cost in [difference(problem, before, levels)[1] for levels in after]


@NETWORKS
@thorough
@given(data=st.data())
def test_one_more_unit_where_it_is_told_serves_the_need(data: st.DataObject, features: tuple[str, ...]) -> None:
    problem = data.draw(problems(*features))
    solution, before = solve(problem), reached(problem)
    for need in range(problem.quantity.size):
        told = explain(problem, solution, need=need)
        if told.served == told.quantity:
            assert told.changes == ()
        for change in told.changes:
            assert change.rule is Reason.CAPACITY_TAKEN
            assert serves_with(problem, change, need, told.served)
            if change.units > 1 and change.first == NOWHERE:  # another tier comes first
                continue
            _, gain = difference(problem, reached(with_twin(problem, change.offer)), before)
            assert gain.units[told.tier] == 1
            assert sum(map(abs, gain.units)) == 1
            fit = int(problem.fit[(problem.need == need) & (problem.offer == change.offer)][0])
            assert (change.first == NOWHERE) == (gain.fit == fit)
            if change.first != NOWHERE:
                assert problem.tier[change.first] == told.tier
                assert change.first != need


def serves_with(problem: Problem, change: Change, need: int, served: int) -> bool:
    """Whether so many units more serve one more of the need, or could at no cost."""
    columns = columns_of(with_twin(problem, change.offer))
    columns["capacity"][-1] = change.units
    larger = Problem(**columns)
    solution = solve(larger)
    if solution.flow[larger.need == need].sum() > served:
        return True
    told = prices(larger, solution)
    own = [int(tier == larger.tier[need]) for tier in range(larger.tiers)]
    return told.levels("need", need) == Levels(tuple(own), int(larger.fit[told.arc[need]]))


@thorough
@given(data=st.data())
def test_every_need_of_every_problem_is_told_in_both_languages(data: st.DataObject) -> None:
    problem = data.draw(problems(*data.draw(st.lists(st.sampled_from(FEATURES), unique=True))))
    solution = solve(problem, workers=1)
    for need in range(problem.quantity.size):
        told = explain(problem, solution, need=need)
        assert told.priced
        offers = [one.offer for one in told.runners_up] + [choice.offer for choice in told.chosen]
        assert sorted(offers) == sorted(problem.offer[problem.need == need].tolist())
        assert sum(choice.units for choice in told.chosen) == told.served
        for language in ("zh", "en"):
            lines = describe(told, language, runners_up=9)
            assert len(lines) >= len(told.chosen) + len(told.runners_up) + (told.served < told.quantity)
            assert all(line.endswith("。" if language == "zh" else ".") for line in lines)
