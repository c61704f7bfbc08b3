"""How units could move in a matching: best exchanges between offers, with the needs contracted away.

In the residual network of a flow, a unit that arrives at an offer pushes another one on: a need that the
offer serves moves to a second offer and pushes again, or a need loses its unit, or spare capacity takes it in,
the offer's own and that of every pool above. Only the best way from one offer to the next matters, so that
100,000 needs and two million arcs shrink to a graph of the offers, the pools and one *ground*, which stands
for unserved units and unused capacity alike. Its edges are

    a -> b       of the needs that a serves, the one that gains most fit by having a unit at b instead
    a -> ground  the need that a serves and that is worth least loses a unit
    ground -> b  the unserved need that is worth most gets a unit at b
    a -> above   a has spare capacity; above is its pool, or the ground
    above -> a   a is used: one unit less there is one unit spare above
    and the same two for every pool and what is above it

Where units of an offer cost something beside their fit, as for a balance of loads or capacity that is worth keeping,
the edge to above costs that of one unit more, and the edge from above saves that of one unit less.

Where fairness between groups counts, each group has a node of its own in place of the ground, with an edge from
the ground for a unit more of the group and one to it for a unit less (:mod:`matching.fairness.evenness`).

A path is a chain of such moves and the sum of its gains what it is worth. Where the flow is of greatest worth
no closed path gains, so best paths exist and visit each node at most once (Ahuja, Magnanti & Orlin 1993,
Network Flows, theorem 9.1); :mod:`matching.prices.paths` finds them by the label-correcting method of Bellman and Ford,
a whole front at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.columns import Int32s, Int64s
from matching.network.flow import Network
from matching.prices.paths import NEVER, Edges, spread

NOBODY = -(2**15)
"""The mark of an empty cell in the table of exchanges; gains of fit are larger."""

DENSE_OFFERS = 4096
"""Up to so many offers the best exchanges are kept in a table of all pairs (32 MB), above they are sorted."""

CHUNK = 4_000_000
"""So many moves are looked at together; bounds the memory."""


class GroupGains(NamedTuple):
    """Groups of needs: int64 (n,) the group of each (-1 none), int64 (g,) gain of a unit more and less of each."""

    group: Int64s
    more: Int64s
    less: Int64s


class Loads(NamedTuple):
    """int64 (m,): what one unit more at each offer costs beside its fit, and what one unit less saves.

    The cost of an offer's units is convex, so that the saving is at most the cost.
    """

    more: Int64s
    less: Int64s


class Waiting(NamedTuple):
    """Arcs of needs with unserved units, int64 or int32 (w,): need, offer, and what serving a unit is worth."""

    need: Int32s
    offer: Int32s
    worth: Int64s


@dataclass(frozen=True)
class Exchanges:
    """The graph of best exchanges. Nodes: the offers (m), then the pools (p), then the ground, then groups.

    Attributes:
        onward: the edges by the node they leave.
        back: the edges by the node they enter.
        above: int64 (m + p,), the pool that each offer and pool lies in, or the ground.
        spare: int64 (m + p,), units not used.
        unserved_at: int64 (n,), the node of each need's unserved units: its group's, or the ground.
        unserved: int64 (n,), units of each need that are not served.
        waiting: the arcs of needs with such units.
    """

    onward: Edges
    back: Edges
    above: Int64s
    spare: Int64s
    unserved_at: Int64s
    unserved: Int64s
    waiting: Waiting

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return self.onward.start.size - 1

    @property
    def ground(self) -> int:
        """The node that stands for unserved units and unused capacity."""
        return self.above.size

    def binding(self) -> Int64s:
        """int64 (m + p,): the innermost node above each one that has no unit left; the ground if all have.

        A pool with spare capacity and the node above it reach the same nodes at the same worth, by the edges
        between them, or the pool reaches nothing but them.
        """
        bound = self.above.copy()
        while True:
            open_pools = np.flatnonzero((bound < self.ground) & (self.spare[np.minimum(bound, self.ground - 1)] > 0))
            if open_pools.size == 0:
                return bound
            bound[open_pools] = self.above[bound[open_pools]]


def exchanges_of(
    network: Network,
    flow: Int64s,
    moved: Int64s,
    weight: Int64s,
    first_arc: Int64s,
    groups: GroupGains | None = None,
    loads: Loads | None = None,
    *,
    dense_offers: int = DENSE_OFFERS,
    chunk: int = CHUNK,
) -> Exchanges:
    """The graph of a flow.

    Args:
        network: arcs sorted by need.
        flow: int64 (k,), units on each arc.
        moved: int64, the arcs that carry units.
        weight: int64 (n,), what serving a unit of each need is worth beside its fit.
        first_arc: int64 (n + 1,), where the arcs of each need begin.
        groups: what a unit more and less of each group is worth, where that counts.
        loads: what units of offers cost beside their fit, where they do.
        dense_offers: up to so many offers a table of all pairs is used.
        chunk: about so many moves are looked at together.
    """
    offers, pools = network.capacity.size, network.pool_capacity.size
    ground = offers + pools
    above = np.concatenate([_up(network.pool, offers, ground), _up(network.pool_parent, offers, ground)])
    used = np.zeros(ground + 1, np.int64)
    np.add.at(used, network.offer[moved], flow[moved])
    rising = np.append(used[:offers], np.zeros(pools, np.int64))
    while rising.any():  # one nesting further up each time
        higher = np.zeros(ground + 1, np.int64)
        np.add.at(higher, above, rising)
        rising = higher[:ground]
        rising[:offers] = 0
        used[offers:ground] += rising[offers:]
    spare = np.concatenate([network.capacity, network.pool_capacity]) - used[:ground]
    unserved = network.quantity.copy()
    np.subtract.at(unserved, network.need[moved], flow[moved])
    nodes = np.arange(ground, dtype=np.int64)
    loosened, taken = nodes[spare > 0], nodes[used[:ground] > 0]
    more, less = np.zeros((2, ground), np.int64)
    if loads is not None:
        more[:offers], less[:offers] = loads
    unserved_at = np.full(network.quantity.size, ground, np.int64)
    nodes_more = np.zeros(0, np.int64)
    gains = np.zeros((2, 0), np.int64)
    if groups is not None:
        unserved_at += groups.group + 1
        nodes_more = np.arange(groups.more.size, dtype=np.int64) + ground + 1
        gains = np.stack([groups.more, groups.less])
    lacking = np.flatnonzero(unserved > 0)
    count = first_arc[lacking + 1] - first_arc[lacking]
    waiting = spread(first_arc[lacking], count)
    worth = weight[network.need[moved]] + network.fit[moved]
    leaving, left, lost = _best_ends(network, moved, -worth, unserved_at - ground, nodes_more.size + 1)
    worth = np.repeat(weight[lacking], count) + network.fit[waiting]
    queue = Waiting(np.repeat(lacking.astype(np.int32), count), network.offer[waiting], worth)
    entered, entering, gained = _best_ends(network, waiting, worth, unserved_at - ground, nodes_more.size + 1)
    parts = [
        _between(network, moved, first_arc, offers <= dense_offers, chunk),
        (leaving, left + ground, lost),
        (entering + ground, entered, gained),
        (loosened, above[loosened], -more[loosened]),
        (above[taken], taken, less[taken]),
        (np.full(nodes_more.size, ground), nodes_more, gains[0]),
        (nodes_more, np.full(nodes_more.size, ground), gains[1]),
    ]
    tail, head, gain = (np.concatenate(column) for column in zip(*parts, strict=True))
    size = ground + 1 + nodes_more.size
    return Exchanges(
        _edges(tail, head, gain, size), _edges(head, tail, gain, size), above, spare, unserved_at, unserved, queue
    )


def _up(parent: Int32s, offers: int, ground: int) -> Int64s:
    return np.where(parent >= 0, parent.astype(np.int64) + offers, ground)


def _edges(one: Int64s, other: Int64s, gain: Int64s, nodes: int) -> Edges:
    key = one.astype(np.uint16) if nodes <= 2**16 else one  # NumPy sorts 16 bits in linear time
    order = np.argsort(key, kind="stable")
    start = np.zeros(nodes + 1, np.int64)
    np.cumsum(np.bincount(one, minlength=nodes), out=start[1:])
    return Edges(start, other[order].astype(np.int32), gain[order])


def _best_ends(network: Network, arcs: Int64s, worth: Int64s, end: Int64s, ends: int) -> tuple[Int64s, Int64s, Int64s]:
    """For offers and ends (a number of each need) that some of the arcs join: offer, end, greatest worth."""
    best = np.full(network.capacity.size * ends, NEVER, np.int64)
    key = network.offer[arcs].astype(np.int64)
    if ends > 1:
        key *= ends
        key += end[network.need[arcs]]
    np.maximum.at(best, key, worth)
    found = np.flatnonzero(best > NEVER).astype(np.int64)
    return found // ends, found % ends, best[found]


def _between(
    network: Network, moved: Int64s, first_arc: Int64s, dense: bool, size: int
) -> tuple[Int64s, Int64s, Int64s]:
    """The best exchanges between offers: tail, head, gain of fit."""
    offers = network.capacity.size
    if dense:
        table = np.full((offers + 1) * offers, NOBODY, np.int16)
        _from_one_each(table, network, moved, first_arc, size)
        again = moved[1:][network.need[moved[1:]] == network.need[moved[:-1]]]
        for pair, gain in _moves(network, again, first_arc, size):
            np.maximum.at(table, pair, gain.astype(np.int16))
        table = table[: offers * offers]
        table[:: offers + 1] = NOBODY
        pair = np.flatnonzero(table != NOBODY)
        return pair // max(offers, 1), pair % max(offers, 1), table[pair].astype(np.int64)
    packed = np.zeros(0, np.int64)
    for pair, gain in _moves(network, moved, first_arc, size):
        packed = _best_of(np.concatenate([packed, (pair << 16) + (gain - NOBODY)]))
    pair, gain = packed >> 16, (packed & 0xFFFF) + NOBODY
    tail, head = pair // max(offers, 1), pair % max(offers, 1)
    moves = tail != head
    return tail[moves], head[moves], gain[moves]


def _from_one_each(table: NDArray[np.int16], network: Network, moved: Int64s, first_arc: Int64s, size: int) -> None:
    """Put into the table the moves of a unit of each need from the first of its arcs that carry any.

    Every arc is looked at in its place, without gathering: those of needs without a unit fall into a last row.
    """
    needs, offers = network.quantity.size, network.capacity.size
    backward = moved[::-1]
    source, fit = np.full(needs, offers, np.int32), np.zeros(needs, np.int16)
    source[network.need[backward]] = network.offer[backward]  # the first is written last
    fit[network.need[backward]] = network.fit[backward]
    source *= np.int32(offers)
    begin = 0
    while begin < needs:
        end = max(int(np.searchsorted(first_arc, first_arc[begin] + size, "right")) - 1, begin + 1)
        arcs = slice(int(first_arc[begin]), int(first_arc[end]))
        count = np.diff(first_arc[begin : end + 1])
        pair = np.repeat(source[begin:end], count)
        pair += network.offer[arcs]
        gain = network.fit[arcs].astype(np.int16)
        gain -= np.repeat(fit[begin:end], count)
        np.maximum.at(table, pair, gain)
        begin = end


def _moves(network: Network, moved: Int64s, first_arc: Int64s, size: int) -> Iterator[tuple[Int64s, Int64s]]:
    """The moves of a unit on the arcs to any arc of its need: the pair of offers as one number, and the gain of fit."""
    need = network.need[moved]
    degree = first_arc[need + 1] - first_arc[need]
    chunk = (np.cumsum(degree) - 1) // size
    begin = 0
    for end in (*(np.flatnonzero(np.diff(chunk)) + 1).tolist(), moved.size):
        arcs, count = moved[begin:end], degree[begin:end]
        choices = spread(first_arc[need[begin:end]], count)
        pair = np.repeat(network.offer[arcs].astype(np.int64) * network.capacity.size, count)
        pair += network.offer[choices]
        yield pair, (network.fit[choices] - np.repeat(network.fit[arcs], count)).astype(np.int64)
        begin = end


def _best_of(packed: Int64s) -> Int64s:
    """Of pairs packed with their gain, the greatest gain of each pair."""
    packed.sort()
    pair = packed >> 16
    last = np.ones(packed.size, np.bool_)
    last[:-1] = pair[1:] != pair[:-1]
    return packed[last]
