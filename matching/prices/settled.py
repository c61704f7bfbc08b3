"""The network that is left of a problem when what is decided under coupling rules stays as a solution has it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matching.columns import Bools, Int32s, Int64s
from matching.components import split
from matching.coupling import examine
from matching.network.flow import Network, best_flow
from matching.problem import Problem
from matching.solution import Solution


class Settled(NamedTuple):
    """The network that is left of a problem when decisions under coupling rules stay as they are.

    Attributes:
        network: its columns, arcs sorted by need; an offer under coupling rules has no capacity left.
        flow: int64, units on its arcs; of greatest worth.
        moved: int64, its arcs that carry units.
        arc: int64, the problem's arc that each of its arcs is.
        first_arc: int64 (n + 1,), where the arcs of each need begin.
        coupled: int64, the problem's arcs in parts where coupling rules may bear on prices.
        needs, offers: bool (n,), (m,), those under such a rule themselves.
    """

    network: Network
    flow: Int64s
    moved: Int64s
    arc: Int64s
    first_arc: Int64s
    coupled: Int64s
    needs: Bools
    offers: Bools


def settle(problem: Problem, solution: Solution) -> Settled:
    """Keep what is decided under coupling rules and give the network of the rest, with a best flow."""
    network, flow = _plain(problem), solution.flow
    needs = np.zeros(problem.quantity.size, np.bool_)
    offers = np.zeros(problem.capacity.size, np.bool_)
    coupled = np.zeros(0, np.int64)
    if network is None:
        coupling = examine(problem)
        network = coupling.network
        if problem.pool_capacity.size:
            network = network._replace(capacity=_own_units(problem, network.capacity))
        needs, offers = _coupling_rows(problem, coupling.offers)
        if needs.any() or offers.any():
            everything = np.ones(problem.need.size, np.bool_)
            parts = split(problem, coupling._replace(live=everything, needs=needs, offers=offers))
            coupled = np.concatenate([coupled, *parts.coupled])
    arc = np.arange(problem.need.size, dtype=np.int64)
    if coupled.size:
        network, flow, arc = _kept(network, flow, needs, offers)
    order, first_arc = by_need(network.need, problem.quantity.size)
    if order is not None:
        network, flow, arc = network.of(order), flow[order], arc[order]
    if solution.status != "optimal":
        again = np.flatnonzero(np.isin(arc, coupled)) if solution.status == "feasible" else np.arange(arc.size)
        flow = flow.copy()
        flow[again] = best_flow(network.of(again))
    return Settled(network, flow, np.flatnonzero(flow > 0), arc, first_arc, coupled, needs, offers)


def _plain(problem: Problem) -> Network | None:
    """The network of a problem without any rule beyond it; None if it has one."""
    ruled = (
        problem.whole.any()
        or np.any(problem.bundle >= 0)
        or np.any(problem.budget >= 0)
        or np.any(problem.minimum_batch > 1)
        or problem.exclusions.size
        or np.any(problem.use != 1)
    )
    return None if ruled else Network(*(getattr(problem, name) for name in Network._fields))


def by_need(need: Int32s, needs: int) -> tuple[Int64s | None, Int64s]:
    """The arcs in the order of their needs (None: as they are), and where those of each need begin in it."""
    order = None
    changes = np.flatnonzero(need[1:] != need[:-1]) + 1
    starts = np.append(0, changes) if need.size else changes
    if np.any(need[starts[1:]] < need[starts[:-1]]):
        order = sorting(need, needs)
        first = np.zeros(needs + 1, np.int64)
        np.cumsum(np.bincount(need, minlength=needs), out=first[1:])
        return order, first
    first = np.full(needs + 1, need.size, np.int64)
    first[need[starts]] = starts
    return None, np.minimum.accumulate(first[::-1])[::-1]  # without arcs: where those of the next begin


def sorting(rows: Int32s, size: int) -> Int64s:
    """The stable order of rows below ``size``, by their low and then their high digits: in linear time."""
    order = np.argsort(rows.astype(np.uint16), kind="stable")
    if size > 2**16:
        order = order[np.argsort((rows >> 16).astype(np.uint16)[order], kind="stable")]
    return order.astype(np.int64)


def _coupling_rows(problem: Problem, offers: Bools) -> tuple[Bools, Bools]:
    """Needs and offers under rules that could couple them, now or with one unit more somewhere."""
    needs = problem.whole & (problem.quantity > 1)
    bundled = problem.bundle >= 0
    if bundled.any():
        _, bundle, size = np.unique(problem.bundle[bundled], return_inverse=True, return_counts=True)
        needs = needs.copy()
        needs[bundled] |= (size[bundle] > 1) | (problem.quantity[bundled] > 1)
    if problem.exclusions.size:
        needs = needs.copy()
        needs[problem.exclusions.ravel()] = True
    offers = offers | (problem.minimum_batch > 1)
    limited = problem.budget >= 0
    if limited.any() and np.any(problem.cost):
        least = np.full(problem.capacity.size, np.iinfo(np.int64).max)
        most = np.zeros(problem.capacity.size, np.int64)
        np.minimum.at(least, problem.offer, problem.cost)
        np.maximum.at(most, problem.offer, problem.cost)
        offers |= limited & (least < most)
    return needs, offers


def _kept(network: Network, flow: Int64s, needs: Bools, offers: Bools) -> tuple[Network, Int64s, Int64s]:
    """The network without what is decided: its capacity is gone, and arcs of needs under rules with it."""
    decided = np.flatnonzero((flow > 0) & (needs[network.need] | offers[network.offer]))
    units = flow[decided]
    quantity = network.quantity.copy()
    np.subtract.at(quantity, network.need[decided], units)
    capacity = network.capacity.copy()
    np.subtract.at(capacity, network.offer[decided], units)
    capacity[offers] = 0
    arc = np.flatnonzero(~needs[network.need]).astype(np.int64)
    free = flow[arc].copy()
    free[offers[network.offer[arc]]] = 0
    taken = np.zeros(capacity.size, np.int64)
    np.add.at(taken, network.offer[decided], units)
    pool_capacity = network.pool_capacity - _in_pools(network, taken)
    left = network.of(arc)._replace(quantity=quantity, capacity=capacity, pool_capacity=pool_capacity)
    return left, free, arc


def _in_pools(network: Network, units: Int64s) -> Int64s:
    """The units of each pool, given those of the offers."""
    total = np.zeros(network.pool_capacity.size + 1, np.int64)
    np.add.at(total, network.pool, units)  # -1, no pool, falls into the last place
    rising = total.copy()
    while rising[:-1].any():
        higher = np.zeros_like(rising)
        np.add.at(higher, network.pool_parent, rising[:-1])
        total += higher
        rising = higher
    return total[:-1]


def _own_units(problem: Problem, units: Int64s) -> Int64s:
    """The units of each offer by its own capacity and budget, not cut to its pools' as those of the relaxation.

    Meant for offers with one use and one cost; what is given for others is never used.
    """
    if np.all(problem.use == 1) and not np.any(problem.budget >= 0):
        return problem.capacity
    pooled = problem.pool >= 0
    use, cost = np.ones(units.size, np.int64), np.zeros(units.size, np.int64)
    use[problem.offer], cost[problem.offer] = problem.use, problem.cost
    everything = int(problem.quantity.sum())
    own = np.where(use > 0, problem.capacity // np.maximum(use, 1), everything)
    paid = (problem.budget >= 0) & (cost > 0)
    own = np.where(paid, np.minimum(own, problem.budget // np.maximum(cost, 1)), own)
    return np.where(pooled, own, units)
