"""From the database to the columns of a matching: keys and facts of needs and capacity, nothing of a person.

What a household is called, where it is registered and how to reach it are never read here.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import aliased

from marketplace import regions
from marketplace.allocations import services as allocations
from marketplace.allocations.models import HOLDS_CAPACITY, Allocation
from marketplace.extensions import db
from marketplace.matches.file_codes import code_tables
from marketplace.matches.models import CaseProposal
from marketplace.matches.scope import Scope, capacities_in, needs_in, serves
from marketplace.matches.snapshot import Snapshot
from marketplace.needs.models import URGENCIES, Need
from marketplace.projects.models import Capacity, Pool
from marketplace.records import LOCAL_TIME, now, today
from matching import Policy
from matching.eligibility.codes import STATISTIC_ONLY
from matching.eligibility.rules import Needs, Offers

CONTENT = 3
"""Of 1 to 5: a household that was less satisfied is not sent to the same supplier again by preference."""

_NEED_COLUMNS = (
    Need.id, Need.version, Need.region, Need.kind, Need.category, Need.latitude, Need.longitude, Need.groups,
    Need.requires, Need.deadline, Need.posted_on, Need.quantity - Need.allocated, Need.urgency, Need.bundle,
    Need.case_id, Need.whole,
)  # fmt: skip
CAPACITY_COLUMNS = (
    Capacity.id, Capacity.version, Capacity.allocated, Capacity.organization_id, Capacity.owner_id, Capacity.categories,
    Capacity.regions, Capacity.latitude, Capacity.longitude, Capacity.radius_km, Capacity.groups,
    Capacity.qualifications, Capacity.valid_from, Capacity.valid_until, Capacity.quantity, Capacity.budget_fen,
    Capacity.committed_fen, Capacity.unit_cost_fen, Capacity.minimum_batch, Capacity.pool_id,
)  # fmt: skip


def _rows(query: Any) -> Iterable[Any]:
    return db.session.execute(query)


def read(scope: Scope, policy: Policy) -> Snapshot:
    """Freeze the input of a run: one consistent read, ended before it returns."""
    db.session.rollback()
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    needs = list(_rows(needs_in(scope).with_only_columns(*_NEED_COLUMNS).order_by(Need.id)))
    offers = [
        row
        for row in _rows(capacities_in(scope).with_only_columns(*CAPACITY_COLUMNS).order_by(Capacity.id))
        if serves(row.regions, scope.region)
    ]
    pools = free_of_pools()
    given = given_this_month()
    declined = allocations.declined_pairs()
    if scope.case_id is not None:
        declined |= _declined_for_case(scope.case_id)
    helped = _earlier_suppliers(scope)
    db.session.rollback()
    return _snapshot(needs, offers, pools, given, declined, helped, policy)


def _declined_for_case(case_id: int) -> set[tuple[int, int]]:
    """Pairs that suppliers declined lately when the care team of a restricted case asked them."""
    query = (
        select(CaseProposal.need_id, CaseProposal.capacity_id)
        .join(Need, Need.id == CaseProposal.need_id)
        .where(
            Need.case_id == case_id,
            CaseProposal.state == "declined",
            CaseProposal.answered_at >= now() - timedelta(days=allocations.DECLINE_DAYS),
        )
    )
    return {(need, capacity) for need, capacity in _rows(query)}


def _earlier_suppliers(scope: Scope) -> dict[int, list[int]]:
    """Organizations that have helped a household of the scope before, by its case."""
    found: dict[int, list[int]] = {}
    for case, organization in _rows(helped_before(needs_in(scope).with_only_columns(Need.case_id))):
        found.setdefault(case, []).append(organization)
    return found


def helped_before(cases: Any) -> Select[Any, Any]:
    """SELECT of cases and the organizations that have helped them before; not where the household was unhappy."""
    before = aliased(Need)
    query: Select[Any, Any] = (
        select(before.case_id, Allocation.organization_id)
        .join(before, before.id == Allocation.need_id)
        .where(
            Allocation.state.in_(("delivered", "confirmed")),
            Allocation.organization_id.is_not(None),
            or_(Allocation.satisfaction.is_(None), Allocation.satisfaction >= CONTENT),
            before.case_id.in_(cases),
        )
        .distinct()
        .order_by(before.case_id, Allocation.organization_id)
    )
    return query


def free_of_pools() -> dict[int, int]:
    """Units that each pool has left; those of every capacity in it count, whatever its state."""
    used = func.coalesce(func.sum(Capacity.allocated), 0)
    query = select(Pool.id, Pool.quantity - used).outerjoin(Capacity, Capacity.pool_id == Pool.id).group_by(Pool.id)
    return {key: max(int(free), 0) for key, free in _rows(query)}


def given_this_month() -> dict[int, int]:
    """Units that suppliers have accepted since the first of the month and not given back, by capacity."""
    month = datetime.combine(today().replace(day=1), time.min, LOCAL_TIME)
    query = (
        select(Allocation.capacity_id, func.sum(Allocation.quantity))
        .where(
            Allocation.capacity_id.is_not(None),
            Allocation.state.in_(HOLDS_CAPACITY),
            Allocation.accepted_at >= month,
        )
        .group_by(Allocation.capacity_id)
    )
    return {key: int(units) for key, units in _rows(query)}


def _snapshot(
    needs: Sequence[Any],
    offers: Sequence[Any],
    pools: dict[int, int],
    given: dict[int, int],
    declined: set[tuple[int, int]],
    helped: dict[int, list[int]],
    policy: Policy,
) -> Snapshot:
    words = sorted({*(q for row in needs for q in row.requires), *(q for row in offers for q in row.qualifications)})
    drawn = sorted({row.pool_id for row in offers if row.pool_id is not None})
    pool_row = {key: place for place, key in enumerate(drawn)}
    need_row = {row.id: place for place, row in enumerate(needs)}
    offer_row = {row.id: place for place, row in enumerate(offers)}
    capacity, budget_bound = _capacity_and_budget(offers)
    barred = [(need_row[n], offer_row[c]) for n, c in sorted(declined) if n in need_row and c in offer_row]
    earlier = [(place, key) for place, row in enumerate(needs) for key in helped.get(row.case_id, ())]
    return Snapshot(
        needs=need_columns(needs, words),
        offers=offer_columns(offers, words),
        quantity=np.array([row[11] for row in needs], np.int64),
        tier=np.array([URGENCIES.index(row.urgency) for row in needs], np.int8),
        bundle=bundles_of(needs),
        whole=np.array([row.whole for row in needs], np.bool_),
        capacity=capacity,
        pool=np.array([-1 if row.pool_id is None else pool_row[row.pool_id] for row in offers], np.int32),
        pool_capacity=np.array([pools[key] for key in drawn], np.int64),
        # Units given already count towards the least batch.
        minimum_batch=np.array([max(row.minimum_batch - row.allocated, 0) for row in offers], np.int64),
        given=np.array([given.get(row.id, 0) for row in offers], np.int64),
        free=np.array([row.quantity - row.allocated for row in offers], np.int64),
        budget_bound=budget_bound,
        barred=np.array(barred, np.int64).reshape(-1, 2),
        earlier=np.array(earlier, np.int64).reshape(-1, 2),
        need_id=np.array([row.id for row in needs], np.int64),
        need_version=np.array([row.version for row in needs], np.int64),
        capacity_id=np.array([row.id for row in offers], np.int64),
        capacity_version=np.array([row.version for row in offers], np.int64),
        capacity_allocated=np.array([row.allocated for row in offers], np.int64),
        organization_id=np.array([row.organization_id or -row.owner_id for row in offers], np.int64),
        regions=tuple(row.region for row in needs),
        wishes=tuple(row.kind == "micro_wish" for row in needs),
        qualifications=tuple(words),
        as_of=np.datetime64(today(), "D"),
        policy=policy,
    )


def _capacity_and_budget(offers: Sequence[Any]) -> tuple[Any, Any]:
    """Free units of each offer, and whether its budget rather than its quantity sets them.

    All units of an offer cost the same, so a budget is a number of units and the problem stays a network.
    """
    free = [row.quantity - row.allocated for row in offers]
    paid = [
        free[place]
        if row.budget_fen is None or row.unit_cost_fen == 0
        else (row.budget_fen - row.committed_fen) // row.unit_cost_fen
        for place, row in enumerate(offers)
    ]
    capacity = [max(min(pair), 0) for pair in zip(free, paid, strict=True)]
    bound = [paid[place] < free[place] for place in range(len(offers))]
    return np.array(capacity, np.int64), np.array(bound, np.bool_)


def bundles_of(needs: Sequence[Any]) -> Any:
    """Needs with the same label of the same household belong together."""
    numbers: dict[tuple[Any, str], int] = {}
    column = [-1 if not row.bundle else numbers.setdefault((row.case_id, row.bundle), len(numbers)) for row in needs]
    return np.array(column, np.int32)


def need_columns(rows: Sequence[Any], words: Sequence[str]) -> Needs:
    """Rows of needs as columns; `words` numbers the qualifications."""
    tables = code_tables()
    return Needs(
        category=np.array([tables.categories.position[row.category] for row in rows], np.int32),
        region=np.array([tables.regions.position[row.region] for row in rows], np.int32),
        lat=_degrees(row.latitude for row in rows),
        lon=_degrees(row.longitude for row in rows),
        groups=np.array([_group_mask(row.groups) for row in rows], np.uint64),
        requires=_masks([row.requires for row in rows], words),
        deadline=_days(row.deadline for row in rows),
        posted=_days(row.posted_on for row in rows),
    )


def offer_columns(rows: Sequence[Any], words: Sequence[str]) -> Offers:
    """Rows of capacity as columns; `words` numbers the qualifications."""
    tables = code_tables()
    return Offers(
        categories=_table([row.categories for row in rows], tables.categories.position),
        regions=_table([row.regions for row in rows], tables.regions.position),
        seat=np.array([_seat(row.regions) for row in rows], np.int32),
        lat=_degrees(row.latitude for row in rows),
        lon=_degrees(row.longitude for row in rows),
        radius_km=_degrees(row.radius_km for row in rows),
        groups=np.array([_group_mask(row.groups) for row in rows], np.uint64),
        qualifications=_masks([row.qualifications for row in rows], words),
        valid_from=_days(row.valid_from for row in rows),
        valid_until=_days(row.valid_until for row in rows),
    )


def _seat(listed: Sequence[str]) -> int:
    position = code_tables().regions.position
    return next((position[code] for code in listed if code in position), position[regions.NINGXIA])


def _degrees(values: Iterable[float | None]) -> Any:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _days(values: Iterable[Any]) -> Any:
    return np.array([np.datetime64("NaT") if value is None else np.datetime64(value) for value in values], "M8[D]")


def _group_mask(codes: Sequence[str]) -> int:
    """Groups as bits; what is a statistic alone stays out, and ALL among them means no limit."""
    position = code_tables().groups.position
    if "ALL" in codes:
        return 0
    return sum({1 << position[code] for code in codes if code in position and code not in STATISTIC_ONLY})


def _table(listed: Sequence[Sequence[str]], position: dict[str, int]) -> Any:
    table = np.zeros((len(listed), len(position)), np.bool_)
    for row, codes in enumerate(listed):
        table[row, [position[code] for code in codes if code in position]] = True
    return table


def _masks(listed: Sequence[Sequence[str]], words: Sequence[str]) -> Any:
    width = max(1, -(-len(words) // 64))
    position = {word: place for place, word in enumerate(words)}
    masks = np.zeros((len(listed), width), np.uint64)
    for row, codes in enumerate(listed):
        for code in codes:
            masks[row, position[code] // 64] |= np.uint64(1 << (position[code] % 64))
    return masks
