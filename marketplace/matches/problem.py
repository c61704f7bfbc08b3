"""From the database to the columns of a matching: keys and facts of needs and capacity, nothing of a person.

What a household is called, where it is registered and how to reach it are never read here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, case, func, not_, or_, select

from marketplace import regions
from marketplace.allocations import services as allocations
from marketplace.allocations.services.rows import restricted_need, share_consent_lives
from marketplace.extensions import db
from marketplace.matches.file_codes import code_tables
from marketplace.matches.solving import Snapshot
from marketplace.needs.models import URGENCIES, Need
from marketplace.organizations.models import AllianceMember, Organization
from marketplace.projects.models import Capacity, Pool, Project
from marketplace.records import today
from matching import Policy
from matching.codes import STATISTIC_ONLY
from matching.eligibility import Needs, Offers

FRESH_DAYS = 60
"""Capacity that its supplier has not confirmed for longer is left out of runs."""

SHOWN = 10
"""So many records of each kind that a run leaves out are named in its preview."""


URGENCY_RANK = case({colour: rank for rank, colour in enumerate(URGENCIES)}, value=Need.urgency)
"""SQL expression that sorts needs by urgency."""


@dataclass(frozen=True)
class Scope:
    """What a run is over: needs of a region and all below it, capacity of everyone or of an alliance."""

    region: str
    alliance_id: int | None = None


@dataclass
class LeftOut:
    """Records that a run leaves out for one reason: how many, and the first of them."""

    number: int = 0
    first: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Preview:
    """What a run would take, and what it would leave out and why.

    Attributes:
        needs, capacities: how many records take part.
        units: outstanding units by urgency.
        free: free units of capacity.
        needs_left_out, capacities_left_out: by reason code.
        declined: pairs that suppliers declined lately.
    """

    needs: int
    units: dict[str, int]
    capacities: int
    free: int
    needs_left_out: dict[str, LeftOut]
    capacities_left_out: dict[str, LeftOut]
    declined: int


def shown_need() -> ColumnElement[bool]:
    """Needs that lists may show: a case that was restricted after a run is hidden from its page too."""
    return not_(restricted_need(Need.id))


def _candidate_needs(scope: Scope) -> ColumnElement[bool]:
    """Open needs of the scope with something outstanding; restricted cases are not even counted."""
    return and_(
        Need.state == "open",
        Need.allocated < Need.quantity,
        Need.region.startswith(regions.prefix(scope.region), autoescape=True),
        shown_need(),
    )


def _due() -> ColumnElement[bool]:
    return and_(Need.deadline.is_not(None), Need.deadline < today())


def needs_in(scope: Scope) -> Select[Any]:
    """SELECT of the needs that take part in a run."""
    return select(Need).where(_candidate_needs(scope), share_consent_lives(), not_(_due()))


def _candidate_capacities(scope: Scope) -> ColumnElement[bool]:
    conditions = [Capacity.active, Capacity.allocated < Capacity.quantity]
    if scope.alliance_id is not None:
        members = select(AllianceMember.organization_id).where(AllianceMember.alliance_id == scope.alliance_id)
        conditions.append(Capacity.organization_id.in_(members))
    return and_(*conditions)


def _left_out_capacities() -> dict[str, ColumnElement[bool]]:
    """Why capacity may be left out, in the order in which the reasons are asked."""
    day = today()
    project = select(Project.id).where(Project.id == Capacity.project_id, Project.state == "open").exists()
    organization = (
        select(Organization.id)
        .where(Organization.id == Capacity.organization_id, Organization.state == "verified")
        .exists()
    )
    fresh = and_(Capacity.confirmed_on.is_not(None), Capacity.confirmed_on >= day - timedelta(days=FRESH_DAYS))
    begun = or_(Capacity.valid_from.is_(None), Capacity.valid_from <= day)
    lasting = or_(Capacity.valid_until.is_(None), Capacity.valid_until >= day)
    return {
        "organization": not_(organization),
        "project": not_(project),
        "validity": not_(and_(begun, lasting)),
        "confirmation": not_(fresh),
    }


def capacities_in(scope: Scope) -> Select[Any]:
    """SELECT of the capacity that takes part in a run; `serves` then asks for the regions it lists."""
    reasons = [not_(reason) for reason in _left_out_capacities().values()]
    return select(Capacity).where(_candidate_capacities(scope), *reasons)


def serves(listed: Sequence[str], region: str) -> bool:
    """Whether any of the regions listed lies in a region, or the region in it."""
    return any(regions.contains(region, code) or regions.contains(code, region) for code in listed)


def preview(scope: Scope) -> Preview:
    """Count what a run over a scope would take and leave out."""
    per_urgency = needs_in(scope).with_only_columns(
        Need.urgency, func.count(), func.sum(Need.quantity - Need.allocated)
    )
    counted = {urgency: (number, int(units)) for urgency, number, units in _rows(per_urgency.group_by(Need.urgency))}
    offered = [
        (quantity - allocated)
        for listed, quantity, allocated in _rows(
            capacities_in(scope).with_only_columns(Capacity.regions, Capacity.quantity, Capacity.allocated)
        )
        if serves(listed, scope.region)
    ]
    return Preview(
        needs=sum(number for number, _ in counted.values()),
        units={urgency: counted.get(urgency, (0, 0))[1] for urgency in URGENCIES},
        capacities=len(offered),
        free=sum(offered),
        needs_left_out={
            "consent": _left_out(
                select(Need).where(_candidate_needs(scope), not_(_due()), not_(share_consent_lives()))
            ),
            "deadline": _left_out(select(Need).where(_candidate_needs(scope), _due())),
        },
        capacities_left_out=_capacities_left_out(scope),
        declined=len(allocations.declined_pairs()),
    )


def _rows(query: Any) -> Iterable[Any]:
    return db.session.execute(query)


def _left_out(query: Select[Any]) -> LeftOut:
    number = db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    return LeftOut(number, list(db.session.scalars(query.order_by(Need.posted_on, Need.id).limit(SHOWN))))


def _capacities_left_out(scope: Scope) -> dict[str, LeftOut]:
    left_out: dict[str, LeftOut] = {}
    asked: list[ColumnElement[bool]] = []
    for name, reason in _left_out_capacities().items():
        query = select(Capacity).where(_candidate_capacities(scope), reason, *asked).order_by(Capacity.id)
        found = [row for row in db.session.scalars(query) if serves(row.regions, scope.region)]
        left_out[name] = LeftOut(len(found), found[:SHOWN])
        asked.append(not_(reason))
    return left_out


_NEED_COLUMNS = (
    Need.id, Need.version, Need.region, Need.kind, Need.category, Need.latitude, Need.longitude, Need.groups,
    Need.requires, Need.deadline, Need.posted_on, Need.quantity - Need.allocated, Need.urgency, Need.bundle,
    Need.case_id, Need.whole,
)  # fmt: skip
_CAPACITY_COLUMNS = (
    Capacity.id, Capacity.version, Capacity.allocated, Capacity.organization_id, Capacity.categories,
    Capacity.regions, Capacity.latitude, Capacity.longitude, Capacity.radius_km, Capacity.groups,
    Capacity.qualifications, Capacity.valid_from, Capacity.valid_until, Capacity.quantity, Capacity.budget_fen,
    Capacity.committed_fen, Capacity.unit_cost_fen, Capacity.minimum_batch, Capacity.pool_id,
)  # fmt: skip


def read(scope: Scope, policy: Policy) -> Snapshot:
    """Freeze the input of a run: one consistent read, ended before it returns."""
    db.session.rollback()
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    needs = list(_rows(needs_in(scope).with_only_columns(*_NEED_COLUMNS).order_by(Need.id)))
    offers = [
        row
        for row in _rows(capacities_in(scope).with_only_columns(*_CAPACITY_COLUMNS).order_by(Capacity.id))
        if serves(row.regions, scope.region)
    ]
    pools = _free_of_pools()
    declined = allocations.declined_pairs()
    db.session.rollback()
    return _snapshot(needs, offers, pools, declined, policy)


def _free_of_pools() -> dict[int, int]:
    """Units that each pool has left; those of every capacity in it count, whatever its state."""
    used = func.coalesce(func.sum(Capacity.allocated), 0)
    query = select(Pool.id, Pool.quantity - used).outerjoin(Capacity, Capacity.pool_id == Pool.id).group_by(Pool.id)
    return {key: max(int(free), 0) for key, free in _rows(query)}


def _snapshot(
    needs: Sequence[Any],
    offers: Sequence[Any],
    pools: dict[int, int],
    declined: set[tuple[int, int]],
    policy: Policy,
) -> Snapshot:
    words = sorted({*(q for row in needs for q in row.requires), *(q for row in offers for q in row.qualifications)})
    drawn = sorted({row.pool_id for row in offers if row.pool_id is not None})
    pool_row = {key: place for place, key in enumerate(drawn)}
    need_row = {row.id: place for place, row in enumerate(needs)}
    offer_row = {row.id: place for place, row in enumerate(offers)}
    capacity, budget_bound = _capacity_and_budget(offers)
    barred = [(need_row[n], offer_row[c]) for n, c in sorted(declined) if n in need_row and c in offer_row]
    return Snapshot(
        needs=_needs(needs, words),
        offers=_offers(offers, words),
        quantity=np.array([row[11] for row in needs], np.int64),
        tier=np.array([URGENCIES.index(row.urgency) for row in needs], np.int8),
        bundle=_bundles(needs),
        whole=np.array([row.whole for row in needs], np.bool_),
        capacity=capacity,
        pool=np.array([-1 if row.pool_id is None else pool_row[row.pool_id] for row in offers], np.int32),
        pool_capacity=np.array([pools[key] for key in drawn], np.int64),
        # Units given already count towards the least batch.
        minimum_batch=np.array([max(row.minimum_batch - row.allocated, 0) for row in offers], np.int64),
        budget_bound=budget_bound,
        barred=np.array(barred, np.int64).reshape(-1, 2),
        need_id=np.array([row.id for row in needs], np.int64),
        need_version=np.array([row.version for row in needs], np.int64),
        capacity_id=np.array([row.id for row in offers], np.int64),
        capacity_version=np.array([row.version for row in offers], np.int64),
        capacity_allocated=np.array([row.allocated for row in offers], np.int64),
        organization_id=np.array([row.organization_id for row in offers], np.int64),
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


def _bundles(needs: Sequence[Any]) -> Any:
    """Needs with the same label of the same household belong together."""
    numbers: dict[tuple[Any, str], int] = {}
    column = [-1 if not row.bundle else numbers.setdefault((row.case_id, row.bundle), len(numbers)) for row in needs]
    return np.array(column, np.int32)


def _needs(rows: Sequence[Any], words: Sequence[str]) -> Needs:
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


def _offers(rows: Sequence[Any], words: Sequence[str]) -> Offers:
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
