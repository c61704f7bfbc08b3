"""The start of a search: always feasible, and never spoilt by filling its gaps."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.components import split
from matching.coupling import examine
from matching.network import best_flow
from matching.rounding import Rounding
from tests.support.matching_oracles import is_feasible, objective_of
from tests.support.matching_problems import FEATURES, problems


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_rounded_flows_keep_every_rule(data: st.DataObject) -> None:
    problem = data.draw(problems(*data.draw(st.lists(st.sampled_from(FEATURES), unique=True))))
    limits = np.array(data.draw(st.lists(st.integers(0, 9), min_size=4, max_size=4)))
    coupling = examine(problem)
    for arcs in split(problem, coupling).coupled:
        flow = np.zeros(problem.need.size, np.int64)
        flow[arcs] = Rounding(problem, coupling, arcs).feasible(best_flow(coupling.network.of(arcs), limits))
        assert is_feasible(problem, flow.tolist())


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
