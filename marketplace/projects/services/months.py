"""The calendar of an organization: what is offered in a month, what of it is committed, what is due on which day."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import joinedload, selectinload

from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor
from marketplace.projects.models import Capacity, Project, Recurrence
from marketplace.projects.services.asking import members_organization
from marketplace.projects.services.recurring import first_day, last_day
from marketplace.records import today

#: Months that a calendar can be turned to, from today's on either side.
REACH = 24


@dataclass(frozen=True)
class Offered:
    """A capacity in a month, with what is due of it.

    Attributes:
        due: allocations on their way whose delivery day is in the month, by day.
        undated: accepted ones whose day nobody has set yet.
        late: of those due, the ones whose day has passed.
    """

    capacity: Capacity
    due: list[Any]
    undated: list[Any]
    late: int


@dataclass(frozen=True)
class Planned:
    """What a monthly rule will offer in a month whose capacity is not made yet."""

    recurrence: Recurrence
    capacity: Capacity


@dataclass(frozen=True)
class MonthView:
    """A month of an organization.

    Attributes:
        weeks: the days of the month from Monday to Sunday; None pads the first and the last week.
        deliveries: day -> allocations due on it.
    """

    organization: Organization
    month: date
    offered: list[Offered]
    planned: list[Planned]
    weeks: list[list[date | None]] = field(default_factory=list)
    deliveries: dict[date, list[Any]] = field(default_factory=dict)

    @property
    def full(self) -> int:
        """Capacities with nothing free; their units differ, so only they are counted."""
        return sum(row.capacity.free == 0 for row in self.offered)

    @property
    def late(self) -> int:
        return sum(row.late for row in self.offered)

    @property
    def due(self) -> int:
        return sum(len(row.due) for row in self.offered)

    @property
    def before(self) -> date:
        return first_day(self.month - timedelta(days=1))

    @property
    def after(self) -> date:
        return last_day(self.month) + timedelta(days=1)


def month_asked(text: str, on: date | None = None) -> date:
    """The month that an address names as 2026-11; this one where it names none within reach."""
    now = first_day(on or today())
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        return now
    away = abs((month.year - now.year) * 12 + month.month - now.month)
    return month if away <= REACH else now


def month_view(actor: Actor, organization_public_id: str, month: date) -> MonthView:
    """What an organization of the actor's offers in a month.

    Args:
        month: its first day.
    Raises:
        NotFound: it is another organization.
    """
    organization = members_organization(actor, organization_public_id)
    rows = _rows(organization, month)
    offered = [_offered(capacity, month) for capacity in rows]
    deliveries: dict[date, list[Any]] = {}
    for row in offered:
        for allocation in row.due:
            deliveries.setdefault(allocation.due_on, []).append(allocation)
    return MonthView(
        organization, month, offered, _planned(organization, month), _weeks(month), dict(sorted(deliveries.items()))
    )


def _rows(organization: Organization, month: date) -> list[Capacity]:
    promised: Any = Capacity.running.property.mapper.class_
    overlapping = and_(
        or_(Capacity.valid_from.is_(None), Capacity.valid_from <= last_day(month)),
        or_(Capacity.valid_until.is_(None), Capacity.valid_until >= month),
    )
    due = Capacity.running.any(promised.due_on.between(month, last_day(month)))
    query = (
        select(Capacity)
        .options(
            joinedload(Capacity.project),
            joinedload(Capacity.pool),
            selectinload(Capacity.running).joinedload(promised.need),
        )
        .where(Capacity.organization_id == organization.id, or_(and_(Capacity.active, overlapping), due))
        .where(Capacity.project.has(Project.state.in_(("submitted", "open", "paused", "closed"))))
        .order_by(Capacity.title, Capacity.id)
    )
    return list(db.session.scalars(query))


def _offered(capacity: Capacity, month: date) -> Offered:
    going = [row for row in capacity.running if row.state in ("accepted", "delivering")]
    due = sorted((row for row in going if row.due_on and first_day(row.due_on) == month), key=lambda row: row.due_on)
    return Offered(
        capacity, due, [row for row in going if row.due_on is None], sum(row.due_on < today() for row in due)
    )


def _planned(organization: Organization, month: date) -> list[Planned]:
    if month <= first_day(today()):
        return []
    query = select(Recurrence).where(
        Recurrence.organization_id == organization.id,
        Recurrence.active,
        or_(Recurrence.last_month.is_(None), Recurrence.last_month >= month),
    )
    found = []
    for rule in db.session.scalars(query.options(selectinload(Recurrence.months)).order_by(Recurrence.id)):
        latest = rule.months[0]
        if latest.month is not None and latest.month < month:
            found.append(Planned(rule, latest))
    return found


def _weeks(month: date) -> list[list[date | None]]:
    days: list[date | None] = [None] * month.weekday()
    days += [month + timedelta(days=number) for number in range(last_day(month).day)]
    days += [None] * (-len(days) % 7)
    return [days[start : start + 7] for start in range(0, len(days), 7)]
