"""Capacity that is offered anew every month: a rule, and a row of capacity for each month that it made.

The rule says how much a month offers. Everything else (kinds of help, regions, groups, qualifications) is copied
from the month before, so that an edit of this month holds for the next. What a month left is gone with it, unless
the rule carries it over: then it moves, and the month before keeps what it gave.
"""

import calendar
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import exists, or_, select

from marketplace import audit, events, jobs
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, system_actor
from marketplace.projects.models import Capacity, Project, Recurrence
from marketplace.projects.services.facts import MOST_UNITS
from marketplace.records import today
from marketplace.transitions import transaction

_COPIED = (
    "project_id", "organization_id", "owner_id", "region", "title", "categories", "regions", "unit", "pool_id",
    "unit_cost_fen", "latitude", "longitude", "radius_km", "groups", "qualifications", "confirmed_on", "asked_on",
    "state", "reviewed_by", "checks", "recurrence_id",
)  # fmt: skip


@dataclass(frozen=True)
class RecurrenceFacts:
    """What a supplier says of a rule.

    Attributes:
        quantity: units offered every month.
        budget_fen: money available every month; None is no limit.
        carry_over: whether units and money that a month left are added to the next.
        last_month: any day of the last month offered; None is no end.
    """

    quantity: int
    budget_fen: int | None = None
    carry_over: bool = False
    last_month: date | None = None

    def columns(self, on: date) -> dict[str, Any]:
        """Column values.

        Raises:
            InvalidInput: a value breaks a rule.
        """
        faults: dict[str, Any] = {}
        if not 1 <= self.quantity <= MOST_UNITS:
            faults["quantity"] = _("Enter a whole number from 1 to %(most)s", most=f"{MOST_UNITS:,}")
        if self.budget_fen is not None and self.budget_fen < 0:
            faults["budget_fen"] = _("Enter 0 or more, in yuan")
        if self.last_month is not None and first_day(self.last_month) < first_day(on):
            faults["last_month"] = _("Choose this month or a later one, or leave it empty")
        if faults:
            raise InvalidInput(fields=faults)
        return {
            "quantity": self.quantity,
            "budget_fen": self.budget_fen,
            "carry_over": self.carry_over,
            "last_month": self.last_month and first_day(self.last_month),
        }


def first_day(day: date) -> date:
    """The first day of a day's month."""
    return day.replace(day=1)


def last_day(day: date) -> date:
    """The last day of a day's month."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def offer_monthly(actor: Actor, capacity: Capacity, facts: RecurrenceFacts) -> Recurrence:
    """Offer a capacity anew every month, or change the rule by which it is; inside the caller's transaction.

    What is offered this month is that month's part from now on: it ends with the month.

    Args:
        capacity: a row that the caller found within the actor's reach, locked.
    Raises:
        InvalidInput: a value breaks a rule.
        StateConflict: the capacity was withdrawn, or its time is over.
    """
    day = today()
    values = facts.columns(day)
    if not capacity.active or (capacity.valid_until is not None and capacity.valid_until < day):
        raise StateConflict(_("This capacity is offered no longer. Offer it again first."))
    rule = capacity.recurrence
    if rule is not None:
        changed = sorted(name for name, value in values.items() if getattr(rule, name) != value)
        for name, value in (values | {"active": True}).items():
            setattr(rule, name, value)
        rule.version += 1
        db.session.flush()
        audit.record(actor, "recurrence:edited", rule, changed=changed)
        return rule
    rule = Recurrence(organization_id=capacity.organization_id, owner_id=capacity.owner_id, **values)
    db.session.add(rule)
    db.session.flush()
    month = first_day(max(day, capacity.valid_from or day))
    capacity.recurrence_id, capacity.month = rule.id, month
    capacity.valid_from = capacity.valid_from or month
    capacity.valid_until = last_day(month)
    capacity.version += 1
    db.session.flush()
    audit.record(actor, "recurrence:created", rule, changed=sorted(values))
    audit.record(actor, "capacity:made_monthly", capacity, changed=["month", "valid_from", "valid_until"])
    events.changed.send("capacity", ids=[capacity.id])
    return rule


def end_monthly(actor: Actor, capacity: Capacity) -> None:
    """Offer a capacity no more after its month; inside the caller's transaction.

    Raises:
        StateConflict: it is not offered monthly, or no longer.
    """
    rule = capacity.recurrence
    if rule is None or not rule.active:
        raise StateConflict(_("This capacity is not offered every month, or no longer."))
    rule.active = False
    rule.version += 1
    db.session.flush()
    audit.record(actor, "recurrence:ended", rule, changed=["active"])


def renew(on: date | None = None) -> int:
    """Make the capacity of this month for every rule that has none yet; how many rows were made.

    Each rule in a transaction of its own that holds the rule's row: two workers at once make one row.
    """
    month = first_day(on or today())
    made = 0
    for key in list(db.session.scalars(_due(month).with_only_columns(Recurrence.id))):
        with transaction() as session:
            # The lock first, the question after it: PostgreSQL would answer one statement from before the wait.
            session.execute(select(Recurrence.id).where(Recurrence.id == key).with_for_update())
            rule = session.scalar(_due(month).where(Recurrence.id == key))
            if rule is not None and _renew(rule, month):
                made += 1
    return made


def _due(month: date) -> Any:
    """Active rules without capacity for a month, whose offer still stands: approved, its project not closed."""
    of_rule = Capacity.recurrence_id == Recurrence.id
    stands = or_(Capacity.owner_id.is_not(None), Capacity.project.has(Project.state != "closed"))
    return (
        select(Recurrence)
        .where(
            Recurrence.active,
            or_(Recurrence.last_month.is_(None), Recurrence.last_month >= month),
            exists().where(of_rule, Capacity.month < month, Capacity.state == "offered", stands),
            ~exists().where(of_rule, Capacity.month >= month),
        )
        .order_by(Recurrence.id)
    )


def _renew(rule: Recurrence, month: date) -> bool:
    query = select(Capacity).where(Capacity.recurrence_id == rule.id, Capacity.month < month)
    before = db.session.scalars(query.order_by(Capacity.month.desc()).limit(1).with_for_update(of=Capacity)).one()
    if before.state != "offered":
        return False
    units, money = _carry(before) if rule.carry_over else (0, 0)
    copied = {name: getattr(before, name) for name in _COPIED}
    quantity = rule.quantity + units
    capacity = Capacity(
        **copied,
        month=month,
        valid_from=month,
        valid_until=last_day(month),
        quantity=quantity,
        carried_in=units,
        budget_fen=None if rule.budget_fen is None else rule.budget_fen + money,
        minimum_batch=min(before.minimum_batch, quantity),
    )
    before.pool_id = None  # a pool's quantity is for a month: what the last one gave counts in it no more
    db.session.add(capacity)
    db.session.flush()
    actor = system_actor("renewal")
    audit.record(actor, "capacity:renewed", capacity, changed=["month", "quantity"], after=capacity.state)
    if units or money:
        audit.record(actor, "capacity:carried_over", before, changed=["quantity", "budget_fen"])
    events.changed.send("capacity", ids=[before.id, capacity.id])
    return True


def _carry(before: Capacity) -> tuple[int, int]:
    """Take out of a month what it left, in units and in fen."""
    units = before.quantity - before.allocated
    before.quantity = before.allocated
    money = 0
    if before.budget_fen is not None:
        money = before.budget_fen - before.committed_fen
        before.budget_fen = before.committed_fen
    before.version += 1
    return units, money


@dataclass(frozen=True)
class Month:
    """One month of a capacity that is offered monthly, for its history.

    Attributes:
        offered: units, those carried in included. given: of these. carried_out: moved to the next month.
    """

    capacity: Capacity
    offered: int
    given: int
    carried_in: int
    carried_out: int


def months_of(rule: Recurrence) -> list[Month]:
    """The months of a rule, newest first."""
    rows = list(rule.months)
    carried = [0, *(row.carried_in for row in rows[:-1])]
    return [
        Month(row, row.quantity + out, row.allocated, row.carried_in, out)
        for row, out in zip(rows, carried, strict=True)
    ]


@jobs.sweeper
def renew_by_itself() -> None:
    """Once a minute: the months that have begun."""
    renew()
