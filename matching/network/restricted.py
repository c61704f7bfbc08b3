"""The best flow on some arcs of a market, the rest of it decided: what rounds, samples and steps by prices solve."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matching.columns import Int32s, Int64s
from matching.network.flow import Arcs
from matching.network.market import Market, starts_of


class Chosen(NamedTuple):
    """Some arcs of a market, needs in order, and the units on them.

    Attributes:
        arcs: int64 (c,), their places in the market.
        first, seat: the first of each need that has any, and each arc's place among these needs.
        capacity: int64 (v,), the units of each node that these arcs may use.
        flow: int64 (c,).
    """

    arcs: Int64s
    first: Int64s
    seat: Int32s
    capacity: Int64s
    flow: Int64s


def seats_of(need: Int32s) -> tuple[Int64s, Int32s]:
    """The first arc of each need, and each arc's place among these needs; arcs come in the order of needs."""
    first = starts_of(need)
    return first, np.repeat(np.arange(first.size, dtype=np.int32), np.diff(np.append(first, need.size)))


def solved(market: Market, arcs: Int64s, capacity: Int64s, price: Int64s, best: Int64s) -> Chosen:
    """The best flow on some arcs, by costs that the prices make small: what a unit loses against ``best``."""
    need, offer = market.need[arcs], market.offer[arcs]
    first, seat = seats_of(need)
    needs = need[first]
    nodes, supply = needs.size + np.arange(market.above.size), market.quantity[needs]
    sink, total = needs.size + market.above.size, int(supply.sum())
    beyond = market.worth[arcs] - price[offer]
    layers = Arcs()
    layers.add(np.arange(needs.size), sink, supply, best[needs])
    layers.add(nodes, needs.size + market.above, np.minimum(capacity, total), price[market.above] - price[:-1])
    serving = layers.add(seat, needs.size + offer, market.quantity[need], best[needs][seat] - beyond)
    flow = layers.cheapest(np.append(np.arange(needs.size), sink), np.append(supply, -total), serving)
    if flow is None:
        raise RuntimeError("the minimum-cost flow refused costs that it takes for the whole network")
    return Chosen(arcs, first, seat, capacity, flow)
