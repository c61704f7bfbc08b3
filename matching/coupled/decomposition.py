"""Tighter bounds where a component is many small knapsacks that share little: Lagrangian decomposition.

Rows whose factors differ (the use of an offer's capacity, the cost against its budget) are kept as they are, all
other rows are priced into the objective. What is left falls into one 0-1 knapsack a kept row, solved exactly by
dynamic programming over its limit. The multipliers are moved by the volume algorithm (Barahona & Anbil 2000,
Mathematical Programming 87), whose mean of the knapsacks' solutions tends to a solution of the relaxed problem,
much nearer to the best assignment than that of the linear relaxation. The bound is never worse than the linear
one for the multipliers that this begins with (Geoffrion 1974, Lagrangean relaxation for integer programming).
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np

from matching.columns import Bools, Int64s
from matching.coupled.program import NO_LIMIT, Program, Rows
from matching.coupled.relaxation import ROUNDING, Floats, Relaxed

CELLS = 20_000_000
"""A round fills at most so many cells of the tables, about 0.05 s."""

MIXING = 0.1
"""The weight of the newest solution in the mean."""

PATIENCE = 10
"""Rounds without a better bound after which the steps are shortened."""

SPREAD = 0.005
"""The gap between bound and best solution is guessed to be this share of what the needs' choices differ in worth."""

SHORTEST = 1e-3
"""Steps below this share of their first length end it."""


class Blocks(NamedTuple):
    """The knapsacks: the columns, factors and limit of each, and the rows of the program that they are."""

    rows: Bools
    parts: list[tuple[Int64s, Int64s, int]]


def blocks(program: Program, rows: Rows) -> Blocks | None:
    """The knapsacks of a program, None if they are too large or do not reach every arc.

    A column is in at most one knapsack: the first row with differing factors takes it.
    """
    kept = np.zeros(rows.lower.size, np.bool_)
    owner = np.full(program.most.size, -1, np.int64)
    parts: list[tuple[Int64s, Int64s, int]] = []
    cells = 0
    for row in range(rows.lower.size):
        entries = slice(int(rows.start[row]), int(rows.start[row + 1]))
        column, factor, limit = rows.column[entries], rows.factor[entries], int(rows.upper[row])
        knapsack = rows.lower[row] <= -NO_LIMIT and limit < NO_LIMIT and column.size > 1
        if not knapsack or factor.min() < 0 or factor.min() == factor.max():
            continue
        if np.any(program.most[column] != 1) or np.any(owner[column] >= 0):
            continue
        cells += column.size * (limit + 1)
        if cells > CELLS:
            return None
        kept[row] = True
        owner[column] = row
        parts.append((column, factor, limit))
    return Blocks(kept, parts) if parts and np.all(owner[: program.step.size] >= 0) else None


def decompose(
    program: Program, rows: Rows, worth: Int64s, kept: Blocks, duals: Floats, target: int, seconds: float
) -> Relaxed:
    """The bound of the knapsacks, the mean of their solutions and what single columns cost.

    Args:
        program, worth: as for the linear relaxation.
        rows: the same rows that ``kept`` was chosen from, and perhaps more behind them.
        kept: the knapsacks.
        duals: float (rows,), multipliers to begin with.
        target: the worth of a solution at hand.
        seconds: begin no other round after this time.
    """
    ends = time.monotonic() + seconds
    priced = np.ones(rows.lower.size, np.bool_)
    priced[: kept.rows.size] = ~kept.rows
    entries = priced[rows.row]
    row, column, factor = rows.row[entries], rows.column[entries], rows.factor[entries].astype(np.float64)
    above = np.where(rows.upper < NO_LIMIT, rows.upper, 0).astype(np.float64)
    below = np.where(rows.lower > -NO_LIMIT, rows.lower, 0).astype(np.float64)
    lowest = np.where(rows.lower > -NO_LIMIT, -np.inf, 0.0)
    highest = np.where(rows.upper < NO_LIMIT, np.inf, 0.0)
    centre = np.where(priced, np.clip(duals, lowest, highest), 0.0)
    most = program.most.astype(np.float64)
    outside = np.ones(program.most.size, np.bool_)
    outside[np.concatenate([part[0] for part in kept.parts])] = False

    def priced_out(multipliers: Floats) -> tuple[Floats, float, float]:
        """What each column is worth beside the priced rows, their limits' worth, and the doubt of the sums."""
        limit = np.where(multipliers > 0, above, below)
        terms = multipliers[row] * factor
        reduced: Floats = worth.astype(np.float64) - np.bincount(column, weights=terms, minlength=most.size)
        size = np.abs(worth) + np.bincount(column, weights=np.abs(terms), minlength=most.size)
        doubt = ROUNDING * (math.fsum(size * most) + math.fsum(np.abs(multipliers * limit)))
        return reduced, math.fsum(multipliers * limit), doubt

    order = np.argsort(program.need, kind="stable")
    starts = np.flatnonzero(np.diff(program.need[order], prepend=-1))
    by_need = worth[: order.size][order]
    spread = np.maximum.reduceat(by_need, starts) - np.minimum.reduceat(by_need, starts)
    likely = max(SPREAD * float(spread.sum()), 1.0)
    best, mean = math.inf, np.zeros(most.size)
    multipliers, step, stalled = centre, 1.0, 0
    rounds = 0
    while rounds == 0 or (step > SHORTEST and time.monotonic() < ends):
        reduced, constant, doubt = priced_out(multipliers)
        chosen = np.where(outside & (reduced > 0), most, 0.0)
        for place, weights, capacity in kept.parts:
            chosen[place[_knapsack(reduced[place], weights, capacity)]] = 1.0
        mean = chosen if rounds == 0 else (1 - MIXING) * mean + MIXING * chosen
        rounds += 1
        bound = constant + math.fsum(reduced * chosen) + doubt
        if bound < best - 1e-6:
            best, centre, stalled = bound, multipliers, 0
        else:
            stalled += 1
            if stalled >= PATIENCE:
                step, stalled = step / 1.5, 0
        activity = np.bincount(row, weights=factor * mean[column], minlength=rows.lower.size)
        # The way down: a row above its limit asks for a greater multiplier, one below its least for a smaller.
        slope = np.where(priced, activity - np.where(centre > 0, above, np.where(centre < 0, below, activity)), 0.0)
        idle = priced & (centre == 0)
        slope[idle] = np.maximum(activity - above, 0)[idle] * (highest[idle] > 0)
        slope[idle] -= np.maximum(below - activity, 0)[idle] * (lowest[idle] < 0)
        length = float(np.dot(slope, slope))
        if length < 1e-12 or best <= target:
            break
        multipliers = np.clip(
            centre + step * 0.5 * min(max(bound - target, 1.0), likely) / length * slope, lowest, highest
        )
    reduced, _, doubt = priced_out(centre)
    loss, at_most = np.abs(reduced), reduced > 0
    for place, weights, capacity in kept.parts:
        with_it, without = _with_and_without(reduced[place], weights, capacity)
        loss[place], at_most[place] = np.abs(with_it - without), with_it > without
    return Relaxed(math.floor(best), mean, np.maximum(loss - 2 * doubt, 0.0), at_most, best, centre)


def _knapsack(profit: Floats, weight: Int64s, capacity: int) -> Int64s:
    """The items of the greatest total profit whose weights do not pass the capacity."""
    items = np.flatnonzero((profit > 0) & (weight <= capacity))
    if int(weight[items].sum()) <= capacity:
        return items
    best = np.zeros(capacity + 1)
    taken = np.zeros((items.size, capacity + 1), np.bool_)
    for place, (gain, room) in enumerate(zip(profit[items].tolist(), weight[items].tolist(), strict=True)):
        with_it = best[: capacity + 1 - room] + gain
        np.greater(with_it, best[room:], out=taken[place, room:])
        best[room:] = np.maximum(best[room:], with_it)
    chosen, left = [], capacity
    for place in range(items.size - 1, -1, -1):
        if taken[place, left]:
            chosen.append(items[place])
            left -= int(weight[items[place]])
    return np.array(chosen, np.int64)


def _with_and_without(profit: Floats, weight: Int64s, capacity: int) -> tuple[Floats, Floats]:
    """For each item the greatest total profit with it and without it; -inf with an item that does not fit.

    Tables of the best of the items before (for each capacity used) and of those behind are added.
    """
    size = profit.size
    before = np.zeros((size + 1, capacity + 1))
    behind = np.zeros((size + 1, capacity + 1))
    gains, rooms = profit.tolist(), weight.tolist()
    for table, order in ((before, range(size)), (behind, range(size - 1, -1, -1))):
        for item in order:
            last, new = (item, item + 1) if table is before else (item + 1, item)
            table[new] = table[last]
            if rooms[item] <= capacity:
                with_it = table[last, : capacity + 1 - rooms[item]] + gains[item]
                np.maximum(table[new, rooms[item] :], with_it, out=table[new, rooms[item] :])
    inside, outside = np.full(size, -np.inf), np.zeros(size)
    for item in range(size):
        outside[item] = (before[item] + behind[item + 1][::-1]).max()
        left = capacity - rooms[item]
        if left >= 0:
            inside[item] = (before[item, : left + 1] + behind[item + 1, : left + 1][::-1]).max() + gains[item]
    return inside, outside
