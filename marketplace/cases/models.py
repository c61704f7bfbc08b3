"""Cases (households), people, consents."""

from datetime import date
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ColumnElement, ForeignKey, String, and_, or_
from sqlalchemy.orm import Mapped, relationship

from marketplace.extensions import Model
from marketplace.privacy import P2, P3, P4, Encrypted, Sealed, column, mask_id_number, mask_name, mask_phone
from marketplace.records import Imported, Record, today

COLOURS = ("RED", "YELLOW", "BLUE", "UNRATED")
CONSENT_PURPOSES = ("share", "publish")


class Case(Model, Record, Imported):
    """A household in hardship, kept by the caseworkers of the region where it lives."""

    __tablename__ = "case"
    __scope__ = {"region": "region"}  # noqa: RUF012  # read by permissions.row_filter
    __table_args__ = (CheckConstraint(f"colour IN {COLOURS}", name="colour_known"),)

    number: Mapped[str] = column(P2, "how staff speak of the case", String(24), unique=True)
    region: Mapped[str] = column(P2, "where the household lives; row scope", String(6), index=True)
    colour: Mapped[str] = column(P3, "triage", String(8), default="UNRATED", index=True)
    summary: Mapped[Sealed | None] = column(P4, "casework", Encrypted("case.summary"))
    restricted: Mapped[bool] = column(P4, "rules R05 and R07: hidden from the marketplace", default=False)
    opened_on: Mapped[date] = column(P2, "casework")

    people: Mapped[list["Person"]] = relationship(back_populates="case", order_by="Person.id")
    consents: Mapped[list["Consent"]] = relationship(back_populates="case", order_by="Consent.id")
    #: Read only, for the page of the case: the slice above owns them.
    needs: Mapped[list[Any]] = relationship("Need", viewonly=True, order_by="Need.id")

    def live_consents(self, purpose: str, on: date) -> list["Consent"]:
        """Consents to a purpose that hold on a day, oldest first."""
        return [consent for consent in self.consents if consent.purpose == purpose and consent.lives(on)]

    def has_lost_consent(self, purpose: str) -> bool:
        """Whether consents to a purpose are on record and none holds today."""
        given = [consent for consent in self.consents if consent.purpose == purpose]
        return bool(given) and not any(consent.lives(today()) for consent in given)


class Person(Model, Record, Imported):
    """Somebody of a household. Hukou is kept for government relief and statistics alone."""

    __tablename__ = "person"

    case_id: Mapped[int] = column(P3, "household", ForeignKey("case.id"), index=True)
    relation: Mapped[str] = column(P3, "place in the household", String(20), default="")
    name: Mapped[Sealed] = column(P3, "casework, delivery", Encrypted("person.name", mask_name), nullable=False)
    id_number: Mapped[Sealed | None] = column(P4, "identity check", Encrypted("person.id_number", mask_id_number))
    id_number_index: Mapped[str | None] = column(P2, "finds double records", String(64), index=True)
    phone: Mapped[Sealed | None] = column(P3, "casework, delivery", Encrypted("person.phone", mask_phone))
    address: Mapped[Sealed | None] = column(P4, "casework, delivery", Encrypted("person.address"))
    birth_on: Mapped[Sealed | None] = column(P3, "age band", Encrypted("person.birth_on"))
    sex: Mapped[str | None] = column(P3, "sizes, statistics", String(1))
    tier: Mapped[str] = column(P3, "recognition; may raise fit, never excludes", String(12), default="T-NONE")
    groups: Mapped[list[str]] = column(P4, "target groups", JSON, default=list)
    hukou_region: Mapped[str | None] = column(
        P3, "jurisdiction of government relief and statistics; never an input of matching", String(6)
    )
    residence_permit: Mapped[bool] = column(P3, "place of a relief application", default=False)

    case: Mapped[Case] = relationship(back_populates="people")


class Consent(Model, Record):
    """A household's yes to one purpose: sharing with suppliers, or publishing a wish."""

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint(f"purpose IN {CONSENT_PURPOSES}", name="purpose_known"),
        CheckConstraint("expires_on IS NULL OR given_on <= expires_on", name="period_ordered"),
    )

    case_id: Mapped[int] = column(P3, "household", ForeignKey("case.id"), index=True)
    purpose: Mapped[str] = column(P2, "what is consented to", String(12))
    given_on: Mapped[date] = column(P2, "from when")
    expires_on: Mapped[date | None] = column(P2, "until when")
    withdrawn_on: Mapped[date | None] = column(P2, "taken back on")
    given_by: Mapped[str] = column(P3, "self, guardian, or a recorded legal basis", String(40))

    case: Mapped[Case] = relationship(back_populates="consents")

    def lives(self, on: date) -> bool:
        """Whether it holds on a day."""
        return self.withdrawn_on is None and self.given_on <= on and (self.expires_on is None or self.expires_on >= on)

    @classmethod
    def lives_on(cls, on: date) -> ColumnElement[bool]:
        """The same as an SQL condition."""
        return and_(
            cls.withdrawn_on.is_(None),
            cls.given_on <= on,
            or_(cls.expires_on.is_(None), cls.expires_on >= on),
        )
