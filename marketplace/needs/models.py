"""Needs."""

import secrets
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    and_,
    false,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, relationship

from marketplace.cases.models import Case, Consent, Person
from marketplace.data_levels import P1, P2, P3, P4, column
from marketplace.extensions import Model
from marketplace.privacy import Encrypted, Sealed
from marketplace.records import Discardable, Imported, Record, today

KINDS = ("micro_wish", "goods", "service", "employment", "grant")
URGENCIES = ("red", "yellow", "blue")  # in the order of matching tiers: 0 is the most urgent
CLOSINGS = ("fulfilled", "withdrawn", "expired")
#: Ages as a public card tells them (DOMAIN.md 7), from the first to the last year of each.
AGE_BANDS = {
    "0-6": (0, 6), "7-12": (7, 12), "13-15": (13, 15), "16-17": (16, 17), "18-59": (18, 59), "60-79": (60, 79),
    "80+": (80, 150),
}  # fmt: skip
#: Days for which the card of a wish stays in public view once it is claimed or accepted, realised or not (P11).
SHOWN_AFTER_CLAIM_DAYS = 30
_MINORS = ("0-6", "7-12", "13-15", "16-17")
_READABLE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no characters that look alike on a printed card


def new_reference() -> str:
    """Random reference that people can read out, e.g. W-7KQ2M9XE; it says nothing about the need."""
    return "W-" + "".join(secrets.choice(_READABLE) for _ in range(8))


class Need(Model, Record, Imported, Discardable):
    """One thing one household needs. There is no hukou column, and there must never be one."""

    __tablename__ = "need"
    __scope__ = {"region": "region"}  # noqa: RUF012  # read by permissions.row_filter
    __moves__ = {  # noqa: RUF012  # read by transitions.move
        "draft": frozenset({"review", "open", "closed"}),
        "review": frozenset({"open", "draft", "closed"}),
        "open": frozenset({"closed", "review"}),
        "closed": frozenset({"open"}),
    }
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint(f"urgency IN {URGENCIES}", name="urgency_known"),
        CheckConstraint("state IN ('draft', 'review', 'open', 'closed')", name="state_known"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("kind != 'micro_wish' OR quantity = 1", name="wish_is_one"),
        CheckConstraint("allocated >= 0 AND allocated <= quantity", name="allocated_within_quantity"),
        CheckConstraint("(state = 'closed') = (closing IS NOT NULL)", name="closed_says_why"),
        CheckConstraint(
            "kind != 'micro_wish' OR state != 'open'"
            " OR (approved_by IS NOT NULL AND (publish_consent_on IS NOT NULL OR internal_only))",
            name="open_wish_is_approved_with_consent",
        ),
        CheckConstraint(
            f"kind != 'micro_wish' OR state != 'open' OR internal_only OR age_band IS NULL"
            f" OR age_band NOT IN {_MINORS} OR consent_by != 'self'",
            name="minor_s_wish_has_guardian",
        ),
        CheckConstraint(f"age_band IS NULL OR age_band IN {tuple(AGE_BANDS)}", name="age_band_known"),
        CheckConstraint("state IN ('draft', 'closed') OR (category != '' AND title != '')", name="posted_is_whole"),
        CheckConstraint("discarded_at IS NULL OR state = 'draft'", name="only_drafts_are_discarded"),
        CheckConstraint("approved_by IS NULL OR approved_by != author", name="four_eyes"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="point_whole"),
        # All that the work list asks for, so that it is put in order without reading whole rows.
        Index("need_work_list", "state", "urgency", "posted_on", "region", "kind", "case_id", "discarded_at"),
        Index("need_board", "kind", "state", "allocated", "posted_on", "id"),
        Index("need_wishes", "kind", "state", "region"),
    )

    reference: Mapped[str] = column(P1, "how people name it", String(12), unique=True, default=new_reference)
    case_id: Mapped[int | None] = column(P3, "household", ForeignKey("case.id"), index=True)
    person_id: Mapped[int | None] = column(P3, "whose need it is, where it is one person's", ForeignKey("person.id"))
    age_band: Mapped[str | None] = column(P1, "that person's age as the public card tells it", String(5))
    kind: Mapped[str] = column(P1, "what sort of help", String(12))
    category: Mapped[str] = column(P1, "service category", String(5), index=True)
    title: Mapped[str] = column(P1, "de-identified text, the public card of a wish", String(160))
    draft_title: Mapped[Sealed | None] = column(
        P4, "a draft's text as typed, while it tells who somebody is", Encrypted("need.draft_title")
    )
    details: Mapped[Sealed | None] = column(P4, "for the supplier after acceptance", Encrypted("need.details"))
    region: Mapped[str] = column(P1, "county; row scope", String(6), index=True)
    latitude: Mapped[float | None] = column(P2, "blurred point, two decimals; the region's seat when empty")
    longitude: Mapped[float | None] = column(P2, "blurred point, two decimals")
    quantity: Mapped[int] = column(P1, "units asked for")
    allocated: Mapped[int] = column(P1, "units accepted, delivering, delivered or confirmed", default=0)
    unit: Mapped[str] = column(P1, "what one of the quantity is", String(10), default="")
    value_fen: Mapped[int | None] = column(P1, "price band of a wish, fen", BigInteger)
    urgency: Mapped[str] = column(P2, "the caseworker's colour for this need", String(6))
    groups: Mapped[list[str]] = column(P3, "target groups and recognitions", JSON, default=list)
    requires: Mapped[list[str]] = column(P2, "qualifications that whoever serves must have", JSON, default=list)
    posted_on: Mapped[date] = column(P1, "waiting time")
    deadline: Mapped[date | None] = column(P1, "last useful day")
    bundle: Mapped[str | None] = column(P2, "needs served all together or not at all", String(80))
    whole: Mapped[bool] = column(P2, "all of it from one supplier, or none", default=False)
    state: Mapped[str] = column(P1, "life-cycle", String(8), default="draft", index=True)
    closing: Mapped[str | None] = column(P1, "fulfilled, withdrawn or expired", String(10))
    share_consent_on: Mapped[date | None] = column(P2, "consent to share with suppliers, since")
    publish_consent_on: Mapped[date | None] = column(P2, "consent to publish the wish, since")
    consent_by: Mapped[str | None] = column(P3, "self, guardian, or a recorded legal basis", String(40))
    internal_only: Mapped[bool] = column(
        P2, "a wish not to be published: matched within the service only", default=False, server_default=false()
    )
    taken_on: Mapped[date | None] = column(P2, "a wish's last claim or acceptance; ends its public view")
    hidden_on: Mapped[date | None] = column(P2, "taken out of public view: on request, or after a claim")
    author: Mapped[str] = column(P2, "who posted it: user:<key> or the system process", String(40))
    approved_by: Mapped[str | None] = column(P2, "who approved its public text", String(40))
    review_note: Mapped[str | None] = column(P2, "why it was sent back", String(500))

    case: Mapped[Case | None] = relationship()
    person: Mapped[Person | None] = relationship()
    #: Read only, for a wish's own claimant: what the slice above has made of this need.
    allocations: Mapped[list[Any]] = relationship("Allocation", viewonly=True, order_by="Allocation.id")

    @property
    def wish(self) -> bool:
        return bool(self.kind == "micro_wish")

    @property
    def outstanding(self) -> int:
        """Units that nobody has taken."""
        return self.quantity - self.allocated

    @classmethod
    def public_rows(cls) -> ColumnElement[bool]:
        """Open wishes that anyone may see: approved, with living consent, of no restricted case, not past their day."""
        return and_(
            cls.kind == "micro_wish",
            cls.state == "open",
            or_(cls.taken_on.is_(None), cls._taken_lately()),
            or_(cls.deadline.is_(None), cls.deadline >= today()),
            cls._may_be_shown(),
        )

    @classmethod
    def realised_rows(cls) -> ColumnElement[bool]:
        """Wishes that came true, in public view till 30 days after they were claimed or accepted (P11)."""
        return and_(
            cls.kind == "micro_wish",
            cls.state == "closed",
            cls.closing == "fulfilled",
            cls._taken_lately(),
            cls._may_be_shown(),
        )

    @classmethod
    def _taken_lately(cls) -> ColumnElement[bool]:
        return cls.taken_on >= today() - timedelta(days=SHOWN_AFTER_CLAIM_DAYS)

    @classmethod
    def _may_be_shown(cls) -> ColumnElement[bool]:
        restricted = cls.case_id.in_(select(Case.id).where(Case.restricted))
        on_record = select(Consent.id).where(
            Consent.case_id == cls.case_id, Consent.purpose == "publish", Consent.covering(cls.person_id)
        )
        return and_(
            cls.internal_only == false(),
            cls.hidden_on.is_(None),
            or_(cls.case_id.is_(None), ~restricted),
            # An imported wish's consent stands in its own columns alone.
            or_(on_record.where(Consent.lives_on(today())).exists(), ~on_record.exists()),
        )

    @property
    def is_public(self) -> bool:
        """Whether an open wish is in public view."""
        return bool(
            self.wish
            and self.state == "open"
            and (self.taken_on is None or self._was_taken_lately)
            and (self.deadline is None or self.deadline >= today())
            and self._is_shown
        )

    @property
    def is_shown_realised(self) -> bool:
        """Whether a wish that came true is still in public view."""
        return bool(self.wish and self.closing == "fulfilled" and self._was_taken_lately and self._is_shown)

    @property
    def _was_taken_lately(self) -> bool:
        return self.taken_on is not None and self.taken_on >= today() - timedelta(days=SHOWN_AFTER_CLAIM_DAYS)

    @property
    def _is_shown(self) -> bool:
        case = self.case
        lost = case is not None and (case.restricted or case.has_lost_consent("publish", self.person_id))
        return not self.internal_only and self.hidden_on is None and not lost
