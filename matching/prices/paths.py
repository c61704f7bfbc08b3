"""Best paths in a graph with gains on its edges: labels are corrected (Bellman, Ford), a whole front at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int32s, Int64s

NEVER = -(2**62)
"""The label of a node that no path reaches."""


class NotOptimal(ValueError):  # the name says what was found, as InvalidProblem does
    """The flow is not of greatest worth for its network: a closed chain of moves improves it for ever."""


class Edges(NamedTuple):
    """Edges by the node at one end: those of node v are the rows ``start[v]`` to ``start[v + 1]``.

    Attributes:
        start: int64 (nodes + 1,).
        other: int32 (edges,), the node at the other end.
        gain: int64 (edges,), what the move is worth.
    """

    start: Int64s
    other: Int32s
    gain: Int64s


def spread(first: Int64s, count: Int64s) -> Int64s:
    """The rows ``first[i]`` to ``first[i] + count[i]``, one range after the other."""
    ends = np.cumsum(count)
    rows = np.repeat(first - (ends - count), count)
    rows += np.arange(rows.size)
    return rows


def improve(edges: Edges, label: Int64s, front: NDArray[np.intp] | Int64s, origin: Int64s | None = None) -> None:
    """Raise labels, in place, to the greatest worth of a path that begins with a given label.

    Args:
        edges: the graph.
        label: int64 (nodes,), or (searches * nodes,) for several searches at once; what is known already of
            each node, ``NEVER`` for nothing.
        front: the places in ``label`` to go on from.
        origin: int64 like ``label``: set to the place from which each label was raised.
    Raises:
        NotOptimal: a closed path gains.
    """
    nodes = edges.start.size - 1
    raised: Bools = np.zeros(label.size, np.bool_)
    for _ in range(nodes + 1):
        if front.size == 0:
            return
        node = front % nodes
        first = edges.start[node]
        count = edges.start[node + 1] - first
        rows = spread(first, count)
        value = np.repeat(label[front], count) + edges.gain[rows]
        place = np.repeat(front - node, count) + edges.other[rows]
        better = np.flatnonzero(value > label[place])
        value, place = value[better], place[better]
        np.maximum.at(label, place, value)
        if origin is not None:
            best = value == label[place]
            origin[place[best]] = np.repeat(front, count)[better[best]]
        raised[place] = True
        front = np.flatnonzero(raised)
        raised[front] = False
    raise NotOptimal("the flow is not the best one: a closed chain of moves improves it")
