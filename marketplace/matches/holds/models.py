"""What runs keep back, and requests about it: of suppliers for its release, of caseworkers for an exception."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, column_property, relationship

from marketplace.allocations.models import Allocation
from marketplace.data_levels import P1, P2, P3, column
from marketplace.extensions import Model
from marketplace.matches.models import MatchRun
from marketplace.needs.models import Need
from marketplace.projects.models import Capacity
from marketplace.records import Record, UtcDateTime

STATES = ("requested", "granted", "refused", "withdrawn", "lapsed")
MOVES = {"requested": frozenset({"granted", "refused", "withdrawn", "lapsed"})}


class RunHold(Model):
    """Units of a capacity that a run kept back although needs of that night could have used them."""

    __tablename__ = "run_hold"
    __table_args__ = (
        UniqueConstraint("run_id", "capacity_id"),
        CheckConstraint("units > 0", name="units_positive"),
        CheckConstraint(
            "expected_red >= 0 AND expected_yellow >= 0 AND expected_blue >= 0", name="expected_not_negative"
        ),
    )

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    run_id: Mapped[int] = column(P1, "run", ForeignKey("match_run.id"), index=True)
    capacity_id: Mapped[int] = column(P1, "whose units", ForeignKey("capacity.id"), index=True)
    units: Mapped[int] = column(P2, "units kept back")
    expected_red: Mapped[int] = column(P2, "units for red needs still to come, mean over the futures, rounded")
    expected_yellow: Mapped[int] = column(P2, "units for yellow needs still to come, likewise")
    expected_blue: Mapped[int] = column(P2, "units for blue needs still to come, likewise")
    until: Mapped[date | None] = column(P2, "last day looked ahead to: the capacity's end or the horizon's")

    run: Mapped[MatchRun] = relationship()
    capacity: Mapped[Capacity] = relationship()


class HoldRelease(Model, Record):
    """A supplier asks that nothing of a capacity be kept back; granted, runs keep none of it up to a day."""

    __tablename__ = "hold_release"
    __scope__ = {  # noqa: RUF012  # read by permissions.row_filter
        "region": "region", "organization": "organization_id", "own": "owner_id",
    }  # fmt: skip
    __moves__ = MOVES
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint("(state = 'granted') = (until IS NOT NULL)", name="granted_until"),
        CheckConstraint("(state IN ('granted', 'refused')) = (decided_by IS NOT NULL)", name="decided_by_somebody"),
        CheckConstraint("state NOT IN ('granted', 'refused') OR answer IS NOT NULL", name="decided_with_reason"),
        CheckConstraint("decided_by IS NULL OR decided_by != asked_by", name="four_eyes"),
        CheckConstraint("(organization_id IS NULL) = (owner_id IS NOT NULL)", name="one_supplier"),
        Index("hold_release_one_open", "capacity_id", unique=True, sqlite_where=text("state = 'requested'"),
              postgresql_where=text("state = 'requested'")),
    )  # fmt: skip

    capacity_id: Mapped[int] = column(P1, "whose units", ForeignKey("capacity.id"), index=True)
    organization_id: Mapped[int | None] = column(P1, "row scope of members", ForeignKey("organization.id"))
    owner_id: Mapped[int | None] = column(P3, "volunteer whose offer it is", ForeignKey("user.id"))
    state: Mapped[str] = column(P2, "life-cycle", String(10), default="requested", index=True)
    units: Mapped[int] = column(P2, "units kept back when it was asked")
    reason: Mapped[str] = column(P2, "what the supplier says, no personal data", String(500))
    asked_by: Mapped[str] = column(P2, "who asked: user:<key>", String(40))
    until: Mapped[date | None] = column(P2, "granted: nothing is kept back up to this day")
    answer: Mapped[str | None] = column(P2, "why it was granted or refused", String(500))
    decided_by: Mapped[str | None] = column(P2, "who decided: user:<key>", String(40))
    decided_at: Mapped[datetime | None] = column(P2, "order of decisions", UtcDateTime)

    #: The supplier's region as it is now; row scope of coordinators.
    region: Mapped[str] = column_property(
        select(Capacity.region).where(Capacity.id == capacity_id).correlate_except(Capacity).scalar_subquery()
    )
    capacity: Mapped[Capacity] = relationship()


class HoldException(Model, Record):
    """A caseworker asks that a need be served from what is kept back; granted, it is proposed by hand at once."""

    __tablename__ = "hold_exception"
    __scope__ = {"region": "region"}  # noqa: RUF012  # read by permissions.row_filter
    __moves__ = MOVES
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint("(state = 'granted') = (allocation_id IS NOT NULL)", name="granted_is_proposed"),
        CheckConstraint("(state IN ('granted', 'refused')) = (decided_by IS NOT NULL)", name="decided_by_somebody"),
        CheckConstraint("state NOT IN ('granted', 'refused') OR answer IS NOT NULL", name="decided_with_reason"),
        CheckConstraint("decided_by IS NULL OR decided_by != asked_by", name="four_eyes"),
        Index("hold_exception_one_open", "need_id", unique=True, sqlite_where=text("state = 'requested'"),
              postgresql_where=text("state = 'requested'")),
    )  # fmt: skip

    need_id: Mapped[int] = column(P2, "need", ForeignKey("need.id"), index=True)
    state: Mapped[str] = column(P2, "life-cycle", String(10), default="requested", index=True)
    reason: Mapped[str] = column(P2, "why this need should not wait, no personal data", String(500))
    asked_by: Mapped[str] = column(P2, "who asked: user:<key>", String(40))
    allocation_id: Mapped[int | None] = column(P2, "proposal that granting made", ForeignKey("allocation.id"))
    answer: Mapped[str | None] = column(P2, "why it was granted or refused", String(500))
    decided_by: Mapped[str | None] = column(P2, "who decided: user:<key>", String(40))
    decided_at: Mapped[datetime | None] = column(P2, "order of decisions", UtcDateTime)

    #: The need's region as it is now: a household may move while it is asked. Row scope.
    region: Mapped[str] = column_property(
        select(Need.region).where(Need.id == need_id).correlate_except(Need).scalar_subquery()
    )
    need: Mapped[Need] = relationship()
    allocation: Mapped[Allocation | None] = relationship()
