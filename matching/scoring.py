"""Soft rules: how well an eligible pair fits, 0 to 10000, as a weighted mean of its parts.

Each part runs from 0 to 10000 in whole numbers:

closeness       10000 · s / (s + d), with d the distance and s the policy's `closeness_scale_km`: 10000 at
                the door, 5000 at s
specialisation  the share of the offer's leaf categories that lie in the need's category: an offer for this
                service alone gets 10000, one for everything next to nothing: the versatile stay free
group_fit       10000 − 10000 / 2^c for c groups and recognitions in common: 0, 5000, 7500, 8750, …; one
                more in common never lowers it
waiting         the days since the need was posted; the policy's `waiting_full_days` and more count in full
continuity      10000 where the offer's supplier has helped this household before, else 0

Continuity has a weight only where earlier suppliers are known: without any, the fit is the mean of the other
four. It enters for all arcs or for none, so that who was helped before is not ranked below who never was.

fit = ⌊Σ weight · part / Σ weight⌋. After the distance is rounded to metres everything is integer arithmetic,
so that the same facts give the same fit on every machine. No part knows a household's registration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from matching.columns import Bools, Int32s, Int64s
from matching.eligibility.codes import CodeTables
from matching.eligibility.rules import Candidates, Needs, Offers

FULL = 10_000
CHUNK_ARCS = 500_000

PARTS = ("closeness", "specialisation", "group_fit", "waiting", "continuity")
"""The names of the parts, in the order of the policy's weights."""


class Weights(Protocol):
    """What scoring reads of a policy."""

    @property
    def closeness_weight(self) -> int: ...
    @property
    def specialisation_weight(self) -> int: ...
    @property
    def group_fit_weight(self) -> int: ...
    @property
    def waiting_weight(self) -> int: ...
    @property
    def continuity_weight(self) -> int: ...
    @property
    def closeness_scale_km(self) -> float: ...
    @property
    def waiting_full_days(self) -> float: ...


class Earlier:
    """Who has helped whose household before.

    Args:
        need, supplier: int (e,), row numbers of needs and numbers of suppliers; pairs may occur twice.
        of_offer: int32 (m,), the number of each offer's supplier; −1 unknown.
    """

    def __init__(self, need: ArrayLike, supplier: ArrayLike, of_offer: ArrayLike) -> None:
        needs, suppliers = (np.asarray(column, np.int64) for column in (need, supplier))
        self.of_offer = np.asarray(of_offer, np.int64)
        self._width = max(int(column.max(initial=-1)) for column in (suppliers, self.of_offer)) + 1
        # A supplier who offers nothing today is nobody's candidate: such pairs say nothing.
        there = np.isin(suppliers, self.of_offer) & (suppliers >= 0)
        self._keys = np.unique(needs[there] * self._width + suppliers[there])
        self._known = np.unique(needs[there])

    def __len__(self) -> int:
        return int(self._keys.size)

    def holds(self, need: Int32s, offer: Int32s) -> Bools:
        """bool (rows,): whether the supplier of the offer has helped the need's household before."""
        found = np.zeros(need.size, np.bool_)
        if self._keys.size == 0:
            return found
        supplier = self.of_offer[offer]
        place = np.minimum(np.searchsorted(self._known, need), self._known.size - 1)
        asked = np.flatnonzero((self._known[place] == need) & (supplier >= 0))
        key = need[asked].astype(np.int64) * self._width + supplier[asked]
        place = np.minimum(np.searchsorted(self._keys, key), self._keys.size - 1)
        found[asked] = self._keys[place] == key
        return found


@dataclass(frozen=True)
class Parts:
    """The parts of the fit of chosen arcs, int64 (rows,) each, 0 to 10000, unweighted."""

    closeness: Int64s
    specialisation: Int64s
    group_fit: Int64s
    waiting: Int64s
    continuity: Int64s


class Scorer:
    """Scores pairs of the same needs and offers: what belongs to one side alone is worked out once.

    Args:
        earlier: who has helped whose household before; None and none at all leave continuity out of the fit.
    """

    def __init__(
        self,
        needs: Needs,
        offers: Offers,
        tables: CodeTables,
        policy: Weights,
        as_of: np.datetime64,
        *,
        earlier: Earlier | None = None,
    ) -> None:
        self._needs, self._offers, self._policy = needs, offers, policy
        self._earlier = earlier if earlier is not None and len(earlier) else None
        covered = offers.categories @ tables.category_covers
        leaf = tables.category_covers.sum(axis=1) == 1
        breadth = np.maximum((covered & leaf).sum(axis=1), 1).astype(np.int64)
        share = FULL * tables.leaves_below[None, :] // breadth[:, None]
        self._specialisation = np.minimum(share, FULL)
        self._scale = max(round(policy.closeness_scale_km * 1000), 1)
        self._waiting = _waiting(needs, policy, as_of)
        weights = (
            policy.closeness_weight,
            policy.specialisation_weight,
            policy.group_fit_weight,
            policy.waiting_weight,
            policy.continuity_weight if self._earlier else 0,
        )
        if min(weights) < 0 or sum(weights[:4]) == 0:
            raise ValueError("weights are at least 0, and one of the first four is above 0")
        self._weights = weights
        self.total = sum(weights)

    def parts(self, need: Int32s, offer: Int32s, metres: Int32s) -> Parts:
        """The parts of the given arcs.

        Args:
            need, offer: int (rows,), row numbers.
            metres: int (rows,), as `Candidates.metres`.
        """
        common = np.bitwise_count(self._needs.groups[need] & self._offers.groups[offer])
        return Parts(
            closeness=FULL * self._scale // (self._scale + metres.astype(np.int64)),
            specialisation=self._specialisation[offer, self._needs.category[need]],
            group_fit=_GROUP_FIT[common],
            waiting=self._waiting[need],
            continuity=self._continuity(need, offer),
        )

    def _continuity(self, need: Int32s, offer: Int32s) -> Int64s:
        if self._earlier is None:
            return np.zeros(need.size, np.int64)
        return FULL * self._earlier.holds(need, offer).astype(np.int64)

    def fit(self, arcs: Candidates) -> Int32s:
        """int32 (k,): the fit of each arc, 0 to 10000."""
        fit = np.empty(len(arcs), np.int32)
        for begin in range(0, len(arcs), CHUNK_ARCS):
            part = slice(begin, begin + CHUNK_ARCS)
            fit[part] = self._weighted(arcs, part, PARTS) // self.total
        return fit

    def steady(self, arcs: Candidates) -> Int64s:
        """int64 (k,): the weighted sum of the parts that do not grow while a need waits."""
        return self._weighted(arcs, slice(None), [name for name in PARTS if name != "waiting"])

    def _weighted(self, arcs: Candidates, part: slice, names: Sequence[str]) -> Int64s:
        found = self.parts(arcs.need[part], arcs.offer[part], arcs.metres[part])
        value = np.zeros(found.waiting.size, np.int64)
        for name, weight in zip(PARTS, self._weights, strict=True):
            if weight and name in names:
                value += weight * getattr(found, name)
        return value


def score(
    arcs: Candidates,
    needs: Needs,
    offers: Offers,
    tables: CodeTables,
    policy: Weights,
    as_of: np.datetime64,
    *,
    earlier: Earlier | None = None,
) -> Int32s:
    """int32 (k,): the fit of each arc under a policy on a day."""
    return Scorer(needs, offers, tables, policy, as_of, earlier=earlier).fit(arcs)


_GROUP_FIT = np.array([FULL - (FULL >> common) for common in range(65)], np.int64)


def _waiting(needs: Needs, policy: Weights, as_of: np.datetime64) -> Int64s:
    posted = np.where(np.isnat(needs.posted), as_of, needs.posted)
    return waiting_part(np.maximum((as_of - posted).astype(np.int64), 0), policy.waiting_full_days)


def waiting_part(days: Int64s, full_days: float) -> Int64s:
    """The part of the fit for days of waiting, int64 (rows,)."""
    # Hours, so that half a day as the full span is still a whole number.
    full = max(round(full_days * 24), 1)
    waiting: Int64s = np.minimum(FULL * 24 * days // full, FULL)
    return waiting
