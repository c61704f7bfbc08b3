"""Allocations and deliveries."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, relationship

from marketplace.extensions import Model
from marketplace.needs.models import Need
from marketplace.privacy import P2, P3, column
from marketplace.projects.models import Capacity
from marketplace.records import Imported, Record, UtcDateTime

STATES = (
    "proposed", "accepted", "delivering", "delivered", "confirmed", "declined", "expired", "superseded",
    "released", "reopened",
)  # fmt: skip
SOURCES = ("claim", "run", "manual")
#: States whose quantity counts in need.allocated.
HOLDS_NEED = ("accepted", "delivering", "delivered", "confirmed")
#: States whose quantity counts in capacity.allocated: what was given is spent, though it did not help.
HOLDS_CAPACITY = (*HOLDS_NEED, "reopened")
#: A claim in one of these takes one of a volunteer's places.
LIVE = ("accepted", "delivering", "delivered")
DECLINE_REASONS = (
    "no_capacity", "too_far", "wrong_service", "qualification", "timing", "cannot_reach", "other",
)  # fmt: skip


class Allocation(Model, Record, Imported):
    """Some quantity of one need, given to one supplier: a capacity, or a volunteer."""

    __tablename__ = "allocation"
    __scope__ = {  # noqa: RUF012  # read by permissions.row_filter
        "region": "region", "organization": "organization_id", "own": "claimant_id",
    }  # fmt: skip
    __moves__ = {  # noqa: RUF012  # read by transitions.move
        "proposed": frozenset({"accepted", "declined", "expired", "superseded"}),
        "accepted": frozenset({"delivering", "delivered", "released", "expired"}),
        "delivering": frozenset({"delivered", "released", "expired"}),
        "delivered": frozenset({"confirmed", "delivering"}),
        "confirmed": frozenset({"reopened"}),
    }
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint(f"source IN {SOURCES}", name="source_known"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("(capacity_id IS NULL) != (claimant_id IS NULL)", name="one_supplier"),
        CheckConstraint("source != 'claim' OR state != 'proposed'", name="claim_starts_accepted"),
        CheckConstraint("state != 'declined' OR decline_reason IS NOT NULL", name="decline_has_reason"),
        Index(
            "allocation_one_taker_a_wish",
            "need_id",
            unique=True,
            sqlite_where=text(f"wish AND state IN {HOLDS_NEED}"),
            postgresql_where=text(f"wish AND state IN {HOLDS_NEED}"),
        ),
        Index("allocation_inbox", "organization_id", "state"),
        Index("allocation_claims", "claimant_id", "state"),
    )

    need_id: Mapped[int] = column(P2, "need", ForeignKey("need.id"), index=True)
    capacity_id: Mapped[int | None] = column(P2, "supplying capacity", ForeignKey("capacity.id"), index=True)
    claimant_id: Mapped[int | None] = column(P3, "volunteer who claimed", ForeignKey("user.id"))
    organization_id: Mapped[int | None] = column(P2, "row scope of members", ForeignKey("organization.id"))
    region: Mapped[str] = column(P2, "the need's region; row scope of staff", String(6), index=True)
    wish: Mapped[bool] = column(P2, "whether the need is a micro-wish")
    quantity: Mapped[int] = column(P2, "units")
    source: Mapped[str] = column(P2, "claim, run or manual", String(8))
    run_id: Mapped[int | None] = column(P2, "run that proposed it", ForeignKey("match_run.id"), index=True)
    state: Mapped[str] = column(P2, "life-cycle", String(12), index=True)
    fit: Mapped[int | None] = column(P2, "how well need and supplier fit, 0 to 10000")
    reasons: Mapped[dict[str, Any]] = column(P2, "parts of the fit, alternatives, effect on others", JSON, default=dict)
    expires_at: Mapped[datetime | None] = column(P2, "end of a claim's hold or a proposal's answer time", UtcDateTime)
    due_on: Mapped[date | None] = column(P2, "delivery date promised")
    decline_reason: Mapped[str | None] = column(P2, "coded reason of a refusal or release", String(20))
    accepted_at: Mapped[datetime | None] = column(P2, "time to answer", UtcDateTime)
    delivered_at: Mapped[datetime | None] = column(P2, "time to deliver", UtcDateTime)
    confirmed_at: Mapped[datetime | None] = column(P2, "closed loop", UtcDateTime)
    satisfaction: Mapped[int | None] = column(P2, "1 to 5, asked at confirmation")

    need: Mapped[Need] = relationship()
    capacity: Mapped[Capacity | None] = relationship()
    deliveries: Mapped[list["Delivery"]] = relationship(back_populates="allocation")

    @property
    def delivered_quantity(self) -> int:
        """Units handed over and not disputed."""
        return sum(delivery.quantity for delivery in self.deliveries if not delivery.disputed)


class Delivery(Model, Record):
    """What was handed over or done, and when."""

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("people_served >= 0", name="people_not_negative"),
        CheckConstraint("value_fen >= 0", name="value_not_negative"),
    )

    allocation_id: Mapped[int] = column(P2, "allocation", ForeignKey("allocation.id"), index=True)
    delivered_on: Mapped[date] = column(P2, "day of delivery")
    quantity: Mapped[int] = column(P2, "units delivered")
    people_served: Mapped[int] = column(P2, "person-times (人次)", default=1)
    value_fen: Mapped[int] = column(P2, "value of money or goods, fen", BigInteger, default=0)
    value_kind: Mapped[str] = column(P2, "money or goods", String(8), default="goods")
    disputed: Mapped[bool] = column(P2, "disputed by the caseworker: kept for the history, not counted", default=False)

    allocation: Mapped[Allocation] = relationship(back_populates="deliveries")
