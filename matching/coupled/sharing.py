"""Fairness in coupled parts: what each further unit of a group costs, in whole numbers.

The x-th unit of a group of size s costs (2x - 1)/s, which adds up to x**2/s. A search adds whole numbers, so the
costs are multiplied by K and rounded down. Where K is a multiple of every size and the sums stay in range, nothing
is rounded: the search is exact. Else, with A the sum of the rounded costs and F the fairness,

    A <= K*F    for every solution,

so a bound of A is one of F. And solutions fairer than one of fairness F lie in the window A <= floor(K*F): once A is
proven least, the vectors of units by group in that window are tried one by one (:meth:`Shares.cut` forbids those
seen), mostly a single one, until none is left.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from matching.columns import Int64s
from matching.coupled.program import NO_LIMIT, Program, Rows
from matching.fairness.groups import Aims

LARGEST = 2**50
"""Sums of costs stay below this: where a linear relaxation counts in floats, they keep some digits."""


class Shares:
    """The costs of one program's groups."""

    def __init__(self, program: Program, aims: Aims) -> None:
        counts = program.counts
        self._program = program
        self._groups = np.flatnonzero(counts.group >= 0)
        self._first = program.switches_end + counts.first[: self._groups.size + 1]
        group = counts.group[self._groups]
        self._size, self._before = aims.size[group], aims.before[group]
        total, common = int(self._size.sum()), 1
        for size in self._size.tolist():
            common = math.lcm(common, size)
            if common * total > LARGEST:
                break
        self.exact = common * total <= LARGEST
        self._scale = common if self.exact else max(LARGEST // max(total, 1), 1)
        self._weight = self._scale // self._size
        which = np.repeat(self._groups, np.diff(self._first))
        place = counts.cost[: which.size]
        self.worth = np.zeros(program.most.size, np.int64)
        self.worth[self._first[0] : self._first[-1]] = -(2 * (self._before[which] + place) - 1) * self._weight[which]
        pairs = zip(self._before.tolist(), self._weight.tolist(), strict=True)
        self._constant: int = sum(weight * before * before for before, weight in pairs)

    def served(self, values: Int64s) -> tuple[int, ...]:
        """The units of each group here."""
        whole = np.append(0, np.cumsum(values))
        return tuple((whole[self._first[1:]] - whole[self._first[:-1]]).tolist())

    def fairness(self, served: tuple[int, ...]) -> Fraction:
        """The sum of served**2 / size over the groups, those of before included."""
        rows = zip(served, self._before.tolist(), self._size.tolist(), strict=True)
        return sum((Fraction((here + before) ** 2, size) for here, before, size in rows), Fraction(0))

    def bound(self, most: int) -> Fraction:
        """The least fairness where no solution's worth is above ``most``."""
        return max(Fraction(self._constant - most, self._scale), Fraction(0))

    def most_worth(self, fairness: Fraction) -> int:
        """No solution is worth more if none has less fairness than that."""
        rounding = 0 if self.exact else sum(size * size for size in self._size.tolist())
        return self._constant - math.ceil(self._scale * fairness) + rounding

    def least_worth(self, fairness: Fraction) -> int:
        """No solution as fair as that has less worth."""
        return self._constant - math.floor(self._scale * fairness)

    def sorted(self, rows: Rows) -> Rows:
        """The rows and those that fill the columns of each group in order, which :meth:`cut` needs."""
        columns = np.concatenate(
            [np.arange(first, end - 1) for first, end in zip(self._first[:-1], self._first[1:], strict=True)]
        )
        return Rows(
            np.append(rows.start, rows.start[-1] + 2 * np.arange(1, columns.size + 1)),
            np.append(rows.column, np.ravel(np.column_stack([columns, columns + 1]))),
            np.append(rows.factor, np.tile(np.array([1, -1]), columns.size)),
            np.append(rows.lower, np.zeros(columns.size, np.int64)),
            np.append(rows.upper, np.full(columns.size, NO_LIMIT)),
        )

    def cut(self, rows: Rows, served: tuple[int, ...]) -> Rows:
        """The rows without the solutions that serve just so many of each group: one last unit is off or one more on."""
        factor, least = np.zeros(self._program.most.size, np.int64), 1
        for first, end, units in zip(self._first[:-1].tolist(), self._first[1:].tolist(), served, strict=True):
            if units > 0:
                factor[first + units - 1] = -1
                least -= 1
            if first + units < end:
                factor[first + units] = 1
        return rows.add(factor, least)
