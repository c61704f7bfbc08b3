"""Which needs would move or lose a unit: the moves behind a best path of exchanges."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.columns import Int64s
from matching.network.market import starts_of
from matching.prices.paths import NEVER, improve, spread
from matching.prices.settled import sorting
from matching.prices.worth import World

NOWHERE = -1


class Move(NamedTuple):
    """One unit of a need goes from one offer to another; ``NOWHERE`` (-1) stands for not being served."""

    need: int
    source: int
    target: int


class Search(NamedTuple):
    """Best ways for a unit that arrives at any node to end where a need gives one up, or with the others.

    Attributes:
        label: int64 (nodes,), the worth of the best way, the need's own loss of fit included.
        onward: int64 (nodes,), the next node where the way stays clear of the ground; -1 otherwise.
        ends: the offers where the need gives up a unit; none where it has none to give.
        best_end: the one where others gain most; -1 none.
    """

    label: Int64s
    onward: Int64s
    ends: frozenset[int]
    best_end: int


class Chains:
    """Finds paths and names the needs that move along them, for one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._network, self._flow = world.settled.network, world.settled.flow
        self._asking, self._known = NOWHERE, dict[tuple[int, int], int]()

    def to_others(self, need: int) -> Search:
        """Ways to end where others give up a unit for the need, or capacity is spare."""
        world, end = self._world, int(self._world.graph.unserved_at[need])
        onward = np.full(world.leave.size, NOWHERE, np.int64)
        if end == world.graph.ground:
            return Search(world.leave, onward, frozenset(), NOWHERE)
        label = np.where(world.leave > NEVER, world.leave + world.enter[end], NEVER)
        label[end] = max(int(label[end]), 0)
        improve(world.graph.back, label, np.array([end]), onward)
        return Search(label, onward, frozenset([end]), NOWHERE)

    def to_own(self, offers: Int64s, fits: Int64s) -> Search:
        """Ways to end at one of the offers of a need that gives up a unit there, of the given fit.

        What it gives up is taken by the one who gains most from it, or by nobody.
        """
        world = self._world
        gains = np.maximum(world.enter[offers], 0) - fits
        best = int(gains.argmax())
        label = np.where(world.leave > NEVER, world.leave + gains[best], NEVER)
        onward = np.full(label.size, NOWHERE, np.int64)
        np.maximum.at(label, offers, -fits)
        direct = label[offers] == -fits
        improve(world.graph.back, label, offers[direct], onward)
        ends = frozenset(offers[direct & (onward[offers] == NOWHERE)].tolist())
        return Search(label, onward, ends, int(offers[best]))

    def moves(self, search: Search, start: int, asking: int) -> tuple[Move, ...]:
        """The moves of others when a unit of the need ``asking`` arrives at the offer ``start``."""
        if asking != self._asking:  # ways to one need share most of their moves
            self._asking, self._known = asking, {}
        nodes = self._nodes(search, start)
        found = [self._move(one, other, asking) for one, other in pairwise(nodes)]
        return tuple(move for move in found if move is not None)

    def first_in_line(self, offer: int) -> int:
        """The unserved need that would come in if the offer had room for one more; -1 none."""
        world, node = self._world, offer
        while node != world.graph.ground:
            before = int(world.enter_from[node])
            if before == NOWHERE:
                return NOWHERE
            if before >= world.graph.ground:
                move = self._move(before, node, NOWHERE)
                return NOWHERE if move is None else move.need
            node = before
        return NOWHERE

    def before(self, offer: int, worth: int) -> int:
        """Units of unserved needs whose best way into the offer is worth more than this, where no group counts."""
        graph = self._world.graph
        label = np.full(graph.nodes, NEVER, np.int64)
        label[offer] = 0
        improve(graph.back, label, np.array([offer]))
        way = label[graph.waiting.offer]
        before = (graph.waiting.worth + way > worth) & (way > NEVER)
        need = graph.waiting.need[before]
        return int(graph.unserved[need[starts_of(need)]].sum())

    def _nodes(self, search: Search, start: int) -> list[int]:
        world, ground = self._world, self._world.graph.ground
        nodes, node = [start], start
        while node not in search.ends and search.onward[node] != NOWHERE:
            node = int(search.onward[node])
            nodes.append(node)
        while node != ground and node not in search.ends:
            node = int(world.leave_to[node])
            nodes.append(node)
        if node == ground and search.best_end != NOWHERE and world.enter[search.best_end] > 0:
            back = [search.best_end]
            while back[-1] != ground:
                back.append(int(world.enter_from[back[-1]]))
            nodes += back[-2::-1]
        return _without_loops(nodes)

    def _move(self, one: int, other: int, asking: int) -> Move | None:
        """The move that an edge stands for; None where only room is passed on."""
        graph, offers = self._world.graph, self._network.capacity.size
        if one < offers and other < offers:
            if (one, other) not in self._known:
                self._known[one, other] = self._exchanged(one, other, asking)
            return Move(self._known[one, other], one, other)
        if one < offers and other >= graph.ground and not (graph.above[one] == other and graph.spare[one] > 0):
            return Move(self._displaced(one, other), one, NOWHERE)
        if one >= graph.ground and other < offers:
            need = self._waiting(other, one)
            return None if need == NOWHERE else Move(need, NOWHERE, other)
        return None

    def _served(self, offer: int) -> NDArray[np.intp]:
        arcs, first = self._moved
        return arcs[first[offer] : first[offer + 1]]

    def _exchanged(self, one: int, other: int, asking: int) -> int:
        """Of the needs at ``one`` the one that gains most fit at ``other``, another than the asking if equal."""
        network, arcs = self._network, self._served(one)
        need = network.need[arcs]
        first_arc = self._world.settled.first_arc
        count = first_arc[need + 1] - first_arc[need]
        choices = spread(first_arc[need], count)
        at = np.repeat(np.arange(arcs.size), count)
        there = np.flatnonzero(network.offer[choices] == other)
        gain = network.fit[choices[there]].astype(np.int64) - network.fit[arcs[at[there]]]
        movers = need[at[there]]
        return int(movers[np.lexsort([movers, movers == asking, -gain])[0]])

    def _displaced(self, offer: int, end: int) -> int:
        """The need at the offer that is worth least, of those whose unserved units are at a node."""
        arcs = self._served(offer)
        arcs = arcs[self._world.graph.unserved_at[self._network.need[arcs]] == end]
        need = self._network.need[arcs]
        return int(need[(self._world.weight[need] + self._network.fit[arcs]).argmin()])

    def _waiting(self, offer: int, end: int) -> int:
        """The need with unserved units at a node that is worth most at the offer; -1 none."""
        graph = self._world.graph
        rows = np.flatnonzero(graph.waiting.offer == offer)
        rows = rows[graph.unserved_at[graph.waiting.need[rows]] == end]
        return int(graph.waiting.need[rows[graph.waiting.worth[rows].argmax()]]) if rows.size else NOWHERE

    @cached_property
    def _moved(self) -> tuple[Int64s, Int64s]:
        """The arcs that carry units in the order of their offers, and where those of each offer begin."""
        moved, offers = self._world.settled.moved, self._network.capacity.size
        arcs = moved[sorting(self._network.offer[moved], offers)]
        return arcs, np.searchsorted(self._network.offer[arcs], np.arange(offers + 1))


def _without_loops(nodes: list[int]) -> list[int]:
    """The way without detours that come back to a node; they are worth nothing."""
    place: dict[int, int] = {}
    kept: list[int] = []
    for node in nodes:
        if node in place:
            for dropped in kept[place[node] + 1 :]:
                del place[dropped]
            del kept[place[node] + 1 :]
        else:
            place[node] = len(kept)
            kept.append(node)
    return kept
