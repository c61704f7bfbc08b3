"""Whether runs of a scope look ahead, what a period would have been with it, and what a coordinator expects."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from marketplace.data_levels import P1, P2, column
from marketplace.extensions import Model
from marketplace.needs.models import URGENCIES
from marketplace.records import Record, UtcDateTime

LEAST_HORIZON, HORIZON, MOST_HORIZON = 7, 90, 365
"""How many days a run looks ahead at most: the least that may be chosen, what is usual, the most."""


class Backtest(Model, Record):
    """A past period run again: as it was, night by night without and with foresight, and in hindsight."""

    __tablename__ = "backtest"
    __scope__ = {"region": "region"}  # noqa: RUF012  # read by permissions.row_filter
    __moves__ = {  # noqa: RUF012  # read by transitions.move
        "queued": frozenset({"running", "cancelled", "failed"}),
        "running": frozenset({"done", "failed", "cancelled"}),
    }
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="state_known"),
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress_is_percent"),
        CheckConstraint(f"horizon_days BETWEEN {LEAST_HORIZON} AND {MOST_HORIZON}", name="horizon_within"),
        UniqueConstraint("id", "scope", "state"),  # what turns foresight on refers to all three
        Index("backtest_of_scope", "scope", "id"),
    )

    region: Mapped[str] = column(P1, "scope: this region and all below it", String(6))
    alliance_id: Mapped[int | None] = column(P1, "scope: members of this alliance", ForeignKey("alliance.id"))
    scope: Mapped[str] = column(P1, "region and alliance in one, for the rule of the database", String(20))
    started_by: Mapped[str] = column(P2, "user:<key> or the system process", String(40))
    state: Mapped[str] = column(P1, "life-cycle", String(10), default="queued", index=True)
    progress: Mapped[int] = column(P1, "percent done", default=0)
    heartbeat_at: Mapped[datetime | None] = column(P1, "tells a living worker from a lost one", UtcDateTime)
    finished_at: Mapped[datetime | None] = column(P1, "order of lists", UtcDateTime)
    begins_on: Mapped[date | None] = column(P1, "first day of the period")
    ends_on: Mapped[date | None] = column(P1, "last day of the period")
    horizon_days: Mapped[int] = column(P1, "days that runs look ahead at most", default=HORIZON)
    policy: Mapped[dict[str, Any]] = column(P1, "policy of the scope when it was started", JSON, default=dict)
    summary: Mapped[dict[str, Any]] = column(P1, "counts of each way the period could have gone", JSON, default=dict)
    failure: Mapped[str | None] = column(P2, "what went wrong, for staff", String(500))


class Foresight(Model, Record):
    """Whether runs of a scope look ahead: on only from a finished backtest of the same scope."""

    __tablename__ = "foresight"
    __scope__ = {"region": "region"}  # noqa: RUF012  # read by permissions.row_filter
    __moves__ = {  # noqa: RUF012  # read by transitions.move
        "off": frozenset({"on"}),
        "on": frozenset({"off"}),
    }
    __table_args__ = (
        CheckConstraint("state IN ('on', 'off')", name="state_known"),
        CheckConstraint(
            "state = 'off' OR (backtest_id IS NOT NULL AND backtest_state IS NOT NULL AND backtest_state = 'done')",
            name="on_from_a_backtest",
        ),
        CheckConstraint(f"horizon_days BETWEEN {LEAST_HORIZON} AND {MOST_HORIZON}", name="horizon_within"),
        ForeignKeyConstraint(
            ["backtest_id", "scope", "backtest_state"],
            ["backtest.id", "backtest.scope", "backtest.state"],
            name="foresight_backtest_of_scope",
        ),
    )

    region: Mapped[str] = column(P1, "scope: this region and all below it", String(6))
    alliance_id: Mapped[int | None] = column(P1, "scope: members of this alliance", ForeignKey("alliance.id"))
    scope: Mapped[str] = column(P1, "region and alliance in one: one row each", String(20), unique=True)
    state: Mapped[str] = column(P1, "whether runs look ahead", String(3), default="off")
    backtest_id: Mapped[int | None] = column(P1, "what the coordinator saw before turning it on", index=True)
    backtest_state: Mapped[str | None] = column(P1, "state of that backtest: done", String(10))
    horizon_days: Mapped[int] = column(P1, "days that runs look ahead at most", default=HORIZON)
    changed_by: Mapped[str] = column(P2, "who turned it on or off last", String(40))
    changed_at: Mapped[datetime] = column(P1, "since when it is on or off", UtcDateTime)

    backtest: Mapped[Backtest | None] = relationship(viewonly=True)


class Expectation(Model, Record):
    """What a coordinator expects to come in a month, where the record is too short to tell."""

    __tablename__ = "expectation"
    __scope__ = {"region": "region"}  # noqa: RUF012  # read by permissions.row_filter
    __table_args__ = (
        CheckConstraint(f"urgency IN {URGENCIES}", name="urgency_known"),
        CheckConstraint("a_month BETWEEN 1 AND 10000", name="a_month_within"),
        UniqueConstraint("scope", "category", "place", "urgency"),
    )

    region: Mapped[str] = column(P1, "scope: this region and all below it", String(6))
    alliance_id: Mapped[int | None] = column(P1, "scope: members of this alliance", ForeignKey("alliance.id"))
    scope: Mapped[str] = column(P1, "region and alliance in one", String(20))
    category: Mapped[str] = column(P1, "service category", String(5))
    place: Mapped[str] = column(P1, "region of the needs", String(6))
    urgency: Mapped[str] = column(P1, "colour of the needs", String(6))
    a_month: Mapped[int] = column(P1, "so many needs a month")
    told_by: Mapped[str] = column(P2, "who told it", String(40))
