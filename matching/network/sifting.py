"""The exact flow of a large network by prices, where that is faster; sifting, where few units are to be had.

With many units an offer, prices that a sample tells lead to the best flow (`descent`). With few, as in
assignments, a sample tells nothing; the best arcs of each need and each offer then come first. A *round* solves the
flow on the arcs that it takes; needs with one choice are fixed to it.

A round's flow x of the whole market is feasible, so its worth is at most the optimum. Its prices p are not
below those of the nodes above, so ``Market.dual(p)`` is at least the optimum (linear duality). Where both
are equal, x is of the greatest worth, whatever led to it: nothing in the way the arcs were chosen has to be
trusted. Where they differ, the needs for which p has a better choice than x gave are set free with these
choices, and another round follows; this is sifting (Bixby, Gregory, Lustig, Marsten & Shanno 1992, Very
large-scale linear programming, Operations Research 40). The set of arcs only grows, so it ends; if it takes
too many rounds, the caller solves the whole instead.

Once few needs are ill served, rounds take only what lies about as near as the prices last moved, and that set
grows instead (*local* rounds). Should it prove too narrow, the full set goes on growing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matching.columns import Bools, Int64s
from matching.network.descent import descended
from matching.network.flow import Network, best_flow
from matching.network.market import Market, market_of, starts_of
from matching.network.potentials import proving_prices
from matching.network.restricted import solved

SIFT_FROM = 100_000
"""Networks with fewer arcs are solved at once: that is as fast."""

TELLING_UNITS = 40
"""Offers that serve so many units on average have prices that a sample can tell."""

FEW_UNITS = 6
"""With fewer units an offer than this a sample tells nothing; the best arcs come first, where there are many."""

BEST_ARCS = 16
"""So many best arcs of each need and of each offer then come first."""

ROUNDS = 24
"""Rounds before giving up."""

MOVES = 2
"""A local round takes what lies within so many movements that three of four prices keep to."""

MUCH = 4
"""A local round begins anew, narrower, where the gap shrank so many times; else it only adds what failed."""

NEARLY = 0.1
"""With at most this share of the needs ill served a round is local."""


class Guess(NamedTuple):
    """Prices as what a unit is worth that would go without, int64 (m + p,) by offers and then pools.

    Attributes:
        tier: its tier; -1 for none, where nobody would.
        fit: the fit beside it.
    """

    tier: Int64s
    fit: Int64s


class Round(NamedTuple):
    """What came of a round.

    Attributes:
        flow: int64 (k,), a feasible flow of the market.
        price: int64 (v + 1,).
        gap: how much better any flow could be.
        poor: bool (n,), needs that would choose differently at these prices.
        beyond, best: as ``Market.best`` gives them at these prices.
    """

    flow: Int64s
    price: Int64s
    gap: int
    poor: Bools
    beyond: Int64s
    best: Int64s


def sifted(market: Market, *, rounds: int = ROUNDS) -> Int64s | None:
    """A flow of the greatest worth, proven so; None if that takes too many rounds.

    Returns:
        int64 (k,), units on the market's arcs. The same market gives the same flow.
    """
    price = np.zeros(market.above.size + 1, np.int64)
    full = _Set(_best_arcs(market), np.ones(market.quantity.size, np.bool_))
    taken, local, least_gap = full, False, np.iinfo(np.int64).max
    for _ in range(rounds):
        got = _round(market, taken, price)
        if got.gap == 0:
            return got.flow
        better = got.poor[market.need] & (got.beyond > _worst_used(market, got)[market.need])
        few = got.poor.mean() <= NEARLY
        if few and got.gap * MUCH <= least_gap:
            taken, local, least_gap = _local(market, got, better, price), True, got.gap
        elif local and few:
            taken = _Set(taken.near | better, taken.free | got.poor)
        elif local:  # it was too narrow: go on with the full set as it was left
            taken, local = full, False
            continue
        else:
            full = taken = _Set(full.near | better, full.free | got.poor)
        price = got.price
    return None


class _Set(NamedTuple):
    """The arcs that a round takes, bool (k,), and the needs that it leaves free, bool (n,)."""

    near: Bools
    free: Bools


def _within(market: Market, beyond: Int64s, best: Int64s, width: int) -> _Set:
    """The arcs within ``width`` of their need's best; free is who has several choices, one being to wait."""
    near = beyond >= (best - width)[market.need]
    return _Set(near, market.sums(near) + (best <= width) != 1)


def _local(market: Market, got: Round, better: Bools, price: Int64s) -> _Set:
    """What a round takes that starts from a nearly best flow: its own arcs, those better, and close ones."""
    moved = np.abs(got.price - price)[:-1]
    width = MOVES * int(np.quantile(moved, 0.75)) + 5
    close = _within(market, got.beyond, got.best, width)
    near = close.near | better | (got.flow > 0)
    waiting = (got.best <= width) | (market.sums(got.flow) < market.quantity)
    return _Set(near, got.poor | (market.sums(near) + waiting != 1))


def _worst_used(market: Market, got: Round) -> Int64s:
    """What the worst unit of each need is worth beyond its price; 0 at most for one that waits."""
    used = np.where(got.flow > 0, got.beyond, np.iinfo(np.int64).max)
    worst = np.minimum.reduceat(used, market.first)
    return np.where(market.sums(got.flow) < market.quantity, np.minimum(worst, 0), worst)


def _best_arcs(market: Market) -> Bools:
    """The ``BEST_ARCS`` arcs of each need and of each offer that are worth most."""
    needs, offers = market.quantity.size, market.offers
    if market.need.size == needs * offers and min(needs, offers) > BEST_ARCS:  # every pair: a table of rows in order
        offer, table = market.offer.reshape(needs, offers), market.worth.reshape(needs, offers)
        if not np.all(offer == np.arange(offers, dtype=np.int32)):
            table = np.empty_like(table)
            table[market.need, market.offer] = market.worth
        least_of_need = np.partition(table, offers - BEST_ARCS, axis=1)[:, offers - BEST_ARCS]
        least_of_offer = np.partition(table.T.copy(), needs - BEST_ARCS, axis=1)[:, needs - BEST_ARCS]
        near = (table >= least_of_need[:, None]) | (table >= least_of_offer)
        return near.ravel() if table.base is not None else near[market.need, market.offer]
    near = np.zeros(market.need.size, np.bool_)
    for row in (market.need, market.offer):
        order = np.lexsort((-market.worth, row))
        starts = starts_of(row[order])
        rank = np.arange(order.size) - np.repeat(starts, np.diff(np.append(starts, order.size)))
        near[order[rank < BEST_ARCS]] = True
    return near


def _round(market: Market, taken: _Set, price: Int64s) -> Round:
    fixed, free = _fixed(market, taken)
    flow = np.zeros(market.need.size, np.int64)
    flow[fixed] = market.quantity[market.need[fixed]]
    capacity = market.capacity - _through(market, fixed)
    arcs = np.flatnonzero(taken.near & free[market.need])
    if arcs.size:
        _, best = market.best(price)
        chosen = solved(market, arcs, capacity, price, best)
        flow[arcs] = chosen.flow
        price = proving_prices(market, chosen, price)
    beyond, best = market.best(price)
    poor = market.sums(flow * beyond) < market.quantity * best
    gap = market.dual(price, best) - int(np.dot(flow, market.worth))
    return Round(flow, price, gap, poor, beyond, best)


def _fixed(market: Market, taken: _Set) -> tuple[Int64s, Bools]:
    """Arcs of the needs that are not free, and who is: also those who together are too many for a node."""
    fixed, free = np.flatnonzero(taken.near & ~taken.free[market.need]), taken.free
    crowded = np.append(_through(market, fixed) > market.capacity, False)
    if crowded.any():
        while True:
            spread = crowded | np.append(crowded[market.above], False)
            if np.array_equal(spread, crowded):
                break
            crowded = spread
        out = crowded[market.offer[fixed]]
        free = free.copy()
        free[market.need[fixed[out]]] = True
        fixed = fixed[~out]
    return fixed, free


def _through(market: Market, fixed: Int64s) -> Int64s:
    own = np.zeros(market.offers, np.int64)
    np.add.at(own, market.offer[fixed], market.quantity[market.need[fixed]])
    return market.through(own)


def exact_flow(
    network: Network, guess: Guess | None = None, *, sift_from: int = SIFT_FROM, always: bool = False
) -> Int64s:
    """The best flow of a network in the contract's order, by prices where that pays.

    Args:
        network: as for :func:`matching.network.flow.best_flow`.
        guess: prices to begin with, as those of a network with the same offers and similar needs.
        sift_from: networks with fewer arcs are solved at once.
        always: go by prices even where that is not likely to pay.
    Returns:
        int64 (k,). The same network gives the same flow.
    """
    if network.need.size >= sift_from:
        market = market_of(network)
        price = None if market is None or guess is None else _told(guess, network, market)
        flow = None if market is None else flow_by_prices(market, price, always=always)
        if market is not None and flow is not None:
            return market.in_given_order(flow)
    return best_flow(network)


def _told(guess: Guess, network: Network, market: Market) -> Int64s:
    """A guess in the terms of a market, no price below that of the node above."""
    used = np.zeros(guess.tier.size, np.bool_)
    used[network.offer] = True
    pool = np.unique(network.pool[used[: network.capacity.size]])
    while (pool := pool[pool >= 0]).size:
        used[network.capacity.size + pool] = True
        pool = np.unique(network.pool_parent[pool])
    asking = np.zeros(network.tier.size, np.bool_)
    asking[network.need] = True
    tiers = np.unique(network.tier[asking])
    worth = (tiers.size - np.searchsorted(tiers, guess.tier)) * market.step
    price = np.append(np.maximum(np.where(guess.tier >= 0, worth, 0) + guess.fit, 0)[used], 0)
    while np.any(price[:-1] < price[market.above]):
        price[:-1] = np.maximum(price[:-1], price[market.above])
    return np.asarray(price, np.int64)


def flow_by_prices(market: Market, price: Int64s | None = None, *, always: bool = False) -> Int64s | None:
    """A flow of the greatest worth by the road that measured faster than the plain one; None where neither is.

    Args:
        market: the whole.
        price: int64 (v + 1,), where to begin if the road needs prices; a sample tells if None.
        always: go by prices even where that is not likely to pay.
    Returns:
        int64 (k,), units on the market's arcs. The same market gives the same flow.
    """
    units = market.units_an_offer()
    if units >= TELLING_UNITS or (always and units >= FEW_UNITS):
        return descended(market, price)
    crowded = market.need.size >= 4 * BEST_ARCS * max(market.quantity.size, market.offers)
    return sifted(market) if always or (units < FEW_UNITS and crowded) else None
