"""Fairness between groups where a reserve has settled how many units of each tier are served.

The number of units by tier is that of the flow of the greatest worth beyond the reserve's prices. Where no other
flow on the arcs that are left serves more of a more urgent tier, fairness is the convex flow of
:mod:`matching.fairness.groups`, as without a reserve. Otherwise units are left out because others would have to move to
where prices are higher, and the numbers by tier are rows of their own beside those by group: tiers and groups cross
each other, which no network holds. CP-SAT settles these; where it cannot within its time, the flow of the greatest
worth stands, which is feasible and not proven the fairest.
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
from ortools.sat.python import cp_model

from matching.columns import Int64s
from matching.fairness.groups import Aims, convex_flow
from matching.network.flow import Network
from matching.problem import LARGEST_TOTAL
from matching.reserve.aim import worthiest_flow

SEARCHED = 20_000
"""Networks with more arcs are not searched."""

SECONDS = 20.0
"""The most for one search."""


def fairest_kept(network: Network, value: Int64s, aims: Aims) -> tuple[Int64s, bool]:
    """The fairest flow that serves as many units of each tier as the worthiest one, and of these the best.

    Args:
        network: the arcs that a reserve allows; its fit is what settles the last level.
        value: int64 (k,), what a unit on each arc is worth beyond the reserve's price.
        aims: those of the policy.
    Returns:
        int64 (k,), units on each arc, and whether they are proven the best.
    """
    worthiest = worthiest_flow(network, value, aims)
    if not np.any(aims.group[network.need] >= 0):
        return worthiest, True
    wanted = _by_tier(network, worthiest)
    fairest = convex_flow(network, aims)
    if np.array_equal(_by_tier(network, fairest), wanted):
        return fairest, True
    if aims.balance.most or network.need.size > SEARCHED:
        return worthiest, False
    searched = _searched(network, aims, wanted, worthiest)
    return (worthiest, False) if searched is None else (searched, True)


def _by_tier(network: Network, flow: Int64s) -> Int64s:
    units = np.zeros(int(network.tier.max(initial=0)) + 1, np.int64)
    np.add.at(units, network.tier[network.need], flow)
    return units


def _searched(network: Network, aims: Aims, wanted: Int64s, hint: Int64s) -> Int64s | None:
    """The best flow with so many units of each tier; None if that is not proven in time."""
    shared = math.lcm(*np.maximum(aims.size, 1).tolist())
    squares = ((aims.before + aims.size).astype(np.float64) ** 2 / np.maximum(aims.size, 1)).sum() * shared
    fits = float(network.quantity.sum()) * max(float(network.fit.max(initial=0)), 1.0)
    if max(float(squares), fits) >= LARGEST_TOTAL:
        return None
    model = cp_model.CpModel()
    most = np.minimum(network.quantity[network.need], network.capacity[network.offer])
    units = [model.new_int_var(0, bound, "") for bound in most.tolist()]
    for variable, told in zip(units, hint.tolist(), strict=True):
        model.add_hint(variable, told)
    _state(model, network, wanted, units)
    unfairness = _unfairness(model, network, aims, units, shared)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.random_seed = 1, 1
    solver.parameters.max_time_in_seconds = SECONDS
    model.minimize(unfairness)
    if solver.solve(model) != cp_model.OPTIMAL:
        return None
    model.add(unfairness <= int(solver.value(unfairness)))
    model.maximize(cp_model.LinearExpr.weighted_sum(units, network.fit.tolist()))
    if solver.solve(model) != cp_model.OPTIMAL:
        return None
    return np.array([solver.value(variable) for variable in units], np.int64)


def _state(model: cp_model.CpModel, network: Network, wanted: Int64s, units: list[cp_model.IntVar]) -> None:
    """The limits of needs, offers and pools, and the units of each tier."""
    above = np.append(network.pool, network.pool_parent).astype(np.int64)
    offers = network.capacity.size
    by_need, by_node, by_tier = defaultdict(list), defaultdict(list), defaultdict(list)
    for unit, need, offer in zip(units, network.need.tolist(), network.offer.tolist(), strict=True):
        by_need[need].append(unit)
        by_tier[int(network.tier[need])].append(unit)
        node = offer
        while node >= 0:
            by_node[node].append(unit)
            node = int(above[node]) + offers if above[node] >= 0 else -1
    limits = np.append(network.capacity, network.pool_capacity)
    for rows, most in ((by_need, network.quantity), (by_node, limits)):
        for row, members in rows.items():
            model.add(sum(members) <= int(most[row]))
    for tier, members in by_tier.items():
        model.add(sum(members) == int(wanted[tier]))


def _unfairness(
    model: cp_model.CpModel, network: Network, aims: Aims, units: list[cp_model.IntVar], shared: int
) -> cp_model.LinearExpr:
    """The sum of served**2 / size, times a number that all sizes divide."""
    by_group = defaultdict(list)
    for unit, group in zip(units, aims.group[network.need].tolist(), strict=True):
        by_group[group].append(unit)
    terms = []
    for group, members in by_group.items():
        if group >= 0:
            before, size = int(aims.before[group]), int(aims.size[group])
            served = model.new_int_var(before, before + size, "")
            model.add(served == sum(members) + before)
            square = model.new_int_var(before**2, (before + size) ** 2, "")
            model.add_multiplication_equality(square, [served, served])
            terms.append(square * (shared // size))
    return cp_model.LinearExpr.sum(terms)
