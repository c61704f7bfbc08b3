"""CP-SAT on some columns of an integer program, the others held where they are.

With every column free it is the whole problem; with few it is one step of a large-neighbourhood search (Shaw
1998), quick because only the rows that the free columns touch are stated, less what the others take.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np
from ortools.sat.python import cp_model

from matching.columns import Bools, Int64s
from matching.coupled.crew import Crew
from matching.coupled.program import NO_LIMIT, Program, Rows

FEW = 2_000
"""Up to so many columns one worker searches with every row in its linear relaxation.

Without that it took up to a minute for a dozen needs whose budgets bind, and so did two workers, of which only one
proves anything; with it no more than some hundredths of a second, and one for a hundred needs.
"""


class Found(NamedTuple):
    """What a search found.

    Attributes:
        values: int64 (columns,), None if nothing was found.
        bound: no choice for the free columns gives a greater worth of all columns; None if it tells nothing.
        proven: ``values`` is the best, or, if None, nothing is feasible.
    """

    values: Int64s | None
    bound: int | None
    proven: bool


def search(
    program: Program,
    rows: Rows,
    worth: Int64s,
    start: Int64s,
    free: Bools,
    *,
    seconds: float,
    crew: Crew,
    seed: int = 1,
    hint: Int64s | None = None,
) -> Found:
    """The best values of the ``free`` columns for the sum of worth x column, the others as in ``start``.

    Args:
        program: the component.
        rows: its rows and those that keep the levels above.
        worth: int64 (columns,).
        start: int64 (columns,), a solution of all rows; the search begins from it. It may also be one that the
            free columns alone can mend.
        free: bool (columns,).
        seconds: the most time for it, building the model included.
        crew: who searches.
        seed: of CP-SAT's own choices.
        hint: int64 (columns,), begin from this instead.
    """
    ends = time.monotonic() + seconds
    if seconds <= 0:
        return Found(None, None, proven=False)
    if _is_broken(rows, start, free):
        return Found(None, None, proven=True)
    model = cp_model.CpModel()
    columns = np.flatnonzero(free)
    if columns.size == 0:
        return Found(start.copy(), int(np.dot(worth, start)), proven=True)
    hints = start if hint is None else hint
    variable: dict[int, cp_model.IntVar] = {}
    for column, most, value in zip(
        columns.tolist(), program.most[columns].tolist(), hints[columns].tolist(), strict=True
    ):
        variable[column] = model.new_bool_var("") if most == 1 else model.new_int_var(0, most, "")
        model.add_hint(variable[column], value)
    _state(model, rows, start, free, variable)
    worthy = columns[worth[columns] != 0]
    if worthy.size:
        gains = worth[worthy].tolist()
        model.maximize(cp_model.LinearExpr.weighted_sum([variable[column] for column in worthy.tolist()], gains))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = crew.workers or 0
    if crew.workers == 1 and columns.size <= FEW:
        solver.parameters.linearization_level = 2
    solver.parameters.random_seed = seed
    if seconds < math.inf:
        solver.parameters.max_time_in_seconds = max(ends - time.monotonic(), 0.0)
    solver.parameters.catch_sigint_signal = False  # it would take a Ctrl-C for itself
    with crew.solvers.running(solver):
        status = solver.solve(model)
    held = int(np.dot(worth[~free], start[~free]))
    if status == cp_model.UNKNOWN:
        return Found(None, None, proven=False)
    if status == cp_model.INFEASIBLE:
        return Found(None, None, proven=True)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise RuntimeError(f"CP-SAT ended as {solver.status_name(status)}, which the search cannot handle")
    values = start.copy()
    values[columns] = [solver.value(variable[column]) for column in columns.tolist()]
    values = program.values(program.flow(values))  # switches and counts as the arcs ask for them
    if status == cp_model.OPTIMAL:
        return Found(values, int(np.dot(worth, values)), proven=True)
    # The bound is told as a float: rounded up by more than it can have lost, it stays a bound.
    told = solver.best_objective_bound if worthy.size else 0.0
    return Found(values, held + math.floor(told + 1e-6 + abs(told) * 2**-50), proven=False)


def _is_broken(rows: Rows, start: Int64s, free: Bools) -> bool:
    """Whether what is held breaks a row that no free column is in: columns closed together may leave no solution."""
    among = free[rows.column]
    taken = np.zeros(rows.lower.size, np.int64)
    np.add.at(taken, rows.row[~among], rows.factor[~among] * start[rows.column[~among]])
    closed = np.bincount(rows.row[among], minlength=taken.size) == 0
    return bool(np.any(closed & ((taken < rows.lower) | (taken > rows.upper))))


def _state(
    model: cp_model.CpModel, rows: Rows, start: Int64s, free: Bools, variable: dict[int, cp_model.IntVar]
) -> None:
    """The rows on the free columns, less what the others take."""
    among = free[rows.column]
    row = rows.row
    taken = np.zeros(rows.lower.size, np.int64)
    np.add.at(taken, row[~among], rows.factor[~among] * start[rows.column[~among]])
    counts = np.bincount(row[among], minlength=taken.size)
    ends = np.cumsum(counts)
    columns, factors = rows.column[among].tolist(), rows.factor[among].tolist()
    touched = np.flatnonzero(counts)
    lowers = np.where(rows.lower > -NO_LIMIT, rows.lower - taken, -NO_LIMIT)[touched]
    uppers = np.where(rows.upper < NO_LIMIT, rows.upper - taken, NO_LIMIT)[touched]
    spans = zip((ends - counts)[touched].tolist(), ends[touched].tolist(), strict=True)
    for (first, end), lower, upper in zip(spans, lowers.tolist(), uppers.tolist(), strict=True):
        total = cp_model.LinearExpr.weighted_sum(
            [variable[column] for column in columns[first:end]], factors[first:end]
        )
        model.add_linear_constraint(total, lower, upper)
