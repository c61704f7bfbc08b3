"""Prices against solving again with the unit added, on random networks and on coupled problems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching import Policy, Problem, prices, solve
from matching.prices.levels import Levels
from matching.prices.settled import settle
from matching.prices.worth import IMPOSSIBLE
from tests.support.matching_problems import COUPLED, FEATURES, columns_of, problems

thorough = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
searching = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

NETWORKS = pytest.mark.parametrize(
    "features", [(), ("pools",), ("nested",)], ids=lambda told: "+".join(told) or "plain"
)


def reached(problem: Problem) -> Levels:
    """The best units by tier and the best fit."""
    solution = solve(problem, workers=1)
    return Levels(solution.served, solution.fit)


def worth(problem: Problem, levels: Levels) -> int:
    """The contract's objective: a served unit counts (T - t)((m + 1)F + 1) + fit, with T of the default policy."""
    step = (problem.capacity.size + 1) * 10_000 + 1
    tiers = max(Policy().tiers, problem.tiers)
    return sum((tiers - tier) * step * units for tier, units in enumerate(levels.units)) + levels.fit


def changed(problem: Problem, name: str, row: int, by: int) -> Problem:
    columns = columns_of(problem)
    columns[name][row] += by
    return Problem(**columns)


def roomier(problem: Problem, offer: int, by: int) -> Problem:
    """The problem with so many more units of the offer and every pool above it."""
    columns, pool = columns_of(problem), int(problem.pool[offer])
    columns["capacity"][offer] += by
    while pool >= 0:
        columns["pool_capacity"][pool] += by
        pool = int(problem.pool_parent[pool])
    return Problem(**columns)


def difference(problem: Problem, after: Levels, before: Levels) -> tuple[int, Levels]:
    units = tuple(one - other for one, other in zip(after.units, before.units, strict=True))
    return worth(problem, after) - worth(problem, before), Levels(units, after.fit - before.fit)


@NETWORKS
@thorough
@given(data=st.data())
def test_a_price_is_what_solving_again_with_the_unit_gains(data: st.DataObject, features: tuple[str, ...]) -> None:
    problem = data.draw(problems(*features))
    told, before = prices(problem, solve(problem)), reached(problem)
    assert told.exact.all()
    for kind, name, rows in (("offer", "capacity", problem.capacity), ("pool", "pool_capacity", problem.pool_capacity)):
        for row in range(rows.size):
            gain, levels = difference(problem, reached(changed(problem, name, row, 1)), before)
            assert getattr(told, kind)[row] == gain
            assert told.levels(kind, row) == levels


def with_rows(problem: Problem, arcs: np.ndarray, **more: list[object]) -> Problem:
    """The problem with one need or offer more, on copies of some of its arcs."""
    columns = columns_of(problem)
    for name in ("need", "offer", "fit", "cost", "use"):
        columns[name] = np.concatenate([columns[name], more.pop(name, columns[name][arcs])])
    for name, rows in more.items():
        columns[name] = np.concatenate([columns[name], rows])
    return Problem(**columns)


def with_twin(problem: Problem, offer: int) -> Problem:
    """The problem with an offer of one unit more that does what this one does and lies in no pool."""
    arcs = np.flatnonzero(problem.offer == offer)
    twin = [problem.capacity.size] * arcs.size
    return with_rows(problem, arcs, capacity=[1], pool=[-1], budget=[-1], minimum_batch=[0], offer=twin)


@NETWORKS
@thorough
@given(data=st.data())
def test_entry_is_what_a_twin_of_the_offer_gains_and_loss_what_a_unit_taken_costs(
    data: st.DataObject, features: tuple[str, ...]
) -> None:
    problem = data.draw(problems(*features))
    told, before = prices(problem, solve(problem)), reached(problem)
    for offer in range(problem.capacity.size):
        gain = difference(problem, reached(with_twin(problem, offer)), before)
        assert (told.entry[offer], told.levels("entry", offer)) == gain
        pool, least = int(problem.pool[offer]), int(problem.capacity[offer])
        while pool >= 0:
            least, pool = min(least, int(problem.pool_capacity[pool])), int(problem.pool_parent[pool])
        if least == 0:
            assert (told.loss[offer], told.levels("loss", offer)) == (IMPOSSIBLE, None)
        else:
            cost = difference(problem, before, reached(roomier(problem, offer, -1)))
            assert (told.loss[offer], told.levels("loss", offer)) == cost


@NETWORKS
@thorough
@given(data=st.data())
def test_the_price_of_a_need_is_what_the_others_lose(data: st.DataObject, features: tuple[str, ...]) -> None:
    """The unit more is a need of its own, in a tier above all: served first, at the fit that is best for the whole."""
    problem = data.draw(problems(*features))
    told, before = prices(problem, solve(problem)), reached(problem)
    for need in range(problem.quantity.size):
        own = np.flatnonzero(problem.need == need)
        new = [problem.quantity.size] * own.size
        lower = Problem(**{**columns_of(problem), "tier": problem.tier + 1})
        larger = with_rows(lower, own, quantity=[1], tier=[0], bundle=[-1], group=[-1], whole=[False], need=new)
        after = reached(larger)
        if after.units[0] == 0:
            assert (told.need[need], told.arc[need]) == (IMPOSSIBLE, -1)
            continue
        arc = int(told.arc[need])
        assert arc in own
        others = Levels(after.units[1:], after.fit - int(problem.fit[arc]))
        assert (told.need[need], told.levels("need", need)) == difference(problem, before, others)


def more_room(problem: Problem, offer: int) -> Problem:
    """The problem with room for one unit more at an offer whose arcs are alike: its use and its cost."""
    columns = columns_of(problem)
    arcs = np.flatnonzero(problem.offer == offer)
    columns["capacity"][offer] += int(problem.use[arcs[0]]) if arcs.size else 1
    if arcs.size and problem.budget[offer] >= 0:
        columns["budget"][offer] += int(problem.cost[arcs[0]])
    return Problem(**columns)


@searching
@given(data=st.data())
def test_prices_beside_coupling_rules_are_exact_where_they_say_so_and_else_at_most_the_gain(
    data: st.DataObject,
) -> None:
    features = data.draw(st.lists(st.sampled_from(FEATURES), unique=True, min_size=1))
    problem = data.draw(problems(*features, needs=8, offers=6, arcs=14))
    solution = solve(problem, workers=1)
    told, before = prices(problem, solution), Levels(solution.served, solution.fit)
    bound = settle(problem, solution).offers
    for offer in np.flatnonzero(~bound).tolist():
        _, gain = difference(problem, reached(more_room(problem, offer)), before)
        price = told.levels("offer", offer)
        assert price is not None
        assert gain == price if told.exact[offer] else gain >= price
    if not set(COUPLED) & set(features):
        assert told.exact.all()


@searching
@given(problem=problems("nested"), extra=problems("pools", "bundle", "whole", "exclusions", "minimum_batch"))
def test_coupling_in_one_county_leaves_the_prices_of_another_exact(problem: Problem, extra: Problem) -> None:
    """Two problems side by side that share nothing."""
    shift = {
        "need": problem.quantity.size,
        "offer": problem.capacity.size,
        "pool": problem.pool_capacity.size,
        "pool_parent": problem.pool_capacity.size,
        "exclusions": problem.quantity.size,
    }
    columns = {}
    for name, column in columns_of(extra).items():
        by = shift.get(name, 0)
        columns[name] = np.concatenate([getattr(problem, name), np.where(column >= 0, column + by, column)])
    both = Problem(**columns)
    alone, beside = prices(problem, solve(problem)), prices(both, solve(both, workers=1))
    offers = range(problem.capacity.size)
    assert beside.exact[: len(offers)].all()
    for offer in offers:
        expected, told = alone.levels("offer", offer), beside.levels("offer", offer)
        assert expected is not None
        assert told is not None
        width = max(len(expected.units), len(told.units))
        filled = [levels.units + (0,) * (width - len(levels.units)) for levels in (expected, told)]
        assert (filled[0], expected.fit) == (filled[1], told.fit)
