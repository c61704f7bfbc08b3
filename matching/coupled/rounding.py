"""Feasible flows of a coupled component out of relaxed ones: drop what breaks a rule, then fill what is left.

Neither step proves anything; they give the search a good start, so that a time limit never leaves a component
empty, and keep the tiers below from being forgotten while a level above is searched.
"""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int32s, Int64s
from matching.coupling import Coupling, excluded_arcs
from matching.network.flow import Network, best_flow
from matching.problem import Problem

Amounts = Int64s | NDArray[np.float64]

ROUNDS = 16
"""Relaxed flows in one dive, at most."""


class Rounding:
    """The rules of one component in its own row numbers."""

    def __init__(self, problem: Problem, coupling: Coupling, arcs: Int64s) -> None:
        self._needs, need = np.unique(problem.need[arcs], return_inverse=True)
        self._offers, offer = np.unique(problem.offer[arcs], return_inverse=True)
        self._need, self._offer = need.astype(np.int32), offer.astype(np.int32)
        self._problem = problem
        self._use, self._cost, self._fit = problem.use[arcs], problem.cost[arcs], problem.fit[arcs]
        self._quantity, self._tier = problem.quantity[self._needs], problem.tier[self._needs]
        budget = problem.budget[self._offers]
        self._money = np.where(budget >= 0, budget, np.iinfo(np.int64).max)
        self._minimum = problem.minimum_batch[self._offers]
        self._whole = problem.whole[self._needs] & (self._quantity > 1)
        bundled = coupling.needs[self._needs] & (problem.bundle[self._needs] >= 0)
        own = np.where(bundled, problem.bundle[self._needs].astype(np.int64), -1 - np.arange(self._needs.size))
        self._bundle = np.unique(own, return_inverse=True)[1].astype(np.int32)
        self._bundled = bundled
        self._excluded = excluded_arcs(coupling.exclusions, problem.need[arcs], problem.offer[arcs])
        self._in_pool, self._pools = _pools_of(problem, self._offers[self._offer])
        # The urgent first, then the better fit: what a limit cuts off is the rest.
        order = np.lexsort((-self._fit.astype(np.int64), self._tier[self._need]))
        self._rank = np.argsort(order)

    def feasible(self, relaxed: Int64s) -> Int64s:
        """The part of some units (a relaxed flow, say) that keeps every rule, filled up with what fits besides."""
        flow = relaxed.copy()
        everything = np.arange(flow.size)
        self._trim(flow, everything, self._need, np.ones_like(flow), self._quantity)
        while True:
            before = flow.copy()
            flow[self._whole[self._need] & (flow != self._quantity[self._need])] = 0
            self._trim(flow, everything, self._offer, self._use, self._problem.capacity[self._offers])
            self._trim(flow, self._in_pool, self._pools, self._use, self._problem.pool_capacity)
            self._trim(flow, everything, self._offer, self._cost, self._money)
            for one, other in self._excluded:
                if flow[one] and flow[other]:
                    flow[other] = 0
            units = _sums(self._offers.size, self._offer, flow)
            flow[(units < self._minimum)[self._offer]] = 0
            lacking = _sums(self._needs.size, self._need, flow) < self._quantity
            broken = np.bincount(self._bundle, weights=lacking & self._bundled) > 0
            flow[broken[self._bundle][self._need]] = 0
            if np.array_equal(flow, before):
                return self.filled(flow)

    def dived(self, network: Network, limits: Int64s, ends: float = math.inf) -> Int64s:
        """A feasible flow by relaxed flows in turn, each without the arcs of what the last one left unfinished.

        What a bundle, batch or split need gives up is dealt out anew at once, to all others. Of the unfinished
        bundles and batches the worse half gives up in each round, so that the rest can be finished instead.

        Args:
            network: the relaxed network of the component's arcs.
            limits: int64, the most units of each tier.
            ends: ``time.monotonic()`` after which no round begins.
        """
        allowed = np.ones(self._need.size, np.bool_)
        flow = np.zeros(allowed.size, np.int64)
        for _ in range(ROUNDS):
            if time.monotonic() >= ends:
                break
            flow[:] = 0
            flow[allowed] = best_flow(network.of(allowed), limits)
            given_up = self._given_up(flow) & allowed
            if not given_up.any():
                break
            allowed &= ~given_up
        return self.feasible(flow)

    def _given_up(self, flow: Int64s) -> Bools:
        got = _sums(self._needs.size, self._need, flow)
        lacking = (got > 0) & (got < self._quantity)
        # Of a need that must come whole, only the arc with most of its units stays, or none if it lacks some.
        order = np.lexsort((self._rank, -flow, self._need))
        largest = np.zeros(flow.size, np.bool_)
        largest[order[np.flatnonzero(np.diff(self._need[order], prepend=-1))]] = True
        split = self._whole & (lacking | (np.bincount(self._need, weights=flow > 0) > 1))
        given_up = split[self._need] & (~largest | lacking[self._need])
        asked = np.bincount(self._bundle, weights=self._quantity)
        given = np.bincount(self._bundle, weights=got)
        tied = np.bincount(self._bundle, weights=self._bundled) > 0
        given_up |= _worse_half(given, asked, tied)[self._bundle][self._need]
        units = _sums(self._offers.size, self._offer, flow)
        given_up |= _worse_half(units, self._minimum, self._minimum > 1)[self._offer]
        return given_up

    def filled(self, flow: Int64s) -> Int64s:
        """A feasible flow and the best that fits into its gaps for needs that no rule ties to others.

        Capacities and money left are counted in units of the dearest arc, so that whatever is added fits.
        """
        problem = self._problem
        free = ~(self._whole | self._bundled)
        in_exclusion = np.zeros(flow.size, np.bool_)
        in_exclusion[[arc for pair in self._excluded for arc in pair]] = True
        usable: Bools = free[self._need] & ~in_exclusion
        if not usable.any():
            return flow
        dearest = np.zeros(self._offers.size, np.int64)
        np.maximum.at(dearest, self._offer, self._use)
        price = np.zeros(self._offers.size, np.int64)
        np.maximum.at(price, self._offer, self._cost)
        used = _sums(self._offers.size, self._offer, flow * self._use)
        spent = _sums(self._offers.size, self._offer, flow * self._cost)
        units = _sums(self._offers.size, self._offer, flow)
        room = (problem.capacity[self._offers] - used) // np.maximum(dearest, 1)
        room = np.minimum(room, (self._money - spent) // np.maximum(price, 1))
        room = np.where((units >= self._minimum) | (self._minimum <= 1), room, 0)
        pool_used = np.zeros(problem.pool_capacity.size, np.int64)
        pool_dearest = np.ones(problem.pool_capacity.size, np.int64)
        np.add.at(pool_used, self._pools, (flow * self._use)[self._in_pool])
        np.maximum.at(pool_dearest, self._pools, self._use[self._in_pool])
        rest = Network(
            self._quantity - _sums(self._needs.size, self._need, flow),
            self._tier,
            room,
            self._need,
            self._offer,
            self._fit,
            problem.pool[self._offers],
            (problem.pool_capacity - pool_used) // pool_dearest,
            problem.pool_parent,
        )
        added = flow.copy()
        added[usable] += best_flow(rest.of(usable))
        return added

    def _trim(self, flow: Int64s, arcs: Int64s, holder: Int32s, amount: Int64s, limits: Int64s) -> None:
        """Take off the last arcs (``arcs[i]`` is held by ``holder[i]``) of holders whose limit is passed."""
        if arcs.size == 0:
            return
        order = np.lexsort((self._rank[arcs], holder))
        arcs, holder = arcs[order], holder[order]
        taken = np.cumsum(flow[arcs] * amount[arcs])
        starts = np.flatnonzero(np.diff(holder, prepend=-1))
        before = np.repeat(np.append(0, taken)[starts], np.diff(np.append(starts, arcs.size)))
        flow[arcs[taken - before > limits[holder]]] = 0


def _worse_half(reached: Amounts, asked: Amounts, tied: Bools) -> Bools:
    """Of the ``tied`` rows that reached something but not all that is asked, the half with the least share."""
    unfinished = np.flatnonzero(tied & (reached > 0) & (reached < asked))
    order = np.argsort(reached[unfinished] / asked[unfinished], kind="stable")
    worse = np.zeros(tied.size, np.bool_)
    worse[unfinished[order[: (order.size + 1) // 2]]] = True
    return worse


def _pools_of(problem: Problem, offer: Int32s) -> tuple[Int64s, Int32s]:
    """Every pair of an arc (its place in ``offer``) and a pool above its offer, as two columns."""
    places, pools = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
    above = problem.pool[offer]
    while above.size and above.max() >= 0:
        inside = np.flatnonzero(above >= 0)
        places.append(inside.astype(np.int64))
        pools.append(above[inside])
        above = np.where(above >= 0, problem.pool_parent[above], np.int32(-1))
    return np.concatenate(places), np.concatenate(pools)


def _sums(size: int, rows: Int32s, amounts: Int64s) -> Int64s:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, rows, amounts)
    return sums
