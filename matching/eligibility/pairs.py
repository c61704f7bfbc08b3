"""Pairs of needs and offers that agree in category and region, in chunks that bound the memory.

Needs of the same category and region see the same offers, so that is settled once for each such *class*. Where
many offers have a radius, classes are cut up by cells of a grid, and what cannot reach a cell drops out of its
lists before any pair is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int32s, Int64s
from matching.eligibility.codes import CodeTables
from matching.eligibility.nearness import Cells, Points

if TYPE_CHECKING:
    from matching.eligibility.sides import Needs, Offers

DENSE = 20_000_000
"""Cells of the table of classes and offers that are looked at together."""

NEEDS_A_LIST = 3
"""With fewer needs than this to a cell of a class, its own list costs more than it saves."""


class Lists(NamedTuple):
    """Offers by class: those of class c are ``members[starts[c] : starts[c + 1]]``, ascending.

    Attributes:
        of: int64 (rows,), the class of each of the given needs.
    """

    of: NDArray[np.intp]
    starts: Int64s
    members: Int32s


def pairs(
    needs: Needs,
    offers: Offers,
    tables: CodeTables,
    rows: NDArray[np.intp],
    offer_open: Bools,
    chunk_pairs: int,
    *,
    near: Points | None = None,
) -> Iterator[tuple[Int32s, Int32s]]:
    """Pairs of category and region, sorted by (need, offer), in chunks that hold whole needs.

    A chunk has at most `chunk_pairs` pairs, or those of one need where that has more.

    Args:
        rows: increasing row numbers of needs.
        offer_open: bool (m,), offers that count.
        near: leave out some pairs, not all, that are farther apart than the offer's radius.
    """
    if rows.size == 0 or len(offers) == 0:
        return
    lists = _classes(needs, offers, tables, rows, offer_open)
    if near is not None:
        lists = _within_reach(lists, near, rows, chunk_pairs)
    counts = np.diff(lists.starts)[lists.of]
    ends = np.cumsum(counts)
    begin = 0
    while begin < rows.size:
        done = int(ends[begin - 1]) if begin else 0
        end = max(int(np.searchsorted(ends, done + chunk_pairs, side="right")), begin + 1)
        place, offer = _expanded(lists, np.arange(begin, end), lists.of[begin:end])
        if place.size:
            yield rows[place].astype(np.int32), offer
        begin = end


def _expanded(lists: Lists, row: Int64s, classes: NDArray[np.intp]) -> tuple[Int64s, Int32s]:
    """Each row as often as its class has offers, and these."""
    first = lists.starts[classes]
    count = lists.starts[classes + 1] - first
    ends = np.cumsum(count)
    place = np.repeat(first - (ends - count), count)
    place += np.arange(place.size)
    return np.repeat(row, count), lists.members[place]


def _classes(needs: Needs, offers: Offers, tables: CodeTables, rows: NDArray[np.intp], offer_open: Bools) -> Lists:
    """The offers of each category and region that some need has."""
    region_count = len(tables.regions)
    kind = needs.category[rows].astype(np.int64) * region_count + needs.region[rows]
    kinds, kind_of = np.unique(kind, return_inverse=True)
    by_category = ((offers.categories & offer_open[:, None]) @ tables.category_covers).T
    by_region = (offers.regions @ tables.region_covers).T
    starts = np.zeros(kinds.size + 1, np.int64)
    members: list[Int32s] = []
    step = max(1, DENSE // max(len(offers), 1))
    for begin in range(0, kinds.size, step):
        part = kinds[begin : begin + step]
        seen = by_category[part // region_count] & by_region[part % region_count]
        starts[begin + 1 : begin + 1 + part.size] = seen.sum(axis=1)
        members.append(np.nonzero(seen)[1].astype(np.int32))
    return Lists(kind_of, np.cumsum(starts), np.concatenate(members))


def _within_reach(lists: Lists, near: Points, rows: NDArray[np.intp], chunk_pairs: int) -> Lists:
    """The lists cut up by cells, where that promises to save work."""
    if not np.isfinite(near.reach[lists.members]).any():
        return lists
    cells = Cells.around(near.need[:, rows])
    cell_count = cells.size.size
    cut, of = np.unique(lists.of * cell_count + cells.of, return_inverse=True)
    if cut.size * NEEDS_A_LIST > rows.size:
        return lists
    classes, cell = cut // cell_count, cut % cell_count
    ends = np.cumsum(np.diff(lists.starts)[classes])
    counts = np.zeros(cut.size + 1, np.int64)
    members: list[Int32s] = []
    begin = 0
    while begin < cut.size:
        done = int(ends[begin - 1]) if begin else 0
        end = max(int(np.searchsorted(ends, done + chunk_pairs, side="right")), begin + 1)
        place, offer = _expanded(lists, np.arange(begin, end), classes[begin:end])
        keep = cells.may_reach(near, cell[place], offer)
        counts[begin + 1 : end + 1] = np.bincount(place[keep] - begin, minlength=end - begin)
        members.append(offer[keep])
        begin = end
    return Lists(of, np.cumsum(counts), np.concatenate(members))
