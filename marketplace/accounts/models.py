"""Users, roles, memberships, and what an instance remembers about itself."""

from contextlib import suppress
from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from flask_security import RoleMixin, UserMixin
from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from marketplace.extensions import Model
from marketplace.permissions import Role
from marketplace.privacy import (
    P1,
    P2,
    P3,
    P4,
    Encrypted,
    Sealed,
    blind_index,
    column,
    mask_email,
    mask_name,
)
from marketplace.records import Record, UtcDateTime

ASSIGNABLE_ROLES = tuple(role for role in Role if role is not Role.PUBLIC)


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
    __table_args__ = (UniqueConstraint("user_id", "organization_id"),)

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    user_id: Mapped[int] = column(P2, "member", ForeignKey("user.id"), index=True)
    organization_id: Mapped[int] = column(P2, "organization", ForeignKey("organization.id"), index=True)
    position: Mapped[str] = column(P2, "manager or staff", String(10), default="manager")

    user: Mapped[User] = relationship(back_populates="memberships")


class InstanceFact(Model):
    """What an instance remembers about itself, e.g. that it holds demonstration data."""

    __tablename__ = "instance_fact"

    key: Mapped[str] = column(P1, "name of the fact", String(40), primary_key=True)
    value: Mapped[str] = column(P1, "its value", String(200))
