"""Linear bounds of an integer program, safe against rounding, and what they say about single columns.

For any multipliers y of the rows, with the sign that a row's limits ask for, no solution is worth more than

    sum over rows of y * limit  +  sum over columns of max(0, r) * most,     r = worth - y * factors,

(weak duality). GLOP's simplex method finds good multipliers; how good they are changes the bound, not its truth.
The sums are taken exactly or with their greatest rounding error added, so that the bound may call a solution
optimal (Neumaier & Shcherbina 2004, Safe bounds in linear and mixed-integer linear programming).
"""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver.python import model_builder

from matching.columns import Bools, Int64s
from matching.coupled.crew import Solvers
from matching.coupled.program import NO_LIMIT, Program, Rows

Floats = NDArray[np.float64]

ROUNDING = 2.0**-44
"""More than the relative error of a product and of a column's sum of up to a hundred of them."""

WHOLE = 5_000
"""Relaxations of up to so many arcs are solved at once."""

FIRST, MORE = 4, 3
"""Arcs of each need in the first round of a larger one, and the most that every other round adds."""

NEAR = 1e-5
"""Enough for a bound; a guide needs less."""


class Relaxed(NamedTuple):
    """A bound of a level.

    Attributes:
        bound: no solution is worth more.
        values: float (columns,), a solution of the relaxation, near enough to guide a search.
        loss: float (columns,), by how much the bound falls, at least, for each 1 that a column is moved away from
            the end where the relaxation wants it: from 0 if ``at_most`` is False, from its most if True.
        at_most: bool (columns,).
        exact_bound: the bound before it was rounded down.
        duals: float (rows,), the multipliers.
    """

    bound: int
    values: Floats
    loss: Floats
    at_most: Bools
    exact_bound: float
    duals: Floats


def relax(
    program: Program,
    rows: Rows,
    worth: Int64s,
    start: Int64s,
    likely: Bools,
    seconds: float,
    solvers: Solvers,
    near: float = NEAR,
) -> Relaxed | None:
    """The linear relaxation with these rows, as far as the time goes; None if that is not far enough for anything.

    Large ones begin with some columns; then those that the multipliers of the last round would gain by are added
    until hardly any is left (*sifting*, Bixby, Gregory, Lustig, Marsten & Shanno 1992, Operations Research 40).
    Every round's multipliers give a bound of the whole.

    Args:
        program: the component.
        rows: its rows and those that keep the levels above.
        worth: int64 (columns,), what each 1 of a column adds.
        start: int64 (columns,), a solution of the rows.
        likely: bool (columns,), columns to begin with besides those of the solution.
        seconds: the most time for it.
        solvers: who may stop it.
        near: rounds end once the bound is so near, as a share, to the relaxation of the columns at hand.
    """
    ends = time.monotonic() + seconds
    arcs = program.step.size
    active: Bools = np.ones(program.most.size, np.bool_)
    if arcs > WHOLE:
        active = likely | (start > 0)
        active[arcs:] = True
        active[_foremost(program, worth[:arcs].astype(np.float64), FIRST)] = True
    best: Relaxed | None = None
    while (left := ends - time.monotonic()) > 0:
        solved = _solved(program, rows, worth, active, left, solvers)
        if solved is None:
            return best
        duals, values = solved
        found, reduced = _weighed(program, rows, worth, duals, values)
        if best is None or found.exact_bound <= best.exact_bound:
            best = found
        lost = found.exact_bound - float(np.dot(worth, values))
        if active.all() or lost <= max(near * abs(found.exact_bound), 0.1):
            return best
        gaining = np.where(active[:arcs], 0.0, np.maximum(reduced[:arcs], 0.0))
        added = _foremost(program, gaining, MORE)
        active[added[gaining[added] > 0]] = True
    return best


def _foremost(program: Program, score: Floats, count: int) -> Int64s:
    """The arcs with the best scores of each need; among equals others than its neighbours would take."""
    scattered = (np.arange(score.size) * 2_654_435_761) % 2**32
    order = np.lexsort((scattered, -score, program.need))
    starts = np.flatnonzero(np.diff(program.need[order], prepend=-1))
    rank = np.arange(order.size) - np.repeat(starts, np.diff(np.append(starts, order.size)))
    return order[rank < count].astype(np.int64)


def _solved(
    program: Program, rows: Rows, worth: Int64s, active: Bools, seconds: float, solvers: Solvers
) -> tuple[Floats, Floats] | None:
    """The multipliers and values of the relaxation on the ``active`` columns, None if GLOP did not end in time."""
    ends = time.monotonic() + seconds
    columns = np.flatnonzero(active)
    place = np.cumsum(active) - 1
    model = model_builder.Model()  # type: ignore[no-untyped-call]  # published without annotations
    helper: Any = model.helper  # its stubs name NumPy's types wrongly
    most = program.most[columns].astype(np.float64)
    helper.add_var_array_with_bounds(np.zeros(columns.size), most, np.zeros(columns.size, np.bool_), "")
    for column, value in enumerate(worth[columns].astype(np.float64).tolist()):
        if value:
            helper.set_var_objective_coefficient(column, value)
    helper.set_maximize(True)
    for lower, upper in zip(rows.lower.tolist(), rows.upper.tolist(), strict=True):
        row = helper.add_linear_constraint()
        helper.set_constraint_lower_bound(row, float(lower) if lower > -NO_LIMIT else -math.inf)
        helper.set_constraint_upper_bound(row, float(upper) if upper < NO_LIMIT else math.inf)
    among = active[rows.column]
    entries = (rows.row[among], place[rows.column[among]], rows.factor[among].astype(np.float64))
    for row, column, factor in zip(*(part.tolist() for part in entries), strict=True):
        helper.add_term_to_constraint(row, column, factor)
    solver = model_builder.Solver("GLOP")
    solver.set_time_limit_in_seconds(max(ends - time.monotonic(), 0.01))
    with solvers.running(solver):
        status = solver.solve(model)
    if status != model_builder.SolveStatus.OPTIMAL:
        return None
    values = np.zeros(active.size)
    values[columns] = np.array(solver.values(model.get_variables()), np.float64)
    return np.array(solver.dual_values(model.get_linear_constraints()), np.float64), values


def weigh(program: Program, rows: Rows, worth: Int64s, duals: Floats, values: Floats) -> Relaxed:
    """What multipliers of the rows prove; multipliers of the wrong sign count as 0."""
    return _weighed(program, rows, worth, duals, values)[0]


def _weighed(program: Program, rows: Rows, worth: Int64s, duals: Floats, values: Floats) -> tuple[Relaxed, Floats]:
    """The same, and what each column is worth beside the multipliers."""
    duals = np.where((duals > 0) & (rows.upper >= NO_LIMIT), 0.0, duals)
    duals = np.where((duals < 0) & (rows.lower <= -NO_LIMIT), 0.0, duals)
    limit = np.where(duals > 0, rows.upper, np.where(duals < 0, rows.lower, 0)).astype(np.float64)
    terms = duals[rows.row] * rows.factor
    reduced = worth.astype(np.float64)
    np.subtract.at(reduced, rows.column, terms)
    size = np.abs(worth).astype(np.float64)
    np.add.at(size, rows.column, np.abs(terms))
    most = program.most.astype(np.float64)
    gain = np.maximum(reduced, 0.0) * most
    doubt = ROUNDING * (math.fsum(size * most) + math.fsum(np.abs(duals * limit)))
    bound = math.fsum(duals * limit) + math.fsum(gain) + doubt
    loss = np.maximum(np.abs(reduced) - ROUNDING * size, 0.0)
    return Relaxed(math.floor(bound), values, loss, reduced > 0, bound, duals), reduced
