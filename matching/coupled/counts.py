"""Convex costs in an integer program: units counted over arcs, each further one no cheaper than the last.

A count has columns of its own, which together hold as many units as its arcs carry; the cheapest come first. Nothing
makes a search fill them in order, so that a solution may seem to cost more than it does, but never less; what is
found is filled in order again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matching.columns import Bools, Int32s, Int64s
from matching.fairness.groups import Aims


class Counts(NamedTuple):
    """The units of groups, and then of offers whose load costs fit.

    Attributes:
        arc, owner: int64, pairs of an arc and a count that it adds to.
        first: int64 (counts + 1,), where the columns of each count begin, from 0 on.
        group: int64 (counts,), the group counted, -1 for an offer.
        room: int64, the units that each column holds.
        cost: int64, what a unit of each column costs; it rises within a count. For groups it is the number of the
            unit, and what that costs is for :mod:`matching.coupled.sharing` to say.
    """

    arc: Int64s
    owner: Int64s
    first: Int64s
    group: Int64s
    room: Int64s
    cost: Int64s

    @property
    def of_column(self) -> Int64s:
        """The count of each column."""
        return np.repeat(np.arange(self.group.size), np.diff(self.first))

    @property
    def charge(self) -> Int64s:
        """What a unit of each column takes from the fit."""
        charge: Int64s = np.where(self.group[self.of_column] < 0, self.cost, 0)
        return charge

    def filled(self, flow: Int64s) -> Int64s:
        """The columns, in order, for units on the arcs."""
        units = np.zeros(self.group.size, np.int64)
        np.add.at(units, self.owner, flow[self.arc])
        filled: Int64s = np.clip(units[self.of_column] - self._before(), 0, self.room)
        return filled

    def near(self, columns: Int64s, spread: Int64s) -> Bools:
        """The columns that matter if each count changes by ``spread`` units at most."""
        which, before = self.of_column, self._before()
        units = np.zeros(self.group.size, np.int64)
        np.add.at(units, which, columns)
        units, spread = units[which], spread[which]
        near: Bools = (before + self.room > units - spread) & (before < units + spread)
        return near

    def _before(self) -> Int64s:
        """The units of the same count that earlier columns hold."""
        before = np.cumsum(self.room) - self.room
        here: Int64s = before - np.append(before, 0)[self.first[:-1]][self.of_column]
        return here


def no_counts() -> Counts:
    """Where nothing is counted."""
    nothing = np.zeros(0, np.int64)
    return Counts(nothing, nothing, np.zeros(1, np.int64), nothing, nothing, nothing)


def counted(aims: Aims, need: Int32s, offer: Int32s, units: Int64s, quantity: Int64s, capacity: Int64s) -> Counts:
    """The counts that some aims ask for on some arcs.

    Args:
        need, offer: int32 (arcs,), rows of the problem.
        units: int64 (arcs,), the most each can carry.
        quantity: int64, the units that each need of the problem asks for.
        capacity: int64, the most units of each offer of the problem.
    """
    everything = np.arange(need.size)
    group = aims.group[need].astype(np.int64)
    counted = everything[group >= 0]
    groups, owner = np.unique(group[counted], return_inverse=True)
    needs, first = np.unique(need[counted], return_index=True)
    most = np.zeros(groups.size, np.int64)
    np.add.at(most, owner[first], quantity[needs])
    ends = np.cumsum(most)
    number = np.arange(1, int(most.sum()) + 1) - np.repeat(ends - most, most)
    kinds = [(counted, owner, most, np.ones_like(number), number)]
    offers = np.zeros(0, np.int64)
    if aims.balance.most:
        offers, owner = np.unique(offer, return_inverse=True)
        carried = np.zeros(offers.size, np.int64)
        np.add.at(carried, owner, units)
        steps = aims.balance.of(offers).steps(np.minimum(carried, capacity[offers]))
        kinds.append((everything, owner + groups.size, *steps))
    arc, owner, size, room, cost = (np.concatenate([kind[side] for kind in kinds]) for side in range(5))
    first = np.append(0, np.cumsum(size))
    return Counts(arc, owner, first, np.append(groups, np.full(offers.size, -1)), room, cost)
