"""Split a problem into parts that share nothing, so that each goes to the engine that its rules ask for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int32s, Int64s
from matching.coupling import Coupling
from matching.problem import Problem

Int16s = NDArray[np.int16]

BATCH = 20_000
"""Small network components are solved together up to about so many arcs: a solve for each would cost more."""


class Parts(NamedTuple):
    """Arcs (ascending row numbers) of the parts; together they are all live arcs, each once."""

    networks: list[Int64s]
    coupled: list[Int64s]


def split(problem: Problem, coupling: Coupling, *, joined: bool = False) -> Parts:
    """The live arcs by connected component: batches of network components, and each coupled component alone.

    Arcs are connected if they share a need, an offer, a pool or anything above one, or if their needs share a
    bundle that binds. Excluded needs have an offer in common, so they are connected already. Where they are
    ``joined``, networks are connected too if needs in them belong to the same group.
    """
    live = np.flatnonzero(coupling.live)
    plain = not (coupling.needs.any() or coupling.offers.any())
    if live.size == 0 or (plain and live.size <= BATCH):
        return Parts([live] if live.size else [], [])
    if plain and live.size == problem.need.size and _reaches_all(problem):
        return Parts([live], [])
    reached = np.zeros(problem.capacity.size, np.bool_)
    reached[problem.offer[live]] = True
    many = max(_SOME_ARCS, 20 * reached.size)
    if plain and many < live.size // 4:  # a network in one piece mostly shows it by some of its needs
        begins = np.linspace(0, live.size - many // _SLICES, _SLICES).astype(np.int64)
        some = live[(begins[:, None] + np.arange(many // _SLICES)).ravel()]
        labels = _labels(problem, coupling, some)[0][: reached.size]
        if np.unique(labels[reached]).size == 1:
            return Parts([live], [])
    label, some_offer = _labels(problem, coupling, live)
    labels = label[: reached.size]
    if plain and np.unique(labels[reached]).size == 1:
        return Parts([live], [])
    coupled = np.zeros(label.size, np.bool_)
    coupled[labels[coupling.offers & reached]] = True
    touched = some_offer[coupling.needs]
    coupled[labels[touched[touched >= 0]]] = True
    component = labels[problem.offer[live]]
    apart = coupled[component]
    if joined:
        component = _joined(problem, component, live, apart)
    networks = _batches(live[~apart], component[~apart]) if apart.any() else _batches(live, component)
    return Parts(networks, _grouped(live[apart], component[apart]))


#: So many arcs are looked at first, at least, for whether they hold everything together.
_SOME_ARCS = 200_000

#: From so many places: needs that lie near each other mostly stand near each other too.
_SLICES = 50


def _reaches_all(problem: Problem) -> bool:
    """Whether the first need alone connects all offers that have arcs, as in a dense assignment."""
    reached = np.zeros(problem.capacity.size, np.bool_)
    reached[problem.offer] = True
    return int(np.count_nonzero(problem.need == problem.need[0])) == int(np.count_nonzero(reached))


def _labels(problem: Problem, coupling: Coupling, live: Int64s) -> tuple[Int32s, Int32s]:
    """Labels of the offers and then the pools, equal exactly where connected; and a live offer of each need.

    A need is stood for by one of its offers, which the others are linked to, so that needs are no nodes.
    """
    offers, pools = problem.capacity.size, problem.pool_capacity.size
    need, offer = problem.need[live], problem.offer[live]
    some_offer = np.full(problem.quantity.size, -1, np.int32)
    some_offer[need] = offer
    one, other = _different(some_offer[need], offer, offers)
    pooled, nested = np.flatnonzero(problem.pool >= 0), np.flatnonzero(problem.pool_parent >= 0)
    bundled = np.flatnonzero((problem.bundle >= 0) & coupling.needs & (some_offer >= 0))
    bundled = bundled[np.argsort(problem.bundle[bundled], kind="stable")]
    same = problem.bundle[bundled[1:]] == problem.bundle[bundled[:-1]]
    tails = [one, pooled, offers + nested, some_offer[bundled[1:][same]]]
    heads = [
        other,
        offers + problem.pool[pooled],
        offers + problem.pool_parent[nested],
        some_offer[bundled[:-1][same]],
    ]
    links = (np.concatenate([part.astype(np.int32) for part in side]) for side in (tails, heads))
    return _connected(offers + pools, *links), some_offer


def _different(one: Int32s, other: Int32s, size: int) -> tuple[Int32s, Int32s]:
    """The different pairs, by marking them in a table where that is no larger than the columns of pairs."""
    if size * size > 8 * one.size:
        return one, other
    table = np.zeros((size, size), np.bool_)
    table[one, other] = True
    marked = np.nonzero(table)
    return marked[0].astype(np.int32), marked[1].astype(np.int32)


def _joined(problem: Problem, component: Int32s, live: Int64s, apart: Bools) -> Int32s:
    """The components with those networks under one label whose needs share a group."""
    group = problem.group[problem.need[live]]
    linked = np.flatnonzero(~apart & (group >= 0))
    if linked.size == 0:
        return component
    _, first, rank = np.unique(group[linked], return_index=True, return_inverse=True)
    label = _connected(int(component.max()) + 1, component[linked], component[linked][first][rank])
    return label[component]


def _connected(nodes: int, tail: Int32s, head: Int32s) -> Int32s:
    """The smallest node of each component, by hooking larger roots to smaller ones and jumping to roots."""
    label = np.arange(nodes, dtype=np.int32)
    while True:
        one, other = label[tail], label[head]
        differ = one != other
        if not differ.any():
            return label
        tail, head, one, other = tail[differ], head[differ], one[differ], other[differ]
        np.minimum.at(label, np.maximum(one, other), np.minimum(one, other))
        while True:
            root = label[label]
            if np.array_equal(root, label):
                break
            label = root


def _batches(arcs: Int64s, component: Int32s) -> list[Int64s]:
    """Arcs of whole components, gathered up to about ``BATCH`` arcs."""
    if arcs.size == 0:
        return []
    sizes = np.bincount(component)
    before = np.cumsum(sizes) - sizes
    batch = (before // BATCH)[component]
    if batch[0] == batch[-1] and np.all(batch == batch[0]):
        return [arcs]
    return _grouped(arcs, batch)


def _grouped(arcs: Int64s, key: Int16s | Int32s | Int64s) -> list[Int64s]:
    """Arcs with equal keys together, in the order of the keys and then of the arcs."""
    if arcs.size == 0:
        return []
    if key.max() < 2**15:
        key = key.astype(np.int16)  # sorted by digits, several times as fast
    order = np.argsort(key, kind="stable")
    ends = np.flatnonzero(np.diff(key[order])) + 1
    return [np.asarray(part) for part in np.split(arcs[order], ends)]
