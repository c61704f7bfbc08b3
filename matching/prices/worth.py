"""What one more unit of each offer and pool is worth, and what serving one more unit of each need costs.

A solution of greatest worth changes by best paths in its residual network (see :mod:`matching.prices.exchanges`), so
each price is the worth of one path, exact to the unit, without solving again:

    offer j   the best path to j from the innermost pool above j that is full, or from the ground
    pool q    the best path to q from the innermost pool above q that is full, or from the ground
    need i    the cheapest way for one more unit of i: over its arcs, fit less what a unit taken from the offer
              costs the others, which is the best path from the offer to the ground

*Coupled parts.* Where a bundle, a whole need, an exclusion, a minimum batch, a budget or differing use may
bind, a unit more can change what is taken as a whole, and no path tells. There the decisions under such rules
are kept as the solution has them and the prices are those of the network that is left: an offer without such
rules gains at least its price in a proven optimum, as the kept decisions stay possible; at an offer with them
it is the worth of one free unit more, and what it has given counts as gone. ``exact`` tells where no such rule
can bear on a price.

*Balance between offers*: the u-th unit of an offer costs a penalty that rises with u, which belongs on the arc out of
the offer. A price counts it in the capacity as it is; solving again with a larger one would count the same units as a
smaller load, so the prices of offers are not marked exact then, those of pools and needs are. Coupled parts are
solved without a balance and priced without.

*A reserve* (:mod:`matching.reserve.aim`): arcs that it refuses are left out, and a unit of an offer costs the offer's
price in the same way. The objective is one sum, so that its levels are not told.

*Fairness* between groups ranks below coverage and above fit, here as in the solution (`matching.fairness.evenness`).
A path that takes a unit from one group and gives one to another is compared with others by ranks, which can
choose one with a little less fit: prices in full pools and of needs are not marked exact then.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from matching.columns import Bools, Int64s
from matching.fairness.balance import balance_for
from matching.fairness.evenness import evenness
from matching.network.market import starts_of
from matching.policy import Policy
from matching.prices.exchanges import Exchanges, GroupGains, Loads, exchanges_of
from matching.prices.levels import Levels, Scale, Worths
from matching.prices.paths import NEVER, Edges, NotOptimal, improve
from matching.prices.settled import Settled, by_need, settle
from matching.problem import FIT_MAX, Problem
from matching.reserve.aim import kept_back, with_arcs
from matching.solution import Solution

IMPOSSIBLE = 2**62
"""The price of a need that no capacity at all could serve, and the loss of taking a unit where there is none."""

SOURCES = 4_000_000
"""Labels that are held at once in the search from full pools; bounds the memory."""

DEFAULT_POLICY = Policy()


@dataclass(frozen=True, eq=False)
class Prices:
    """The prices of a solution; all in the objective's terms, read-only.

    Attributes:
        offer: int64 (m,), gain by room for one unit more at each offer (its ``use`` of capacity, its ``cost``
            of budget), pools as they are; 0 where it has room or its pool is full for good.
        pool: int64 (p,), gain by room for one unit more in each pool, offers and other pools as they are.
        need: int64 (n,), what the others lose if one unit more of each need is served, where that is best for
            the whole; 0 where there is room; ``IMPOSSIBLE`` where no capacity at all could serve it. For a
            need that is served in full it is the price of one unit more than it asks for.
        arc: int64 (n,), the arc on which that unit would be served; -1 none.
        loss: int64 (m,), what is lost if one unit of each offer, and of every pool above, goes to somebody
            else; 0 where there is room, ``IMPOSSIBLE`` where there is none to take.
        entry: int64 (m,), gain by one unit more at each offer that takes no room in its pools: what a helper
            brings who does just what the offer does, without what loads cost.
        exact: bool (m,), no rule that couples needs or offers can bear on the offer's price: it is what
            solving again with the unit added would gain.
        exact_pool: bool (p,), the same for pools.
        exact_need: bool (n,), the same for needs.
        scale: reads labels; see :meth:`levels`.
    """

    offer: Int64s
    pool: Int64s
    need: Int64s
    arc: Int64s
    loss: Int64s
    entry: Int64s
    exact: Bools
    exact_pool: Bools
    exact_need: Bools
    scale: Scale
    labels: dict[str, Int64s] = field(repr=False)

    def levels(self, kind: str, row: int) -> Levels | None:
        """A price as units by tier and fit; None where it is impossible.

        Args:
            kind: "offer", "pool", "need", "loss" or "entry".
            row: row number.
        """
        label = int(self.labels[kind][row])
        return None if label == IMPOSSIBLE else self.scale.levels(label)

    def gained_tier(self, kind: str) -> Int64s:
        """int64: the tier of which each price gains a unit; -1 for none."""
        label = self.labels[kind]
        return self.scale.read(np.where(label == IMPOSSIBLE, 0, label))[0]


class World(NamedTuple):
    """A settled network with its graph of exchanges and the best paths from and to the ground.

    Attributes:
        enter, enter_from: int64 (nodes,), label of the best path from the ground to each node, and the node
            before it on that path (-1 none).
        leave, leave_to: int64 (nodes,), label of the best path from each node to the ground, and the node
            after it.
        weight: int64 (n,), the label of a served unit of each need beside its fit.
        coming_in: int64 (n,), the same less what a unit more of its group weighs where fairness counts.
        fair: whether it does.
        scale: reads labels.
        loads: what units of offers cost beside their fit.
        balanced: whether a balance is in it.
    """

    settled: Settled
    graph: Exchanges
    enter: Int64s
    enter_from: Int64s
    leave: Int64s
    leave_to: Int64s
    weight: Int64s
    coming_in: Int64s
    fair: bool
    scale: Scale
    loads: Loads
    balanced: bool


def prices(problem: Problem, solution: Solution, policy: Policy = DEFAULT_POLICY) -> Prices:
    """The prices of a solution.

    Args:
        problem: what was solved.
        solution: its solution. One whose search was stopped is improved first in its coupled parts, as far as
            the decisions under coupling rules leave room.
        policy: the policy of the solution; T is its ``tiers``, or the problem's where it has more.
    Raises:
        NotOptimal: the solution is not the best of the problem.
    """
    return prices_of(problem, world_of(problem, solution, policy))


_known: WeakKeyDictionary[Solution, tuple[Problem, Policy, World]] = WeakKeyDictionary()


def world_of(problem: Problem, solution: Solution, policy: Policy = DEFAULT_POLICY) -> World:
    """Everything that prices and explanations of a solution stand on; worked out once while the solution lives.

    Raises:
        NotOptimal: the solution is not the best of the problem, or not known to be the best for its reserve.
    """
    known = _known.get(solution)
    if known is None or known[0] is not problem or known[1] != policy:
        known = _known[solution] = problem, policy, _world(problem, solution, policy)
    return known[2]


def _world(problem: Problem, solution: Solution, policy: Policy) -> World:
    kept = kept_back(problem, policy, solution.reserve)
    if kept is None:
        settled = settle(problem, solution)
    else:
        if solution.status != "optimal":
            raise NotOptimal("the solution is not proven to be the best for its reserve")
        settled = settle(with_arcs(problem, kept.arcs), replace(solution, flow=solution.flow[kept.arcs]))
        settled = settled._replace(arc=kept.arcs[settled.arc], coupled=kept.arcs[settled.coupled])
    fair = solution.fairness is not None
    even = evenness(problem, solution.flow) if fair else None
    scale = Scale(problem, policy, even.ranks if even else 0) if kept is None else Worths(problem, policy)
    weight = coming_in = scale.weight(problem.tier.astype(np.int64))
    groups = None
    if even is not None:
        groups = GroupGains(even.group, -even.more * scale.rank_step, even.less * scale.rank_step)
        coming_in = weight + np.append(groups.more, 0)[even.group]
    loads = _loads(problem, solution, policy, settled.coupled)
    graph = exchanges_of(settled.network, settled.flow, settled.moved, weight, settled.first_arc, groups, loads)
    enter, enter_from = best_paths(graph.onward, graph.ground)
    leave, leave_to = best_paths(graph.back, graph.ground)
    balanced = solution.imbalance is not None
    return World(settled, graph, enter, enter_from, leave, leave_to, weight, coming_in, fair, scale, loads, balanced)


def _loads(problem: Problem, solution: Solution, policy: Policy, coupled: Int64s) -> Loads:
    """What one unit more of each offer costs beside its fit, and what one less saves: of balance and reserve."""
    more, less = np.zeros((2, problem.capacity.size), np.int64)
    if policy.dearest_load and solution.imbalance is not None:
        units = np.zeros(more.size, np.int64)
        np.add.at(units, problem.offer, solution.flow)
        balance = balance_for(problem, policy)
        more, less = balance.cost(units + 1), balance.cost(units)
        decided = problem.offer if solution.status == "cancelled" else problem.offer[coupled]
        more[decided] = less[decided] = 0
    if solution.reserve is not None:
        uses = np.full(more.size, np.iinfo(np.int64).max)
        np.minimum.at(uses, problem.offer, problem.use)
        most = (policy.tiers + 1) * ((more.size + 1) * FIT_MAX + 1)  # what nothing is worth; larger prices say no more
        uses = np.where(uses > most, 1, uses)
        paid = np.where(solution.reserve > most // np.maximum(uses, 1), most, uses * solution.reserve)
        more, less = more + paid, less + paid
    return Loads(more, less)


def best_paths(edges: Edges, source: int) -> tuple[Int64s, Int64s]:
    """Labels of the best paths from a node, and the node before each on its path."""
    label = np.full(edges.start.size - 1, NEVER, np.int64)
    origin = np.full(label.size, -1, np.int64)
    label[source] = 0
    improve(edges, label, np.array([source]), origin)
    return label, origin


def prices_of(problem: Problem, world: World) -> Prices:
    """The prices of a world; see :func:`prices`."""
    offers, pools = problem.capacity.size, problem.pool_capacity.size
    labels = {
        "offer": _gains(world, np.arange(offers)),
        "pool": _gains(world, offers + np.arange(pools)),
        "loss": _losses(world),
        "entry": np.maximum(world.enter[:offers], 0),
    }
    labels["need"], arc = _cheapest_arcs(problem, world)
    coupled = world.settled.coupled
    exact = [np.ones(size, np.bool_) for size in (offers, pools, problem.quantity.size)]
    exact[0][problem.offer[coupled]] = False
    exact[2][problem.need[coupled]] = False
    above = problem.pool[~exact[0]]
    while above.size:
        above = np.unique(above[above >= 0])
        exact[1][above] = False
        above = problem.pool_parent[above]
    if world.balanced:
        exact[0][:] = False
    if world.fair:
        exact[2][:] = False
        exact[1][:] = False
        exact[0][world.graph.binding()[:offers] < world.graph.ground] = False
    told = {name: _told(world.scale, label) for name, label in labels.items()}
    for column in (*told.values(), *labels.values(), arc, *exact):
        column.flags.writeable = False
    return Prices(**told, arc=arc, exact=exact[0], exact_pool=exact[1], exact_need=exact[2],
                  scale=world.scale, labels=labels)  # fmt: skip


def _told(scale: Scale, label: Int64s) -> Int64s:
    possible = label != IMPOSSIBLE
    return np.where(possible, scale.worth(np.where(possible, label, 0)), IMPOSSIBLE)


def _gains(world: World, nodes: Int64s) -> Int64s:
    """The label of the best path to each node from the innermost full pool above it, or from the ground."""
    graph = world.graph
    gain = np.zeros(nodes.size, np.int64)
    full = np.flatnonzero(graph.spare[nodes] <= 0) if nodes.size else nodes
    if full.size == 0:
        return gain
    source = graph.binding()[nodes[full]]
    free = source == graph.ground
    cost = np.append(world.loads.more, np.zeros(graph.ground - world.loads.more.size, np.int64))[nodes]
    gain[full[free]] = np.maximum(world.enter[nodes[full[free]]] - cost[full[free]], 0)
    bound, source = full[~free], source[~free]
    size = graph.nodes
    distinct = np.unique(source)
    step = max(SOURCES // size, 1)
    for begin in range(0, distinct.size, step):
        part = distinct[begin : begin + step]
        label = _by_the_ground(world, part)
        place = np.arange(part.size) * size + part
        label.ravel()[place] = np.maximum(label.ravel()[place], 0)
        improve(graph.onward, label.ravel(), place)
        own = np.flatnonzero((source >= part[0]) & (source <= part[-1]))
        row = np.searchsorted(part, source[own])
        gain[bound[own]] = np.maximum(label[row, nodes[bound[own]]] - cost[bound[own]], 0)
    return gain


def _losses(world: World) -> Int64s:
    """What one unit less of each offer and every pool above loses: it arrives, pushes another on, and costs nothing."""
    graph, offers = world.graph, world.loads.more.size
    if not world.loads.more.any():
        return np.where(world.leave[:offers] == NEVER, IMPOSSIBLE, -world.leave[:offers])
    tail = np.repeat(np.arange(graph.nodes), np.diff(graph.onward.start))
    out = np.flatnonzero(tail < offers)
    tail, head = tail[out], graph.onward.other[out]
    spare = (head == graph.above[tail]) & (graph.spare[tail] > 0)
    # Spare capacity takes it in at no cost; who is pushed on is one unit less there.
    refund = np.where(spare, world.loads.more[tail], world.loads.less[tail])
    label = graph.onward.gain[out] + refund + world.leave[head]
    best = np.full(offers, NEVER, np.int64)
    there = world.leave[head] > NEVER
    np.maximum.at(best, tail[there], label[there])
    return np.where(best == NEVER, IMPOSSIBLE, -best)


def _by_the_ground(world: World, sources: Int64s) -> Int64s:
    """int64 (s, nodes): the labels of the best paths from each source over the ground."""
    out, onward = world.leave[sources][:, None], world.enter[None, :]
    return np.where((out > NEVER) & (onward > NEVER), out + onward, NEVER)


def _cheapest_arcs(problem: Problem, world: World) -> tuple[Int64s, Int64s]:
    """For each need the label of what others lose by one unit more of it, and the arc on which it is served."""
    order: Int64s | None = None
    first_arc = world.settled.first_arc
    if world.settled.network.need is not problem.need:  # else its arcs are in the order of their needs
        order, first_arc = by_need(problem.need, problem.quantity.size)
    offer, fit = (column if order is None else column[order] for column in (problem.offer, problem.fit))
    net = world.leave[offer]
    net += fit
    there = np.flatnonzero(first_arc[1:] > first_arc[:-1])
    best = np.maximum.reduceat(net, first_arc[there]) if there.size else net
    hits = np.flatnonzero(net == np.repeat(best, np.diff(first_arc)[there]))
    hits = hits[starts_of(problem.need[hits if order is None else order[hits]])]  # the first of equals
    reached = best > NEVER + FIT_MAX
    need, hits = there[reached], hits[reached]
    arc = np.full(problem.quantity.size, -1, np.int64)
    arc[need] = hits if order is None else order[hits]
    price = np.full(problem.quantity.size, IMPOSSIBLE, np.int64)
    price[need] = -world.leave[offer[hits]]
    return price, arc
