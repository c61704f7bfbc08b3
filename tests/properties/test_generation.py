"""Column generation: as good as all arcs at once, and explained as if all had been there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import Policy, Problem, prices, solve, verify
from matching.generation import Block, Blocks, Generated, completed, generate
from tests.support.matching_problems import large_problem, problems

FEATURES = [(), ("pools",), ("nested",)]
RULES = [
    ("bundle",),
    ("whole", "nested"),
    ("minimum_batch", "pools"),
    ("exclusions",),
    ("bundle", "whole", "exclusions"),
]


def blocks_of(problem: Problem, size: int = 3) -> Blocks:
    """The problem's arcs in blocks of whole needs."""
    order = np.lexsort((problem.offer, problem.need))
    need, offer, fit = problem.need[order], problem.offer[order], problem.fit[order]

    def blocks() -> Iterator[Block]:
        for begin in range(0, problem.quantity.size, size):
            rows = np.flatnonzero((need >= begin) & (need < begin + size))
            yield Block(need[rows], offer[rows], (need * 100 + offer)[rows], fit[rows])

    return blocks


def check(problem: Problem, most: int | None) -> Generated:
    """Generate, and compare with all arcs at once."""
    counted: list[int] = []
    blocks = blocks_of(problem)
    found = generate(
        blocks, problem, Policy(candidates_per_need=most), seen=lambda block: counted.append(block.need.size)
    )
    whole = solve(problem)
    assert found.solution.status == whole.status == "optimal"
    assert (found.solution.served, found.solution.fit) == (whole.served, whole.fit)
    assert found.solution.bound == whole.bound
    assert found.solution.verified
    verify(found.problem, found.solution)
    assert found.total == sum(counted) == problem.need.size
    assert np.all(found.arcs.metres == found.arcs.need * 100 + found.arcs.offer)
    assert np.array_equal(found.problem.need, found.arcs.need)
    return found


@pytest.mark.parametrize("features", FEATURES)
@settings(deadline=None, max_examples=250)
@given(data=st.data(), most=st.integers(1, 3))
def test_few_arcs_of_a_network_reach_what_all_reach(data: st.DataObject, most: int, features: tuple[str, ...]) -> None:
    check(data.draw(problems(*features, needs=9, offers=6, arcs=54)), most)


@pytest.mark.parametrize("features", RULES)
@settings(deadline=None, max_examples=60)
@given(data=st.data(), most=st.integers(1, 2))
def test_parts_with_coupling_rules_keep_all_their_arcs(
    data: st.DataObject, most: int, features: tuple[str, ...]
) -> None:
    check(data.draw(problems(*features, needs=7, offers=6, arcs=14)), most)


@pytest.mark.parametrize("features", FEATURES)
@settings(deadline=None, max_examples=150)
@given(data=st.data(), most=st.integers(1, 3))
def test_what_is_explained_is_that_of_all_arcs(data: st.DataObject, most: int, features: tuple[str, ...]) -> None:
    problem = data.draw(problems(*features, needs=9, offers=6, arcs=54))
    found = completed(check(problem, most), blocks_of(problem), Policy())
    verify(found.problem, found.solution)
    served = np.bincount(found.problem.need, weights=found.solution.flow, minlength=problem.quantity.size)
    waits = np.flatnonzero(served < problem.quantity)
    for need in waits.tolist():
        assert np.count_nonzero(found.problem.need == need) == np.count_nonzero(problem.need == need)
    # The same flow on all arcs: what a helper brings does not depend on which arcs were kept.
    flow = np.zeros(problem.need.size, np.int64)
    place = {pair: row for row, pair in enumerate(zip(problem.need.tolist(), problem.offer.tolist(), strict=True))}
    for need, offer, units in zip(
        found.arcs.need.tolist(), found.arcs.offer.tolist(), found.solution.flow, strict=True
    ):
        flow[place[need, offer]] = units
    whole = prices(problem, replace(found.solution, flow=flow))
    assert np.array_equal(prices(found.problem, found.solution).entry, whole.entry)


def test_a_policy_without_a_limit_solves_once() -> None:
    problem = large_problem(3)
    found = check(problem, None)
    assert (found.rounds, found.arcs.need.size) == (1, problem.need.size)


@pytest.mark.parametrize("seed", range(6))
def test_a_crowded_world_takes_few_arcs_and_several_rounds(seed: int) -> None:
    problem = large_problem(seed, needs=600, offers=60, arcs_a_need=30)
    found = check(problem, 2)
    assert found.rounds > 1
    assert found.arcs.need.size < problem.need.size / 2


def test_counties_with_coupling_rules_leave_the_others_their_few_arcs() -> None:
    """Counties share nothing: only the one with bundles keeps all arcs."""
    problem = large_problem(1, needs=200, offers=20, counties=4, arcs_a_need=5)
    county = np.zeros(problem.quantity.size, np.int64)
    county[problem.need] = problem.offer // 5
    bundle = np.where((county == 0) & (np.arange(problem.quantity.size) % 20 < 2), county, -1)
    bundled = Problem(**{**problem.columns(), "bundle": np.where(bundle >= 0, np.arange(200) // 20, -1)})
    found = check(bundled, 1)
    kept = np.bincount(found.arcs.need, minlength=200)
    assert np.all(kept[county == 0] == 5)
    assert kept[county > 0].mean() < 5
    assert set(found.solution.engines) == {"network", "coupled"}


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_a_policy_that_aims_at_more_keeps_all_arcs(data: st.DataObject) -> None:
    problem = data.draw(problems("pools", needs=7, offers=5, arcs=30))
    columns = {**problem.columns(), "group": np.arange(problem.quantity.size) % 3}
    grouped, policy = Problem(**columns), Policy(candidates_per_need=1, fairness=True)
    found, whole = generate(blocks_of(grouped), grouped, policy), solve(grouped, policy)
    assert found.arcs.need.size == grouped.need.size
    assert (found.solution.served, found.solution.fairness) == (whole.served, whole.fairness)
    assert found.solution.fit == whole.fit
