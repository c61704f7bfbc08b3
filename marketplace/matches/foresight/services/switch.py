"""Turn foresight on and off for a scope, and write down what a coordinator expects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import lazy_gettext as _
from sqlalchemy import delete, select

from marketplace import audit, events, regions, taxonomy
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db, insert_once
from marketplace.matches.foresight.models import HORIZON, Backtest, Expectation, Foresight
from marketplace.matches.foresight.record import scope_key
from marketplace.matches.foresight.services.reading import find, newest_done
from marketplace.matches.scope import Scope
from marketplace.matches.services.settings import alliance_key, check_region
from marketplace.needs.models import URGENCIES
from marketplace.permissions import Actor
from marketplace.records import new_public_id, now
from marketplace.transitions import move, transaction

GOOD_FOR = timedelta(days=31)
"""So long after a backtest foresight may be turned on from it."""

MOST_EXPECTED = 200
"""So many rows of expectations a scope may have."""


@dataclass(frozen=True)
class Expected:
    """So many needs of a category, a region and a colour a month."""

    category: str
    place: str
    urgency: str
    a_month: int


def scope_of(actor: Actor, region: str, alliance: str | None) -> Scope:
    """The scope that an actor may match.

    Raises:
        InvalidInput, AccessDenied: as in `runs.start`.
    """
    check_region(actor, region)
    return Scope(region, alliance_key(alliance))


def switched_on(scope: Scope) -> bool:
    """Whether runs of a scope look ahead."""
    return switch_of(scope) is not None


def switch_of(scope: Scope) -> Foresight | None:
    """The scope's foresight while it is on."""
    return switch_of_key(scope_key(scope))


def switch_of_key(key: str) -> Foresight | None:
    """The same, by the name that the tables have for the scope."""
    return db.session.scalar(select(Foresight).where(Foresight.scope == key, Foresight.state == "on"))


def turn_on(actor: Actor, backtest_id: str) -> Foresight:
    """Let runs of a scope look ahead, from its newest backtest alone.

    Raises:
        NotFound, InvalidInput, AccessDenied: there is no such backtest for the actor.
        StateConflict: it has not ended well, is not the scope's newest, is too old, or foresight is on already.
    """
    asked = find(actor, backtest_id)
    check_region(actor, asked.region)
    key = asked.id
    with transaction() as session:
        backtest = session.get_one(Backtest, key, populate_existing=True)
        newest = newest_done(backtest.scope)
        if backtest.state != "done" or newest is None or newest.id != key:
            raise StateConflict(_("Foresight is turned on from the newest finished backtest of the region."))
        if backtest.finished_at is None or now() - backtest.finished_at > GOOD_FOR:
            raise StateConflict(_("This backtest is more than a month old. Make a new one, look at it, then decide."))
        if not backtest.summary.get("forecast_nights"):
            raise StateConflict(_("There was nothing to forecast from. Write down what you expect, then try again."))
        insert_once(
            Foresight,
            {
                "public_id": new_public_id(), "region": backtest.region, "alliance_id": backtest.alliance_id,
                "scope": backtest.scope, "state": "off", "horizon_days": HORIZON, "changed_by": actor.key,
                "changed_at": now(), "created_at": now(), "version": 1,
            },
        )  # fmt: skip
        row = session.scalars(select(Foresight).where(Foresight.scope == backtest.scope)).one()
        move(
            actor,
            row,
            expect="off",
            to="on",
            backtest_id=key,
            backtest_state="done",
            horizon_days=backtest.horizon_days,
            changed_by=actor.key,
            changed_at=now(),
        )
    return row


def turn_off(actor: Actor, region: str, alliance: str | None = None) -> None:
    """Let runs of a scope look at their own night alone again, from the next one on.

    Raises:
        InvalidInput, AccessDenied: as in `scope_of`.
        StateConflict: it is off already.
    """
    key = scope_key(scope_of(actor, region, alliance))
    with transaction() as session:
        row = session.scalar(select(Foresight).where(Foresight.scope == key))
        if row is None:
            raise StateConflict(_("Runs of this region do not look ahead."))
        move(actor, row, expect="on", to="off", changed_by=actor.key, changed_at=now())


def expectations_of(scope: Scope) -> list[Expectation]:
    """What a coordinator expects of a scope."""
    rows = db.session.scalars(select(Expectation).where(Expectation.scope == scope_key(scope)))
    return sorted(rows, key=lambda row: (row.category, row.place, URGENCIES.index(row.urgency)))


def expect(actor: Actor, region: str, alliance: str | None, rows: Sequence[Expected]) -> None:
    """Put what a coordinator expects of a scope in the place of what was expected before.

    Raises:
        InvalidInput: a category, region or number is out of range, or a row occurs twice. AccessDenied.
    """
    scope = scope_of(actor, region, alliance)
    for row in rows:
        _check(row, region)
    if len({(row.category, row.place, row.urgency) for row in rows}) < len(rows):
        raise InvalidInput(_("A service, region and colour stand twice. Put them in one row."))
    if len(rows) > MOST_EXPECTED:
        raise InvalidInput(_("At most %(number)s rows can be kept.", number=MOST_EXPECTED))
    key = scope_key(scope)
    with transaction() as session:
        session.execute(delete(Expectation).where(Expectation.scope == key))
        kept = [
            Expectation(
                region=scope.region,
                alliance_id=scope.alliance_id,
                scope=key,
                category=row.category,
                place=row.place,
                urgency=row.urgency,
                a_month=row.a_month,
                told_by=actor.key,
            )
            for row in rows
        ]
        session.add_all(kept)
        session.flush()
        for new in kept:
            audit.record(actor, "expectation:told", new, changed=["a_month"], after=str(new.a_month))
        if not kept:
            audit.record_many(actor, "expectation:cleared", "expectation", [(0, region)])
        events.changed.send("expectation", ids=[new.id for new in kept])


def _check(row: Expected, region: str) -> None:
    if not taxonomy.exists(row.category):
        raise InvalidInput(_("Choose a service of the list."))
    if not regions.exists(row.place) or not regions.contains(region, row.place):
        raise InvalidInput(_("Choose a region of the list."))
    if row.urgency not in URGENCIES:
        raise InvalidInput(_("Choose a colour."))
    if not 1 <= row.a_month <= 10_000:
        raise InvalidInput(_("Enter a whole number of needs a month, 1 to 10000."))
