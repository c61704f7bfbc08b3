"""The start of a search: always feasible, and never spoilt by filling its gaps."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import Problem
from matching.components import split
from matching.coupled.rounding import Rounding
from matching.coupling import examine
from matching.network.flow import best_flow
from tests.support.matching_oracles import best_by_milp, is_feasible, objective_of
from tests.support.matching_problems import FEATURES, problems


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_rounded_flows_keep_every_rule(data: st.DataObject) -> None:
    problem = data.draw(problems(*data.draw(st.lists(st.sampled_from(FEATURES), unique=True))))
    limits = np.array(data.draw(st.lists(st.integers(0, 9), min_size=4, max_size=4)))
    coupling = examine(problem)
    for arcs in split(problem, coupling).coupled:
        rounding, network = Rounding(problem, coupling, arcs), coupling.network.of(arcs)
        for part in (rounding.feasible(best_flow(network, limits)), rounding.dived(network, limits)):
            flow = np.zeros(problem.need.size, np.int64)
            flow[arcs] = part
            assert is_feasible(problem, flow.tolist())


def test_a_dive_finishes_some_bundles_with_what_others_give_up() -> None:
    """Three bundles of two needs share three units: relaxed, each has one of its two; one of them can have both."""
    problem = Problem(
        quantity=[1] * 6,
        tier=[0] * 6,
        capacity=[1, 1, 1],
        need=[0, 1, 2, 3, 4, 5, 1, 3, 5],
        offer=[0, 1, 1, 2, 2, 0, 2, 0, 1],
        fit=[9, 1, 9, 1, 9, 1, 1, 1, 1],
        bundle=[0, 0, 1, 1, 2, 2],
    )
    coupling = examine(problem)
    (arcs,) = split(problem, coupling).coupled
    flow = Rounding(problem, coupling, arcs).dived(coupling.network.of(arcs), np.array([6]))
    assert is_feasible(problem, flow.tolist())
    assert objective_of(problem, flow.tolist()) == best_by_milp(problem)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_filling_adds_and_takes_nothing_away(data: st.DataObject) -> None:
    problem = data.draw(problems(*data.draw(st.lists(st.sampled_from(FEATURES), unique=True))))
    coupling = examine(problem)
    for arcs in split(problem, coupling).coupled:
        rounding = Rounding(problem, coupling, arcs)
        limits = np.array(data.draw(st.lists(st.integers(0, 3), min_size=4, max_size=4)))
        start = rounding.feasible(best_flow(coupling.network.of(arcs), limits))
        filled = rounding.filled(start)
        assert np.all(filled >= start)
        flows = np.zeros((2, problem.need.size), np.int64)
        flows[:, arcs] = start, filled
        assert is_feasible(problem, flows[1].tolist())
        assert objective_of(problem, flows[1].tolist()) >= objective_of(problem, flows[0].tolist())
