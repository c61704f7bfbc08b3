"""The exact flow of a large market by prices: guess them from a sample, bid, step down to the best, prove.

The guess is exact for a sample of the needs (`sampling`); bids bring it near (`bidding`);
then each step finds the best prices in a box round the last ones (`boxes`), and with them a flow that
is feasible and proven best as soon as no price is held by its box. A box is small where prices have come to rest, so
that few needs are in doubt; it reaches further where they still move, the way they move, and without limit upward
where the box held them, since only the needs that an offer has already can leave it.

Steps never raise the dual, and from ``WIDEN_FROM`` on boxes are widened twofold each time, so it ends: within some 60
steps every box is unlimited, and the step is the plain flow. If it takes too many, the caller solves the whole.
"""

from __future__ import annotations

import numpy as np

from matching.columns import Int64s
from matching.network.bidding import bid
from matching.network.boxes import UNLIMITED, step
from matching.network.market import Market
from matching.network.sampling import sample_prices
from matching.problem import FIT_MAX

STEPS = 24
"""Steps before giving up."""

BIDS = ((2, 2), (1, 6))
"""Rounds of bids: within so many times the width of common doubt, and how many."""

TOLD_BIDS = ((1, 2),)
"""The same from prices that were told, as those of a similar market: they are near already."""

COMMON = 0.6
"""Common doubt is the width at which such a share of the needs have a second choice."""

TOLD_BY = 50_000
"""So many needs tell the widths."""

FIRST = 0.25
"""The share of the needs that have a second choice in half of the first box."""

LEAST = 0.1
"""The share that have one in four times the smallest box."""

AHEAD = 4
"""A box reaches so many times as far as the price moved last, the way it moved."""

GROWTH = 16
"""A box that held a price from falling grows so many times."""

CLIFF = FIT_MAX // 5
"""A price held by a box so wide may have to fall by a tier: no bids lie between."""

WIDEN_FROM = 6
"""After so many steps boxes reach twice as far ahead each time."""


def descended(market: Market, price: Int64s | None = None, *, steps: int = STEPS) -> Int64s | None:
    """A flow of the greatest worth, proven so; None if that takes too many steps.

    Args:
        market: the whole.
        price: int64 (v + 1,), where to begin, none below that of the node above; a sample tells if None.
        steps: how many at most.
    Returns:
        int64 (k,), units on the market's arcs. The same market gives the same flow.
    """
    bids = BIDS if price is None else TOLD_BIDS
    price = sample_prices(market) if price is None else price
    for times, rounds in bids:
        width = min(times * doubts(market, price, (COMMON,))[0], CLIFF)  # no bids lie between tiers
        price = bid(market, price, width, rounds)
    least, first = doubts(market, price, (LEAST, FIRST))
    least = max(least // 4, 1)
    down = np.full(market.above.size, max(first // 2, 1))
    up, tier = down, market.step + 2 * FIT_MAX
    for number in range(steps):
        lower, upper = _limits(market, price, down, up)
        got = step(market, price, lower, upper)
        if got is None:
            return None
        if not (got.bought.any() or got.sold.any()):
            _, best = market.best(got.price)
            if market.dual(got.price, best) == int(np.dot(got.flow, market.worth)):
                return got.flow
        move = (got.price - price)[:-1]
        ahead = AHEAD * 2 ** min(max(number + 1 - WIDEN_FROM, 0), 40)
        moved = np.minimum(np.abs(move), UNLIMITED // ahead) * ahead
        held_up = (got.bought > 0) | (got.price >= upper)[:-1]
        held_down = (got.sold > 0) | ((got.price <= lower) & (got.price > 0))[:-1]
        wider = np.maximum(down, least) * GROWTH
        wider = np.where(wider >= CLIFF, np.maximum(wider, tier), wider)
        kept = np.where(down >= tier, down // 4, 0)  # others may have to fall with it
        down = np.maximum(least + np.where(move < 0, moved, 0), np.where(held_down, wider, kept))
        down = np.minimum(down, UNLIMITED)
        up = np.where(held_up, UNLIMITED, least + np.where(move > 0, moved, 0))
        price = got.price
    return None


def doubts(market: Market, price: Int64s, shares: tuple[float, ...]) -> list[int]:
    """The widths at which such shares of the needs have a second choice, waiting being one; at least 1.

    Where there are many needs, some of them tell.
    """
    every = market.quantity.size // TOLD_BY + 1
    if every > 1:
        taken = np.zeros(market.quantity.size, np.bool_)
        taken[::every] = True
        market = market.of(np.flatnonzero(taken[market.need]))
    beyond, best = market.best(price)
    none = -int(market.worth.max())  # stands for no second choice at all
    second = np.maximum.reduceat(np.where(beyond < best[market.need], beyond, none), market.first)
    regret = best - np.maximum(second, np.where(best > 0, 0, none))
    return [max(int(width), 1) for width in np.quantile(regret, shares)]


def _limits(market: Market, price: Int64s, down: Int64s, up: Int64s) -> tuple[Int64s, Int64s]:
    """The box: no lower limit below 0, no upper one above what anything is worth or below that of the node above."""
    lower, upper = price.copy(), price.copy()
    lower[:-1] = np.maximum(price[:-1] - down, 0)
    upper[:-1] += up
    upper[:-1] = np.where(upper[:-1] > int(market.worth.max()), UNLIMITED, upper[:-1])
    while np.any(upper[:-1] < upper[market.above]):  # one nesting further down each time
        upper[:-1] = np.maximum(upper[:-1], upper[market.above])
    return lower, upper
