"""Organizations and alliances."""

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from marketplace.extensions import Model
from marketplace.privacy import P1, P2, P3, Encrypted, Sealed, column, mask_name, mask_phone
from marketplace.records import Imported, Record

KINDS = (
    "charity", "foundation", "social_work", "law_firm", "hospital", "merchant", "enterprise",
    "volunteer_team", "government",
)  # fmt: skip


class Organization(Model, Record, Imported):
    """A supplier of help: it registers, an officer verifies it, then its projects may open."""

    __tablename__ = "organization"
    __scope__ = {"region": "region", "organization": "id"}  # noqa: RUF012  # read by permissions.row_filter
    __moves__ = {  # noqa: RUF012  # read by transitions.move
        "registered": frozenset({"verified", "refused"}),
        "refused": frozenset({"registered"}),
        "verified": frozenset({"suspended"}),
        "suspended": frozenset({"verified"}),
    }
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint("state IN ('registered', 'verified', 'refused', 'suspended')", name="state_known"),
        CheckConstraint("state != 'refused' OR refusal_reason <> ''", name="refusal_has_reason"),
    )

    name: Mapped[str] = column(P1, "public profile", String(120), index=True)
    name_en: Mapped[str | None] = column(P1, "public profile in English", String(160))
    kind: Mapped[str] = column(P1, "public profile, filters", String(20))
    credit_code: Mapped[str | None] = column(P1, "unified social credit code, verification", String(18), unique=True)
    region: Mapped[str] = column(P1, "where it is registered; row scope of officers", String(6), index=True)
    summary: Mapped[str] = column(P1, "public profile", Text, default="")
    contact_name: Mapped[Sealed | None] = column(
        P3, "verification and hand-over", Encrypted("organization.contact_name", mask_name)
    )
    contact_phone: Mapped[Sealed | None] = column(
        P3, "verification and hand-over", Encrypted("organization.contact_phone", mask_phone)
    )
    state: Mapped[str] = column(P1, "verification", String(12), default="registered", index=True)
    refusal_reason: Mapped[str | None] = column(P2, "tells the organization what to mend", String(500))

    @classmethod
    def public_rows(cls) -> ColumnElement[bool]:
        return cls.state == "verified"

    @property
    def is_public(self) -> bool:
        return bool(self.state == "verified")


class Alliance(Model, Record):
    """A group of organizations that helps together, e.g. 武帮您 (Wu Bang Nin) in Dawukou."""

    __tablename__ = "alliance"
    __scope__ = {"region": "region"}  # noqa: RUF012  # read by permissions.row_filter

    slug: Mapped[str] = column(P1, "address of its page", String(40), unique=True)
    name: Mapped[str] = column(P1, "public profile", String(80))
    name_en: Mapped[str | None] = column(P1, "public profile in English", String(120))
    region: Mapped[str] = column(P1, "where it works", String(6))
    summary: Mapped[str] = column(P1, "public profile", Text, default="")

    members: Mapped[list["AllianceMember"]] = relationship(back_populates="alliance")


class AllianceMember(Model):
    """An organization's place in an alliance."""

    __tablename__ = "alliance_member"
    __table_args__ = (UniqueConstraint("alliance_id", "organization_id"),)

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    alliance_id: Mapped[int] = column(P1, "alliance", ForeignKey("alliance.id"), index=True)
    organization_id: Mapped[int] = column(P1, "member", ForeignKey("organization.id"), index=True)
    joined_on: Mapped[date | None] = column(P1, "public profile")

    alliance: Mapped[Alliance] = relationship(back_populates="members")
    organization: Mapped[Organization] = relationship()


def name_of(organization: Any, locale: str) -> str:
    """An organization's or alliance's name in a language, Chinese when it has no other."""
    return str((organization.name_en if locale == "en" else None) or organization.name)
