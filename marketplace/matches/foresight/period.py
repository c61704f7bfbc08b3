"""A past period of a scope out of the records: what came, what was on offer, what was given.

What cannot be known stays as it is on record today: the quantity, the dates and the places of capacity may have been
changed since. Capacity without a first day counts from when it was entered or first gave something; what an import
brought, from its project's first day. Capacity that was withdrawn counts until it last gave something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import func, select

from marketplace.allocations.models import HOLDS_CAPACITY, HOLDS_NEED, Allocation
from marketplace.extensions import db
from marketplace.matches.foresight.ahead import NO_DEADLINE
from marketplace.matches.foresight.record import (
    MOST_DAYS,
    expected_rows,
    past_needs,
    record_of,
    tiers_of,
)
from marketplace.matches.foresight.replay import Period
from marketplace.matches.problem import CAPACITY_COLUMNS, bundles_of, need_columns, offer_columns
from marketplace.matches.scope import Scope, serves
from marketplace.needs.models import Need
from marketplace.organizations.models import AllianceMember
from marketplace.projects.models import Capacity, Pool, Project
from marketplace.records import LOCAL_TIME, today
from matching import Policy

DAYS = 90
"""A backtest is over so many days, or as many as the record has."""

LEAST_DAYS = 7
LONG_AGO = -(10**6)

_NEED_COLUMNS = (
    Need.region, Need.category, Need.latitude, Need.longitude, Need.groups, Need.requires, Need.deadline, Need.urgency,
    Need.bundle, Need.case_id, Need.whole,
)  # fmt: skip
"""Beside what `past_needs` tells."""


@dataclass(frozen=True)
class _Gift:
    """Units that a capacity gave a need: the day they were accepted, counted from the first of the period."""

    need_id: int
    capacity_id: int | None
    units: int
    day: int
    helps: bool


def days_on_record(scope: Scope) -> int:
    """How many whole days of a scope there are to look back on, at most DAYS."""
    came = past_needs(scope).order_by(None).subquery()
    first = db.session.scalar(select(func.min(came.c.posted_on)))
    return 0 if first is None else min(max((today() - first).days, 0), DAYS)


def read(scope: Scope, policy: Policy, horizon: int, days: int) -> Period:
    """The period of so many days that ended yesterday: one consistent read, ended before it returns."""
    db.session.rollback()
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    begins = today() - timedelta(days=days)
    ends = today() - timedelta(days=1)
    came = past_needs(scope).add_columns(*_NEED_COLUMNS)
    rows = [row for row in db.session.execute(came) if 0 <= (ends - row.posted_on).days < MOST_DAYS]
    gifts = _gifts(begins)
    offers = _Offers.of(scope, begins, days, gifts, {row.id for row in rows})
    pools = _pools(offers, gifts, {row.id for row in rows}, days)
    expected, a_month = expected_rows(scope, begins)
    db.session.rollback()
    return _period(begins, days, rows, expected, a_month, offers, pools, gifts, policy, horizon)


def _gifts(begins: date) -> list[_Gift]:
    """All that was given on record; what was released, expired or declined was not."""
    query = select(
        Allocation.need_id, Allocation.capacity_id, Allocation.quantity, Allocation.state,
        func.coalesce(Allocation.accepted_at, Allocation.created_at).label("accepted_at"),
    ).where(Allocation.state.in_(HOLDS_CAPACITY)).order_by(Allocation.id)  # fmt: skip
    return [
        _Gift(
            row.need_id,
            row.capacity_id,
            row.quantity,
            (row.accepted_at.astimezone(LOCAL_TIME).date() - begins).days,
            row.state in HOLDS_NEED,
        )
        for row in db.session.execute(query)
    ]


@dataclass(frozen=True)
class _Offers:
    """The capacity there was in a period, with its first and last day in it, and what cannot be known of them."""

    rows: list[Any]
    opens: list[int]
    closes: list[int]
    units: list[int]
    given: list[int]
    without_first_day: int
    withdrawn: int

    @classmethod
    def of(cls, scope: Scope, begins: date, days: int, gifts: Sequence[_Gift], needs: set[int]) -> "_Offers":
        by_capacity: dict[int, list[_Gift]] = {}
        for gift in gifts:
            if gift.capacity_id is not None:
                by_capacity.setdefault(gift.capacity_id, []).append(gift)
        rows, opens, closes, units, given = [], [], [], [], []
        without_first_day = withdrawn = 0
        for row in _capacity_rows(scope):
            gave = by_capacity.get(row.id, [])
            first, last = _first_day(row, begins, gave), _last_day(row, begins, gave)
            if not serves(row.regions, scope.region) or first >= days or last < 0 or first > last:
                continue
            rows.append(row)
            opens.append(first)
            closes.append(last)
            before = sum(gift.units for gift in gave if gift.day < 0)
            elsewhere = sum(gift.units for gift in gave if 0 <= gift.day < days and gift.need_id not in needs)
            units.append(max(_payable(row) - before - elsewhere, 0))
            given.append(before)
            without_first_day += row.valid_from is None
            withdrawn += not row.active
        return cls(rows, opens, closes, units, given, without_first_day, withdrawn)


def _capacity_rows(scope: Scope) -> list[Any]:
    """Capacity that was ever on offer: of projects that were opened, or a volunteer's approved offer."""
    query = (
        select(
            *CAPACITY_COLUMNS,
            Capacity.active,
            Capacity.imported,
            Capacity.created_at,
            Project.starts_on.label("project_from"),
            Project.ends_on.label("project_until"),
        )
        .outerjoin(Project, Project.id == Capacity.project_id)
        .where(
            Capacity.state == "offered",
            Capacity.project_id.is_(None) | Project.state.in_(("open", "paused", "closed")),
        )
        .order_by(Capacity.id)
    )
    if scope.alliance_id is not None:
        members = select(AllianceMember.organization_id).where(
            AllianceMember.alliance_id == scope.alliance_id, AllianceMember.left_on.is_(None)
        )
        query = query.where(Capacity.organization_id.in_(members))
    return list(db.session.execute(query))


def _first_day(row: Any, begins: date, gave: Sequence[_Gift]) -> int:
    known = row.valid_from
    if known is None:
        known = row.project_from if row.imported else row.created_at.astimezone(LOCAL_TIME).date()
    day = LONG_AGO if known is None else (known - begins).days
    return max(min([day, *(gift.day for gift in gave)]), LONG_AGO)


def _last_day(row: Any, begins: date, gave: Sequence[_Gift]) -> int:
    told = [(day - begins).days for day in (row.valid_until, row.project_until) if day is not None]
    if not row.active:
        told.append(max((gift.day for gift in gave), default=LONG_AGO))
    return min(told, default=NO_DEADLINE)


def _payable(row: Any) -> int:
    """Units that quantity and budget give in all."""
    if row.budget_fen is None or row.unit_cost_fen == 0:
        return int(row.quantity)
    return int(min(row.quantity, row.budget_fen // row.unit_cost_fen))


def _pools(offers: _Offers, gifts: Sequence[_Gift], needs: set[int], days: int) -> dict[int, int]:
    """Units that each pool had when the period began, less what went to needs of other scopes in it."""
    drawn = {row.pool_id for row in offers.rows if row.pool_id is not None}
    found = {row.id: row.quantity for row in db.session.execute(select(Pool.id, Pool.quantity).order_by(Pool.id))}
    of_capacity: dict[int, int] = {
        key: pool
        for key, pool in db.session.execute(select(Capacity.id, Capacity.pool_id))
        if pool is not None and pool in drawn
    }
    left = {key: found[key] for key in sorted(drawn)}
    own = {row.id for row in offers.rows}
    for gift in gifts:
        pool = of_capacity.get(gift.capacity_id or 0)
        outside = gift.day < days and (gift.need_id not in needs or gift.capacity_id not in own)
        if pool is not None and (gift.day < 0 or outside):
            left[pool] -= gift.units
    return {key: max(units, 0) for key, units in left.items()}


def _period(
    begins: date,
    days: int,
    rows: Sequence[Any],
    expected: Sequence[Any],
    a_month: Sequence[int],
    offers: _Offers,
    pools: Mapping[int, int],
    gifts: Sequence[_Gift],
    policy: Policy,
    horizon: int,
) -> Period:
    everyone = [*rows, *expected]
    required = {word for row in everyone for word in row.requires}
    words = sorted(required.union(*(row.qualifications for row in offers.rows)))
    need_row, own = {row.id: place for place, row in enumerate(rows)}, {row.id for row in offers.rows}
    day = np.array([(row.posted_on - begins).days for row in everyone], np.int64)
    leaves = np.array(
        [NO_DEADLINE if row.deadline is None else (row.deadline - begins).days for row in everyone], np.int64
    )
    quantity = np.array([*(int(row.units) for row in rows), *([1] * len(expected))], np.int64)
    left, happened, others = quantity.copy(), [], 0
    left[len(rows) :] = 0
    for gift in gifts:
        place = need_row.get(gift.need_id)
        if place is None or not gift.helps or gift.capacity_id is None:
            continue
        if gift.day < 0 or gift.capacity_id not in own:
            left[place] -= gift.units
            others += gift.units if gift.day >= 0 else 0
        elif gift.day < days:
            happened.append((place, gift.units, max(gift.day - int(day[place]), 0)))
    left[(leaves < 0) | (leaves < day)] = 0
    left = np.maximum(left, 0)
    keys = sorted(pools)
    pool_row = {key: place for place, key in enumerate(keys)}
    return Period(
        begins=begins,
        days=days,
        needs=need_columns(everyone, words),
        tier=tiers_of(everyone),
        bundle=np.concatenate([bundles_of(rows), np.full(len(expected), -1, np.int32)]),
        whole=np.array([*(row.whole for row in rows), *([False] * len(expected))], np.bool_),
        quantity=quantity,
        left=left,
        day=day,
        leaves=leaves,
        regions=tuple(row.region for row in everyone),
        record=record_of([row.posted_on for row in rows], [row.id for row in rows], begins + timedelta(days=days - 1)),
        a_month=np.array(a_month, np.int64),
        offers=offer_columns(offers.rows, words),
        capacity=np.array(offers.units, np.int64),
        opens=np.array(offers.opens, np.int64),
        closes=np.array(offers.closes, np.int64),
        given=np.array(offers.given, np.int64),
        pool=np.array([-1 if row.pool_id is None else pool_row[row.pool_id] for row in offers.rows], np.int32),
        pool_capacity=np.array([pools[key] for key in keys], np.int64),
        minimum_batch=np.array([row.minimum_batch for row in offers.rows], np.int64),
        happened=_within(np.array(happened, np.int64).reshape(-1, 3), left),
        policy=policy,
        horizon=horizon,
        told={
            "by_others": others,
            "without_first_day": offers.without_first_day,
            "withdrawn": offers.withdrawn,
        },
    )


def _within(happened: Any, left: Any) -> Any:
    """What was given, no need more than it asked for in the period."""
    rest = left.copy()
    for place in range(len(happened)):
        units = min(int(happened[place, 1]), int(rest[happened[place, 0]]))
        happened[place, 1] = units
        rest[happened[place, 0]] -= units
    return happened
