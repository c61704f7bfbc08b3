"""Fairness between groups as ranks: what one unit more or less of a group weighs against one of another.

With x of its units served, one more of group g raises the sum of served^2 / size by (2 x + 1) / size and one
less lowers it by (2 x - 1) / size. A closed chain of moves adds a unit to at most one group and takes one from
at most one, so only the order of these fractions matters, and their ranks stand in for them.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from matching.columns import Int64s
from matching.problem import Problem


class Evenness(NamedTuple):
    """The groups of a problem and the ranks of their next and last unit.

    Attributes:
        group: int64 (n,), the place of each need's group among them; -1 none.
        more: int64 (g,), the rank, at least 1, of what one unit more of each group costs.
        less: int64 (g,), the rank of what one unit less gains; 0 where none is served.
    """

    group: Int64s
    more: Int64s
    less: Int64s

    @property
    def ranks(self) -> int:
        """The greatest rank."""
        return int(self.more.max(initial=0))


def evenness(problem: Problem, flow: Int64s) -> Evenness:
    """The ranks at a flow; a group's size is what all its needs ask for."""
    numbers, place = np.unique(problem.group, return_inverse=True)
    ungrouped = numbers.size > 0 and numbers[0] < 0
    group = place.astype(np.int64) - int(ungrouped)
    groups = numbers.size - int(ungrouped)
    size, served = np.zeros((2, groups + 1), np.int64)  # the last place takes what is in no group
    np.add.at(size, group, problem.quantity)
    np.add.at(served, group[problem.need], flow)
    pairs = list(zip(served[:-1].tolist(), size[:-1].tolist(), strict=True))
    more = [Fraction(2 * units + 1, total) for units, total in pairs]
    less = [Fraction(2 * units - 1, total) for units, total in pairs]
    rank = {value: number for number, value in enumerate(sorted({*more, *less} | {Fraction(0)}), 1)}
    zero = rank[Fraction(0)]
    return Evenness(
        group,
        np.array([rank[value] - zero for value in more], np.int64),
        np.array([max(rank[value] - zero, 0) for value in less], np.int64),
    )
