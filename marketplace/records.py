"""Columns that every kind of record shares."""

import secrets
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, String, TypeDecorator, event
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, declared_attr, with_loader_criteria

from marketplace.data_levels import P1, column

#: Every date rule (deadlines, validity, waiting) is read on the calendar of the region served.
LOCAL_TIME = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    return datetime.now(UTC)


def today() -> date:
    """Today's date where the people served live."""
    return datetime.now(LOCAL_TIME).date()


def new_public_id() -> str:
    """128 random bits: what addresses and exports use in place of a key that counts."""
    return secrets.token_hex(16)


def known_version(number: int | None) -> int:
    """A version as a form sends it; one that no record can have is 0, which none has."""
    return number if number is not None and 0 < number < 2**31 else 0


class UtcDateTime(TypeDecorator[datetime]):
    """Moments in UTC, aware in Python on both engines (SQLite stores no offset)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, _dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Record:
    """Mixin: key, public id, creation time, and the version that guards against lost updates."""

    @declared_attr
    def id(cls) -> Mapped[int]:
        return column(P1, "identifies the row inside the database", primary_key=True)

    @declared_attr
    def public_id(cls) -> Mapped[str]:
        return column(P1, "random id in addresses and exports", String(32), unique=True, default=new_public_id)

    @declared_attr
    def created_at(cls) -> Mapped[datetime]:
        return column(P1, "order of work lists", UtcDateTime, default=now)

    @declared_attr
    def version(cls) -> Mapped[int]:
        return column(P1, "guards against lost updates", default=1)


class Imported:
    """Mixin: what a record was called in the file it came from, and whether it is demonstration data."""

    @declared_attr
    def external_id(cls) -> Mapped[str | None]:
        return column(P1, "id in the file it was imported from", String(80), unique=True)

    @declared_attr
    def imported(cls) -> Mapped[bool]:
        return column(P1, "made by an import, not by a person in the application", default=False)


class Discardable:
    """Mixin: a record that people put away by mistake or on purpose, and can take back.

    Every SELECT leaves such records out by itself, also where they are reached through a relationship; only a
    statement with `execution_options(with_discarded=True)` sees them.
    """

    @declared_attr
    def discarded_at(cls) -> Mapped[datetime | None]:
        return column(P1, "put away since; kept for undo and for the trail", UtcDateTime)


# Made once: every SELECT takes it.
_KEPT = with_loader_criteria(Discardable, lambda cls: cls.discarded_at.is_(None), include_aliases=True)


@event.listens_for(Session, "do_orm_execute")
def _leave_out_discarded(statement: ORMExecuteState) -> None:
    if statement.is_select and not statement.is_column_load and "with_discarded" not in statement.execution_options:
        statement.statement = statement.statement.options(_KEPT)
