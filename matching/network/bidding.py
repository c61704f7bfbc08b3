"""Bring guessed prices of a market near the best ones, all offers at once: rounds of bids.

A need bids for an offer the price at which it would be as well off elsewhere: with its best other choice, or
waiting. An offer that keeps its best bids up to its capacity has the price of the first bid beyond it. That is
the best price given all others (a coordinate step down the dual of the flow; Bertsekas 1991, Linear Network
Optimization, chapter 4). All offers take such a step at once, shortened so that they do not overshoot. The
distance to the best prices shrinks to a third in a few rounds; what is left are moves that offers would have to
make together, which `descent` finds. Nothing is proven here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matching.columns import Bools, Int32s, Int64s
from matching.network.market import Market, starts_of
from matching.network.restricted import seats_of

FILLED = 1.5
"""An offer whose price may fall hears bids for so many times its capacity at least."""

UNIT_BITS = 12
"""A need bids for fewer than 2**12 units at once."""


def bid(market: Market, price: Int64s, width: int, rounds: int) -> Int64s:
    """Prices after some rounds of bids.

    Args:
        market: the whole.
        price: int64 (v + 1,), none below that of the node above; nor is any given back.
        width: the arcs whose worth beyond the price is within so much of their need's best take part.
        rounds: how many.
    """
    if 63 - UNIT_BITS - market.offers.bit_length() < 32:
        return price  # too many offers to sort their bids as whole numbers
    bidders = _bidders(market, price, width)
    floor = market.above[: market.offers]
    price = price.copy()
    for _ in range(rounds):
        move = _asked(market, bidders, price) - price[: market.offers]
        price[: market.offers] += np.maximum(move * 3 // 4, price[floor] - price[: market.offers])
    return price


class _Bidders(NamedTuple):
    """Arcs that take part (k), needs in order, with the units that each bids for."""

    offer: Int32s
    worth: Int64s
    units: Int64s
    first: Int64s
    seat: Int32s


def _bidders(market: Market, price: Int64s, width: int) -> _Bidders:
    beyond, best = market.best(price)
    near = beyond >= (best - width)[market.need]
    rows = np.flatnonzero(near)
    own = np.zeros(market.offers, np.int64)
    np.add.at(own, market.offer[rows], market.quantity[market.need[rows]])
    floor = price[market.above[: market.offers]]
    short = (own < FILLED * market.capacity[: market.offers]) & (price[: market.offers] > floor)
    if short.any():  # with the near bids alone their prices would fall too far
        near |= short[market.offer]
        rows = np.flatnonzero(near)
    first, seat = seats_of(market.need[rows])
    units = np.minimum(market.quantity[market.need[rows]], 2**UNIT_BITS - 1)
    return _Bidders(market.offer[rows], market.worth[rows], units, first, seat)


def _asked(market: Market, bidders: _Bidders, price: Int64s) -> Int64s:
    """What each offer asks given the bids at these prices."""
    beyond = bidders.worth - price[bidders.offer]
    top = np.maximum.reduceat(beyond, bidders.first)
    first_choice: Bools = beyond == top[bidders.seat]
    second = np.maximum.reduceat(np.where(first_choice, np.iinfo(np.int64).min, beyond), bidders.first)
    several = np.add.reduceat(first_choice, bidders.first, dtype=np.int64) > 1
    second = np.maximum(np.where(several, top, second), 0)
    more = beyond - np.where(first_choice, second[bidders.seat], np.maximum(top, 0)[bidders.seat])
    # One whole number sorts by offer, then by the greatest bid, and carries the units: far faster than two keys.
    bits = 63 - UNIT_BITS - market.offers.bit_length()
    largest = 2 ** (bits - 1) - 1
    key = bidders.offer.astype(np.int64) << (bits + UNIT_BITS)
    key |= (largest - np.clip(more, -largest, largest)) << UNIT_BITS
    key |= bidders.units
    key.sort()
    offer, units = key >> (bits + UNIT_BITS), key & (2**UNIT_BITS - 1)
    more = largest - ((key >> UNIT_BITS) & (2**bits - 1))
    total, starts = np.cumsum(units), starts_of(offer)
    before = np.zeros(market.offers, np.int64)
    before[offer[starts]] = total[starts] - units[starts]
    beaten = np.flatnonzero(total - before[offer] > market.capacity[offer])
    last = beaten[starts_of(offer[beaten])]
    asked = price[market.above[: market.offers]]
    asked[offer[last]] = np.maximum(asked[offer[last]], price[offer[last]] + more[last])
    return asked
