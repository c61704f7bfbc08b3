"""Balance between offers: what each unit of an offer costs beside its fit, the fuller the offer, the dearer.

Of tonight's room, with a weight w the u-th unit of an offer with room for c units costs w * u // c. Of its month, with
a weight v and g units given already, it costs v * (g + u) // (g + c) too. Both rise with u, so costs stay convex.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matching.columns import Int32s, Int64s
from matching.policy import Policy
from matching.problem import Problem

LARGEST_BALANCED = 2**40
"""Larger capacities count as this in the balance: no sum of units comes near it, and products stay in range."""


class Balance(NamedTuple):
    """What a policy wants of the loads of some offers.

    Attributes:
        weight: of tonight's room, 0 for none.
        pace: the weight of the month, 0 for none.
        full: int64 (m,), the capacity in units that the loads are counted in; at least 1.
        given: int64 (m,), units that an offer has given already.
    """

    weight: int
    pace: int
    full: Int64s
    given: Int64s

    @property
    def most(self) -> int:
        """No unit costs more; 0 where balance is not asked for."""
        return self.weight + self.pace

    def of(self, offers: Int32s | Int64s) -> Balance:
        """The balance of some rows."""
        return self._replace(full=self.full[offers], given=self.given[offers])

    def cost(self, unit: Int64s) -> Int64s:
        """What the unit of each offer with this number, from 1 on, costs; nothing for number 0.

        Units beyond the full load (possible where units use no capacity) cost as much as the last one.
        """
        unit, rising = np.minimum(unit, self.full), unit > 0
        tonight = self.weight * unit // self.full
        month = self.pace * (self.given + unit) // (self.given + self.full)
        return np.asarray(np.where(rising, tonight + month, 0), np.int64)

    def steps(self, capacity: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """What the units of each offer cost, up to a capacity.

        Args:
            capacity: int64 (m,), the most units of each offer.
        Returns:
            int64, how many steps the cost of each offer has; and of each step its units and what one of them costs.
        """
        few = capacity <= self.most  # then a step for each unit, else one for each cost
        offer, place = _places(np.where(few, capacity, 1))
        parts = [(offer, place + 1)]
        last = np.minimum(capacity, self.full)
        for weight, before in ((self.weight, np.zeros_like(self.given)), (self.pace, self.given)):
            whole = before + self.full
            low, high = weight * (before + 1) // whole, weight * (before + last) // whole
            offer, place = _places(np.where(few, 0, high - low))
            rise = low[offer] + 1 + place
            parts.append((offer, -(-rise * whole[offer] // max(weight, 1)) - before[offer]))  # the first so dear
        offer, begin = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((begin, offer))
        offer, begin = offer[order], begin[order]
        after = np.append(begin[1:], 0)
        ends = np.append(offer[1:] != offer[:-1], np.ones(min(offer.size, 1), np.bool_))
        units = np.where(ends, capacity[offer] + 1, after[: offer.size]) - begin
        offer, begin, units = offer[units > 0], begin[units > 0], units[units > 0]
        return np.bincount(offer, minlength=capacity.size), units, self.of(offer).cost(begin)

    def penalty(self, units: Int64s) -> int:
        """What so many units of each offer cost together."""
        _, size, cost = self.steps(units)
        return int(np.dot(size, cost))


def balance_of(problem: Problem, weight: int, pace: int = 0) -> Balance:
    """The balance of a whole problem: an offer's room is what its capacity could serve, at its arcs' least use."""
    least = np.full(problem.capacity.size, np.iinfo(np.int64).max)
    np.minimum.at(least, problem.offer, np.maximum(problem.use, 1))
    full = np.clip(problem.capacity // least, 1, LARGEST_BALANCED)
    return Balance(weight, pace, full, np.minimum(problem.given, LARGEST_BALANCED))


def balance_for(problem: Problem, policy: Policy) -> Balance:
    """The balance that a policy asks for."""
    return balance_of(problem, policy.load_balance_weight, policy.pace_weight)


def imbalance(problem: Problem, flow: Int64s, policy: Policy) -> int | None:
    """What the balance of a policy takes from the fit; None where it asks for none."""
    if not policy.dearest_load:
        return None
    units = np.zeros(problem.capacity.size, np.int64)
    np.add.at(units, problem.offer, flow)
    return balance_for(problem, policy).penalty(units)


def _places(count: Int64s) -> tuple[Int64s, Int64s]:
    """Rows that many times each, and the number of each among its row's, from 0 on."""
    row = np.repeat(np.arange(count.size), count)
    return row, np.arange(row.size) - np.repeat(np.cumsum(count) - count, count)
