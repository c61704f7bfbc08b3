"""Allocations and deliveries."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, relationship

from marketplace.data_levels import P2, P3, P4, column
from marketplace.extensions import Model
from marketplace.needs.models import Need
from marketplace.privacy import Encrypted, Sealed, mask_phone
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
#: What a follow-up visit found.
OUTCOMES = ("solved", "partly", "not", "worse")


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
        CheckConstraint(
            "capacity_id IS NOT NULL OR claimant_id IS NOT NULL OR guest_id IS NOT NULL", name="some_supplier"
        ),
        CheckConstraint(
            "guest_id IS NULL OR (capacity_id IS NULL AND claimant_id IS NULL AND organization_id IS NULL)",
            name="guest_stands_alone",
        ),
        # A volunteer's own offer is a capacity too; whose it is stands in the allocation, the row scope.
        CheckConstraint(
            "capacity_id IS NULL OR (organization_id IS NULL) = (claimant_id IS NOT NULL)",
            name="capacity_has_one_owner",
        ),
        CheckConstraint("thanks IS NULL OR source = 'claim'", name="thanks_are_for_claims"),
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
    claimant_id: Mapped[int | None] = column(P3, "volunteer who claimed, or whose offer it is", ForeignKey("user.id"))
    guest_id: Mapped[int | None] = column(
        P3, "who claimed with a printed card, without an account", ForeignKey("guest_claimant.id"), index=True
    )
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
    reminded_at: Mapped[datetime | None] = column(P2, "so that a claimant is reminded once", UtcDateTime)
    thanks: Mapped[str | None] = column(P2, "the caseworker's note to the claimant, screened", String(300))

    need: Mapped[Need] = relationship()
    capacity: Mapped[Capacity | None] = relationship()
    guest: Mapped["GuestClaimant | None"] = relationship()
    evidence: Mapped[list["Evidence"]] = relationship(back_populates="allocation", order_by="Evidence.id")
    follow_ups: Mapped[list["FollowUp"]] = relationship(back_populates="allocation", order_by="FollowUp.id")
    deliveries: Mapped[list["Delivery"]] = relationship(back_populates="allocation", order_by="Delivery.id")

    @property
    def photos(self) -> list["Evidence"]:
        """Photos handed in and not taken back."""
        return [photo for photo in self.evidence if photo.removed_at is None]

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


class GuestClaimant(Model, Record):
    """Somebody who claims with the code of a printed card: a telephone number and nothing else."""

    __tablename__ = "guest_claimant"
    __table_args__ = (CheckConstraint("(phone IS NULL) = (phone_index IS NULL)", name="phone_is_found"),)

    phone: Mapped[Sealed | None] = column(
        P3, "the caseworker's questions about the claim; erased after it", Encrypted("guest_claimant.phone", mask_phone)
    )
    phone_index: Mapped[str | None] = column(P2, "counts the claims of one number", String(64), unique=True)


class AnswerLink(Model, Record):
    """A signed address under which a supplier without an account answers one proposal, once."""

    __tablename__ = "answer_link"
    __table_args__ = (CheckConstraint("used_at IS NULL OR revoked_at IS NULL", name="used_or_revoked"),)

    allocation_id: Mapped[int] = column(P2, "proposal", ForeignKey("allocation.id"), index=True)
    expires_at: Mapped[datetime] = column(P2, "end of its life", UtcDateTime)
    used_at: Mapped[datetime | None] = column(P2, "works once", UtcDateTime)
    revoked_at: Mapped[datetime | None] = column(P2, "ended by a newer link or by the proposal's end", UtcDateTime)

    allocation: Mapped[Allocation] = relationship()


class Evidence(Model, Record):
    """A photo of what was handed over: goods only, no faces (rule P9); its file is in the instance."""

    __tablename__ = "evidence"

    allocation_id: Mapped[int] = column(P2, "allocation", ForeignKey("allocation.id"), index=True)
    file: Mapped[str] = column(P2, "name that the server gave the file", String(80), unique=True)
    media_type: Mapped[str] = column(P2, "how it is served", String(40))
    size: Mapped[int] = column(P2, "bytes")
    added_by: Mapped[str] = column(P2, "who handed it in: user:<key> or the way it came", String(40))
    removed_at: Mapped[datetime | None] = column(P2, "taken back: its file is erased, the row says that", UtcDateTime)

    allocation: Mapped[Allocation] = relationship(back_populates="evidence")


class FollowUp(Model, Record):
    """A visit (回访) some time after help was confirmed: planned with its day, then made."""

    __tablename__ = "follow_up"
    __scope__ = {"region": "region"}  # noqa: RUF012  # read by permissions.row_filter
    __table_args__ = (
        CheckConstraint(f"outcome IN {OUTCOMES}", name="outcome_known"),
        CheckConstraint("(outcome IS NULL) = (visited_on IS NULL)", name="visit_has_outcome"),
        CheckConstraint("satisfaction IS NULL OR satisfaction BETWEEN 1 AND 5", name="satisfaction_within"),
        Index("follow_up_due", "region", "visited_on", "due_on"),
    )

    allocation_id: Mapped[int] = column(P2, "help that it asks about", ForeignKey("allocation.id"), index=True)
    region: Mapped[str] = column(P2, "the need's region; row scope", String(6))
    due_on: Mapped[date] = column(P2, "work list")
    visited_on: Mapped[date | None] = column(P2, "day of the visit")
    satisfaction: Mapped[int | None] = column(P2, "1 to 5")
    outcome: Mapped[str | None] = column(P2, "solved, partly, not or worse", String(8))
    note: Mapped[Sealed | None] = column(P4, "what was found, for the care team", Encrypted("follow_up.note"))
    visited_by: Mapped[str | None] = column(P2, "who made the visit: user:<key>", String(40))

    allocation: Mapped[Allocation] = relationship(back_populates="follow_ups")
