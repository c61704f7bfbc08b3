"""Runs with a reserve against enumeration and an independent exact model: what they serve, keep and call proven."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, milp

from matching import Policy, Problem, Solution, solve
from tests.support.matching_oracles import flows, is_feasible, matrix_of, objective_of, rules_of
from tests.support.matching_problems import COUPLED, columns_of, problems

thorough = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
searching = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
POLICY = Policy(tiers=4)
NETWORKS = pytest.mark.parametrize(
    "features", [(), ("pools",), ("nested",)], ids=lambda told: "+".join(told) or "plain"
)


def worths(problem: Problem) -> list[int]:
    """The contract's worth of a unit on each arc, written down once more."""
    step = (problem.capacity.size + 1) * 10_000 + 1
    tiers = problem.tier[problem.need].tolist()
    return [(4 - tier) * step + fit for tier, fit in zip(tiers, problem.fit.tolist(), strict=True)]


def beyond(problem: Problem, price: list[int]) -> list[int]:
    """What a unit on each arc is worth beyond what it takes."""
    uses, offers = problem.use.tolist(), problem.offer.tolist()
    return [one - use * price[at] for one, use, at in zip(worths(problem), uses, offers, strict=True)]


@st.composite
def reserves(draw: st.DrawFn, problem: Problem) -> list[int]:
    """Prices near the worths that they are compared with, where equality and a hair's breadth matter."""
    ends = [0, *worths(problem)]
    price = st.builds(lambda worth, by: max(worth + by, 0), st.sampled_from(ends), st.sampled_from((-9999, -1, 0, 1)))
    return draw(st.lists(price, min_size=problem.capacity.size, max_size=problem.capacity.size))


def greatest(problem: Problem, aim: list[int], *fixed: tuple[list[int], int]) -> int:
    """The greatest sum of the aim over the arcs, by HiGHS; each fixed sum is reached exactly."""
    rows, most = rules_of(problem)
    for factors, reached in fixed:
        rows.add({arc: float(factor) for arc, factor in enumerate(factors)}, reached, reached)
    cost, upper = np.zeros(rows.columns), np.ones(rows.columns)
    cost[: len(aim)], upper[: len(aim)] = -np.array(aim, float), most
    if not aim:
        return 0
    result = milp(
        cost,
        integrality=np.ones(rows.columns, np.int64),
        bounds=Bounds(0, upper),
        constraints=matrix_of(rows),
        options={"mip_rel_gap": 0.0},
    )
    assert result.success, result.message
    return sum(round(units) * one for units, one in zip(result.x, aim, strict=False))


def with_arcs(problem: Problem, kept: np.ndarray) -> Problem:
    columns = columns_of(problem)
    for name in ("need", "offer", "fit", "cost", "use"):
        columns[name] = columns[name][kept]
    return Problem(**columns)


def allowed(problem: Problem, price: list[int]) -> np.ndarray:
    return np.flatnonzero(np.array(beyond(problem, price), object) > 0)


@NETWORKS
@thorough
@given(data=st.data())
def test_networks_serve_what_is_worth_most_beyond_the_prices(data: st.DataObject, features: tuple[str, ...]) -> None:
    problem = data.draw(problems(*features))
    price = data.draw(reserves(problem))
    solution = solve(problem, POLICY, reserve=np.array(price))
    gains = beyond(problem, price)
    kept = allowed(problem, price)
    assert not solution.flow[np.setdiff1d(np.arange(len(gains)), kept)].any()
    assert (solution.status, solution.verified) == ("optimal", True)
    value = sum(units * gain for units, gain in zip(solution.flow.tolist(), gains, strict=True))
    assert value == greatest(with_arcs(problem, kept), [gains[arc] for arc in kept])
    if any(price):
        assert solution.beyond_reserve == value
    assert (solution.served, solution.fit) == objective_of(problem, solution.flow.tolist())
    assert solution.bound == solve(problem, POLICY).bound
    check_held(problem, solution)


def check_held(problem: Problem, solution: Solution) -> None:
    """What is held is one largest further flow on what the run left, by an independent model."""
    flow = solution.flow.tolist()
    columns = columns_of(problem)
    for arc, units in enumerate(flow):
        need, offer = int(problem.need[arc]), int(problem.offer[arc])
        columns["quantity"][need] -= units
        columns["capacity"][offer] -= units * int(problem.use[arc])
        pool = int(problem.pool[offer])
        while pool >= 0:
            columns["pool_capacity"][pool] -= units * int(problem.use[arc])
            pool = int(problem.pool_parent[pool])
    columns["quantity"] = np.maximum(columns["quantity"], 1)
    left = np.flatnonzero(problem.quantity - np.bincount(problem.need, solution.flow, problem.quantity.size) > 0)
    rest = with_arcs(Problem(**columns), np.flatnonzero(np.isin(problem.need, left)))
    assert solution.held.sum() == greatest(rest, [1] * rest.need.size)
    # At each offer so many, all at once: served by needs of their own, no more and no less.
    per_offer = [
        ([int(offer == at) for at in rest.offer.tolist()], int(units)) for offer, units in enumerate(solution.held)
    ]
    if rest.need.size:
        assert greatest(rest, [1] * rest.need.size, *per_offer) == solution.held.sum()


@searching
@given(data=st.data())
def test_coupled_parts_refuse_the_same_arcs_and_keep_the_order_of_the_levels(data: st.DataObject) -> None:
    features = data.draw(st.lists(st.sampled_from(("nested", *COUPLED)), unique=True, min_size=1))
    problem = data.draw(problems(*features, needs=5, offers=3, arcs=8))
    extra = problem.bundle.copy()
    if problem.quantity.size > 1:  # one component, in which something couples
        extra[:2] = 7
    whole = problem.whole.copy()
    whole[:1] = True
    columns = {**columns_of(problem), "bundle": extra, "whole": whole, "quantity": np.maximum(problem.quantity, 2)}
    problem = Problem(**columns)
    price = data.draw(reserves(problem))
    solution = solve(problem, POLICY, reserve=price, workers=1)
    gains, kept = beyond(problem, price), allowed(problem, price)
    assert solution.verified
    assert not solution.flow[np.setdiff1d(np.arange(len(gains)), kept)].any()
    if solution.engines == {"coupled": 1.0} and solve(with_arcs(problem, kept), POLICY).engines == {"coupled": 1.0}:
        narrowed = with_arcs(problem, kept)
        tiers = narrowed.tier[narrowed.need].tolist()
        fixed: list[tuple[list[int], int]] = []
        for tier in range(4):
            level = [int(own == tier) for own in tiers]
            fixed.append((level, greatest(narrowed, level, *fixed)))
        last = [gains[arc] - worths(problem)[arc] + int(problem.fit[arc]) for arc in kept]
        reached = sum(int(units) * one for units, one in zip(solution.flow[kept], last, strict=True))
        served = [units for _, units in fixed]
        assert list(solution.served) == served[: problem.tiers]
        assert reached == greatest(narrowed, last, *fixed)
    if solution.status == "optimal":
        assert solution.bound == solve(problem, POLICY, workers=1).bound


@searching
@given(data=st.data())
def test_a_reserve_of_zeros_gives_the_plain_result(data: st.DataObject) -> None:
    features = data.draw(st.lists(st.sampled_from(("nested", *COUPLED)), unique=True))
    problem = data.draw(problems(*features))
    policy = Policy(tiers=4, fairness=data.draw(st.booleans()), load_balance_weight=data.draw(st.sampled_from((0, 90))))
    plain = solve(problem, policy, workers=1)
    zeros = solve(problem, policy, workers=1, reserve=np.zeros(problem.capacity.size, np.int64))
    assert (zeros.served, zeros.fairness, zeros.fit, zeros.status) == (
        plain.served, plain.fairness, plain.fit, plain.status
    )  # fmt: skip
    assert not zeros.held.any()


@thorough
@given(data=st.data())
def test_fairness_is_settled_among_as_many_units_of_each_tier(data: st.DataObject) -> None:
    problem = data.draw(problems("nested", needs=4, offers=3, units=2, arcs=6))
    group = data.draw(st.lists(st.integers(-1, 2), min_size=4, max_size=4))[: problem.quantity.size]
    problem = Problem(**{**columns_of(problem), "group": group})
    price = data.draw(reserves(problem))
    solution = solve(problem, Policy(tiers=4, fairness=True), reserve=price)
    gains = beyond(problem, price)
    last = [gain - worth + int(fit) for gain, worth, fit in zip(gains, worths(problem), problem.fit, strict=True)]

    def total(flow: list[int], aim: list[int]) -> int:
        return sum(units * one for units, one in zip(flow, aim, strict=True))

    def uneven(flow: list[int]) -> Fraction:
        told = Fraction(0)
        for own in set(group) - {-1}:
            size = sum(int(units) for units, at in zip(problem.quantity, group, strict=True) if at == own)
            told += Fraction(sum(units for arc, units in enumerate(flow) if group[problem.need[arc]] == own) ** 2, size)
        return told

    ways = [
        flow
        for flow in flows(problem)
        if is_feasible(problem, flow) and all(gains[arc] > 0 for arc, units in enumerate(flow) if units)
    ]
    most = max(total(flow, gains) for flow in ways)
    coverages = {objective_of(problem, flow)[0] for flow in ways if total(flow, gains) == most}
    assert solution.served in coverages
    assert (solution.status, solution.verified) == ("optimal", True)
    if any(price):
        best = min(
            (uneven(flow), -total(flow, last)) for flow in ways if objective_of(problem, flow)[0] == solution.served
        )
        assert (solution.fairness, -total(solution.flow.tolist(), last)) == best


@thorough
@given(data=st.data())
def test_a_penalty_for_load_is_taken_from_the_fit_and_not_from_what_is_compared(data: st.DataObject) -> None:
    problem = data.draw(problems("nested", needs=4, offers=3, units=2, arcs=6))
    price, weight = data.draw(reserves(problem)), data.draw(st.sampled_from((1, 500, 10_000)))
    solution = solve(problem, Policy(tiers=4, load_balance_weight=weight), reserve=price)
    gains = beyond(problem, price)

    def value(flow: list[int]) -> int:
        told = sum(units * gain for units, gain in zip(flow, gains, strict=True))
        for offer, capacity in enumerate(problem.capacity.tolist()):
            units = sum(units for units, at in zip(flow, problem.offer.tolist(), strict=True) if at == offer)
            told -= sum(min(weight, weight * unit // max(capacity, 1)) for unit in range(1, units + 1))
        return told

    if any(price):
        assert value(solution.flow.tolist()) == max(
            value(flow)
            for flow in flows(problem)
            if is_feasible(problem, flow) and all(gains[arc] > 0 for arc, units in enumerate(flow) if units)
        )
    assert (solution.status, solution.verified) == ("optimal", True)


@thorough
@given(data=st.data())
def test_the_most_urgent_are_served_as_the_arcs_permit_where_fits_do_not_outweigh_a_hair(data: st.DataObject) -> None:
    """Prices end a good way below the worths that pass them, as a mean of losses hardly ever ends a hair below."""
    problem = data.draw(problems())
    margin = problem.capacity.size * 10_000
    near = [max(worth - margin - 1, 0) for worth in worths(problem)] + [0]
    price = data.draw(st.lists(st.sampled_from(near), min_size=problem.capacity.size, max_size=problem.capacity.size))
    gains = beyond(problem, price)
    kept = np.array([arc for arc, gain in enumerate(gains) if gain > margin], np.int64)
    narrowed = with_arcs(problem, kept)
    if narrowed.need.size == 0 or not any(price) or narrowed.need.size < allowed(problem, price).size:
        return
    top = int(problem.tier.min())
    level = [int(tier == top) for tier in narrowed.tier[narrowed.need].tolist()]
    assert solve(problem, POLICY, reserve=price).served[top] == greatest(narrowed, level)
