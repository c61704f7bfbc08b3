"""Hard rules: which offer may serve which need. Category, region, distance, group, qualifications, dates.

Nothing else decides, and nothing here knows where a household is registered. The rules, one by one:

category        the offer lists the need's category or one above it
region          the offer lists the need's region or one above it (GB/T 2260 prefix)
distance        the great-circle distance of the two points is within the offer's radius; a missing point is
                the seat of the region (of the first region that an offer lists); no radius is no limit
group           an offer that lists groups shares one with the need; recognitions (T-…) and G-MIGCHILD
                never count here, on either side: with and without them the same pairs are eligible
qualification   all that the need requires is among the offer's qualifications
dates           see :func:`open_on`

How pairs come about without looking at all of them is told in :mod:`matching.eligibility.pairs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int32s, Int64s
from matching.eligibility.codes import CodeTables
from matching.eligibility.nearness import EARTH_RADIUS_KM, RADIUS_TOLERANCE_KM, Points, metres_of
from matching.eligibility.pairs import pairs
from matching.eligibility.sides import Masks, Needs, Offers

__all__ = [
    "EARTH_RADIUS_KM",
    "RADIUS_TOLERANCE_KM",
    "Candidates",
    "Funnel",
    "Needs",
    "Offers",
    "candidate_blocks",
    "candidates",
    "funnel",
    "open_on",
]

CHUNK_PAIRS = 1_500_000
"""Pairs that are examined at a time; about 100 bytes each."""


@dataclass(frozen=True)
class Candidates:
    """Eligible pairs (k), sorted by need, then offer.

    Attributes:
        need, offer: int32 (k,), row numbers.
        metres: int32 (k,), great-circle distance between the two points, rounded.
    """

    need: Int32s
    offer: Int32s
    metres: Int32s

    def __len__(self) -> int:
        return int(self.need.size)


@dataclass(frozen=True)
class Funnel:
    """For chosen needs (u), how many offers are left after each rule, in the order of the rules.

    Attributes:
        need: int64 (u,), row numbers.
        left: int64 (u, 6), offers left after category, region, distance, group, qualification, dates.
        nearest_metres: int64 (u,), the nearest offer of category and region, however far; −1 none.
        nearest_radius_metres: int64 (u,), that offer's radius; −1 none or no limit.
        missing: uint64 (u, w), what the need requires and the best qualified of the offers that passed the
            rules before lacks; zeros where no offer did.
    """

    need: Int64s
    left: Int64s
    nearest_metres: Int64s
    nearest_radius_metres: Int64s
    missing: Masks


def open_on(as_of: np.datetime64, needs: Needs, offers: Offers) -> tuple[Bools, Bools]:
    """Which needs and which offers are open on a day: the one place where dates decide.

    A need is open until its deadline has passed, the deadline's own day included. An offer is open from its
    first day of validity to its last, both included. A missing date is no limit. Offers that begin later are
    not promised ahead: a run on their first day finds them.

    Args:
        as_of: datetime64[D], the day of the run.

    Returns:
        bool (n,), bool (m,).
    """
    need_open = np.isnat(needs.deadline) | (needs.deadline >= as_of)
    begun = np.isnat(offers.valid_from) | (offers.valid_from <= as_of)
    lasting = np.isnat(offers.valid_until) | (offers.valid_until >= as_of)
    return need_open, begun & lasting


def candidates(
    needs: Needs,
    offers: Offers,
    tables: CodeTables,
    as_of: np.datetime64,
    *,
    chunk_pairs: int = CHUNK_PAIRS,
) -> Candidates:
    """All eligible pairs at once; see :func:`candidate_blocks`."""
    found = list(candidate_blocks(needs, offers, tables, as_of, chunk_pairs=chunk_pairs))
    if not found:
        empty = np.zeros(0, np.int32)
        return Candidates(empty, empty, empty)
    need = np.concatenate([block.need for block in found])
    offer = np.concatenate([block.offer for block in found])
    return Candidates(need, offer, np.concatenate([block.metres for block in found]))


def candidate_blocks(
    needs: Needs,
    offers: Offers,
    tables: CodeTables,
    as_of: np.datetime64,
    *,
    chunk_pairs: int = CHUNK_PAIRS,
) -> Iterator[Candidates]:
    """All eligible pairs, block by block: each holds whole needs, later ones in later blocks.

    Args:
        as_of: datetime64[D], the day of the run.
        chunk_pairs: pairs of category and region that are examined at a time; bounds the memory.

    Returns:
        Pairs sorted by (need, offer); the same on every machine but for distances within a rounding error.
    """
    need_open, offer_open = open_on(as_of, needs, offers)
    points = Points.of(needs, offers, tables)
    limits = offers.groups & tables.excluding_groups
    for need, offer in pairs(needs, offers, tables, np.flatnonzero(need_open), offer_open, chunk_pairs, near=points):
        keep = np.flatnonzero(_group_and_qualification(needs, offers, limits, need, offer))
        need, offer = need[keep], offer[keep]
        chord = points.chord(need, offer)
        near = np.flatnonzero(chord <= points.reach[offer])
        yield Candidates(need[near], offer[near], metres_of(chord[near]))


def funnel(needs: Needs, offers: Offers, tables: CodeTables, as_of: np.datetime64, rows: Int64s) -> Funnel:
    """How many offers each of the needs ``rows`` keeps after each rule, and the numbers behind it.

    Args:
        rows: int64 (u,), increasing row numbers; meant for needs without candidates.
    """
    need_open, offer_open = open_on(as_of, needs, offers)
    everyone = np.ones(len(offers), np.bool_)
    left = np.zeros((rows.size, 6), np.int64)
    listed = offers.categories @ tables.category_covers
    left[:, 0] = listed.sum(axis=0)[needs.category[rows]]
    nearest = np.full(rows.size, -1, np.int64)
    radius = np.full(rows.size, -1, np.int64)
    missing = np.zeros((rows.size, needs.requires.shape[1]), np.uint64)
    points = Points.of(needs, offers, tables)
    limits = offers.groups & tables.excluding_groups
    place = np.full(len(needs), -1, np.int64)
    place[rows] = np.arange(rows.size)
    for need, offer in pairs(needs, offers, tables, rows, everyone, CHUNK_PAIRS):
        at = place[need]
        first = np.flatnonzero(np.r_[True, at[1:] != at[:-1]])
        chord = points.chord(need, offer)
        keep = np.ones(need.size, np.bool_)
        left[at[first], 1] = np.add.reduceat(keep, first, dtype=np.int64)
        best = _first_least(chord, first)
        nearest[at[first]] = metres_of(chord[best])
        limit = offers.radius_km[offer[best]]
        radius[at[first]] = np.where(np.isnan(limit), -1, np.rint(np.nan_to_num(limit) * 1000)).astype(np.int64)
        keep &= chord <= points.reach[offer]
        left[at[first], 2] = np.add.reduceat(keep, first, dtype=np.int64)
        keep &= _passes_group(needs, limits, need, offer)
        left[at[first], 3] = np.add.reduceat(keep, first, dtype=np.int64)
        lacking = needs.requires[need] & ~offers.qualifications[offer]
        count = np.bitwise_count(lacking).sum(axis=1, dtype=np.int64)
        least = _first_least(np.where(keep, count, np.iinfo(np.int64).max), first)
        missing[at[first]] = np.where(keep[least, None], lacking[least], np.uint64(0))
        keep &= count == 0
        left[at[first], 4] = np.add.reduceat(keep, first, dtype=np.int64)
        keep &= offer_open[offer] & need_open[need]
        left[at[first], 5] = np.add.reduceat(keep, first, dtype=np.int64)
    return Funnel(rows, left, nearest, radius, missing)


def _passes_group(needs: Needs, limits: Masks, need: Int32s, offer: Int32s) -> Bools:
    limit = limits[offer]
    return np.asarray((limit == 0) | ((limit & needs.groups[need]) != 0))


def _group_and_qualification(needs: Needs, offers: Offers, limits: Masks, need: Int32s, offer: Int32s) -> Bools:
    keep = _passes_group(needs, limits, need, offer)
    for word in range(needs.requires.shape[1]):
        required = needs.requires[:, word]
        if required.any():
            keep &= (required[need] & ~offers.qualifications[:, word][offer]) == 0
    return keep


def _first_least(values: NDArray[np.float64] | Int64s, first: NDArray[np.intp]) -> NDArray[np.intp]:
    """For each segment beginning at ``first``, the index of its first least value."""
    least = np.minimum.reduceat(values, first)
    sizes = np.diff(np.r_[first, values.size])
    hits = np.flatnonzero(values == np.repeat(least, sizes))
    segment = np.searchsorted(first, hits, side="right") - 1
    _, place = np.unique(segment, return_index=True)
    return hits[place]
