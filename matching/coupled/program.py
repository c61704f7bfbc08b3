"""The rules of one coupled component as rows of an integer program, shared by every way to search or to bound it.

Columns are the arcs, then the *switches*: whether a bundle is taken, a batch is opened, an arc in an exclusion is
used; then the *counts*: the units of a group or an offer, as many columns as their costs differ, the cheapest first.
Arc a carries ``step[a]`` units for each 1 of its column, so that whole needs are columns of 0 or 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matching.columns import Bools, Int32s, Int64s
from matching.coupled.counts import Counts, counted, no_counts
from matching.coupling import Coupling, excluded_arcs
from matching.fairness.groups import Aims
from matching.problem import FIT_MAX, LARGEST_TOTAL, InvalidProblem, Problem

NO_LIMIT = 2**62
"""Beside this, and beside its negative, a row's limit says nothing."""


class Rows(NamedTuple):
    """Rows ``lower <= sum of factor x column <= upper``; the entries of row r are ``start[r]`` to ``start[r + 1]``."""

    start: Int64s
    column: Int64s
    factor: Int64s
    lower: Int64s
    upper: Int64s

    @property
    def row(self) -> Int64s:
        """The row of each entry."""
        return np.repeat(np.arange(self.lower.size), np.diff(self.start))

    def activity(self, values: Int64s) -> Int64s:
        """The sum of each row."""
        return _sums(self.lower.size, self.row, self.factor * values[self.column])

    def add(self, factor: Int64s, lower: int, upper: int = NO_LIMIT) -> Rows:
        """With one row more, over the first columns."""
        places = np.flatnonzero(factor)
        return Rows(
            np.append(self.start, self.start[-1] + places.size),
            np.append(self.column, places),
            np.append(self.factor, factor[places]),
            np.append(self.lower, lower),
            np.append(self.upper, upper),
        )


class Program(NamedTuple):
    """One component.

    Attributes:
        step: int64 (arcs,), units for each 1 of an arc's column.
        most: int64 (columns,), the largest value of each column; the smallest is 0.
        rows: the rules.
        member, switch: int64, pairs of an arc and a switch (as column) that is 1 where the arc carries anything.
        need, offer: int32 (arcs,), the rows of the problem.
        tied: int64 (arcs,), equal for arcs whose needs stand or fall together.
        need_row: int64 (arcs,), the row that holds the units of the arc's need.
        quantity: int64 (arcs,), the units that the arc's need asks for.
        counts: of groups and of offers' loads; their columns are the last.
    """

    step: Int64s
    most: Int64s
    rows: Rows
    member: Int64s
    switch: Int64s
    need: Int32s
    offer: Int32s
    tied: Int64s
    need_row: Int64s
    quantity: Int64s
    counts: Counts

    @property
    def switches_end(self) -> int:
        """The first column of the counts."""
        return self.most.size - self.counts.room.size

    @property
    def charge(self) -> Int64s:
        """What each 1 of a column takes from the fit: the loads' costs."""
        charge = np.zeros(self.most.size, np.int64)
        charge[self.switches_end :] = self.counts.charge
        return charge

    def in_full(self, rows: Rows, arcs: Bools) -> Rows:
        """The rows where the needs of these arcs must be served in full.

        Needs in bundles have rows that say so once the bundle is taken; others' rows get their quantity as the
        least. Each need by itself says more than their sum, and lets the search see that it must choose one.
        """
        arcs = arcs & (rows.upper[self.need_row] == self.quantity)
        lower = rows.lower.copy()
        lower[self.need_row[arcs]] = self.quantity[arcs]
        return rows._replace(lower=lower)

    def values(self, flow: Int64s) -> Int64s:
        """The columns of a feasible flow."""
        values = np.zeros(self.most.size, np.int64)
        values[: self.step.size] = flow // self.step
        values[self.switch[values[self.member] > 0]] = 1
        values[self.switches_end :] = self.counts.filled(flow)
        return values

    def near(self, values: Int64s, spread: Int64s) -> Bools:
        """The columns of counts that matter if each count changes by ``spread`` units at most; no others."""
        near = np.zeros(self.most.size, np.bool_)
        near[self.switches_end :] = self.counts.near(values[self.switches_end :], spread)
        return near

    def flow(self, values: Int64s) -> Int64s:
        """The units on each arc."""
        return values[: self.step.size] * self.step


def program(problem: Problem, coupling: Coupling, arcs: Int64s, aims: Aims | None = None) -> Program:
    """The rules of the component with these arcs; with the units that the ``aims`` count, if there are any.

    Raises:
        InvalidProblem: sums over its arcs could leave the range of the search.
    """
    return _Builder(problem, coupling, arcs, aims).built()


class _Builder:
    def __init__(self, problem: Problem, coupling: Coupling, arcs: Int64s, aims: Aims | None) -> None:
        self._problem, self._coupling, self._aims = problem, coupling, aims
        self._need, self._offer = problem.need[arcs], problem.offer[arcs]
        self._use, self._cost = problem.use[arcs], problem.cost[arcs]
        quantity = problem.quantity[self._need]
        self._step = np.where(problem.whole[self._need], quantity, 1)
        self._most = np.minimum(quantity, coupling.network.capacity[self._offer]) // self._step
        self._best_fit = max(FIT_MAX, int(problem.fit[arcs].max(initial=0)))
        self._check_range(self._need)
        self._switches = 0
        self._members: list[tuple[Int64s, Int64s]] = []
        self._parts: list[tuple[Int64s, Int64s, Int64s, Int64s, Int64s]] = []

    def _check_range(self, need: Int32s) -> None:
        """Refuse sums that the search cannot hold: it adds over arcs, where a flow is bounded by the needs."""
        units = (self._step * self._most).astype(np.float64)
        for worth in (np.full(units.size, self._best_fit), self._use, self._cost):
            if float(np.dot(units, worth)) >= LARGEST_TOTAL:
                largest = int(need[int((units * worth).argmax())])
                rule = "too large among coupled rules: its units x fit, use or cost, summed over arcs, pass 2**62"
                raise InvalidProblem("quantity", largest, rule)

    def built(self) -> Program:
        """Every rule, in the order in which a reader meets them in the contract."""
        tied = self._needs()
        opened = self._batches()
        self._offers(opened)
        self._exclusions()
        counts = self._counts()
        most = np.concatenate([self._most, np.ones(self._switches, np.int64), counts.room])
        pairs = [np.concatenate([part[side] for part in self._members] or [_none()]) for side in (0, 1)]
        needs, need_row = np.unique(self._need, return_inverse=True)
        return Program(
            self._step,
            most,
            _joined(self._parts, most, needs.size),
            pairs[0],
            pairs[1],
            self._need,
            self._offer,
            tied,
            need_row.astype(np.int64),
            self._problem.quantity[self._need],
            counts,
        )

    def _new_switches(self, key: Int64s | Int32s, members: Int64s) -> tuple[Int64s, Int64s]:
        """A switch for each different key of the members: the keys in order, and the switches' columns."""
        keys, which = np.unique(key, return_inverse=True)
        columns = self._step.size + self._switches + np.arange(keys.size)
        self._switches += keys.size
        self._members.append((members, columns[which]))
        return keys.astype(np.int64), columns

    def _add(self, row: Int64s, column: Int64s, factor: Int64s, lower: Int64s, upper: Int64s) -> None:
        self._parts.append((row, column, factor, lower, upper))

    def _needs(self) -> Int64s:
        """At most the quantity, or for a bundle exactly the quantity or nothing; whole needs from one offer."""
        problem = self._problem
        needs, row = np.unique(self._need, return_inverse=True)
        quantity = problem.quantity[needs]
        everything = np.arange(row.size)
        bundled = self._coupling.needs[needs] & (problem.bundle[needs] >= 0)
        tied = -1 - needs.astype(np.int64)
        rows, columns, factors = [row], [everything], [self._step]
        if bundled.any():
            tied[bundled] = problem.bundle[needs[bundled]]
            of_bundles = np.flatnonzero(bundled[row])
            keys, switches = self._new_switches(tied[row[of_bundles]], of_bundles)
            taken = np.flatnonzero(bundled)
            rows.append(taken)
            columns.append(switches[np.searchsorted(keys, tied[taken])])
            factors.append(-quantity[taken])
        self._add(
            np.concatenate(rows),
            np.concatenate(columns),
            np.concatenate(factors),
            np.where(bundled, 0, -NO_LIMIT),
            np.where(bundled, 0, quantity),
        )
        return tied[row]

    def _batches(self) -> Int64s:
        """Columns of the offers' switches, -1 for none; an open offer serves its minimum, a closed one nothing."""
        problem = self._problem
        opened = np.full(problem.capacity.size, -1, np.int64)
        members = np.flatnonzero(problem.minimum_batch[self._offer] > 1)
        if members.size == 0:
            return opened
        offers, switches = self._new_switches(self._offer[members], members)
        opened[offers] = switches
        row = np.searchsorted(offers, self._offer[members])
        units = _sums(offers.size, row, (self._step * self._most)[members])
        units = np.minimum(units, self._coupling.network.capacity[offers])
        each = np.arange(offers.size)
        rows, columns = np.append(row, each), np.append(members, switches)
        steps, zero, free = self._step[members], np.zeros(each.size, np.int64), np.full(each.size, NO_LIMIT)
        self._add(rows, columns, np.append(steps, -problem.minimum_batch[offers]), zero, free)
        self._add(rows, columns, np.append(steps, -units), -free, zero)
        return opened

    def _offers(self, opened: Int64s) -> None:
        """Capacity, budget and pools; where an offer has a switch its limits hold times the switch."""
        problem = self._problem
        everything = np.arange(self._offer.size)
        offers, row = np.unique(self._offer, return_inverse=True)
        switched = np.flatnonzero(opened[offers] >= 0)
        for weight, limit in ((self._use, problem.capacity), (self._cost, problem.budget)):
            most = np.where(limit[offers] >= 0, limit[offers], NO_LIMIT)
            tight = switched[most[switched] < NO_LIMIT]
            rows = np.append(row, tight)
            columns = np.append(everything, opened[offers[tight]])
            factors = np.append(self._step * weight, -most[tight])
            most[tight] = 0
            self._add(rows, columns, factors, np.full(offers.size, -NO_LIMIT), most)
        above, places = problem.pool[self._offer], everything
        pairs = []
        while above.size and above.max() >= 0:
            places, above = places[above >= 0], above[above >= 0]
            pairs.append((places, above))
            above = problem.pool_parent[above]
        if pairs:
            places, pool = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
            pools, row = np.unique(pool, return_inverse=True)
            factor = (self._step * self._use)[places]
            self._add(row, places, factor, np.full(pools.size, -NO_LIMIT), problem.pool_capacity[pools])

    def _exclusions(self) -> None:
        """Of two arcs of excluded needs to one offer at most one carries anything."""
        pairs = np.array(excluded_arcs(self._coupling.exclusions, self._need, self._offer), np.int64).reshape(-1, 2)
        if pairs.size == 0:
            return
        several = np.unique(pairs[self._most[pairs] > 1])
        literal = np.arange(self._step.size)
        if several.size:
            _, literal[several] = self._new_switches(several, several)
            each, zero = np.arange(several.size), np.zeros(several.size, np.int64)
            columns = np.append(several, literal[several])
            factors = np.append(np.ones_like(several), -self._most[several])
            self._add(np.append(each, each), columns, factors, zero - NO_LIMIT, zero)
        row = np.repeat(np.arange(len(pairs)), 2)
        one = np.ones(len(pairs), np.int64)
        self._add(row, literal[pairs].ravel(), np.ones_like(row), one - 1 - NO_LIMIT, one)

    def _counts(self) -> Counts:
        """The units of groups and loads; each count is as much as its arcs carry."""
        if self._aims is None:
            return no_counts()
        units = self._step * self._most
        capacity = self._coupling.network.capacity
        counts = counted(self._aims, self._need, self._offer, units, self._problem.quantity, capacity)
        begin = self._step.size + self._switches
        row = np.append(counts.owner, counts.of_column)
        column = np.append(counts.arc, np.arange(begin, begin + counts.room.size))
        zero = np.zeros(counts.group.size, np.int64)
        self._add(row, column, np.append(self._step[counts.arc], -np.ones_like(counts.room)), zero, zero)
        return counts


def _joined(parts: list[tuple[Int64s, Int64s, Int64s, Int64s, Int64s]], most: Int64s, needs: int) -> Rows:
    """The rows of the ``needs``, which come first, and the others that can be broken, in order."""
    first = np.cumsum([0, *(part[3].size for part in parts)])
    row = np.concatenate([part[0] + before for part, before in zip(parts, first, strict=False)])
    column, factor, lower, upper = (np.concatenate([part[side] for part in parts]) for side in (1, 2, 3, 4))
    largest = _sums(lower.size, row, np.maximum(factor, 0) * most[column])
    smallest = _sums(lower.size, row, np.minimum(factor, 0) * most[column])
    kept: Bools = (largest > upper) | (smallest < lower)
    kept[:needs] = True
    entries = np.flatnonzero(kept[row] & (factor != 0))
    entries = entries[np.argsort(row[entries], kind="stable")]
    counts = np.bincount(row[entries], minlength=lower.size)[kept]
    start = np.append(0, np.cumsum(counts))
    return Rows(start, column[entries], factor[entries], lower[kept], upper[kept])


def _none() -> Int64s:
    return np.zeros(0, np.int64)


def _sums(size: int, rows: Int64s, amounts: Int64s) -> Int64s:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, rows, amounts)
    return sums
