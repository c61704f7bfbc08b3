"""Linear bounds of an integer program, safe against rounding, and what they say about single columns.

For any multipliers y of the rows, with the sign that a row's limits ask for, no solution is worth more than

    sum over rows of y * limit  +  sum over columns of max(0, r) * most,     r = worth - y * factors,

(weak duality). GLOP's simplex method finds good multipliers; how good they are changes the bound, not its truth.
The sums are taken exactly or with their greatest rounding error added, so that the bound may call a solution
optimal (Neumaier & Shcherbina 2004, Safe bounds in linear and mixed-integer linear programming).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver.python import model_builder

from matching.columns import Bools, Int64s
from matching.program import NO_LIMIT, Program, Rows

Floats = NDArray[np.float64]

ROUNDING = 2.0**-44
"""More than the relative error of a product and of a column's sum of up to a hundred of them."""


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


def relax(program: Program, rows: Rows, worth: Int64s, seconds: float) -> Relaxed | None:
    """The linear relaxation with these rows, None if it was not solved in time.

    Args:
        program: the component.
        rows: its rows and those that keep the levels above.
        worth: int64 (columns,), what each 1 of a column adds.
        seconds: the most time for it.
    """
    if seconds <= 0:
        return None
    model = model_builder.Model()  # type: ignore[no-untyped-call]  # published without annotations
    helper: Any = model.helper  # its stubs name NumPy's types wrongly
    size = program.most.size
    helper.add_var_array_with_bounds(np.zeros(size), program.most.astype(np.float64), np.zeros(size, np.bool_), "")
    for place in np.flatnonzero(worth).tolist():
        helper.set_var_objective_coefficient(place, float(worth[place]))
    helper.set_maximize(True)
    for lower, upper in zip(rows.lower.tolist(), rows.upper.tolist(), strict=True):
        row = helper.add_linear_constraint()
        helper.set_constraint_lower_bound(row, float(lower) if lower > -NO_LIMIT else -math.inf)
        helper.set_constraint_upper_bound(row, float(upper) if upper < NO_LIMIT else math.inf)
    add = helper.add_term_to_constraint
    for row, column, factor in zip(
        rows.row.tolist(), rows.column.tolist(), rows.factor.astype(np.float64).tolist(), strict=True
    ):
        add(row, column, factor)
    solver = model_builder.Solver("GLOP")
    solver.set_time_limit_in_seconds(seconds)
    status = solver.solve(model)
    if status != model_builder.SolveStatus.OPTIMAL:
        return None
    values = np.array(solver.values(model.get_variables()), np.float64)
    duals = np.array(solver.dual_values(model.get_linear_constraints()), np.float64)
    return weigh(program, rows, worth, duals, values)


def weigh(program: Program, rows: Rows, worth: Int64s, duals: Floats, values: Floats) -> Relaxed:
    """What multipliers of the rows prove; multipliers of the wrong sign count as 0."""
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
    return Relaxed(math.floor(bound), values, loss, reduced > 0, bound, duals)
