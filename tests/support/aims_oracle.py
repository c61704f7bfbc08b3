"""Exact answers with fairness and balance for small matchings, coupled or not: HiGHS, one solve a level.

The convex costs are unit columns in the mixed-integer model of :mod:`tests.support.matching_oracles`; the values are
counted again from the contract's words by :func:`value_of`.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from scipy.optimize import Bounds, milp

from matching import Problem
from tests.support.matching_oracles import Rows, matrix_of, objective_of, rules_of

Value = tuple[tuple[int, ...], Fraction, int]


def sizes_of(problem: Problem) -> dict[int, int]:
    """The units that each group asks for."""
    return {
        int(group): int(problem.quantity[problem.group == group].sum())
        for group in np.unique(problem.group[problem.group >= 0])
    }


def load_cost(problem: Problem, offer: int, unit: int, weight: int, pace: int = 0) -> int:
    """What the unit-th unit of an offer takes from the fit."""
    own = problem.use[problem.offer == offer].tolist()
    full = max(int(problem.capacity[offer]) // min((max(use, 1) for use in own), default=1), 1)
    before = int(problem.given[offer])
    return min(weight * unit // full, weight) + min(pace * (before + unit) // (before + full), pace)


def value_of(problem: Problem, flow: list[int], weight: int = 0, *, pace: int = 0, fair: bool = True) -> Value:
    """Coverage, minus unfairness, fit less balance: the greater, the better."""
    served, fit = objective_of(problem, flow)
    unfair = Fraction(0)
    for group, size in sizes_of(problem).items():
        units = sum(got for arc, got in enumerate(flow) if problem.group[problem.need[arc]] == group)
        unfair += Fraction(units**2, size)
    for offer in range(problem.capacity.size):
        units = sum(flow[arc] for arc in np.flatnonzero(problem.offer == offer).tolist())
        fit -= sum(load_cost(problem, offer, unit, weight, pace) for unit in range(1, units + 1))
    return served, -unfair if fair else Fraction(0), fit


def best_value_by_milp(problem: Problem, weight: int = 0, *, pace: int = 0, fair: bool = True) -> Value:
    """The best value, level by level, each fixing those above."""
    arcs = problem.need.size
    if arcs == 0:
        return value_of(problem, [], weight, pace=pace, fair=fair)
    rows, most = rules_of(problem)
    common = math.lcm(1, *sizes_of(problem).values())
    even = _unit_columns(
        rows,
        [np.flatnonzero(problem.group[problem.need] == group).tolist() for group in sizes_of(problem)],
        [[(2 * unit + 1) * common // size for unit in range(size)] for size in sizes_of(problem).values()],
    )
    own = [np.flatnonzero(problem.offer == offer).tolist() for offer in range(problem.capacity.size)]
    units = [range(1, sum(most[arc] for arc in members) + 1) for members in own]
    load = _unit_columns(
        rows,
        own,
        [[load_cost(problem, offer, unit, weight, pace) for unit in there] for offer, there in enumerate(units)],
    )
    tier = problem.tier[problem.need]
    levels = [dict.fromkeys(np.flatnonzero(tier == level).tolist(), 1) for level in range(problem.tiers)]
    if fair:
        levels.append({column: -cost for column, cost in even.items()})
    levels.append(dict(enumerate(problem.fit.tolist())) | {column: -cost for column, cost in load.items()})
    upper = np.ones(rows.columns)
    upper[:arcs] = most
    reached: list[int] = []
    flow: list[int] = []
    for level in levels:
        aim = np.zeros(rows.columns)
        aim[list(level)] = [-worth for worth in level.values()]
        result = milp(
            aim,
            integrality=np.ones(rows.columns, np.int64),
            bounds=Bounds(0, upper),
            constraints=matrix_of(rows),
            options={"mip_rel_gap": 0.0},
        )
        assert result.success, result.message
        reached.append(round(-result.fun))
        rows.add({column: float(worth) for column, worth in level.items()}, reached[-1], np.inf)
        flow = np.round(result.x[:arcs]).astype(int).tolist()
    unfair = Fraction(reached[-2], common) if fair else Fraction(0)
    value = (tuple(reached[: problem.tiers]), unfair, reached[-1])
    assert value == value_of(problem, flow, weight, pace=pace, fair=fair)
    return value


def _unit_columns(rows: Rows, members: list[list[int]], costs: list[list[int]]) -> dict[int, int]:
    """A column for each unit of each set of arcs, as many at 1 as units are served; and what each costs."""
    charged: dict[int, int] = {}
    for arcs, units in zip(members, costs, strict=True):
        columns = {rows.column(): cost for cost in units}
        charged |= columns
        if arcs:
            rows.add(dict.fromkeys(arcs, 1.0) | dict.fromkeys(columns, -1.0), 0, 0)
    return charged
