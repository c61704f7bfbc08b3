"""The exact engine for problems without coupled constraints: one integral minimum-cost flow.

Nodes are the needs, the offers, the pools and a sink. A unit of a need runs to the sink either through an offer
(and its pool, the pool's parent and so on) or along the need's own *bypass*, which means that it is not served.
Costs are chosen so that the cheapest flow is the best one in the contract's order: most units of tier 0, then of
tier 1 and so on, then the greatest fit.

Let T be the number of tiers, F the greatest fit, and c the lesser of the numbers of needs and of offers. A served
unit of tier t is worth W(t) + fit with W(t) = (T - t) * (c * F + 1).

*Claim.* A flow of the greatest total worth serves the lexicographically greatest numbers of units by tier, and
among these has the greatest fit.

*Proof.* Let x be such a flow and y any feasible one. y - x is a sum of simple cycles, each feasible in the
residual network of x (conformal decomposition). No cycle has positive worth, or x were not greatest. A simple
cycle passes the sink at most once, so it uses at most one bypass forward (a need of tier a loses a unit) and at
most one backward (a need of tier b gains one). The arcs with fit on it touch each need and each offer that it
visits at most twice, once forward and once backward, so its fit changes by at most c * F in size. If it changed
the coverage for the better in the lexicographic order, then b < a, or a unit is gained and none is lost; either
way its worth would be at least (c * F + 1) - c * F > 0, a contradiction. So every cycle leaves the coverage
equal or lexicographically worse; that order is kept by addition, hence y's coverage is not better than x's. If it
is equal, then every cycle's change is zero (a sum of changes that are not better is zero only if each is), so
none has positive fit, and y's fit is at most x's. All capacities are whole numbers, so the flow is too (Ahuja,
Magnanti & Orlin 1993, Network Flows, theorems 9.10 and 9.8). Pools are further nodes and change nothing.

Where these costs are too large for the solver's range, two flows with small costs give the same result: the
proof without fit shows that the weights T - t alone give the best coverage; a second flow then sends exactly
these units through one node for each tier at the greatest fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from matching.columns import Int8s, Int32s, Int64s
from matching.problem import FIT_MAX

LARGEST_COST = 2**50
"""Costs above this are not even offered to the solver, which refuses them sooner or later by its own check."""


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


class _Arcs:
    """Arcs of a flow network, gathered in pieces and handed to the solver in one call."""

    def __init__(self) -> None:
        self.pieces: list[tuple[Int32s, Int32s, Int64s, Int64s]] = []
        self.size = 0

    def add(
        self, tail: ArrayLike, head: ArrayLike, capacity: ArrayLike, cost: ArrayLike
    ) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        """Add arcs (scalars are repeated) and give their numbers in the solver."""
        shape = np.broadcast_shapes(*(np.shape(part) for part in (tail, head, capacity, cost)))
        self.pieces.append(
            (
                np.broadcast_to(np.asarray(tail, np.int32), shape),
                np.broadcast_to(np.asarray(head, np.int32), shape),
                np.broadcast_to(np.asarray(capacity, np.int64), shape),
                np.broadcast_to(np.asarray(cost, np.int64), shape),
            )
        )
        numbers = np.arange(self.size, self.size + shape[0], dtype=np.int32)
        self.size += shape[0]
        return numbers

    def cheapest(self, nodes: ArrayLike, supply: ArrayLike, wanted: Int32s) -> Int64s | None:
        """The units on the ``wanted`` arcs in a cheapest flow, or None if the costs leave the solver's range.

        Raises:
            RuntimeError: the solver fails in any other way; every network built here has a feasible flow.
        """
        solver = SimpleMinCostFlow()
        columns = [np.concatenate(column) for column in zip(*self.pieces, strict=True)]
        self.pieces.clear()
        solver.add_arcs_with_capacity_and_unit_cost(*columns)
        del columns
        solver.set_nodes_supplies(np.asarray(nodes, np.int32), np.asarray(supply, np.int64))
        status = solver.solve()
        if status == solver.BAD_COST_RANGE:
            return None
        if status != solver.OPTIMAL:
            raise RuntimeError(
                f"minimum-cost flow ended as {status.name}, though serving nothing is feasible"
            )
        return np.asarray(solver.flows(wanted), np.int64)


def best_flow(network: Network, *, largest_cost: int = LARGEST_COST) -> Int64s:
    """The best flow of a network in the contract's order.

    Args:
        network: its columns; rows that cannot carry anything cost no time.
        largest_cost: go by two flows at once if one flow needs costs above this.
    Returns:
        int64 (k,), units on each arc. The same network gives the same flow.
    """
    usable = _usable(network)
    flow = np.zeros(network.need.size, np.int64)
    if not usable.any():
        return flow
    everything = bool(usable.all())
    compact = _compact(network, slice(None) if everything else usable)
    units = _in_one_flow(compact, largest_cost)
    if units is None:
        units = _by_levels(compact)
    if everything:
        return units
    flow[usable] = units
    return flow


def _usable(network: Network) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Arcs whose offer has capacity, in the offer itself and in every pool above it."""
    least, above = network.capacity.copy(), network.pool
    while above.size and above.max() >= 0:
        inside = above >= 0
        least[inside] = np.minimum(least[inside], network.pool_capacity[above[inside]])
        above = (
            np.where(inside, network.pool_parent[above], np.int32(-1)) if network.pool_parent.size else above
        )
    open_offer = least > 0
    return open_offer[network.offer]


def _compact(network: Network, kept: slice | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Network:
    """The network of the ``kept`` arcs: needs and offers without arcs leave, tiers become ranks."""
    need, offer = network.need[kept], network.offer[kept]
    needs = np.flatnonzero(np.bincount(need, minlength=network.quantity.size))
    offers = np.flatnonzero(np.bincount(offer, minlength=network.capacity.size))
    need_row = np.zeros(network.quantity.size, np.int32)
    need_row[needs] = np.arange(needs.size, dtype=np.int32)
    offer_row = np.zeros(network.capacity.size, np.int32)
    offer_row[offers] = np.arange(offers.size, dtype=np.int32)
    return network._replace(
        quantity=network.quantity[needs],
        tier=np.unique(network.tier[needs], return_inverse=True)[1].astype(np.int8),
        capacity=network.capacity[offers],
        need=need_row[need],
        offer=offer_row[offer],
        fit=network.fit[kept],
        pool=network.pool[offers],
    )


def _in_one_flow(network: Network, largest_cost: int) -> Int64s | None:
    """Coverage and fit together, with the costs of the module's proof; None if they are out of range."""
    needs, offers = network.quantity.size, network.capacity.size
    tiers = int(network.tier.max()) + 1
    step = min(needs, offers) * FIT_MAX + 1
    if tiers * step + FIT_MAX > largest_cost:
        return None
    total, sink = int(network.quantity.sum()), needs + offers + network.pool_capacity.size
    arcs = _Arcs()
    # Bypass arcs before the others, and costs as what is lost (never below 0): measured fastest in the solver.
    lost = (tiers - network.tier.astype(np.int64)) * step + FIT_MAX
    arcs.add(np.arange(needs), sink, network.quantity, lost)
    served = _serving_arcs(arcs, network, needs, sink, total)
    supply = np.append(network.quantity, -total)
    return arcs.cheapest(np.append(np.arange(needs), sink), supply, served)


def _by_levels(network: Network) -> Int64s:
    """The same by two flows: coverage with the weights T - t, then fit with each tier's units fixed."""
    needs, offers = network.quantity.size, network.capacity.size
    tiers = int(network.tier.max()) + 1
    total, sink = int(network.quantity.sum()), needs + offers + network.pool_capacity.size
    arcs = _Arcs()
    arcs.add(np.arange(needs), sink, network.quantity, tiers - network.tier.astype(np.int64))
    worthless = network._replace(fit=np.full_like(network.fit, FIT_MAX))
    served = _serving_arcs(arcs, worthless, needs, sink, total)
    supply = np.append(network.quantity, -total)
    flow = arcs.cheapest(np.append(np.arange(needs), sink), supply, served)
    if flow is None:
        raise RuntimeError("minimum-cost flow refused the smallest costs that give the coverage")
    by_tier = np.zeros(tiers, np.int64)
    np.add.at(by_tier, network.tier[network.need], flow)
    arcs, tier_node = _Arcs(), sink + 1
    arcs.add(tier_node + network.tier.astype(np.int32), np.arange(needs), network.quantity, 0)
    served = _serving_arcs(arcs, network, needs, sink, total)
    nodes = np.append(tier_node + np.arange(tiers), sink)
    flow = arcs.cheapest(nodes, np.append(by_tier, -by_tier.sum()), served)
    if flow is None:
        raise RuntimeError("minimum-cost flow refused the costs of the fit alone")
    return flow


def _serving_arcs(arcs: _Arcs, network: Network, needs: int, sink: int, total: int) -> Int32s:
    """Add need -> offer -> pool -> ... -> sink, offers numbered after the needs and pools after the offers."""
    first_pool = needs + network.capacity.size
    # No more than all demand can pass anywhere, and small capacities keep the solver's sums in range.
    arcs.add(
        np.arange(needs, first_pool),
        np.where(network.pool >= 0, first_pool + network.pool, sink),
        np.minimum(network.capacity, total),
        0,
    )
    if network.pool_capacity.size:
        arcs.add(
            np.arange(first_pool, sink),
            np.where(network.pool_parent >= 0, first_pool + network.pool_parent, sink),
            np.minimum(network.pool_capacity, total),
            0,
        )
    room = network.quantity[network.need]
    return arcs.add(network.need, needs + network.offer, room, FIT_MAX - network.fit)
