"""From the typed columns of two files to what the rules, the scores and the solver take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from matching.ageing import aged_tiers
from matching.columns import Bools, Int8s, Int32s, Int64s
from matching.eligibility.codes import CodeTables
from matching.eligibility.rules import Candidates, Needs, Offers
from matching.policy import Policy
from matching.problem import Problem
from matching.scoring import Earlier
from matching.tables.columns import name_key
from matching.tables.read import CapacityTable, NeedTable


class Words:
    """A numbering of qualifications and masks of them, 64 to a word.

    Only what some need requires is numbered: what nobody asks for decides nothing.
    """

    def __init__(self, required: Iterable[Sequence[str]]) -> None:
        self.names = sorted({name for several in set(map(tuple, required)) for name in several})
        self._number = {name: place for place, name in enumerate(self.names)}
        self._width = max(-(-len(self.names) // 64), 1)

    def masks(self, lists: Sequence[tuple[str, ...]]) -> NDArray[np.uint64]:
        """uint64 (rows, w)."""
        distinct: dict[tuple[str, ...], int] = {}
        place = np.array([distinct.setdefault(names, len(distinct)) for names in lists], np.intp)
        masks = np.zeros((max(len(distinct), 1), self._width), np.uint64)
        for names, row in distinct.items():
            for name in names:
                number = self._number.get(name)
                if number is not None:
                    masks[row, number // 64] |= np.uint64(1 << number % 64)
        return masks[place]

    def told(self, mask: NDArray[np.uint64]) -> list[str]:
        """The names in one mask, uint64 (w,)."""
        return [name for number, name in enumerate(self.names) if int(mask[number // 64]) >> number % 64 & 1]


def listed(lists: Sequence[tuple[int, ...]], width: int) -> Bools:
    """bool (rows, width): which positions each row lists."""
    flags = np.zeros((len(lists), width), np.bool_)
    for row, places in enumerate(lists):
        flags[row, list(places)] = True
    return flags


def rule_columns(needs: NeedTable, capacity: CapacityTable, tables: CodeTables) -> tuple[Needs, Offers, Words]:
    """What eligibility and scoring take, in the order of the tables."""
    words = Words(needs.requires)
    return (
        Needs(
            category=needs.category,
            region=needs.region,
            lat=needs.lat,
            lon=needs.lon,
            groups=needs.groups,
            requires=words.masks(needs.requires),
            deadline=needs.deadline,
            posted=needs.posted,
        ),
        Offers(
            categories=listed(capacity.categories, len(tables.categories)),
            regions=listed(capacity.regions, len(tables.regions)),
            seat=np.array([regions[0] for regions in capacity.regions], np.int32),
            lat=capacity.lat,
            lon=capacity.lon,
            radius_km=capacity.radius_km,
            groups=capacity.groups,
            qualifications=words.masks(capacity.qualifications),
            valid_from=capacity.valid_from,
            valid_until=capacity.valid_until,
        ),
        words,
    )


def earlier_of(needs: NeedTable, capacity: CapacityTable) -> Earlier | None:
    """Who has helped whose household before, where the file of needs tells; organizations go by their names."""
    if not any(needs.earlier):
        return None
    number: dict[str, int] = {}
    of_offer = [number.setdefault(name_key(name), len(number)) if name else -1 for name in capacity.organization]
    pairs = [(row, number[name]) for row, names in enumerate(needs.earlier) for name in names if name in number]
    need, supplier = np.array(pairs, np.int64).reshape(-1, 2).T
    return Earlier(need, supplier, of_offer)


def affordable(capacity: CapacityTable) -> tuple[Int64s, Bools]:
    """Units that each capacity can really give, int64 (m,), and where its budget is what limits it, bool (m,).

    All units of one capacity cost the same in these files, so a budget is exactly a number of units.
    """
    limited = (capacity.budget_fen >= 0) & (capacity.unit_cost_fen > 0)
    paid = np.where(limited, capacity.budget_fen // np.maximum(capacity.unit_cost_fen, 1), capacity.quantity)
    return np.minimum(capacity.quantity, paid), limited & (paid < capacity.quantity)


def tiers_on(needs: NeedTable, policy: Policy, day: np.datetime64) -> Int8s:
    """int8 (n,): the tiers that needs count as on a day, by what the policy says of waiting since they were posted."""
    waited = np.where(np.isnat(needs.posted), 0, (day - needs.posted).astype(np.int64))
    return aged_tiers(needs.tier, np.maximum(waited, 0), policy)


def problem_of(
    needs: NeedTable,
    capacity: CapacityTable,
    arcs: Candidates,
    fit: Int32s,
    *,
    fairness: bool = False,
    tier: Int8s | None = None,
) -> Problem:
    """The problem of two files: rows in the order of their tables, arcs in the order of the candidates.

    Args:
        fairness: whether the regions of the needs are groups that a fair policy evens out.
        tier: int8 (n,), what the needs count as; their own if None.
    """
    units, _ = affordable(capacity)
    return Problem(
        quantity=needs.quantity,
        tier=needs.tier if tier is None else tier,
        bundle=needs.bundle,
        whole=needs.whole,
        group=needs.region if fairness else None,
        capacity=units,
        pool=capacity.pool,
        pool_capacity=capacity.pool_capacity,
        minimum_batch=capacity.minimum_batch,
        need=arcs.need,
        offer=arcs.offer,
        fit=fit,
    )
