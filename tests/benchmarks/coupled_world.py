"""A made-up province whose needs come in bundles and whose offers have budgets and minimum batches, by seed.

One part holds most needs: they lie in a square, each sees the nearest of the offers there and some that serve the
whole square, which join it to one component. The others are counties that share nothing with anyone.
"""

from __future__ import annotations

import numpy as np

from matching import FIT_MAX, Problem
from matching.columns import Int64s

ARCS_A_NEED = 12
"""Offers that a need may go to."""


def coupled_world(seed: int, *, needs: int = 5_000, share: float = 0.8, counties: int = 10) -> Problem:
    """A problem of about ``needs`` needs, ``share`` of them in one component, the rest in ``counties`` small ones.

    A quarter of the needs is bundled by two to four of any tiers; one in twenty must come whole; four in ten
    offers have a budget that pays for about two thirds of their capacity at mean prices, three in ten a minimum
    batch of up to half of it. Capacity is 0.9 of the demand, unevenly spread.
    """
    random = np.random.default_rng(seed)
    large = round(needs * share)
    sizes = [large, *np.full(counties, (needs - large) // max(counties, 1)).tolist()]
    quantity = random.integers(1, 4, sum(sizes))
    need, offer, distance, capacity = _places(random, sizes, quantity)
    offers = capacity.size
    cost = np.round(random.lognormal(0, 0.6, need.size) * 20_000).astype(np.int64)
    mean_price = int(cost.mean())
    budget = np.where(random.random(offers) < 0.4, capacity * mean_price * 2 // 3, -1)
    batch = np.where(random.random(offers) < 0.3, (capacity * random.uniform(0.1, 0.5, offers)).astype(np.int64), 0)
    closeness = np.exp(-distance * 6)
    fit = np.round(FIT_MAX * (0.6 * closeness + 0.4 * random.random(need.size))).astype(np.int64)
    pairs = random.integers(0, quantity.size, (needs // 100, 2))
    return Problem(
        quantity=quantity,
        tier=random.choice(3, quantity.size, p=[0.1, 0.3, 0.6]),
        capacity=capacity,
        need=need,
        offer=offer,
        fit=fit,
        cost=cost,
        budget=budget,
        minimum_batch=batch,
        bundle=_bundles(random, sizes),
        whole=random.random(quantity.size) < 0.05,
        exclusions=pairs[pairs[:, 0] != pairs[:, 1]],
    )


def _places(random: np.random.Generator, sizes: list[int], quantity: Int64s) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """The arcs' needs, offers and distances (the square's side is 1), and the offers' capacities."""
    needs, offers, distances, capacities = [], [], [], []
    first_need = first_offer = 0
    for size in sizes:
        count = max(size // 25, ARCS_A_NEED + 1)
        here, there = random.random((size, 2)), random.random((count, 2))
        apart = np.hypot(*(here[:, None, axis] - there[None, :, axis] for axis in (0, 1)))
        seen = apart.copy()
        everywhere = random.random(count) < 0.05
        seen[:, everywhere] *= random.random((size, int(everywhere.sum())))
        chosen = np.argsort(seen, axis=1)[:, :ARCS_A_NEED]
        needs.append(first_need + np.repeat(np.arange(size), ARCS_A_NEED))
        offers.append(first_offer + chosen.ravel())
        distances.append(np.take_along_axis(apart, chosen, axis=1).ravel())
        shares = random.gamma(2.0, 1.0, count)
        demand = int(quantity[first_need : first_need + size].sum())
        capacities.append(np.maximum(np.round(0.9 * demand * shares / shares.sum()), 1).astype(np.int64))
        first_need += size
        first_offer += count
    return tuple(np.concatenate(part) for part in (needs, offers, distances, capacities))  # type: ignore[return-value]


def _bundles(random: np.random.Generator, sizes: list[int]) -> Int64s:
    """A quarter of each part's needs by two to four, each bundle within its part."""
    bundle = np.full(sum(sizes), -1, np.int64)
    first = number = 0
    for size in sizes:
        members = first + random.permutation(size)[: size // 4]
        ends = np.cumsum(random.integers(2, 5, members.size))
        for group in np.split(members, ends[ends < members.size]):
            bundle[group] = number
            number += 1
        first += size
    return bundle
