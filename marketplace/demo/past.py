"""A year that the demo world has behind it: needs that came to Dawukou, what there was each month, who got it.

Invented and marked as such. It is what a forecast learns from and what a backtest runs again: the first to come were
served, so that the last weeks of a month had nothing left for urgent needs.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from marketplace import audit, taxonomy
from marketplace.allocations.models import Allocation
from marketplace.demo.draw import Draw
from marketplace.demo.world import World
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.projects.models import Capacity, Project

DAWUKOU = "640202"
MARK = "（往年演示）"
MONTHS, MONTH = 13, 30
#: Of 100 needs so many are of each colour, and for so many days each can be served.
COLOURS = {"red": 16, "yellow": 34, "blue": 50}
USEFUL_DAYS = {"red": 5, "yellow": 15, "blue": 45}
#: Category, needs and units a month, and how many times as many come in its season's months of the calendar.
SERVICES: tuple[tuple[str, int, int, float, tuple[int, ...]], ...] = (
    ("S1102", 30, 18, 2.5, (11, 12, 1, 2)),
    ("S0304", 22, 13, 1.0, ()),
    ("S0306", 20, 12, 1.5, (11, 12, 1)),
    ("S0801", 18, 11, 2.0, (8, 9)),
    ("S0305", 16, 10, 1.0, ()),
)


@dataclass(frozen=True)
class _Past:
    """What one service's year becomes."""

    capacities: list[Capacity]
    needs: list[Need]
    allocations: list[tuple[Need, Capacity, date]]


def make_past(world: World) -> None:
    """Add the year to a world that is loaded, inside the caller's transaction."""
    years = [_year(world, *service) for service in SERVICES]
    for number, need in enumerate((need for year in years for need in year.needs), start=1):
        need.external_id = f"past-{number:04d}"
    db.session.add_all([row for year in years for row in (*year.capacities, *year.needs)])
    db.session.flush()
    given = [_given(*pair) for year in years for pair in year.allocations]
    db.session.add_all(given)
    db.session.flush()
    for table, rows in (
        ("capacity", [row for year in years for row in year.capacities]),
        ("need", [row for year in years for row in year.needs]),
        ("allocation", given),
    ):
        audit.record_many(world.actor, f"{table}:demo_loaded", table, [(row.id, DAWUKOU) for row in rows])


def _year(world: World, category: str, needs: int, units: int, more: float, season: tuple[int, ...]) -> _Past:
    like = next(
        row
        for row in world.capacity.values()
        if row.region == DAWUKOU and category in row.categories and row.organization_id is not None
    )
    first = world.day - timedelta(days=MONTHS * MONTH)
    project = Project(
        organization_id=like.organization_id, region=DAWUKOU, title=f"{taxonomy.name(category)}{MARK}", state="closed",
        stop_reason="completed", starts_on=first, ends_on=world.day - timedelta(days=1),
        summary="演示世界过去一年的服务，用于预测与回测。",
    )  # fmt: skip
    db.session.add(project)
    db.session.flush()
    past = _Past([_month(project, like, category, first, month, units) for month in range(MONTHS)], [], [])
    draw = Draw("past", category)
    for day in range(MONTHS * MONTH):
        on = first + timedelta(days=day)
        often = needs * (more if on.month in season else 1.0) / MONTH
        count = int(often) + draw.chance(round(100 * (often % 1)))
        past.needs.extend(_need(category, on, draw.weighted(COLOURS), world.day) for _ in range(count))
    for need in past.needs:
        capacity = past.capacities[(need.posted_on - first).days // MONTH]
        if capacity.free > 0:
            capacity.allocated += 1
            need.allocated, need.closing = 1, "fulfilled"
            past.allocations.append((need, capacity, need.posted_on))
    return past


def _month(project: Project, like: Capacity, category: str, first: date, month: int, units: int) -> Capacity:
    begins = first + timedelta(days=month * MONTH)
    return Capacity(
        external_id=f"past-{category}-{month + 1:02d}", project_id=project.id, organization_id=project.organization_id,
        region=DAWUKOU, title=f"{like.title}{MARK}", categories=[category], regions=[DAWUKOU], unit=like.unit,
        quantity=units, allocated=0, committed_fen=0, latitude=like.latitude, longitude=like.longitude,
        valid_from=begins, valid_until=begins + timedelta(days=MONTH - 1), confirmed_on=like.confirmed_on,
        active=True, groups=[], qualifications=like.qualifications,
    )  # fmt: skip


def _need(category: str, on: date, colour: str, today: date) -> Need:
    last = min(on + timedelta(days=USEFUL_DAYS[colour]), today - timedelta(days=1))
    return Need(
        kind="goods" if taxonomy.get(category).kind == "goods" else "service", category=category,
        title=f"{taxonomy.name(category)}{MARK}", region=DAWUKOU, quantity=1, allocated=0, unit=taxonomy.unit(category),
        urgency=colour, groups=[], requires=[], posted_on=on, deadline=last, state="closed", closing="expired",
        share_consent_on=on, consent_by="self", author="system:demo",
    )  # fmt: skip


def _given(need: Need, capacity: Capacity, on: date) -> Allocation:
    noon = datetime.combine(on, time(4), UTC)  # where the people served live
    return Allocation(
        external_id=f"{need.external_id}-given", need_id=need.id, capacity_id=capacity.id,
        organization_id=capacity.organization_id, region=need.region, wish=False, quantity=1, source="run",
        state="confirmed", reasons={}, due_on=on + timedelta(days=7), accepted_at=noon,
        delivered_at=noon + timedelta(days=3), confirmed_at=noon + timedelta(days=5),
    )  # fmt: skip
