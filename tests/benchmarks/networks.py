"""Made-up networks for the benchmarks of the engines, the same for the same seed."""

from __future__ import annotations

import numpy as np

from matching import FIT_MAX, Problem


def county_network(
    seed: int, *, needs: int, offers: int, arcs_a_need: int, counties: int = 22, wide_offers: float = 0.0
) -> Problem:
    """Needs in counties, each with arcs to offers of its own county and some to province-wide ones.

    Args:
        wide_offers: the share of the offers that serve every county; they then have 8 % of the arcs. Without
            any the counties share nothing.
    """
    rng = np.random.default_rng(seed)
    wide = round(offers * wide_offers)
    local = offers - wide
    seat = np.sort(rng.integers(0, counties, local))
    first, size = np.searchsorted(seat, np.arange(counties)), np.bincount(seat, minlength=counties)
    county = rng.integers(0, counties, needs)
    # Drawn with repeats, which fall away: a third more for few offers brings the arcs to about what is asked.
    need = np.repeat(np.arange(needs), arcs_a_need + arcs_a_need // 3)
    offer = first[county[need]] + (rng.random(need.size) * size[county[need]]).astype(np.int64)
    if wide:
        joins = rng.random(need.size) < 0.08
        offer[joins] = local + rng.integers(0, wide, int(joins.sum()))
    pair = np.unique(need * offers + offer)
    quantity = np.where(rng.random(needs) < 0.8, 1, rng.integers(2, 4, needs))
    return Problem(
        quantity=quantity,
        tier=rng.choice(3, needs, p=(0.15, 0.35, 0.5)),
        capacity=rng.poisson(0.9 * quantity.sum() / offers, offers),
        need=pair // offers,
        offer=pair % offers,
        fit=rng.integers(0, FIT_MAX + 1, pair.size),
    )


def dense_assignment(seed: int, size: int) -> Problem:
    """Every need could be served by every offer; one unit each."""
    rng = np.random.default_rng(seed)
    ones, rows = np.ones(size, np.int64), np.arange(size)
    return Problem(
        quantity=ones,
        tier=rng.choice(3, size),
        capacity=ones,
        need=np.repeat(rows, size),
        offer=np.tile(rows, size),
        fit=rng.integers(0, FIT_MAX + 1, size * size),
    )
