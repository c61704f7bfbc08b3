"""Prices of a market guessed from a sample of its needs over the same share of the capacity."""

from __future__ import annotations

import numpy as np

from matching.columns import Int64s
from matching.network.market import Market
from matching.network.potentials import proving_prices
from matching.network.restricted import solved
from matching.problem import FIT_MAX

STRIDE = 10
"""Every so manieth need is in the sample."""

SAMPLED_UNITS = 8
"""So many units of an offer at least are in a sample that tells its price."""

TIER_STEP = 20 * FIT_MAX
"""What a tier more is worth in a sample. Less than the whole market asks for, it saves a third of the time, and
the fits along a chain of moves that is worth making hardly ever add up to it."""


def sample_prices(market: Market, stride: int | None = None) -> Int64s:
    """Prices that are exact for a sample, in the market's terms.

    The sample is even over the needs with the same favourite offer, quantity and worth there, and the shares
    of capacity add up along the offers: both leave much less to chance than drawing would.

    Args:
        market: the whole.
        stride: every so manieth need is in; as the units of an offer allow, if None.
    Returns:
        int64 (v + 1,); none is below that of the node above.
    """
    nothing = np.zeros(market.above.size + 1, np.int64)
    sample = _sample(market, stride or min(STRIDE, max(int(market.units_an_offer() / SAMPLED_UNITS), 2)))
    if sample is None:
        return nothing
    arcs = np.arange(sample.need.size)
    _, best = sample.best(nothing)
    told = proving_prices(sample, solved(sample, arcs, sample.capacity, nothing, best), nothing)
    tiers = (told + sample.step // 2) // sample.step
    return np.asarray(told + tiers * (market.step - sample.step), np.int64)


def _sample(market: Market, stride: int) -> Market | None:
    best = np.maximum.reduceat(market.worth, market.first)
    favourite = np.empty(market.quantity.size, np.int64)
    top = np.flatnonzero(market.worth == best[market.need])
    favourite[market.need[top]] = market.offer[top]
    order = np.lexsort((best, market.quantity, favourite))
    sampled = np.zeros(market.quantity.size, np.bool_)
    sampled[order[stride // 2 :: stride]] = True
    if not sampled.any():
        return None
    share = float(market.quantity[sampled].sum()) / float(market.quantity.sum())
    inside = market.of(np.flatnonzero(sampled[market.need]))
    step = min(market.step, TIER_STEP)
    own, pools = market.capacity[: market.offers], market.capacity[market.offers :]
    return inside._replace(
        worth=inside.worth - inside.worth // market.step * (market.step - step),
        capacity=np.concatenate([_shared_out(own, share), _shared_out(pools, share)]),
        step=step,
    )


def _shared_out(capacity: Int64s, share: float) -> Int64s:
    return np.diff(np.floor(np.cumsum(capacity.astype(np.float64)) * share + 0.5), prepend=0).astype(np.int64)
