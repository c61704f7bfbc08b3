"""A made past: months of capacity that blue needs used up before the red ones came."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.matches.foresight.models import Backtest, Foresight
from marketplace.needs.models import Need
from marketplace.projects.models import Capacity
from marketplace.records import now, today
from tests.support.world import DAWUKOU, a_project, save

BLOCK = 30
"""Days of a month of capacity; the last one ended yesterday."""


def a_past(months: int = 6, *, a_month: int = 12, region: str = DAWUKOU) -> list[Capacity]:
    """A blue need every day, a red one every fifth; the first to come in each month were served.

    Needs of a red colour can be served for two days, blue ones for twenty. Each month has capacity for `a_month`.
    """
    project = a_project()
    first = today() - timedelta(days=months * BLOCK)
    capacities = [
        Capacity(
            project_id=project.id, organization_id=project.organization_id, region=region, title="冬衣", unit="份",
            categories=["S1102"], regions=[region], quantity=a_month, allocated=a_month, confirmed_on=today(),
            valid_from=first + timedelta(days=BLOCK * month), valid_until=first + timedelta(days=BLOCK * month + 29),
        )
        for month in range(months)
    ]  # fmt: skip
    days = [(day, "blue") for day in range(months * BLOCK)]
    days += [(day, "red") for day in range(4, months * BLOCK, 5)]
    needs = [_need(first + timedelta(days=day), colour, region) for day, colour in sorted(days)]
    save(*capacities, *needs)
    given = dict.fromkeys(range(months), 0)
    for need in needs:
        month = (need.posted_on - first).days // BLOCK
        if given[month] < a_month:
            given[month] += 1
            need.allocated, need.state, need.closing = 1, "closed", "fulfilled"
            db.session.add(_given(need, capacities[month]))
        else:
            need.state, need.closing = "closed", "expired"
    db.session.commit()
    return capacities


def _need(day: date, colour: str, region: str) -> Need:
    return Need(
        kind="goods", category="S1102", title="两套冬衣", region=region, quantity=1, unit="份", urgency=colour,
        posted_on=day, deadline=min(day + timedelta(days=2 if colour == "red" else 20), today() - timedelta(days=1)),
        state="open", share_consent_on=day, consent_by="self", author="user:0",
    )  # fmt: skip


def _given(need: Need, capacity: Capacity) -> Allocation:
    return Allocation(
        need_id=need.id, capacity_id=capacity.id, organization_id=capacity.organization_id, region=need.region,
        wish=False, quantity=1, source="run", state="confirmed", fit=5000,
        accepted_at=datetime.combine(need.posted_on, time(4), UTC),
    )  # fmt: skip


def a_backtest(region: str = DAWUKOU, **values: Any) -> Backtest:
    """A finished backtest with a forecast on every night."""
    given = {
        "region": region, "scope": f"{region}:0", "started_by": "system:test", "state": "done", "progress": 100,
        "finished_at": now(), "summary": {"forecast_nights": 30, "days": 30},
    }  # fmt: skip
    row: Backtest = save(Backtest(**(given | values)))
    return row


def a_switch(region: str = DAWUKOU, horizon: int = 30) -> Foresight:
    """Foresight of a region, turned on."""
    backtest = a_backtest(region)
    row: Foresight = save(
        Foresight(
            region=region, scope=backtest.scope, state="on", backtest_id=backtest.id, backtest_state="done",
            horizon_days=horizon, changed_by="system:test", changed_at=now(),
        )
    )  # fmt: skip
    return row
