"""The exact engine for problems without coupled constraints: one integral minimum-cost flow.

Nodes are the tiers, the needs, the offers, the pools and a sink. Each tier sends as many units as its needs
ask for. A unit goes from its tier to a need, to an offer, through the offer's pool, that pool's parent and
so on to the sink; or straight from the tier to the sink on the tier's *bypass*, which means that it is not
served. Costs are chosen so that the cheapest flow is the best one in the contract's order: most units of
tier 0, then of tier 1 and so on, then the greatest fit.

Let T be the number of tiers, F the greatest fit, and c the lesser of the numbers of needs and of offers. A
served unit of tier t is worth W(t) + fit with W(t) = (T - t) * (c * F + 1).

*Claim.* A flow of the greatest total worth serves the lexicographically greatest numbers of units by tier,
and among these has the greatest fit.

*Proof.* Let x be such a flow and y any feasible one. y - x is a sum of simple cycles, each feasible in the
residual network of x (conformal decomposition). No cycle has positive worth, or x were not greatest. A
simple cycle passes the sink at most once, so it uses at most one bypass forward (tier a loses a unit) and at
most one backward (tier b gains one). The arcs with fit on it touch each need and each offer that it visits
at most twice, once forward and once backward, so its fit changes by at most c * F in size. If it changed the
coverage for the better in the lexicographic order, then b < a, or a unit is gained and none is lost; either
way its worth would be at least (c * F + 1) - c * F > 0, a contradiction. So every cycle leaves the coverage
equal or makes it lexicographically worse. That order is kept by addition, so y's coverage is not better than
x's. If it is equal, then no cycle changes it (changes that are never better add to zero only if each is
zero), so none has positive fit, and y's fit is at most x's. All capacities are whole numbers, so the flow is
too (Ahuja, Magnanti & Orlin 1993, Network Flows, theorems 3.5 and 9.10).

Where these costs are too large for the solver's range, two flows with small costs give the same result: the
proof without fit shows that the weights T - t alone give the best coverage; a second flow then sends exactly
these units from each tier at the greatest fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from matching.columns import Bools, Int8s, Int32s, Int64s
from matching.problem import FIT_MAX

LARGEST_COST = 2**50
"""Costs above this are not offered to the solver: it would refuse them by its own check, as it does smaller
ones on larger networks (1e14 at 100,000 nodes)."""


class Network(NamedTuple):
    """The columns of a problem that a network uses, meaning what they mean in :class:`matching.Problem`.

    A unit takes one unit of capacity of its offer and of every pool above it.
    """

    quantity: Int64s
    tier: Int8s
    capacity: Int64s
    need: Int32s
    offer: Int32s
    fit: Int32s
    pool: Int32s
    pool_capacity: Int64s
    pool_parent: Int32s

    def of(self, arcs: Bools | NDArray[np.int64]) -> Network:
        """The network of some of the arcs only; all rows stay."""
        return self._replace(need=self.need[arcs], offer=self.offer[arcs], fit=self.fit[arcs])


def best_flow(network: Network, limits: Int64s | None = None, *, largest_cost: int = LARGEST_COST) -> Int64s:
    """The best flow of a network in the contract's order.

    Args:
        network: its columns. Needs and offers without arcs cost next to nothing.
        limits: int64, at most so many units of each tier may be served; all of them if None.
        largest_cost: go by two flows at once if one flow needs costs above this.
    Returns:
        int64 (k,), units on each arc. The same network gives the same flow.
    """
    if network.need.size == 0:
        return np.zeros(0, np.int64)
    compact, tier_values = compacted(network)
    supply = np.zeros(tier_values.size, np.int64)
    np.add.at(supply, compact.tier, compact.quantity)
    if limits is not None:
        supply = np.minimum(supply, limits[tier_values])
    tiers = np.arange(tier_values.size, dtype=np.int64)
    top = best_fit(compact)
    step = min(compact.quantity.size, compact.capacity.size) * top + 1
    if tiers.size * step + top <= largest_cost:
        together = _cheapest(compact, supply, (tiers.size - tiers) * step + top, fit=True)
        if together is not None:
            return together
    coverage = _cheapest(compact, supply, tiers.size - tiers, fit=False)
    if coverage is None:
        raise RuntimeError("the minimum-cost flow refused the smallest costs that settle the coverage")
    reached = np.zeros(tiers.size, np.int64)
    np.add.at(reached, compact.tier[compact.need], coverage)
    flow = _cheapest(compact, reached, None, fit=True)
    if flow is None:
        raise RuntimeError("the minimum-cost flow refused the costs of the fit alone")
    return flow


def best_fit(network: Network) -> int:
    """What no fit on its arcs exceeds: the contract's greatest, or more where prices of a reserve are in them."""
    return max(FIT_MAX, int(network.fit.max(initial=0)))


def compacted(network: Network) -> tuple[Network, Int64s]:
    """The network without needs and offers that have no arcs, its tiers as ranks; and the tiers by rank."""
    needs, need = _ranks(network.need, network.quantity.size)
    offers, offer = _ranks(network.offer, network.capacity.size)
    tier_values, tier = np.unique(network.tier[needs], return_inverse=True)
    pool, pool_capacity, pool_parent = _used_pools(network, network.pool[offers])
    compact = network._replace(
        quantity=network.quantity[needs],
        tier=tier.astype(np.int8),
        capacity=network.capacity[offers],
        need=need,
        offer=offer,
        pool=pool,
        pool_capacity=pool_capacity,
        pool_parent=pool_parent,
    )
    return compact, tier_values.astype(np.int64)


def _used_pools(network: Network, pool: Int32s) -> tuple[Int32s, Int64s, Int32s]:
    """The pools of some offers as ranks among those that any of these offers draws on, and these pools' columns."""
    pools = network.pool_capacity.size
    if pools == 0:
        return pool, network.pool_capacity, network.pool_parent
    rank = np.full(pools + 1, -1, np.int32)  # the last place answers for -1, no pool
    used, above = np.zeros(pools, np.bool_), np.unique(pool[pool >= 0])
    while above.size:
        used[above] = True
        above = np.unique(network.pool_parent[above])
        above = above[above >= 0]
    rank[:-1][used] = np.arange(np.count_nonzero(used), dtype=np.int32)
    return rank[pool], network.pool_capacity[used], rank[network.pool_parent[used]]


def _ranks(rows: Int32s, size: int) -> tuple[Int64s, Int32s]:
    """The different values of ``rows``, below ``size``, and the rank of each value among them."""
    if rows.size * 8 < size:  # sorting few is faster than marking all
        values, ranks = np.unique(rows, return_inverse=True)
        return values.astype(np.int64), ranks.astype(np.int32)
    present = np.zeros(size, np.bool_)
    present[rows] = True
    marked = np.flatnonzero(present).astype(np.int64)
    if marked.size == size:
        return marked, rows
    rank = np.cumsum(present, dtype=np.int32)
    rank -= 1
    return marked, rank[rows]


def _cheapest(network: Network, supply: Int64s, bypass: Int64s | None, *, fit: bool) -> Int64s | None:
    """The units on each arc in a cheapest flow, or None if its costs leave the solver's range.

    Args:
        network: a compact one.
        supply: int64 (tiers,), units that each tier sends.
        bypass: int64 (tiers,), cost of a unit not served; None if all of ``supply`` can and must be served.
        fit: whether a served unit costs the best fit less its own, or nothing.
    Raises:
        RuntimeError: the solver fails in any other way; each network given here has a feasible flow.
    """
    needs, offers, pools = network.quantity.size, network.capacity.size, network.pool_capacity.size
    first_pool, sink = needs + offers, needs + offers + pools
    tier_node = sink + 1 + np.arange(supply.size)
    total = int(supply.sum())
    arcs = Arcs()
    # The short layers before the long one: measured fastest. No more than all demand can pass anywhere, and
    # capacities cut to that keep the solver's sums in range.
    if bypass is not None:
        arcs.add(tier_node, sink, supply, bypass)
    arcs.add(sink + 1 + network.tier.astype(np.int32), np.arange(needs), network.quantity, 0)
    above = np.where(network.pool >= 0, first_pool + network.pool, sink)
    arcs.add(np.arange(needs, first_pool), above, np.minimum(network.capacity, total), 0)
    above = np.where(network.pool_parent >= 0, first_pool + network.pool_parent, sink)
    arcs.add(np.arange(first_pool, sink), above, np.minimum(network.pool_capacity, total), 0)
    cost = best_fit(network) - network.fit if fit else 0
    serving = arcs.add(network.need, needs + network.offer, network.quantity[network.need], cost)
    return arcs.cheapest(np.append(tier_node, sink), np.append(supply, -total), serving)


class Arcs:
    """Arcs of a flow network, gathered layer by layer and handed to the solver in one call."""

    def __init__(self) -> None:
        self._layers: list[tuple[Int32s, Int32s, Int64s, Int64s]] = []
        self._size = 0

    def add(self, tail: ArrayLike, head: ArrayLike, capacity: ArrayLike, cost: ArrayLike) -> Int32s:
        """Add arcs (a single number stands for all of them) and give their places in the solver."""
        columns = np.broadcast_arrays(tail, head, capacity, cost)
        self._layers.append(
            (
                columns[0].astype(np.int32, copy=False),
                columns[1].astype(np.int32, copy=False),
                columns[2].astype(np.int64, copy=False),
                columns[3].astype(np.int64, copy=False),
            )
        )
        first = self._size
        self._size += columns[0].size
        return np.arange(first, self._size, dtype=np.int32)

    def cheapest(self, nodes: Int64s, supply: Int64s, wanted: Int32s) -> Int64s | None:
        """Solve, and give the units on the ``wanted`` arcs; None if the solver refuses the costs."""
        solver = SimpleMinCostFlow()
        columns = [np.concatenate(column) for column in zip(*self._layers, strict=True)]
        self._layers.clear()
        solver.add_arcs_with_capacity_and_unit_cost(*columns)
        del columns
        solver.set_nodes_supplies(nodes.astype(np.int32), supply)
        status = solver.solve()
        if status == solver.BAD_COST_RANGE:
            return None
        if status != solver.OPTIMAL:
            raise RuntimeError(f"the minimum-cost flow ended as {status.name}, though a flow exists")
        return np.asarray(solver.flows(wanted), np.int64)
