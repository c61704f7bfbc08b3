"""The site's own record of needs that came, and the futures that a run draws from it.

Read are the day, category, region, point, groups, qualifications, colour and quantity of each need; nobody's name,
household or registration. Drafts, what was withdrawn, needs of restricted cases and units that volunteers claimed are
no part of it: no run would have had them to serve.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
from sqlalchemy import Select, func, or_, select

from marketplace.allocations.models import HOLDS_NEED, Allocation
from marketplace.extensions import db
from marketplace.matches.foresight.ahead import Ahead, Drawn
from marketplace.matches.foresight.models import Expectation, Foresight
from marketplace.matches.foresight.releases import released_capacities
from marketplace.matches.models import MatchRun, RunSetting
from marketplace.matches.problem import need_columns
from marketplace.matches.scope import Scope, shown_need
from marketplace.matches.snapshot import Snapshot
from marketplace.needs.models import URGENCIES, Need
from marketplace.permissions import within
from matching.eligibility.rules import Needs
from matching.foresight import expectations

MOST_DAYS = 3 * 366
"""So far back the record is read: what came earlier says little of today."""

MOST_DAYS_BETWEEN = 31
_AT_ONCE = 5_000

NEED_COLUMNS = (
    Need.id, Need.region, Need.category, Need.latitude, Need.longitude, Need.groups, Need.requires, Need.deadline,
    Need.posted_on, Need.urgency,
)  # fmt: skip


def scope_key(scope: Scope) -> str:
    """A scope as the tables of foresight name it."""
    return f"{scope.region}:{scope.alliance_id or 0}"


def past_needs(scope: Scope) -> Select[Any, Any, Any]:
    """SELECT of id, day and units of the needs that came to a scope, units of volunteers apart."""
    claimed = (
        select(Allocation.need_id, func.sum(Allocation.quantity).label("units"))
        .where(Allocation.capacity_id.is_(None), Allocation.state.in_(HOLDS_NEED))
        .group_by(Allocation.need_id)
        .subquery()
    )
    units = Need.quantity - func.coalesce(claimed.c.units, 0)
    query: Select[Any, Any, Any] = (
        select(Need.id, Need.posted_on, units.label("units"))
        .outerjoin(claimed, claimed.c.need_id == Need.id)
        .where(
            within(Need.region, scope.region),
            Need.state.in_(("open", "closed")),
            or_(Need.closing.is_(None), Need.closing != "withdrawn"),
            Need.share_consent_on.is_not(None),
            Need.category != "",
            units > 0,
            shown_need(),
        )
        .order_by(Need.id)
    )
    return query


def record_of(days: Sequence[date], keys: Sequence[int], until: date) -> expectations.Record:
    """The record from the first need on, up to and with a day; needs of other days are cut off by the caller."""
    first = min(days, default=until)
    count = np.array([(day - first).days for day in days], np.int64)
    return expectations.Record(count, first, (until - first).days + 1, key=np.array(keys, np.int64))


def rows_by_id(keys: Sequence[int]) -> dict[int, Any]:
    """What the rules ask of needs, by key."""
    found: dict[int, Any] = {}
    for begin in range(0, len(keys), _AT_ONCE):
        query = select(*NEED_COLUMNS).where(Need.id.in_(keys[begin : begin + _AT_ONCE]))
        found |= {row.id: row for row in db.session.execute(query)}
    return found


def expected_rows(scope: Scope, day: date) -> tuple[list[Any], list[int]]:
    """What a coordinator expects of a scope, as rows of needs, and how many of each come in a month."""
    told = list(
        db.session.scalars(select(Expectation).where(Expectation.scope == scope_key(scope)).order_by(Expectation.id))
    )
    rows = [
        SimpleNamespace(
            id=-row.id, region=row.place, category=row.category, latitude=None, longitude=None, groups=[], requires=[],
            deadline=None, posted_on=day, urgency=row.urgency,
        )
        for row in told
    ]  # fmt: skip
    return rows, [row.a_month for row in told]


def looks_ahead(scope: Scope) -> Foresight | None:
    """The switch of a scope while it is on."""
    row: Foresight | None = db.session.scalar(
        select(Foresight).where(Foresight.scope == scope_key(scope), Foresight.state == "on")
    )
    return row


def looking_ahead(snapshot: Snapshot, scope: Scope) -> Snapshot:
    """The input of a run with who may still come, where its scope looks ahead and there is ground to tell."""
    row = looks_ahead(scope)
    if row is None or scope.case_id is not None:
        return snapshot
    ahead = ahead_of(snapshot, scope, row.horizon_days)
    return replace(snapshot, ahead=ahead)


def ahead_of(snapshot: Snapshot, scope: Scope, horizon: int) -> Ahead | None:
    """Futures of the days to come: drawn from the record; where that is thin, from what the coordinator expects.

    Returns:
        None where neither tells anything: a forecast is never invented.
    """
    today: date = snapshot.as_of.astype(object)
    first, last = _days_of_offers(snapshot, horizon)
    most, seed = int(last.max(initial=0)), today.toordinal()
    found = [row for row in db.session.execute(past_needs(scope)) if 0 <= (today - row.posted_on).days < MOST_DAYS]
    record = record_of([row.posted_on for row in found], [row.id for row in found], today)
    if not record.is_thin:
        drawn = expectations.draw(record, today + timedelta(days=1), most, seed=seed, scale=expectations.CAUTION)
        wanted = np.unique(np.concatenate([one.row for one in drawn]))
        by_id = rows_by_id([found[row].id for row in wanted.tolist()])
        rows = [by_id[found[row].id] for row in wanted.tolist()]
        units = [int(found[row].units) for row in wanted.tolist()]
        days_known = record.days
    else:
        rows, a_month = expected_rows(scope, today)
        if not rows:
            return None
        drawn = expectations.expected(a_month, most, seed=seed, scale=expectations.CAUTION)
        wanted, units, days_known = np.arange(len(rows)), [1] * len(rows), 0
    needs, servable = servable_columns(rows, snapshot.qualifications)
    return Ahead(
        needs=needs,
        quantity=np.array(units, np.int64)[servable],
        tier=tiers_of(rows)[servable],
        futures=tuple(_future(one, wanted, servable) for one in drawn),
        first=first,
        last=last,
        released=np.isin(snapshot.capacity_id, sorted(released_capacities(today))),
        next_run=days_until_next_run(scope),
        days_known=days_known,
    )


def tiers_of(rows: Sequence[Any]) -> Any:
    return np.array([URGENCIES.index(row.urgency) for row in rows], np.int8)


def servable_columns(rows: Sequence[Any], words: Sequence[str]) -> tuple[Needs, Any]:
    """Needs that ask for no qualification which no offer has, as columns; and bool (n,), which of all they are."""
    known = set(words)
    servable = np.array([known.issuperset(row.requires) for row in rows], np.bool_)
    return need_columns([row for row, may in zip(rows, servable.tolist(), strict=True) if may], words), servable


def _future(drawn: expectations.Drawn, wanted: Any, servable: Any) -> Drawn:
    """A draw by the rows that are handed on."""
    place = np.searchsorted(wanted, drawn.row)
    keep = servable[place]
    return Drawn((np.cumsum(servable) - 1)[place[keep]], drawn.day[keep] + 1)


def _days_of_offers(snapshot: Snapshot, horizon: int) -> tuple[Any, Any]:
    """int64 (m,) each: days from tonight on which each offer begins and ends, within the horizon."""
    offers = snapshot.offers
    begins = (offers.valid_from - snapshot.as_of).astype(np.int64)
    ends = (offers.valid_until - snapshot.as_of).astype(np.int64)
    first = np.where(np.isnat(offers.valid_from), 0, np.maximum(begins, 0))
    last = np.where(np.isnat(offers.valid_until), horizon, np.minimum(ends, horizon))
    return first, last


def days_until_next_run(scope: Scope) -> int:
    """One day where a run starts every night; else as long as it took from the last run but one to the last."""
    same = (RunSetting.region == scope.region, RunSetting.alliance_id.is_not_distinct_from(scope.alliance_id))
    if db.session.scalar(select(RunSetting.nightly).where(*same)):
        return 1
    query = select(MatchRun.created_at).where(
        MatchRun.region == scope.region,
        MatchRun.alliance_id.is_not_distinct_from(scope.alliance_id),
        MatchRun.state == "done",
        MatchRun.trial.is_(False),
    )
    last = list(db.session.scalars(query.order_by(MatchRun.id.desc()).limit(2)))
    between = (last[0].date() - last[1].date()).days if len(last) == 2 else 1
    return min(max(between, 1), MOST_DAYS_BETWEEN)
