"""Cases (households), people, consents."""

from datetime import date
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    and_,
    false,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, relationship

from marketplace.accounts.models import User
from marketplace.data_levels import P2, P3, P4, column
from marketplace.extensions import Model
from marketplace.privacy import Encrypted, Sealed, mask_id_number, mask_name, mask_phone
from marketplace.records import Discardable, Imported, Record, today

COLOURS = ("RED", "YELLOW", "BLUE", "UNRATED")
CONSENT_PURPOSES = ("share", "publish")
#: How a consent was given.
CONSENT_METHODS = ("paper", "spoken", "recording", "online")
#: Who had to agree when a consent was recorded, by age and capacity (P2).
CONSENT_ASKS = ("self", "guardian", "guardian_and_child")
#: Places of a care team: one social worker, one officer, and any number of others (1+1+N).
TEAM_LEADS = ("social_worker", "officer")
TEAM_POSITIONS = (*TEAM_LEADS, "coordinator", "resource")


class Case(Model, Record, Imported, Discardable):
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
    team: Mapped[list["CareTeamMember"]] = relationship(order_by="CareTeamMember.id")

    def has_lost_consent(self, purpose: str, person_id: int | None = None) -> bool:
        """Whether consents to a purpose are on record for a person (or the household) and none holds today."""
        given = [consent for consent in self.consents if consent.purpose == purpose and consent.covers(person_id)]
        return bool(given) and not any(consent.lives(today()) for consent in given)

    @property
    def team_is_led(self) -> bool:
        """Whether both leads of the care team are named."""
        return set(TEAM_LEADS) <= {member.position for member in self.team}

    @classmethod
    def open_to(cls, user_id: int | None) -> ColumnElement[bool]:
        """Cases that an account may see, as an SQL condition: restricted ones (R05, R07) only its care team.

        Until both leads are named, everyone whose work it is may see it, so that somebody takes it on.
        """
        member = select(CareTeamMember.id).where(CareTeamMember.case_id == cls.id)
        leads = select(func.count()).where(CareTeamMember.case_id == cls.id, CareTeamMember.position.in_(TEAM_LEADS))
        return or_(
            cls.restricted == false(),
            leads.scalar_subquery() < len(TEAM_LEADS),
            member.where(CareTeamMember.user_id == user_id).exists(),
        )


class Person(Model, Record, Imported, Discardable):
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
    needs_guardian: Mapped[bool] = column(
        P4, "an adult for whom a guardian decides", default=False, server_default=false()
    )

    case: Mapped[Case] = relationship(back_populates="people")


class Consent(Model, Record):
    """A household's yes to one purpose: sharing with suppliers, or publishing a wish. Services need no such yes."""

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint(f"purpose IN {CONSENT_PURPOSES}", name="purpose_known"),
        CheckConstraint("expires_on IS NULL OR given_on <= expires_on", name="period_ordered"),
        CheckConstraint(f"method IS NULL OR method IN {CONSENT_METHODS}", name="method_known"),
        CheckConstraint(f"asks IS NULL OR asks IN {CONSENT_ASKS}", name="asks_known"),
        CheckConstraint("asks IS NULL OR purpose != 'publish' OR given_by != 'legal_basis'", name="no_basis_publishes"),
        CheckConstraint(
            "asks IS NULL OR asks = 'self' OR given_by IN ('guardian', 'legal_basis')", name="guardian_agrees"
        ),
        CheckConstraint(
            "asks IS NULL OR asks != 'guardian_and_child' OR given_by = 'legal_basis'"
            " OR (child_agreed IS NOT NULL AND child_agreed)",
            name="child_agrees_too",
        ),
        CheckConstraint(
            "asks IS NULL OR purpose != 'publish' OR (refusal_offered IS NOT NULL AND refusal_offered)",
            name="refusal_was_offered",
        ),
    )

    case_id: Mapped[int] = column(P3, "household", ForeignKey("case.id"), index=True)
    person_id: Mapped[int | None] = column(P3, "whom it is about; the household when empty", ForeignKey("person.id"))
    purpose: Mapped[str] = column(P2, "what is consented to", String(12))
    fields: Mapped[list[str]] = column(P2, "what may be told", JSON, default=list, server_default=text("'[]'"))
    given_on: Mapped[date] = column(P2, "from when")
    expires_on: Mapped[date | None] = column(P2, "until when")
    withdrawn_on: Mapped[date | None] = column(P2, "taken back on")
    given_by: Mapped[str] = column(P3, "self, guardian, or a recorded legal basis", String(40))
    child_agreed: Mapped[bool | None] = column(P3, "the child's own yes, from 14 to 17")
    asks: Mapped[str | None] = column(P2, "who had to agree, by age and capacity on that day", String(20))
    method: Mapped[str | None] = column(P2, "how it was given", String(10))
    legal_basis: Mapped[str | None] = column(P2, "coded legal basis in place of a consent", String(20))
    evidence_file: Mapped[str | None] = column(P2, "name of the signed paper in the instance", String(80))
    evidence_type: Mapped[str | None] = column(P2, "media type of that file", String(40))
    refusal_offered: Mapped[bool | None] = column(P2, "whether saying no was offered; not known of files")

    case: Mapped[Case] = relationship(back_populates="consents")
    person: Mapped[Person | None] = relationship()

    def covers(self, person_id: int | None) -> bool:
        """Whether it speaks for a person, or for the household as a whole (None)."""
        return self.person_id is None or self.person_id == person_id

    @classmethod
    def covering(cls, person_id: Any) -> ColumnElement[bool]:
        """The same as an SQL condition; `person_id` is a key, a column of keys or None."""
        return or_(cls.person_id.is_(None), cls.person_id == person_id)

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


class CareTeamMember(Model, Record):
    """Somebody of a case's care team: one social worker, one officer, and resource parties (1+1+N)."""

    __tablename__ = "care_team_member"
    __table_args__ = (
        CheckConstraint(f"position IN {TEAM_POSITIONS}", name="position_known"),
        UniqueConstraint("case_id", "user_id"),
        Index(
            "care_team_one_of_each_lead", "case_id", "position", unique=True,
            sqlite_where=text(f"position IN {TEAM_LEADS}"), postgresql_where=text(f"position IN {TEAM_LEADS}"),
        ),
    )  # fmt: skip

    case_id: Mapped[int] = column(P3, "case", ForeignKey("case.id"), index=True)
    user_id: Mapped[int] = column(P2, "member", ForeignKey("user.id"), index=True)
    position: Mapped[str] = column(P2, "social worker, officer, coordinator or resource", String(16))

    user: Mapped[User] = relationship()
