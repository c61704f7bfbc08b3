"""Matching runs and what they could not serve."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ColumnElement, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, relationship

from marketplace.data_levels import P1, P2, P3, column
from marketplace.extensions import Model
from marketplace.needs.models import Need
from marketplace.projects.models import Capacity
from marketplace.records import Record, UtcDateTime


class MatchRun(Model, Record):
    """One matching over a scope: frozen input by its digest, stored output, independent re-check."""

    __tablename__ = "match_run"
    __scope__ = {"region": "region"}  # noqa: RUF012  # read by permissions.row_filter
    __moves__ = {  # noqa: RUF012  # read by transitions.move
        "queued": frozenset({"running", "cancelled", "failed"}),
        "running": frozenset({"done", "failed", "cancelled"}),
    }
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="state_known"),
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress_is_percent"),
    )

    region: Mapped[str] = column(P1, "scope: this region and all below it", String(6))
    alliance_id: Mapped[int | None] = column(P1, "scope: members of this alliance", ForeignKey("alliance.id"))
    started_by: Mapped[str] = column(P2, "user:<key> or the system process", String(40))
    state: Mapped[str] = column(P1, "life-cycle", String(10), default="queued", index=True)
    progress: Mapped[int] = column(P1, "percent done", default=0)
    heartbeat_at: Mapped[datetime | None] = column(P1, "tells a living worker from a lost one", UtcDateTime)
    finished_at: Mapped[datetime | None] = column(P1, "reports", UtcDateTime)
    policy: Mapped[dict[str, Any]] = column(P1, "policy of the run", JSON, default=dict)
    digest: Mapped[str | None] = column(P1, "SHA-256 of the frozen input", String(64))
    status: Mapped[str | None] = column(P1, "optimal, feasible", String(12))
    summary: Mapped[dict[str, Any]] = column(P1, "counts, bound, engines, seconds", JSON, default=dict)
    failure: Mapped[str | None] = column(P2, "what went wrong, for staff", String(500))
    trial: Mapped[bool] = column(
        P1, "compares two policies and proposes nothing", default=False, server_default=false(), index=True
    )
    changes: Mapped[dict[str, Any]] = column(
        P1, "what a trial changes: policy, capacity and radius in percent", JSON, default=dict, server_default="{}"
    )
    case_id: Mapped[int | None] = column(
        P3, "scope: one restricted case, seen by its care team alone", ForeignKey("case.id"), index=True
    )

    @classmethod
    def ordinary(cls) -> ColumnElement[bool]:
        """Runs over regions and alliances: of a restricted case (R05, R07) no list or count tells anything."""
        return cls.case_id.is_(None)


class CaseProposal(Model, Record):
    """What a restricted run found for a need of its case, for the care team alone.

    It becomes an allocation when a coordinator of the team accepts it in the supplier's name, not before: what is
    in no list of allocations, no list of allocations can show.
    """

    __tablename__ = "case_proposal"
    __scope__ = {"region": "region"}  # noqa: RUF012  # read by permissions.row_filter
    __moves__ = {"open": frozenset({"accepted", "declined", "superseded"})}  # noqa: RUF012  # read by transitions.move
    __table_args__ = (
        CheckConstraint("state IN ('open', 'accepted', 'declined', 'superseded')", name="state_known"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("(state = 'declined') = (decline_reason IS NOT NULL)", name="decline_has_reason"),
        CheckConstraint("(state = 'accepted') = (allocation_id IS NOT NULL)", name="accepted_is_allocation"),
    )

    run_id: Mapped[int] = column(P2, "run that found it", ForeignKey("match_run.id"), index=True)
    need_id: Mapped[int] = column(P3, "need", ForeignKey("need.id"), index=True)
    capacity_id: Mapped[int] = column(P2, "capacity that could serve it", ForeignKey("capacity.id"), index=True)
    region: Mapped[str] = column(P2, "the need's region; chain of the trail", String(6))
    quantity: Mapped[int] = column(P2, "units")
    fit: Mapped[int] = column(P2, "how well need and supplier fit, 0 to 10000")
    reasons: Mapped[dict[str, Any]] = column(P2, "parts of the fit, alternatives", JSON, default=dict)
    state: Mapped[str] = column(P2, "life-cycle", String(12), default="open")
    decline_reason: Mapped[str | None] = column(P2, "coded reason why the supplier said no", String(20))
    answered_at: Mapped[datetime | None] = column(P2, "how long later runs respect a no", UtcDateTime)
    allocation_id: Mapped[int | None] = column(P2, "what it became", ForeignKey("allocation.id"))

    need: Mapped[Need] = relationship()
    capacity: Mapped[Capacity] = relationship()


class RunOutcome(Model):
    """Why a need, or some of its units, stayed unserved in a run."""

    __tablename__ = "run_outcome"

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    run_id: Mapped[int] = column(P1, "run", ForeignKey("match_run.id"), index=True)
    need_id: Mapped[int] = column(P2, "need", ForeignKey("need.id"), index=True)
    quantity: Mapped[int] = column(P2, "units unserved")
    reason: Mapped[str] = column(P2, "reason code of matching.explain.accounts", String(40), index=True)
    details: Mapped[dict[str, Any]] = column(P2, "the numbers behind the reason", JSON, default=dict)


class RunShortage(Model):
    """What was short in a run, by category, region and reason: where one unit more would help."""

    __tablename__ = "run_shortage"

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    run_id: Mapped[int] = column(P1, "run", ForeignKey("match_run.id"), index=True)
    category: Mapped[str] = column(P1, "service category", String(5))
    region: Mapped[str] = column(P1, "region of the needs", String(6))
    reason: Mapped[str] = column(P1, "reason code of matching.explain.accounts", String(40))
    needs: Mapped[int] = column(P2, "how many needs")
    units: Mapped[int] = column(P2, "units unserved")
    units_red: Mapped[int] = column(P2, "units unserved, red")
    units_yellow: Mapped[int] = column(P2, "units unserved, yellow")
    units_blue: Mapped[int] = column(P2, "units unserved, blue")
    helped_red: Mapped[int] = column(P2, "red needs that one unit more would serve")
    helped_yellow: Mapped[int] = column(P2, "yellow needs that one unit more would serve")
    helped_blue: Mapped[int] = column(P2, "blue needs that one unit more would serve")


class RunSetting(Model, Record):
    """How a region, or an alliance in it, is matched: its policy, and whether a run starts every night."""

    __tablename__ = "run_setting"
    __scope__ = {"region": "region"}  # noqa: RUF012  # read by permissions.row_filter
    __table_args__ = (
        CheckConstraint("nightly_hour BETWEEN 0 AND 23", name="hour_of_day"),
        Index("run_setting_region", "region", unique=True, sqlite_where=text("alliance_id IS NULL"),
              postgresql_where=text("alliance_id IS NULL")),
        Index("run_setting_alliance", "region", "alliance_id", unique=True),
    )  # fmt: skip

    region: Mapped[str] = column(P1, "region and all below it", String(6))
    alliance_id: Mapped[int | None] = column(P1, "members of this alliance", ForeignKey("alliance.id"))
    policy: Mapped[dict[str, Any]] = column(P1, "what differs from the default policy", JSON, default=dict)
    nightly: Mapped[bool] = column(P1, "whether a run starts every night", default=False)
    nightly_hour: Mapped[int] = column(P1, "local hour of the nightly run", default=2)
    started_on: Mapped[date | None] = column(P1, "last night with a run: one a night, however many workers")
