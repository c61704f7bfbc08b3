"""The best prices of a market within a box round given ones, by one small flow.

Let D(p) be ``Market.dual``: convex, never below the worth of any flow, and equal to the greatest worth where p is
best. A *step* finds a p of least D between ``lower`` and ``upper``. Its dual is the flow of the market in which
each node may also sell units above its capacity's worth: a unit may leave any node at its upper price, and one may
come into any node at its lower price (the two limits of p are the costs of these arcs; Marsten, Hogan & Blankenship
1975, The boxstep method for large-scale optimization, Operations Research 23).

Whatever the prices in the box, a need only ever chooses an arc that at its lowest price is worth no less than each
other at its highest. So

- a need with one such choice is given it; the flow has none of these needs;
- a need with two is not a node either: its units start at the better one, and an arc from there to the other, of
  the cost of the change, can take them over;
- only the others are nodes; and costs are what the box allows, small beside the worth of a tier.

If no unit is bought or sold in the best flow, it is a flow of the market itself, and its worth is D(p): p lies where
nothing pushes it against the box, so it is best, and so is the flow. ``Market.dual`` proves that, whatever led there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matching.columns import Bools, Int32s, Int64s
from matching.network.flow import Arcs
from matching.network.market import Market
from matching.network.potentials import Limits, proving_prices
from matching.network.restricted import Chosen, seats_of

UNLIMITED = 2**54
"""An upper price without limit: nothing is bought there."""


class Step(NamedTuple):
    """What came of a step.

    Attributes:
        flow: int64 (k,), units on the market's arcs.
        price: int64 (v + 1,), the best within the box.
        bought, sold: int64 (v,), units that left each node, and came into it, beside those of the needs.
    """

    flow: Int64s
    price: Int64s
    bought: Int64s
    sold: Int64s


def step(market: Market, price: Int64s, lower: Int64s, upper: Int64s) -> Step | None:
    """The best prices in a box, with the flow that shows it; None if the solver refuses the costs.

    Args:
        market: the whole.
        price: int64 (v + 1,), in the box; what costs are counted from.
        lower, upper: int64 (v + 1,), 0 for the sink; no node's upper limit lies below that of the node above.
    """
    choices = _choices(market, lower, upper)
    fixed = np.zeros(market.offers, np.int64)
    np.add.at(fixed, market.offer[choices.fixed], market.quantity[market.need[choices.fixed]])
    traded = _solved(market, choices, fixed, price, lower, upper)
    if traded is None:
        return None
    units, bought, sold = traded
    flow = np.zeros(market.need.size, np.int64)
    flow[choices.fixed] = market.quantity[market.need[choices.fixed]]
    flow[choices.arcs] = units
    chosen = Chosen(choices.arcs, choices.first, choices.seat, market.capacity, units)
    limits = Limits(lower, upper, bought, sold, fixed)
    return Step(flow, proving_prices(market, chosen, price, limits), bought, sold)


class _Choices(NamedTuple):
    """What needs may choose in a box.

    Attributes:
        fixed: int64, arcs of needs with no other choice.
        arcs: int64 (c,), arcs of the others, needs in order.
        first, seat: as in ``Chosen``.
        waits: bool, needs that may choose to wait, in the order of ``first``.
    """

    fixed: Int64s
    arcs: Int64s
    first: Int64s
    seat: Int32s
    waits: Bools


def _choices(market: Market, lower: Int64s, upper: Int64s) -> _Choices:
    sure = np.maximum.reduceat(market.worth - upper[market.offer], market.first)  # what each need has at least
    waits = sure <= 0
    near = np.flatnonzero(market.worth - lower[market.offer] >= np.maximum(sure, 0)[market.need])
    need = market.need[near]
    free = np.bincount(need, minlength=waits.size) + waits != 1
    inside = free[need]
    arcs = near[inside]
    first, seat = seats_of(need[inside])
    return _Choices(near[~inside], arcs, first, seat, waits[market.need[arcs[first]]])


def _solved(
    market: Market, choices: _Choices, fixed: Int64s, price: Int64s, lower: Int64s, upper: Int64s
) -> tuple[Int64s, Int64s, Int64s] | None:
    """Units on the arcs of the choices, and units bought and sold at each node."""
    nodes, seat = market.above.size, choices.seat
    offer, quantity = market.offer[choices.arcs], market.quantity[market.need[choices.arcs]]
    beyond = market.worth[choices.arcs] - price[offer]
    best = np.maximum.reduceat(beyond, choices.first) if beyond.size else beyond
    best = np.where(choices.waits, np.maximum(best, 0), best)
    loss = best[seat] - beyond
    counts = np.diff(np.append(choices.first, offer.size))
    apart = counts + choices.waits != 2  # needs that are nodes
    rank = (np.cumsum(apart) - 1).astype(np.int32)
    waiting = np.flatnonzero(apart & choices.waits)
    pairs = choices.first[~apart & ~choices.waits]
    turned = loss[pairs] > loss[pairs + 1]
    better, other = pairs + turned, pairs + ~turned
    alone = choices.first[~apart & choices.waits]  # the other choice is to wait
    many = np.flatnonzero(apart[seat])

    base = int(np.count_nonzero(apart))  # the nodes of the market come after those of the needs
    sink, total = base + nodes, int(market.quantity.sum())
    own, capacity = base + np.arange(nodes), np.minimum(market.capacity, total)
    buying, selling = np.flatnonzero(upper[:-1] < UNLIMITED), np.flatnonzero(lower[:-1] > 0)
    layers = Arcs()
    layers.add(rank[waiting], sink, quantity[choices.first[waiting]], best[waiting])
    layers.add(own, base + market.above, capacity, price[market.above] - price[:-1])
    wanted = [
        # What is sold may have to be bought again further up, beside all units of the needs.
        layers.add(base + buying, sink, total + int(capacity[selling].sum()), (upper - price)[buying]),
        layers.add(np.full(selling.size, sink), base + selling, capacity[selling], (price - lower)[selling]),
        layers.add(base + offer[better], base + offer[other], quantity[better], loss[other] - loss[better]),
        layers.add(base + offer[alone], sink, quantity[alone], best[seat[alone]] - loss[alone]),
        layers.add(rank[seat[many]], base + offer[many], quantity[many], loss[many]),
    ]
    supply = np.zeros(sink + 1, np.int64)
    supply[:base] = quantity[choices.first[apart]]
    supply[base : base + fixed.size] = fixed
    np.add.at(supply, base + offer[better], quantity[better])
    np.add.at(supply, base + offer[alone], quantity[alone])
    supply[sink] = -supply.sum()
    told = layers.cheapest(np.arange(sink + 1), supply, np.concatenate(wanted))
    if told is None:
        return None
    parts = np.split(told, np.cumsum([part.size for part in wanted])[:-1])
    bought, sold = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    bought[buying], sold[selling] = parts[0], parts[1]
    units = np.zeros(offer.size, np.int64)
    units[better], units[other] = quantity[better] - parts[2], parts[2]
    units[alone], units[many] = quantity[alone] - parts[3], parts[4]
    return units, bought, sold
