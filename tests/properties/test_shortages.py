"""Shortages against solving again with one unit more: whom it would serve, by category, region and colour."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching import Policy, Problem, solve
from matching.eligibility.rules import Needs
from matching.explain.accounts import Unmatched, shortages
from tests.properties.test_prices import reached, with_twin
from tests.support.matching_problems import problems

thorough = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def left_unserved(problem: Problem, flow: Any) -> Unmatched:
    """What the explanations need to know of those who lack units, without the rules behind the arcs."""
    unserved = problem.quantity - np.bincount(problem.need, weights=flow, minlength=problem.quantity.size).astype(int)
    rows = np.flatnonzero(unserved > 0)
    candidates = np.bincount(problem.need, minlength=problem.quantity.size)[rows]
    zeros = np.zeros(rows.size, np.int64)
    return Unmatched(
        need=rows, unserved=unserved[rows], reason=zeros.astype(np.int8), candidates=candidates, considered=candidates,
        nearest_metres=zeros, radius_metres=zeros, missing=zeros.astype(np.uint64)[:, None],
        taken=np.zeros((rows.size, max(problem.tiers, 1)), np.int64),
    )  # fmt: skip


def is_helped(problem: Problem, need: int, before: tuple[int, ...]) -> bool:
    """Whether a unit more at one of its offers brings in a unit as urgent as this one or less, and loses none."""
    own = int(problem.tier[need])
    for offer in problem.offer[problem.need == need].tolist():
        after = reached(with_twin(problem, offer)).units
        gained = [tier for tier, (more, less) in enumerate(zip(after, before, strict=True)) if more > less]
        if gained and gained[0] >= own:
            return True
    return False


@thorough
@given(data=st.data())
def test_helped_counts_the_needs_that_one_unit_more_would_serve(data: st.DataObject) -> None:
    problem = data.draw(problems("nested"))
    size = problem.quantity.size
    places = st.lists(st.integers(0, 1), min_size=size, max_size=size)
    columns = SimpleNamespace(
        category=np.array(data.draw(places), np.int32), region=np.array(data.draw(places), np.int32)
    )
    solution = solve(problem)
    found = left_unserved(problem, solution.flow)
    short = shortages(problem, solution, cast("Needs", columns), found, policy=Policy())
    expected: dict[tuple[int, int], list[int]] = {}
    for need, candidates in zip(found.need.tolist(), found.candidates.tolist(), strict=True):
        row = expected.setdefault((int(columns.category[need]), int(columns.region[need])), [0] * problem.tiers)
        row[int(problem.tier[need])] += int(candidates == 0 or is_helped(problem, need, solution.served))
    told = {
        (int(category), int(region)): helped.tolist()
        for category, region, helped in zip(short.category, short.region, short.helped, strict=True)
    }
    assert told == expected
    assert short.helped.tolist() == sorted(short.helped.tolist(), reverse=True)
    assert short.units.sum() == found.unserved.sum()
