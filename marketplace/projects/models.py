"""Projects, capacity and the pools that several capacities draw on."""

from datetime import date

from sqlalchemy import JSON, BigInteger, CheckConstraint, ColumnElement, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, relationship

from marketplace.extensions import Model
from marketplace.organizations.models import Organization
from marketplace.privacy import P1, P2, column
from marketplace.records import Imported, Record

FUNDINGS = ("charity", "government_purchase", "mixed")


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


class Capacity(Model, Record, Imported):
    """How much of which help, for whom, where and when; the same facts as a row of capacity.csv."""

    __tablename__ = "capacity"
    __scope__ = {"region": "region", "organization": "organization_id"}  # noqa: RUF012  # row_filter
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
        Index("capacity_offered", "active", "project_id"),
    )

    project_id: Mapped[int] = column(P1, "project that offers it", ForeignKey("project.id"), index=True)
    organization_id: Mapped[int] = column(P1, "row scope of members", ForeignKey("organization.id"), index=True)
    region: Mapped[str] = column(P1, "the organization's region; row scope", String(6))
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

    project: Mapped[Project] = relationship(back_populates="capacities")
    organization: Mapped[Organization] = relationship()
    pool: Mapped[Pool | None] = relationship()

    @property
    def free(self) -> int:
        """Units neither given nor promised."""
        return self.quantity - self.allocated
