"""Independent exact answers for small matchings: HiGHS through scipy, and plain enumeration.

Nothing here is shared with the engines. The rules are written down twice, once as linear constraints and once as
a plain predicate, so that a misreading of the contract in one shows as a difference.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from matching import Problem

Objective = tuple[tuple[int, ...], int]


def objective_of(problem: Problem, flow: list[int]) -> Objective:
    """Units by tier and total fit of a flow."""
    served = [0] * (max(problem.tier.tolist(), default=-1) + 1)
    fit = 0
    for arc, units in enumerate(flow):
        served[int(problem.tier[problem.need[arc]])] += units
        fit += units * int(problem.fit[arc])
    return tuple(served), fit


def pools_above(problem: Problem, offer: int) -> list[int]:
    """The pools that an offer draws on, innermost first."""
    above, pool = [], int(problem.pool[offer])
    while pool >= 0:
        above.append(pool)
        pool = int(problem.pool_parent[pool])
    return above


def is_feasible(problem: Problem, flow: list[int]) -> bool:
    """Whether a flow keeps every rule of the contract."""
    needs, offers = range(problem.quantity.size), range(problem.capacity.size)
    on_need: dict[int, list[int]] = {need: [] for need in needs}
    on_offer: dict[int, list[int]] = {offer: [] for offer in offers}
    used_pool = [0] * problem.pool_capacity.size
    for arc, units in enumerate(flow):
        if units < 0:
            return False
        if units:
            on_need[int(problem.need[arc])].append(arc)
            on_offer[int(problem.offer[arc])].append(arc)
            for pool in pools_above(problem, int(problem.offer[arc])):
                used_pool[pool] += units * int(problem.use[arc])
    if any(used > most for used, most in zip(used_pool, problem.pool_capacity.tolist(), strict=True)):
        return False
    got = {need: sum(flow[arc] for arc in on_need[need]) for need in needs}
    return (
        all(_need_is_kept(problem, need, got[need], len(on_need[need])) for need in needs)
        and all(_offer_is_kept(problem, offer, on_offer[offer], flow) for offer in offers)
        and _bundles_are_kept(problem, got)
        and not any(
            {int(problem.offer[arc]) for arc in on_need[one]} & {int(problem.offer[arc]) for arc in on_need[other]}
            for one, other in problem.exclusions.tolist()
        )
    )


def _need_is_kept(problem: Problem, need: int, got: int, arcs: int) -> bool:
    wanted = int(problem.quantity[need])
    return got <= wanted and not (problem.whole[need] and got and (got != wanted or arcs != 1))


def _offer_is_kept(problem: Problem, offer: int, arcs: list[int], flow: list[int]) -> bool:
    use = sum(flow[arc] * int(problem.use[arc]) for arc in arcs)
    cost = sum(flow[arc] * int(problem.cost[arc]) for arc in arcs)
    units = sum(flow[arc] for arc in arcs)
    return (
        use <= problem.capacity[offer]
        and (problem.budget[offer] < 0 or cost <= problem.budget[offer])
        and (units == 0 or units >= problem.minimum_batch[offer])
    )


def _bundles_are_kept(problem: Problem, got: dict[int, int]) -> bool:
    for bundle in set(problem.bundle.tolist()) - {-1}:
        members = [need for need, number in enumerate(problem.bundle.tolist()) if number == bundle]
        if any(got[need] for need in members) and any(got[need] != problem.quantity[need] for need in members):
            return False
    return True


def flows(problem: Problem) -> Iterator[list[int]]:
    """Every flow that gives no arc more than its need asks for."""
    ranges = [range(int(problem.quantity[need]) + 1) for need in problem.need.tolist()]
    for flow in itertools.product(*ranges):
        yield list(flow)


def best_by_enumeration(problem: Problem) -> Objective:
    """The best objective over every feasible flow."""
    return max(objective_of(problem, flow) for flow in flows(problem) if is_feasible(problem, flow))


class Rows:
    """Linear rules, row by row, over the arcs' units and then further 0-1 columns."""

    def __init__(self, arcs: int) -> None:
        self.columns = arcs
        self.rows: list[dict[int, float]] = []
        self.limits: list[tuple[float, float]] = []

    def column(self) -> int:
        self.columns += 1
        return self.columns - 1

    def add(self, row: dict[int, float], least: float, most: float) -> None:
        self.rows.append(row)
        self.limits.append((least, most))


def best_by_milp(problem: Problem) -> Objective:
    """The best objective by HiGHS: one mixed-integer solve a level, each fixing the levels above."""
    arcs = problem.need.size
    if arcs == 0:
        return objective_of(problem, [])
    rows, most = rules_of(problem)
    tiers = max(problem.tier.tolist()) + 1
    levels = [(problem.tier[problem.need] == tier).astype(float) for tier in range(tiers)]
    levels.append(problem.fit.astype(float))
    upper = np.ones(rows.columns)
    upper[:arcs] = most
    reached: list[int] = []
    for worth in levels:
        aim = np.zeros(rows.columns)
        aim[:arcs] = -worth
        result = milp(
            aim,
            integrality=np.ones(rows.columns, np.int64),
            bounds=Bounds(0, upper),
            constraints=matrix_of(rows),
            options={"mip_rel_gap": 0.0},
        )
        assert result.success, result.message
        reached.append(round(-result.fun))
        rows.add({arc: float(worth[arc]) for arc in range(arcs)}, reached[-1], np.inf)
    return tuple(reached[:-1]), reached[-1]


def matrix_of(rows: Rows) -> LinearConstraint:
    entries = [(row, column, value) for row, part in enumerate(rows.rows) for column, value in part.items()]
    row, column, value = zip(*entries, strict=True)
    least, most = zip(*rows.limits, strict=True)
    table = csr_array((value, (row, column)), shape=(len(rows.rows), rows.columns))
    return LinearConstraint(table, np.array(least), np.array(most))


def rules_of(problem: Problem) -> tuple[Rows, list[int]]:
    """Every rule as linear rows, and the most units of each arc."""
    most = [int(problem.quantity[need]) for need in problem.need.tolist()]
    rows = Rows(len(most))
    carrying = {
        arc: rows.column()
        for arc, need in enumerate(problem.need.tolist())
        if problem.whole[need] or need in problem.exclusions
    }
    for arc, column in carrying.items():
        rows.add({arc: 1.0, column: -float(most[arc])}, -np.inf, 0)
    _need_rules(problem, rows, carrying)
    _offer_rules(problem, rows, most)
    for one, other in problem.exclusions.tolist():
        for offer in range(problem.capacity.size):
            own = np.flatnonzero(problem.offer == offer).tolist()
            pair = [arc for arc in own if problem.need[arc] in (one, other)]
            rows.add({carrying[arc]: 1.0 for arc in pair}, 0, 1)
    return rows, most


def _need_rules(problem: Problem, rows: Rows, carrying: dict[int, int]) -> None:
    taken = {bundle: rows.column() for bundle in sorted(set(problem.bundle.tolist()) - {-1})}
    for need in range(problem.quantity.size):
        own, wanted = np.flatnonzero(problem.need == need).tolist(), float(problem.quantity[need])
        rows.add(dict.fromkeys(own, 1.0), 0, wanted)
        if problem.bundle[need] >= 0:
            rows.add({**dict.fromkeys(own, 1.0), taken[int(problem.bundle[need])]: -wanted}, 0, 0)
        if problem.whole[need]:
            rows.add({carrying[arc]: 1.0 for arc in own}, 0, 1)
            for arc in own:
                rows.add({arc: 1.0, carrying[arc]: -wanted}, 0, 0)


def _offer_rules(problem: Problem, rows: Rows, most: list[int]) -> None:
    for offer in range(problem.capacity.size):
        own = np.flatnonzero(problem.offer == offer).tolist()
        rows.add({arc: float(problem.use[arc]) for arc in own}, 0, float(problem.capacity[offer]))
        if problem.budget[offer] >= 0:
            rows.add({arc: float(problem.cost[arc]) for arc in own}, 0, float(problem.budget[offer]))
        if problem.minimum_batch[offer] > 0:
            opened, units = rows.column(), dict.fromkeys(own, 1.0)
            rows.add({**units, opened: -float(problem.minimum_batch[offer])}, 0, np.inf)
            rows.add({**units, opened: -float(sum(most[arc] for arc in own))}, -np.inf, 0)
    for pool in range(problem.pool_capacity.size):
        own = [arc for arc, offer in enumerate(problem.offer.tolist()) if pool in pools_above(problem, offer)]
        rows.add({arc: float(problem.use[arc]) for arc in own}, 0, float(problem.pool_capacity[pool]))
