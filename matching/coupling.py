"""Which rules of a problem really couple, and the network that is left when they are relaxed.

Most rules that could couple needs and offers do not: a budget whose units all cost the same is a smaller
capacity, and so is a use that is the same on all arcs; a minimum batch that no demand reaches closes its
offer; an exclusion of two needs without a common offer says nothing. What is left is marked, so that only
the parts that hold it leave the network engine.

Everything here is a relaxation: no feasible solution uses an arc that is dropped, or serves more units
through an offer or pool than the network's capacities say. Where nothing is marked it is exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matching.columns import Bools, Int32s, Int64s
from matching.network.flow import Network
from matching.problem import Problem


class Coupling(NamedTuple):
    """The relaxed network of a problem and the rows whose rules it does not hold.

    Attributes:
        network: capacities in units; all arcs.
        live: bool (k,), arcs that some solution might use.
        needs: bool (n,), needs under a bundle, wholeness or exclusion that binds.
        offers: bool (m,), offers under a use, budget or minimum batch that binds.
        exclusions: int32 (q, 2), the pairs that have an offer in common which could serve both.
    """

    network: Network
    live: Bools
    needs: Bools
    offers: Bools
    exclusions: Int32s


def examine(problem: Problem) -> Coupling:
    """Relax ``problem`` to a network as tightly as single rules allow, and mark the rules that still bind."""
    needs = np.zeros(problem.quantity.size, np.bool_)
    offers = np.zeros(problem.capacity.size, np.bool_)
    units, pool_units = problem.capacity, problem.pool_capacity
    if np.any(problem.use != 1):
        units, pool_units, offers = _relax_use(problem)
    units = _within_pools(problem, units, pool_units)
    if problem.budget.size and problem.budget.max() >= 0 and np.any(problem.cost):
        units, binding = _relax_budget(problem, units)
        offers |= binding
    live = units[problem.offer] > 0
    if problem.whole.any():
        quantity = problem.quantity[problem.need]
        live &= ~problem.whole[problem.need] | (units[problem.offer] >= quantity)
        needs |= problem.whole & (problem.quantity > 1)
    if problem.minimum_batch.size and problem.minimum_batch.max() > 1:
        closed = problem.minimum_batch > np.minimum(units, _demand(problem, live))
        live &= ~closed[problem.offer]
        offers |= (problem.minimum_batch > 1) & ~closed
    if problem.bundle.size and problem.bundle.max() >= 0:
        short, binding = _bundles(problem, units, live)
        live &= ~short[problem.need]
        needs |= binding
    exclusions = _binding_exclusions(problem, units, live)
    needs[exclusions.ravel()] = True
    network = Network(
        problem.quantity,
        problem.tier,
        units,
        problem.need,
        problem.offer,
        problem.fit,
        problem.pool,
        pool_units,
        problem.pool_parent,
    )
    return Coupling(network, live, needs, offers, exclusions)


class Uses(NamedTuple):
    """What a unit takes of capacity, by the trees of offers and pools that share it.

    Attributes:
        offer, pool: int64 (m,), int32 (p,), the tree of each offer and pool.
        least, most: int64 (trees,), over the arcs of each; without arcs the least is the greatest int64, the most 0.
    """

    offer: Int64s
    pool: Int32s
    least: Int64s
    most: Int64s

    def units(self, capacity: Int64s, tree: Int64s | Int32s, everything: int) -> Int64s:
        """The most units that might fit into the capacities of some rows; ``everything`` where they take none."""
        least = self.least[tree]
        return np.where(least == 0, everything, capacity // np.maximum(least, 1))


def uses_of(problem: Problem) -> Uses:
    """The uses by tree: offers below one outermost pool share its capacity, so they are looked at together."""
    pools = problem.pool_capacity.size
    root = np.arange(pools, dtype=np.int32)
    while pools and np.any(problem.pool_parent[root] >= 0):
        parent = problem.pool_parent[root]
        root = np.where(parent >= 0, parent, root)
    tree = pools + np.arange(problem.capacity.size)
    pooled = problem.pool >= 0
    tree[pooled] = root[problem.pool[pooled]]
    least = np.full(pools + problem.capacity.size, np.iinfo(np.int64).max)
    most = np.zeros(least.size, np.int64)
    if problem.use.size and problem.use.min() == problem.use.max():
        reached = np.zeros(problem.capacity.size, np.bool_)
        reached[problem.offer] = True
        least[tree[reached]] = most[tree[reached]] = problem.use[0]
        return Uses(tree, root, least, most)
    np.minimum.at(least, tree[problem.offer], problem.use)
    np.maximum.at(most, tree[problem.offer], problem.use)
    return Uses(tree, root, least, most)


def _relax_use(problem: Problem) -> tuple[Int64s, Int64s, Bools]:
    """Capacities in units, and the offers where the use of a unit differs from arc to arc.

    With the same use u on all arcs of a tree, a capacity of c is exactly one of c // u units; otherwise the smallest
    use gives the most units that might fit.
    """
    uses, everything = uses_of(problem), int(problem.quantity.sum())
    units = uses.units(problem.capacity, uses.offer, everything)
    pool_units = uses.units(problem.pool_capacity, uses.pool, everything)
    return units, pool_units, uses.least[uses.offer] < uses.most[uses.offer]


def _within_pools(problem: Problem, units: Int64s, pool_units: Int64s) -> Int64s:
    """The units of each offer, cut to those of every pool above it."""
    above = problem.pool
    if above.size == 0 or above.max() < 0:
        return units
    units = units.copy()
    while above.max() >= 0:
        inside = above >= 0
        units[inside] = np.minimum(units[inside], pool_units[above[inside]])
        above = np.where(inside, problem.pool_parent[above], np.int32(-1))
    return units


def _relax_budget(problem: Problem, units: Int64s) -> tuple[Int64s, Bools]:
    """The units each offer could pay for if all were its cheapest, and where dearer ones might not fit."""
    least = np.full(units.size, np.iinfo(np.int64).max)
    most = np.zeros(units.size, np.int64)
    np.minimum.at(least, problem.offer, problem.cost)
    np.maximum.at(most, problem.offer, problem.cost)
    limited = (problem.budget >= 0) & (most > 0)
    payable = np.where(limited & (least > 0), problem.budget // np.maximum(least, 1), units)
    units = np.minimum(units, payable)
    served = np.minimum(units, _demand(problem, np.ones(problem.need.size, np.bool_)))
    # Comparing with the quotient keeps clear of an overflow: most * served > budget, without the product.
    binding = limited & (least < most) & (served > problem.budget // np.maximum(most, 1))
    return units, binding


def _demand(problem: Problem, live: Bools) -> Int64s:
    """The units that all needs with a live arc to an offer ask for."""
    demand = np.zeros(problem.capacity.size, np.int64)
    np.add.at(demand, problem.offer[live], problem.quantity[problem.need[live]])
    return demand


def _bundles(problem: Problem, units: Int64s, live: Bools) -> tuple[Bools, Bools]:
    """The needs in bundles that cannot be served in full, and those in bundles that could and that couple."""
    bundled = problem.bundle >= 0
    _, bundle = np.unique(problem.bundle[bundled], return_inverse=True)
    need, offer = problem.need[live], problem.offer[live]
    obtainable = np.zeros(problem.quantity.size)  # floats: each term is exact, and large sums need not be
    np.add.at(obtainable, need, np.minimum(problem.quantity[need], units[offer]).astype(np.float64))
    short = np.bincount(bundle, weights=obtainable[bundled] < problem.quantity[bundled]) > 0
    large = np.bincount(bundle, weights=problem.quantity[bundled].astype(np.float64)) > 1
    hopeless, binding = np.zeros_like(bundled), np.zeros_like(bundled)
    hopeless[bundled] = short[bundle]
    binding[bundled] = large[bundle] & ~short[bundle]
    return hopeless, binding


def _binding_exclusions(problem: Problem, units: Int64s, live: Bools) -> Int32s:
    """The exclusions whose needs have a live arc to the same offer with room for two units."""
    if problem.exclusions.size == 0:
        return problem.exclusions
    concerned = np.zeros(problem.quantity.size, np.bool_)
    concerned[problem.exclusions.ravel()] = True
    roomy = live & concerned[problem.need] & (units[problem.offer] > 1)
    offers_of: dict[int, set[int]] = {}
    for need, offer in zip(problem.need[roomy].tolist(), problem.offer[roomy].tolist(), strict=True):
        offers_of.setdefault(need, set()).add(offer)
    nothing: set[int] = set()
    binding = [
        not offers_of.get(one, nothing).isdisjoint(offers_of.get(other, nothing))
        for one, other in problem.exclusions.tolist()
    ]
    return problem.exclusions[np.array(binding, np.bool_)]


def excluded_arcs(exclusions: Int32s, need: Int32s, offer: Int32s) -> list[tuple[int, int]]:
    """The pairs of arcs, given by their ``need`` and ``offer``, of which an exclusion allows one.

    Returns:
        places in ``need``; the needs of a pair are excluded and their offer is the same.
    """
    pairs = exclusions[np.isin(exclusions[:, 0], need)]
    concerned = np.flatnonzero(np.isin(need, pairs))
    place = {(int(need[row]), int(offer[row])): int(row) for row in concerned}
    offers_of: dict[int, list[int]] = {}
    for one, here in place:
        offers_of.setdefault(one, []).append(here)
    return [
        (place[one, here], place[other, here])
        for one, other in pairs.tolist()
        for here in offers_of[one]
        if (other, here) in place
    ]
