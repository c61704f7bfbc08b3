"""Prices that prove a flow best, found on the offers and pools alone.

A flow x of a market is of the greatest worth if and only if there are prices p, one for each node (offer or
pool) and 0 for the sink, such that

1. p(j) >= p(above j) for every node, with equality where the node has capacity to spare;
2. every unit on an arc to offer j is worth at least p(j), and no arc of its need is worth more beyond its
   price: w(i, k) - p(k) <= w(i, j) - p(j);
3. no unit that is left out has an arc worth more than its price.

(Linear duality: p(j) - p(above j) is the dual of the capacity, the best of w - p of a need that of its
quantity; these are complementary slackness.) All of them say p(k) >= p(j) + gain(j, k) between two nodes, or
a node and the sink, so the needs are contracted away: of all units at j that could move to k only the best
gain counts. Such prices exist unless the gains round some ring are above 0. The least of them are longest
paths from the sink, the greatest ones longest paths to it (Bellman-Ford; Ahuja, Magnanti & Orlin 1993,
Network Flows, sections 5.2 and 9.4). Both the lesser and the greater of two price lists, and the whole part
of their mean, keep inequalities of this form.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matching.columns import Int64s
from matching.network.market import Market, starts_of
from matching.network.restricted import Chosen
from matching.problem import FIT_MAX

WIDTH = 2 * FIT_MAX
"""Least and greatest prices further apart than this differ by the worth of a tier, not by fits."""

NO_PRICE = 2**60
"""Stands for the greatest price of what nothing limits; no worth comes near it."""


class Limits(NamedTuple):
    """Prices that are kept between limits, as if units could be bought and sold at these (`boxes`).

    Attributes:
        lower, upper: int64 (v + 1,); no price below the lower, nor above the upper.
        bought, sold: int64 (v,), units that leave a node, or come into it, at its limit.
        fixed: int64 (m,), units of needs that are no part of the chosen arcs.
    """

    lower: Int64s
    upper: Int64s
    bought: Int64s
    sold: Int64s
    fixed: Int64s


def proving_prices(market: Market, chosen: Chosen, guess: Int64s, limits: Limits | None = None) -> Int64s:
    """Prices that prove a best flow on some arcs: between the least and the greatest, else close to a guess.

    Where these arcs leave a price open by more than ``WIDTH``, the guess says more than the middle would.
    The prices are then raised until they fit together; they stay below the greatest, which do. With limits the
    flow is best where units may be bought and sold at these too.

    Returns:
        int64 (v + 1,), the last one 0.
    Raises:
        ValueError: the flow is not of the greatest worth on these arcs.
    """
    tail, head, gain = _gains(market, chosen, limits)
    sink = market.above.size
    order = np.argsort(head, kind="stable")
    forward = tail[order], head[order], gain[order]
    least = np.zeros(sink + 1, np.int64) if limits is None else limits.lower.copy()
    _lengthen(least, *forward)
    if least[sink] > 0:
        raise ValueError("a unit more or less would be worth more: the flow is not best")
    negative = np.full(sink + 1, -NO_PRICE)
    negative[sink] = 0
    _lengthen(negative, head, tail, gain)  # the pairs come in the order of their tails
    greatest = -negative
    price = np.where(greatest - least <= WIDTH, (least + greatest) // 2, np.clip(guess, least, greatest))
    _lengthen(price, *forward)
    return np.asarray(price, np.int64)


def _gains(market: Market, chosen: Chosen, limits: Limits | None) -> tuple[Int64s, Int64s, Int64s]:
    """Pairs of nodes and what moving one unit from the first to the second gains at best."""
    sink = market.above.size
    offer, worth = market.offer[chosen.arcs].astype(np.int64), market.worth[chosen.arcs]
    used = np.flatnonzero(chosen.flow)
    counts = np.diff(np.append(chosen.first, chosen.arcs.size))
    seat = chosen.seat[used]
    repeats = counts[seat]
    before = np.cumsum(repeats) - repeats
    after = np.repeat(chosen.first[seat] - before, repeats) + np.arange(int(repeats.sum()))
    here = np.repeat(used, repeats)
    quantity = market.quantity[market.need[chosen.arcs[chosen.first]]]
    short = np.add.reduceat(chosen.flow, chosen.first) < quantity if chosen.first.size else np.zeros(0, np.bool_)
    waiting = np.flatnonzero(short[chosen.seat])
    own = np.zeros(market.offers, np.int64)
    np.add.at(own, offer[used], chosen.flow[used])
    nodes = np.arange(sink)
    units = market.through(own) if limits is None else market.through(_with_traded(own, limits))
    spare = nodes[units < chosen.capacity]
    tail = [offer[here], np.full(waiting.size, sink), market.above, spare, offer[used]]
    head = [offer[after], offer[waiting], nodes, market.above[spare], np.full(used.size, sink)]
    gain = [worth[after] - worth[here], worth[waiting], np.zeros(sink + spare.size, np.int64), -worth[used]]
    if limits is not None:
        bought, sold, ground = nodes[limits.bought > 0], nodes[limits.sold > 0], np.full(sink, sink)
        tail += [nodes, ground, np.full(bought.size, sink), sold]
        head += [ground, nodes, bought, np.full(sold.size, sink)]
        gain += [-limits.upper[:-1], limits.lower[:-1], limits.upper[bought], -limits.lower[sold]]
    return _best_of_pairs(np.concatenate(tail), np.concatenate(head), np.concatenate(gain), sink + 1)


def _with_traded(own: Int64s, limits: Limits) -> Int64s:
    """The units that enter at each node, with those of needs that are fixed, bought and sold."""
    units = limits.sold - limits.bought
    units[: own.size] += own + limits.fixed
    return units


def _best_of_pairs(tail: Int64s, head: Int64s, gain: Int64s, nodes: int) -> tuple[Int64s, Int64s, Int64s]:
    key = tail * nodes + head
    order = np.argsort(key, kind="stable")
    starts = starts_of(key[order])
    key = key[order[starts]]
    return key // nodes, key % nodes, np.maximum.reduceat(gain[order], starts)


def _lengthen(length: Int64s, tail: Int64s, head: Int64s, gain: Int64s) -> None:
    """Raise lengths until no pair asks for more; pairs come in the order of ``head``."""
    starts = starts_of(head)
    heads = head[starts]
    for _ in range(length.size + 1):
        longer = np.maximum.reduceat(length[tail] + gain, starts)
        if not np.any(longer > length[heads]):
            return
        length[heads] = np.maximum(length[heads], longer)
    raise ValueError("a ring of moves gains: the flow is not best")
