"""Projects, capacity and the pools that several capacities draw on."""

from datetime import date
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, relationship

from marketplace.accounts.models import User
from marketplace.data_levels import P1, P2, P3, column
from marketplace.extensions import Model
from marketplace.organizations.models import Organization
from marketplace.privacy import Encrypted, Sealed
from marketplace.records import Imported, Record

FUNDINGS = ("charity", "government_purchase", "mixed")
#: Why a project rests or ended; coded, so that reports can count them.
STOP_REASONS = ("no_capacity", "no_funds", "season", "staff", "completed", "suspended", "other")
#: A capacity of an organization is offered with its project; a volunteer's own offer is reviewed by a coordinator.
CAPACITY_STATES = ("offered", "review", "returned")


class Project(Model, Record, Imported):
    """What an organization does for people in hardship. No field can exclude anyone by hukou."""

    __tablename__ = "project"
    __scope__ = {"region": "region", "organization": "organization_id"}  # noqa: RUF012  # row_filter
    __moves__ = {  # noqa: RUF012  # read by transitions.move
        "draft": frozenset({"submitted"}),
        "submitted": frozenset({"open", "draft"}),
        "open": frozenset({"paused", "closed"}),
        "paused": frozenset({"open", "closed"}),
    }
    __table_args__ = (
        CheckConstraint(f"funding IN {FUNDINGS}", name="funding_known"),
        CheckConstraint("state IN ('draft', 'submitted', 'open', 'paused', 'closed')", name="state_known"),
        CheckConstraint("ends_on IS NULL OR starts_on IS NULL OR starts_on <= ends_on", name="period_ordered"),
        CheckConstraint(f"stop_reason IS NULL OR stop_reason IN {STOP_REASONS}", name="stop_reason_known"),
    )

    organization_id: Mapped[int] = column(P1, "whose project", ForeignKey("organization.id"), index=True)
    region: Mapped[str] = column(P1, "the organization's region; row scope of officers", String(6), index=True)
    title: Mapped[str] = column(P1, "public page", String(120))
    summary: Mapped[str] = column(P1, "public page", Text, default="")
    funding: Mapped[str] = column(P1, "public page, reports", String(20), default="charity")
    starts_on: Mapped[date | None] = column(P1, "period")
    ends_on: Mapped[date | None] = column(P1, "period")
    state: Mapped[str] = column(P1, "whether it takes part in matching", String(12), default="draft", index=True)
    return_reason: Mapped[str | None] = column(P2, "tells the organization what to mend", String(500))
    stop_reason: Mapped[str | None] = column(P2, "coded: why it is paused or closed", String(12))
    stop_note: Mapped[str | None] = column(P2, "what its members say about the pause or the end", String(500))
    resumes_on: Mapped[date | None] = column(P2, "when its members expect to take it up again")

    organization: Mapped[Organization] = relationship()
    capacities: Mapped[list["Capacity"]] = relationship(back_populates="project")

    @classmethod
    def public_rows(cls) -> ColumnElement[bool]:
        return cls.state == "open"

    @property
    def is_public(self) -> bool:
        return bool(self.state == "open")


class Pool(Model):
    """A quantity that several capacities share, e.g. one van's trips."""

    __tablename__ = "pool"
    __table_args__ = (CheckConstraint("quantity >= 0", name="quantity_not_negative"),)

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    name: Mapped[str] = column(P1, "name in files", String(120), unique=True)
    quantity: Mapped[int] = column(P1, "units that its capacities share")
    organization_id: Mapped[int | None] = column(
        P1, "whose members manage it; none for a pool of a file", ForeignKey("organization.id"), index=True
    )


class Recurrence(Model, Record):
    """A rule that offers a capacity anew every month; the capacity of each month is a row of its own."""

    __tablename__ = "recurrence"
    __scope__ = {"organization": "organization_id", "own": "owner_id"}  # noqa: RUF012  # read by permissions.row_filter
    __table_args__ = (
        CheckConstraint("quantity >= 1", name="quantity_positive"),
        CheckConstraint("budget_fen IS NULL OR budget_fen >= 0", name="budget_not_negative"),
        CheckConstraint("(organization_id IS NULL) = (owner_id IS NOT NULL)", name="one_supplier"),
    )

    organization_id: Mapped[int | None] = column(P1, "row scope of members", ForeignKey("organization.id"), index=True)
    owner_id: Mapped[int | None] = column(P3, "volunteer whose offer it renews", ForeignKey("user.id"), index=True)
    quantity: Mapped[int] = column(P1, "units offered every month")
    budget_fen: Mapped[int | None] = column(P2, "money available every month, fen", BigInteger)
    carry_over: Mapped[bool] = column(P1, "whether what a month left is added to the next", default=False)
    last_month: Mapped[date | None] = column(P1, "first day of the last month offered; empty is no end")
    active: Mapped[bool] = column(P1, "ended rules are kept for their history", default=True)

    #: The capacity of each month, newest first.
    months: Mapped[list["Capacity"]] = relationship(
        viewonly=True, order_by="Capacity.month.desc()", back_populates="recurrence"
    )


class Capacity(Model, Record, Imported):
    """How much of which help, for whom, where and when; the same facts as a row of capacity.csv."""

    __tablename__ = "capacity"
    __scope__ = {  # noqa: RUF012  # read by permissions.row_filter
        "region": "region", "organization": "organization_id", "own": "owner_id",
    }  # fmt: skip
    __moves__ = {  # noqa: RUF012  # read by transitions.move
        "review": frozenset({"offered", "returned"}),
        "returned": frozenset({"review"}),
        "offered": frozenset({"review", "returned"}),
    }
    __table_args__ = (
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        CheckConstraint("allocated >= 0 AND allocated <= quantity", name="allocated_within_quantity"),
        CheckConstraint(
            "committed_fen >= 0 AND (budget_fen IS NULL OR committed_fen <= budget_fen)",
            name="committed_within_budget",
        ),
        CheckConstraint("radius_km IS NULL OR radius_km > 0", name="radius_positive"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="point_whole"),
        CheckConstraint(
            "valid_until IS NULL OR valid_from IS NULL OR valid_from <= valid_until", name="validity_ordered"
        ),
        CheckConstraint(f"state IN {CAPACITY_STATES}", name="state_known"),
        CheckConstraint("(organization_id IS NULL) = (owner_id IS NOT NULL)", name="one_supplier"),
        CheckConstraint("(organization_id IS NULL) = (project_id IS NULL)", name="project_of_organization"),
        CheckConstraint("owner_id IS NOT NULL OR state = 'offered'", name="review_of_volunteers"),
        CheckConstraint("owner_id IS NULL OR state != 'offered' OR reviewed_by IS NOT NULL", name="offer_reviewed"),
        CheckConstraint("carried_in >= 0", name="carried_in_not_negative"),
        CheckConstraint("(recurrence_id IS NULL) = (month IS NULL)", name="month_of_recurrence"),
        UniqueConstraint("recurrence_id", "month"),
        Index("capacity_offered", "active", "project_id"),
        Index("capacity_confirmed", "active", "confirmed_on"),
    )

    project_id: Mapped[int | None] = column(P1, "project that offers it", ForeignKey("project.id"), index=True)
    organization_id: Mapped[int | None] = column(P1, "row scope of members", ForeignKey("organization.id"), index=True)
    owner_id: Mapped[int | None] = column(P3, "volunteer who offers it", ForeignKey("user.id"), index=True)
    region: Mapped[str] = column(P1, "the supplier's region; row scope", String(6))
    state: Mapped[str] = column(
        P2, "review of a volunteer's offer", String(10), default="offered", server_default="offered"
    )
    reviewed_by: Mapped[str | None] = column(P2, "who approved a volunteer's offer", String(40))
    checks: Mapped[Sealed | None] = column(
        P3, "what the reviewer saw: police check, certificates", Encrypted("capacity.checks")
    )
    return_reason: Mapped[str | None] = column(P2, "tells the volunteer what to mend", String(500))
    recurrence_id: Mapped[int | None] = column(P1, "rule that made it", ForeignKey("recurrence.id"), index=True)
    month: Mapped[date | None] = column(P1, "first day of the month of a recurring capacity")
    carried_in: Mapped[int] = column(P1, "units left by the month before", default=0, server_default="0")
    asked_on: Mapped[date | None] = column(P2, "when its supplier was last asked whether it holds")
    title: Mapped[str] = column(P1, "public page", String(160), default="")
    categories: Mapped[list[str]] = column(P1, "service categories, each covers those below it", JSON)
    regions: Mapped[list[str]] = column(P1, "regions served, each covers those below it", JSON)
    unit: Mapped[str] = column(P1, "what one of the quantity is", String(10), default="")
    quantity: Mapped[int] = column(P1, "units offered")
    allocated: Mapped[int] = column(P1, "units given or promised", default=0)
    pool_id: Mapped[int | None] = column(P1, "shared quantity", ForeignKey("pool.id"), index=True)
    budget_fen: Mapped[int | None] = column(P2, "money available, fen", BigInteger)
    committed_fen: Mapped[int] = column(P2, "money given or promised, fen", BigInteger, default=0)
    unit_cost_fen: Mapped[int] = column(P2, "money a unit takes, fen", BigInteger, default=0)
    minimum_batch: Mapped[int] = column(P1, "least units if it serves any", default=0)
    latitude: Mapped[float | None] = column(P1, "where it starts from; the region's seat when empty")
    longitude: Mapped[float | None] = column(P1, "where it starts from")
    radius_km: Mapped[float | None] = column(P1, "how far it goes, km; empty is no limit")
    groups: Mapped[list[str]] = column(P1, "target groups; empty is everyone", JSON, default=list)
    qualifications: Mapped[list[str]] = column(P1, "qualifications of those who serve", JSON, default=list)
    valid_from: Mapped[date | None] = column(P1, "first day offered")
    valid_until: Mapped[date | None] = column(P1, "last day offered")
    confirmed_on: Mapped[date | None] = column(P1, "when the supplier last said it holds")
    active: Mapped[bool] = column(P1, "withdrawn capacity is kept for its history", default=True)

    project: Mapped[Project | None] = relationship(back_populates="capacities")
    organization: Mapped[Organization | None] = relationship()
    owner: Mapped[User | None] = relationship(viewonly=True)
    pool: Mapped[Pool | None] = relationship()
    recurrence: Mapped[Recurrence | None] = relationship(back_populates="months")
    #: Read only, for calendars and refusals: the slice above owns them.
    running: Mapped[list[Any]] = relationship(
        "Allocation",
        viewonly=True,
        primaryjoin="and_(Allocation.capacity_id == Capacity.id, "
        "Allocation.state.in_(('accepted', 'delivering', 'delivered')))",
        order_by="Allocation.id",
    )
    #: Read only: proposals that nobody has answered.
    proposals: Mapped[list[Any]] = relationship(
        "Allocation",
        viewonly=True,
        primaryjoin="and_(Allocation.capacity_id == Capacity.id, Allocation.state == 'proposed')",
        order_by="Allocation.id",
    )

    @property
    def free(self) -> int:
        """Units neither given nor promised."""
        return self.quantity - self.allocated
