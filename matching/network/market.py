"""A network with one worth for each unit on an arc, laid out for the passes that prices need.

Offers and pools are one row of *nodes*: the offers first, then the pools. Each lies below another node or
below the sink, the last place of every column of prices, whose price is 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matching.columns import Bools, Int32s, Int64s
from matching.network.flow import LARGEST_COST, Network, compacted
from matching.problem import FIT_MAX, LARGEST_TOTAL


class Market(NamedTuple):
    """The compact columns of a network, arcs in the order of their needs; every need has one at least.

    Attributes:
        quantity: int64 (n,), units of each need.
        first: int64 (n,), the first arc of each need.
        need, offer: int32 (k,).
        worth: int64 (k,), what a unit on the arc adds; above 0.
        capacity: int64 (v,), units of each node, no more than all needs ask for.
        above: int64 (v,), the node it lies in; v for the sink.
        offers: how many of the nodes are offers.
        step: what a unit is worth more in the next tier, where every worth is a multiple of it and a fit; else 1.
        order: int64 (k,), rows of the network's arcs; None if they were in order.
    """

    quantity: Int64s
    first: Int64s
    need: Int32s
    offer: Int32s
    worth: Int64s
    capacity: Int64s
    above: Int64s
    offers: int
    step: int
    order: Int64s | None

    def best(self, price: Int64s) -> tuple[Int64s, Int64s]:
        """What a unit on each arc is worth beyond the price of its offer; and the best of each need, 0 at least."""
        beyond = self.worth - price[self.offer]
        return beyond, np.maximum(np.maximum.reduceat(beyond, self.first), 0)

    def of(self, arcs: Int64s) -> Market:
        """The market of some of the arcs, in order: all nodes stay, needs without arcs go."""
        need = self.need[arcs]
        first = starts_of(need)
        seat = np.repeat(np.arange(first.size, dtype=np.int32), np.diff(np.append(first, need.size)))
        return self._replace(
            quantity=self.quantity[need[first]],
            first=first,
            need=seat,
            offer=self.offer[arcs],
            worth=self.worth[arcs],
            order=None,
        )

    def units_an_offer(self) -> float:
        """How many units an offer serves on average."""
        return min(int(self.capacity[: self.offers].sum()), int(self.quantity.sum())) / self.offers

    def sums(self, values: Int64s | Bools) -> Int64s:
        """The sum over the arcs of each need; of booleans their number."""
        return np.add.reduceat(values, self.first, dtype=np.int64)

    def through(self, own: Int64s) -> Int64s:
        """The units through each node where ``own`` of them enter at the offers."""
        units = np.zeros(self.above.size + 1, np.int64)
        units[: own.size] = own
        rising = units[:-1].copy()
        while self.above.size > self.offers and rising.any():  # one nesting further up each time
            risen = np.zeros(units.size, np.int64)
            np.add.at(risen, self.above, rising)
            risen[-1] = 0
            units += risen
            rising = risen[:-1]
        return units[:-1]

    def dual(self, price: Int64s, best: Int64s) -> int:
        """The total that no flow can exceed, by linear duality, where no price is below that of the node above."""
        return int(np.dot(self.quantity, best)) + int(np.dot(self.capacity, price[:-1] - price[self.above]))

    def in_given_order(self, flow: Int64s) -> Int64s:
        """Units on the arcs in the order of the network's."""
        if self.order is None:
            return flow
        given = np.empty_like(flow)
        given[self.order] = flow
        return given


def market_of(network: Network, worth: Int64s | None = None) -> Market | None:
    """The market of a network; None if its worths leave the range.

    Args:
        network: its columns.
        worth: int64 (k,), above 0, what a unit on each arc adds; None for the worths that
            `flow` derives from tiers and fits.
    """
    compact, tier_values = compacted(network)
    step = min(compact.quantity.size, compact.capacity.size) * FIT_MAX + 1
    largest = tier_values.size * step + FIT_MAX if worth is None else int(worth.max(initial=0))
    total = int(compact.quantity.sum())
    if largest > LARGEST_COST or total * largest >= LARGEST_TOTAL:
        return None
    ordered = bool(np.all(compact.need[1:] >= compact.need[:-1]))
    order = None if ordered else np.argsort(compact.need, kind="stable")
    need, offer, fit = (
        column if order is None else column[order] for column in (compact.need, compact.offer, compact.fit)
    )
    if worth is not None:
        step, worth = 1, worth if order is None else worth[order]
    else:
        worth = ((tier_values.size - np.arange(tier_values.size)) * step)[compact.tier[need]] + fit
    offers, pools = compact.capacity.size, compact.pool_capacity.size
    inside = np.append(compact.pool, compact.pool_parent).astype(np.int64)
    return Market(
        quantity=compact.quantity,
        first=starts_of(need),
        need=need,
        offer=offer,
        worth=worth,
        capacity=np.minimum(np.append(compact.capacity, compact.pool_capacity), total),
        above=np.where(inside >= 0, offers + inside, offers + pools),
        offers=offers,
        step=step,
        order=order,
    )


def starts_of(ordered: Int32s | Int64s) -> Int64s:
    """The first place of each run of equal values."""
    starts = np.ones(ordered.size, np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=starts[1:])
    return np.flatnonzero(starts).astype(np.int64)
