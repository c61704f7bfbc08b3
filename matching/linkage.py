"""Which offers lie in components with coupling rules, found from arcs that come block by block."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from matching.columns import Bools, Int32s, Int64s
from matching.problem import Problem


class Linkage:
    """Offers and pools by component, joined by the needs of each block; memory for the rows alone.

    It errs towards coupling: a rule counts even where a closer look at the whole would find that it never
    binds.
    """

    def __init__(self, rows: Problem) -> None:
        offers, pools = rows.capacity.size, rows.pool_capacity.size
        self._offers = offers
        self._needs = (rows.bundle >= 0) | (rows.whole & (rows.quantity > 1))
        self._needs[rows.exclusions.ravel()] = True
        self._marked = (rows.minimum_batch > 1) | (rows.budget >= 0)
        self._watching = bool(self._needs.any() or self._marked.any())
        self._label = np.arange(offers + pools)
        inside = np.append(rows.pool, rows.pool_parent).astype(np.int64)
        below = np.flatnonzero(inside >= 0)
        self._join(below, offers + inside[below])

    def add(self, need: Int32s, offer: Int32s) -> None:
        """Join the offers of each need; arcs are sorted by need."""
        if not self._watching or need.size == 0:
            return
        self._marked[offer[self._needs[need]]] = True
        same = np.flatnonzero(need[1:] == need[:-1])
        self._join(offer[same], offer[same + 1])

    def _join(self, one: Int64s | Int32s, other: Int64s | Int32s) -> None:
        tail, head = self._label[one], self._label[other]
        apart = np.flatnonzero(tail != head)
        if apart.size == 0:
            return
        size = self._label.size
        graph = coo_array((np.ones(apart.size, np.int8), (tail[apart], head[apart])), shape=(size, size))
        _, component = connected_components(graph, directed=False)
        self._label = component[self._label].astype(np.int64)

    def coupled(self) -> Bools:
        """bool (m,): offers in a component where some rule couples needs or offers."""
        label = self._label[: self._offers]
        marked = np.zeros(self._label.size, np.bool_)
        marked[label[self._marked]] = True
        return np.asarray(marked[label])
