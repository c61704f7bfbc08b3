"""Organizations and alliances."""

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
    text,
    true,
)
from sqlalchemy.orm import Mapped, relationship

from marketplace.data_levels import P1, P2, P3, column
from marketplace.extensions import Model
from marketplace.privacy import Encrypted, Sealed, mask_name, mask_phone
from marketplace.records import Discardable, Imported, Record

KINDS = (
    "charity", "foundation", "social_work", "law_firm", "hospital", "merchant", "enterprise",
    "volunteer_team", "government",
)  # fmt: skip


DOCUMENT_KINDS = ("licence", "permit", "report", "other")
#: What a package may ask for. Wishes are written and approved one by one.
ITEM_KINDS = ("goods", "service", "employment", "grant")


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


class OrganizationDocument(Model, Record, Discardable):
    """A scan that an organization hands in for its verification; the file lies in the instance (uploads.py)."""

    __tablename__ = "organization_document"
    __table_args__ = (
        CheckConstraint(f"kind IN {DOCUMENT_KINDS}", name="kind_known"),
        CheckConstraint("size_bytes > 0", name="size_positive"),
    )

    organization_id: Mapped[int] = column(P2, "whose document", ForeignKey("organization.id"), index=True)
    kind: Mapped[str] = column(P2, "what it is", String(10))
    file: Mapped[str] = column(P2, "name that the server made", String(40), unique=True)
    media_type: Mapped[str] = column(P2, "how it is served", String(40))
    size_bytes: Mapped[int] = column(P2, "shown beside the link", BigInteger)
    sha256: Mapped[str] = column(P2, "tells a damaged file", String(64))
    uploaded_by: Mapped[int | None] = column(P2, "who handed it in", ForeignKey("user.id"))

    organization: Mapped[Organization] = relationship()


class Alliance(Model, Record):
    """A group of organizations that helps together, e.g. 武帮您 (Wu Bang Nin) in Dawukou."""

    __tablename__ = "alliance"
    __scope__ = {"region": "region", "organization": "organizer_id"}  # noqa: RUF012  # read by permissions.row_filter

    slug: Mapped[str] = column(P1, "address of its page", String(40), unique=True)
    name: Mapped[str] = column(P1, "public profile", String(80))
    name_en: Mapped[str | None] = column(P1, "public profile in English", String(120))
    region: Mapped[str] = column(P1, "where it works", String(6))
    summary: Mapped[str] = column(P1, "public profile", Text, default="")
    organizer_id: Mapped[int | None] = column(P1, "who runs it", ForeignKey("organization.id"), index=True)

    members: Mapped[list["AllianceMember"]] = relationship(back_populates="alliance")
    organizer: Mapped[Organization | None] = relationship()


class AllianceMember(Model):
    """An organization's time in an alliance; who comes back has a second one."""

    __tablename__ = "alliance_member"
    __table_args__ = (
        Index(
            "alliance_member_once_at_a_time", "alliance_id", "organization_id", unique=True,
            sqlite_where=text("left_on IS NULL"), postgresql_where=text("left_on IS NULL"),
        ),
        CheckConstraint("left_on IS NULL OR joined_on IS NULL OR joined_on <= left_on", name="period_ordered"),
    )  # fmt: skip

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    alliance_id: Mapped[int] = column(P1, "alliance", ForeignKey("alliance.id"), index=True)
    organization_id: Mapped[int] = column(P1, "member", ForeignKey("organization.id"), index=True)
    joined_on: Mapped[date | None] = column(P1, "public profile")
    left_on: Mapped[date | None] = column(P1, "public profile; empty while it is a member")

    alliance: Mapped[Alliance] = relationship(back_populates="members")
    organization: Mapped[Organization] = relationship()


class Package(Model, Record):
    """A differentiated service package (差异化服务套餐): needs that a caseworker adds to a case in one step."""

    __tablename__ = "package"

    alliance_id: Mapped[int] = column(P1, "whose package", ForeignKey("alliance.id"), index=True)
    name: Mapped[str] = column(P1, "public page", String(80))
    name_en: Mapped[str | None] = column(P1, "public page in English", String(120))
    audience: Mapped[str] = column(P1, "target group that it is made for", String(12))
    summary: Mapped[str] = column(P1, "public page", Text, default="")
    together: Mapped[bool] = column(P1, "served all together or not at all; else in parts", default=True)
    offered: Mapped[bool] = column(
        P1, "one that is no longer offered is kept for its history", default=True, server_default=true()
    )

    alliance: Mapped[Alliance] = relationship()
    items: Mapped[list["PackageItem"]] = relationship(
        back_populates="package", order_by="PackageItem.position", cascade="all, delete-orphan", lazy="selectin"
    )


class PackageItem(Model):
    """One need of a package."""

    __tablename__ = "package_item"
    __table_args__ = (
        CheckConstraint(f"kind IN {ITEM_KINDS}", name="kind_known"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("within_days IS NULL OR within_days > 0", name="days_positive"),
    )

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    package_id: Mapped[int] = column(P1, "package", ForeignKey("package.id"), index=True)
    position: Mapped[int] = column(P1, "order on the page")
    kind: Mapped[str] = column(P1, "what sort of help", String(12))
    category: Mapped[str] = column(P1, "service category", String(5))
    title: Mapped[str] = column(P1, "text of the need", String(160))
    quantity: Mapped[int] = column(P1, "units")
    requires: Mapped[list[str]] = column(P1, "qualifications that whoever serves must have", JSON, default=list)
    within_days: Mapped[int | None] = column(P1, "last useful day, counted from the day it is applied")

    package: Mapped[Package] = relationship(back_populates="items")


def name_of(organization: Any, locale: str) -> str:
    """An organization's or alliance's name in a language, Chinese when it has no other."""
    return str((organization.name_en if locale == "en" else None) or organization.name)
