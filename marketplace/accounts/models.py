"""Users, roles, memberships, and what an instance remembers about itself."""

from contextlib import suppress
from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from flask_security import RoleMixin, UserMixin
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from marketplace.data_levels import P1, P2, P3, P4, column
from marketplace.extensions import Model
from marketplace.permissions import Role
from marketplace.privacy import Encrypted, Sealed, blind_index, mask_email, mask_name
from marketplace.records import Record, UtcDateTime

#: A member of an organization is of a charity by that; nobody is given these.
_BY_MEMBERSHIP = (Role.CHARITY, Role.CHARITY_MANAGER)
ASSIGNABLE_ROLES = tuple(role for role in Role if role is not Role.PUBLIC and role not in _BY_MEMBERSHIP)
#: Roles of people who are employed to see the records of a region or of everyone.
STAFF_ROLES = tuple(role for role in ASSIGNABLE_ROLES if role is not Role.VOLUNTEER)
POSITIONS = ("manager", "staff")
LINK_PURPOSES = ("register", "join", "password")


class RoleRow(Model, RoleMixin):
    """A role by name; what it may do is in permissions.GRANTS."""

    __tablename__ = "role"

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    name: Mapped[str] = column(P1, "name of the role", String(40), unique=True)
    permissions = None  # Flask-Security's own grants are not used: ours are in permissions.GRANTS


class UserRole(Model):
    """A role that a user holds."""

    __tablename__ = "user_role"

    user_id: Mapped[int] = column(P2, "who holds the role", ForeignKey("user.id"), primary_key=True)
    role_id: Mapped[int] = column(P2, "role held", ForeignKey("role.id"), primary_key=True)


class User(Model, Record, UserMixin):
    """Somebody who signs in. E-mail and name are encrypted; the e-mail is found by its blind index."""

    __tablename__ = "user"
    __scope__ = {"own": "id", "region": "region"}  # noqa: RUF012  # read by permissions.row_filter

    email_sealed: Mapped[Sealed] = column(
        P3, "sign-in and notices", Encrypted("user.email", mask_email), nullable=False
    )
    email_index: Mapped[str] = column(P2, "finds an account by its e-mail", String(64), unique=True)
    name_sealed: Mapped[Sealed | None] = column(
        P3, "how colleagues address the user", Encrypted("user.name", mask_name)
    )
    password: Mapped[str] = column(P4, "argon2 hash for sign-in", String(255))
    active: Mapped[bool] = column(P2, "whether the account may sign in", default=True)
    fs_uniquifier: Mapped[str] = column(P2, "ties sessions to the account", String(64), unique=True)
    region: Mapped[str | None] = column(P2, "region whose records a staff member serves", String(6))
    locale: Mapped[str | None] = column(P2, "language of pages and notices", String(12))
    signed_in_at: Mapped[datetime | None] = column(P2, "finds stale accounts", UtcDateTime)
    totp_secret: Mapped[Sealed | None] = column(P4, "second factor", Encrypted("user.totp_secret"))
    totp_since: Mapped[datetime | None] = column(P2, "whether a second factor is asked for", UtcDateTime)
    totp_step: Mapped[int] = column(
        P2, "last code used, as its half-minute: none works twice", BigInteger, default=0, server_default=text("0")
    )

    roles: Mapped[list[RoleRow]] = relationship(secondary="user_role", lazy="selectin")  # type: ignore[assignment]  # the mixin names its own base
    memberships: Mapped[list["Membership"]] = relationship(back_populates="user", lazy="selectin")

    @property
    def email(self) -> str:
        """The user's own e-mail in the clear (for signing in and for their own account page)."""
        return self.email_sealed.plain() if isinstance(self.email_sealed, Sealed) else str(self.email_sealed)

    @email.setter
    def email(self, value: str) -> None:
        self.email_sealed = value  # type: ignore[assignment]  # sealed as it is bound
        self.email_index = email_index(value)

    @property
    def name(self) -> str:
        """The user's own name in the clear (for their own header and account page)."""
        sealed = self.name_sealed
        return (sealed.plain() if isinstance(sealed, Sealed) else sealed) or ""


def email_index(email: str) -> str:
    """Blind index under which an e-mail address is found, however it is written (case, full-width letters)."""
    with suppress(EmailNotValidError):  # no address at all: it finds nothing, and counts as what it is
        email = validate_email(email.strip(), check_deliverability=False, test_environment=True).normalized
    return blind_index("user.email", email)


class Membership(Model):
    """A user's place in an organization."""

    __tablename__ = "membership"
    __table_args__ = (
        UniqueConstraint("user_id", "organization_id"),
        CheckConstraint(f"position IN {POSITIONS}", name="position_known"),
    )

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    user_id: Mapped[int] = column(P2, "member", ForeignKey("user.id"), index=True)
    organization_id: Mapped[int] = column(P2, "organization", ForeignKey("organization.id"), index=True)
    position: Mapped[str] = column(P2, "manager or staff", String(10), default="manager")

    user: Mapped[User] = relationship(back_populates="memberships")


class UserSession(Model):
    """A browser in which somebody signed in. The cookie names it; once ended, no copy of the cookie works."""

    __tablename__ = "user_session"

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    user_id: Mapped[int] = column(P2, "who signed in", ForeignKey("user.id"), index=True)
    key_digest: Mapped[str] = column(P2, "SHA-256 of the key in the cookie", String(64), unique=True)
    started_at: Mapped[datetime] = column(P2, "ends old sessions", UtcDateTime)
    ended_at: Mapped[datetime | None] = column(P2, "signed out", UtcDateTime)
    code_due: Mapped[bool] = column(P2, "the password was right, the second factor is due", default=False)
    tries: Mapped[int] = column(P2, "codes tried; too many end it", default=0)


class RecoveryCode(Model):
    """A code that stands once for the second factor of somebody without their device; only its digest is kept."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("user_id", "digest"),)

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    user_id: Mapped[int] = column(P2, "whose code", ForeignKey("user.id"))
    digest: Mapped[str] = column(P2, "keyed digest of the code", String(64))
    made_at: Mapped[datetime] = column(P2, "tells a new list from an old one", UtcDateTime)
    used_at: Mapped[datetime | None] = column(P2, "worked once", UtcDateTime)


class AccessLink(Model, Record):
    """A link that was sent to somebody and works once: to register, to join an organization, to set a password."""

    __tablename__ = "access_link"
    __scope__ = {"organization": "organization_id"}  # noqa: RUF012  # read by permissions.row_filter
    __table_args__ = (
        CheckConstraint(f"purpose IN {LINK_PURPOSES}", name="purpose_known"),
        CheckConstraint(f"position IS NULL OR position IN {POSITIONS}", name="position_known"),
        CheckConstraint(
            "(purpose = 'join') = (organization_id IS NOT NULL AND position IS NOT NULL)", name="join_names_a_place"
        ),
        CheckConstraint("(purpose = 'password') = (user_id IS NOT NULL)", name="password_names_an_account"),
    )

    purpose: Mapped[str] = column(P2, "what it opens", String(10))
    address: Mapped[Sealed | None] = column(P3, "where it was sent", Encrypted("access_link.address", mask_email))
    address_index: Mapped[str | None] = column(P2, "finds links to one address", String(64), index=True)
    organization_id: Mapped[int | None] = column(P2, "organization to join", ForeignKey("organization.id"), index=True)
    position: Mapped[str | None] = column(P2, "place in it: manager or staff", String(10))
    user_id: Mapped[int | None] = column(P2, "account whose password is set", ForeignKey("user.id"), index=True)
    made_by: Mapped[int | None] = column(P2, "who sent it", ForeignKey("user.id"))
    expires_at: Mapped[datetime] = column(P2, "works until", UtcDateTime)
    used_at: Mapped[datetime | None] = column(P2, "worked once", UtcDateTime)
    revoked_at: Mapped[datetime | None] = column(P2, "taken back", UtcDateTime)


class InstanceFact(Model):
    """What an instance remembers about itself, e.g. that it holds demonstration data."""

    __tablename__ = "instance_fact"

    key: Mapped[str] = column(P1, "name of the fact", String(40), primary_key=True)
    value: Mapped[str] = column(P1, "its value", String(200))
