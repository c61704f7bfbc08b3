"""How long what a supplier offered counts: one rule for the pages, the questions and the runs.

A supplier says once a month that its capacity still holds. Capacity that was not confirmed for longer is asked
about, once a month; when a period of grace has passed too, runs leave it out until it is confirmed again.
"""

from datetime import date, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, and_, or_

from marketplace.projects.models import Capacity
from marketplace.records import today

CONFIRM_EVERY = timedelta(days=31)
ASK_EVERY = timedelta(days=30)
GRACE_DAYS = 29
"""Days after the month in which unconfirmed capacity still takes part in runs; the setting CAPACITY_GRACE_DAYS."""


def grace_days() -> int:
    """The period of grace of this instance, in days."""
    return int(current_app.config.get("CAPACITY_GRACE_DAYS", GRACE_DAYS))


def last_day_of_grace(confirmed_on: date) -> date:
    """The last day on which a capacity confirmed on a day takes part in runs."""
    return confirmed_on + CONFIRM_EVERY + timedelta(days=grace_days())


def fresh_condition(on: date) -> ColumnElement[bool]:
    """Capacity that runs of a day take, as an SQL condition: confirmed within the month and its grace."""
    oldest = on - CONFIRM_EVERY - timedelta(days=grace_days())
    return and_(Capacity.confirmed_on.is_not(None), Capacity.confirmed_on >= oldest)


def stale_condition(on: date) -> ColumnElement[bool]:
    """Capacity whose supplier should say again that it holds, as an SQL condition."""
    return or_(Capacity.confirmed_on.is_(None), Capacity.confirmed_on < on - CONFIRM_EVERY)


def asked_lately(on: date, capacity: Any = Capacity) -> ColumnElement[bool]:
    """Capacity whose supplier was asked within the month, as an SQL condition on `Capacity` or an alias of it."""
    return and_(capacity.asked_on.is_not(None), capacity.asked_on > on - ASK_EVERY)


def is_stale(capacity: Capacity, on: date | None = None) -> bool:
    """The same as `stale_condition` for a loaded row."""
    return capacity.confirmed_on is None or (on or today()) - capacity.confirmed_on > CONFIRM_EVERY


def is_left_out(capacity: Capacity, on: date | None = None) -> bool:
    """Whether runs of a day leave a capacity out because nobody confirmed it."""
    return capacity.confirmed_on is None or last_day_of_grace(capacity.confirmed_on) < (on or today())
