"""Fairness between groups and balance between offers: convex costs, still one minimum-cost flow.

A source sends every unit through its need's group, or past all groups, to the need, to an offer and on to
the sink; or straight to the sink, unserved. The x-th unit of a group of size s costs (2x - 1)/s, which adds
up to x**2/s; each unit has an arc of its own, and a cheapest flow fills cheap ones first, so convex costs
need no more than that. In the same way the u-th unit of an offer costs in the terms of the fit what its
balance says, where the policy asks for one (:mod:`matching.fairness.balance`): the fuller, the dearer.

Levels, by the worth of a unit of tier t: (T - t)*K + fit, less R(x)*k for being the x-th of its group, less
its balance. R ranks the different marginal costs from 1 on; k is above any change of fit and balance along a
simple cycle, and K above k*max R and that change together.

*Claim.* A flow of the greatest total worth has the lexicographically greatest coverage, among such flows the
least sum of served**2/size, and among these the greatest fit less balance.

*Proof.* A flow that is not best in Sum (T - t)*served(t) has a residual simple cycle that gains at least one
of it, which is K. A simple cycle passes the source once, so it takes one unit from a group and gives one to
another at most, which loses at most k*max R; it visits each offer once. So the cycle would gain in worth, and
the flow was not best. The units that can be served together form a matroid, for which any decreasing weights
give the lexicographic optimum. Flows of this coverage are the flows of the residual network's tight arcs (of
reduced cost zero for that first objective), so their vectors x of served units by group are the bases of an
integral polymatroid. A separable convex function is least on its bases where no single exchange x + e(g) -
e(h) lessens it (Murota 2003, Discrete Convex Analysis, theorem 6.26), and whether an exchange does depends
on the order of the two marginal costs alone: hence the ranks. An exchange is a simple cycle of tight arcs; it
gains at least k, more than it can lose in fit. Cycles that change neither leave fit and balance to decide.

*Where these costs leave the solver's range*, two flows do. The first has no fit: its costs are at most
T*(max R + 1). Let x be its vector. Every other fairest vector differs from x by one at most in each group (if
x'(g) >= x(g) + 2, exchanging towards each other would lessen the sum of both, by strict convexity). So the
second flow keeps the fit, lets no group have more than x(g) + 1, ranks only the units x(g) and x(g) + 1, at
most two a group, and lets those before cost nothing: small ranks, small costs. The fairest vectors of both
are the same: x is least for the new costs too, because it has the same exchanges, and a vector with x'(g) <=
x(g) - 2 is not, because the unit x(g) costs more than those before it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from matching.columns import Int32s, Int64s
from matching.fairness.balance import Balance, balance_of
from matching.network.flow import LARGEST_COST, Arcs, Network, best_fit, compacted
from matching.problem import InvalidProblem, Problem

MOST_UNITS = 2**23
"""Fairness gives each unit its own arc; quotients of sizes up to this differ as floats where they differ."""


class Aims(NamedTuple):
    """What is asked for between coverage and fit.

    Attributes:
        group: int32 (n,), ranks of groups; -1 none. All -1 without fairness.
        size: int64 (g,), the units of each group in the whole problem.
        before: int64 (g,), units of each group that are served elsewhere.
        balance: of the offers' loads.
    """

    group: Int32s
    size: Int64s
    before: Int64s
    balance: Balance

    def without_balance(self) -> Aims:
        """The same but for the balance."""
        return self._replace(balance=self.balance._replace(weight=0, pace=0))


def aims_of(problem: Problem, *, fair: bool, weight: int = 0, pace: int = 0) -> Aims:
    """The aims for a whole problem.

    Raises:
        InvalidProblem: fairness is asked for more than ``MOST_UNITS`` units.
    """
    grouped = problem.group >= 0
    if fair and float(problem.quantity[grouped].sum(dtype=np.float64)) > MOST_UNITS:
        largest = int(np.where(grouped, problem.quantity, 0).argmax())
        raise InvalidProblem("quantity", largest, f"fairness takes at most {MOST_UNITS} units in groups together")
    group, size = np.full(grouped.size, -1, np.int32), np.zeros(0, np.int64)
    if fair and grouped.any():
        groups, rank = np.unique(problem.group[grouped], return_inverse=True)
        group[grouped] = rank
        size = np.zeros(groups.size, np.int64)
        np.add.at(size, rank, problem.quantity[grouped])
    return Aims(group, size, np.zeros_like(size), balance_of(problem, weight, pace))


def unfairness(problem: Problem, flow: Int64s) -> Fraction:
    """The sum of served**2 / size over the groups of a problem, exactly; the less, the fairer."""
    used = np.flatnonzero(flow)
    aims = aims_of(problem, fair=True)
    served = served_by_group(aims, problem.need[used], flow[used])
    parts = zip(served.tolist(), aims.size.tolist(), strict=True)
    return sum((Fraction(units * units, size) for units, size in parts), Fraction(0))


def least_unfairness(problem: Problem, served: int) -> Fraction:
    """What it is at least if so many units are served: those that groups must have, in proportion to their sizes."""
    size = int(problem.quantity[problem.group >= 0].sum())
    grouped = max(served - int(problem.quantity[problem.group < 0].sum()), 0)
    return Fraction(grouped * grouped, max(size, 1))


def convex_flow(network: Network, aims: Aims, *, largest_cost: int = LARGEST_COST) -> Int64s:
    """The best flow of a network: coverage, then fairness, then fit less balance.

    Args:
        network: its columns; the aims speak of the same rows.
        largest_cost: go by two flows at once if one flow needs costs above this.
    Returns:
        int64 (k,), units on each arc. The same input gives the same flow.
    """
    if network.need.size == 0:
        return np.zeros(0, np.int64)
    model = _Model(network, aims)
    flow = model.solved(*model.every_unit(), fit=True, largest_cost=largest_cost)
    if flow is None:
        without_fit = model.solved(*model.every_unit(), fit=False, largest_cost=LARGEST_COST)
        if without_fit is not None:
            reached = served_by_group(aims, network.need, without_fit)
            flow = model.solved(*model.last_units(reached), fit=True, largest_cost=LARGEST_COST)
    if flow is None:
        raise RuntimeError("the minimum-cost flow refused costs made small for it")
    return flow


def served_by_group(aims: Aims, need: Int32s, units: Int64s) -> Int64s:
    """The units served of each group."""
    served = np.zeros(aims.size.size, np.int64)
    group = aims.group[need]
    np.add.at(served, group[group >= 0], units[group >= 0])
    return served


Units = tuple[Int64s, Int64s, Int64s]
"""Group, capacity and rank of the arcs from the source to the groups."""


class _Model:
    """The flow network of one component; ranks and scale of the levels are chosen at each solve."""

    def __init__(self, network: Network, aims: Aims) -> None:
        self._network, self._tiers = compacted(network)
        self._aims = aims
        needs, offers = np.unique(network.need), np.unique(network.offer)
        self._group, self._balance = aims.group[needs], aims.balance.of(offers)
        self._wanted = np.zeros(aims.size.size, np.int64)
        grouped = self._group >= 0
        np.add.at(self._wanted, self._group[grouped], self._network.quantity[grouped])

    def every_unit(self) -> Units:
        """An arc for each unit, by the rank of its marginal cost among all."""
        group = np.repeat(np.arange(self._wanted.size), self._wanted)
        place = np.arange(group.size) - np.repeat(np.cumsum(self._wanted) - self._wanted, self._wanted) + 1
        return group, np.ones_like(group), self._ranks(group, place)

    def last_units(self, reached: Int64s) -> Units:
        """Arcs for the units before those reached, then for the last one and one more."""
        groups = np.arange(reached.size)
        last, more = groups[reached > 0], groups[reached < self._wanted]
        group = np.concatenate([last, more])
        rank = self._ranks(group, np.concatenate([reached[last], reached[more] + 1]))
        capacity = np.concatenate([np.maximum(reached - 1, 0), np.ones_like(group)])
        return np.concatenate([groups, group]), capacity, np.concatenate([np.zeros_like(groups), rank])

    def _ranks(self, group: Int64s, place: Int64s) -> Int64s:
        marginal = (2 * (self._aims.before[group] + place) - 1) / self._aims.size[group]
        _, rank = np.unique(marginal, return_inverse=True)
        return rank.astype(np.int64) + 1

    def solved(self, group: Int64s, units: Int64s, rank: Int64s, *, fit: bool, largest_cost: int) -> Int64s | None:
        """The units on each arc; None if the costs leave the range."""
        network = self._network
        balance = self._balance if fit else self._balance._replace(weight=0, pace=0)
        needs, offers, pools = network.quantity.size, network.capacity.size, network.pool_capacity.size
        top = best_fit(network)
        change = min(needs, offers) * top + 2 * (pools + 1) * balance.most if fit else 0
        step = change + 1
        tier_step = step * int(rank.max(initial=0)) + step
        most = self._tiers.size * tier_step
        if most + top + balance.most > largest_cost:
            return None
        groups = self._wanted.size
        first_pool, sink = needs + offers, needs + offers + pools
        group_node, source = sink + 1, sink + 1 + groups + 1  # the node after the groups is for needs of none
        total = int(network.quantity.sum())
        arcs = Arcs()
        arcs.add([source], sink, total, most + top + balance.most)
        arcs.add(np.full(group.size, source), group_node + group, units, rank * step)
        arcs.add([source], group_node + groups, total, 0)
        through = group_node + np.where(self._group >= 0, self._group, groups)
        arcs.add(through, np.arange(needs), network.quantity, network.tier.astype(np.int64) * tier_step)
        add_loads(arcs, network, balance, total)
        above = np.where(network.pool_parent >= 0, first_pool + network.pool_parent, sink)
        arcs.add(np.arange(first_pool, sink), above, np.minimum(network.pool_capacity, total), 0)
        cost = top - network.fit if fit else 0
        serving = arcs.add(network.need, needs + network.offer, network.quantity[network.need], cost)
        return arcs.cheapest(np.array([source, sink]), np.array([total, -total]), serving)


def add_loads(arcs: Arcs, network: Network, balance: Balance | None, total: int) -> None:
    """Add the arcs out of the offers; where a balance is asked for, split where the cost of a unit rises.

    Args:
        arcs: the nodes are the needs, the offers, the pools, the sink.
        network: a compact one.
        balance: of its offers; None for none.
        total: no more units than this can pass.
    """
    needs, offers = network.quantity.size, network.capacity.size
    above = np.where(network.pool >= 0, needs + offers + network.pool, needs + offers + network.pool_capacity.size)
    capacity = np.minimum(network.capacity, total)
    if balance is None or not balance.most:
        arcs.add(needs + np.arange(offers), above, capacity, 0)
        return
    count, units, cost = balance.steps(capacity)
    offer = np.repeat(np.arange(offers), count)
    arcs.add(needs + offer, above[offer], units, cost)
