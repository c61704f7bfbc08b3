"""Members of an organization: their places in it, and how they come and go. One active manager always stays."""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import contains_eager

from marketplace import audit
from marketplace.accounts.models import POSITIONS, AccessLink, Membership, User
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor
from marketplace.records import now
from marketplace.transitions import transaction


@dataclass(frozen=True)
class Members:
    """Who belongs to an organization, managers first, and invitations that still work."""

    members: list[Membership]
    invitations: list[AccessLink]


def members_of(organization_id: int) -> Members:
    """Members and open invitations; the caller checked that the reader may see them."""
    members = (
        select(Membership)
        .join(Membership.user)
        .where(Membership.organization_id == organization_id)
        .options(contains_eager(Membership.user))
        .order_by(Membership.position, Membership.id)
    )
    invitations = (
        select(AccessLink)
        .where(
            AccessLink.purpose == "join",
            AccessLink.organization_id == organization_id,
            AccessLink.used_at.is_(None),
            AccessLink.revoked_at.is_(None),
            AccessLink.expires_at > now(),
        )
        .order_by(AccessLink.id.desc())
    )
    return Members(list(db.session.scalars(members)), list(db.session.scalars(invitations)))


def _managers(organization_id: Any) -> Select[Any]:
    """Memberships of managers who may sign in."""
    return (
        select(Membership.id)
        .join(User, User.id == Membership.user_id)
        .where(
            Membership.organization_id == organization_id,
            Membership.position == "manager",
            User.active.is_(True),
        )
    )


def has_manager(organization_id: Any) -> ColumnElement[bool]:
    """Whether a manager who may sign in answers for an organization, as an SQL condition.

    Args:
        organization_id: its key, or the column of keys of the rows that are asked about.
    """
    return _managers(organization_id).exists()


def _load(organization_id: int, user_public_id: str) -> Membership:
    query = (
        select(Membership)
        .join(User, User.id == Membership.user_id)
        .where(Membership.organization_id == organization_id, User.public_id == user_public_id)
    )
    membership = db.session.scalar(query)
    if membership is None:
        raise NotFound
    return membership


def set_position(actor: Actor, organization_id: int, user_public_id: str, position: str) -> None:
    """Give a member another place. The caller holds the lock of the organization.

    Raises:
        InvalidInput: there is no such place.
        StateConflict: no manager would be left.
    """
    if position not in POSITIONS:
        raise InvalidInput(fields={"position": _("Choose manager or staff.")})
    with transaction() as session:
        membership = _load(organization_id, user_public_id)
        if position != "manager":
            _keep_a_manager(membership)
        before, membership.position = membership.position, position
        session.flush()
        audit.record(
            actor, "membership:changed", membership.user, changed=["membership"], before=before, after=position
        )


def remove_member(actor: Actor, organization_id: int, user_public_id: str) -> None:
    """End a membership: a manager's act, or the member's own leaving. The caller holds the organization's lock.

    Raises:
        StateConflict: no manager would be left.
    """
    with transaction() as session:
        membership = _load(organization_id, user_public_id)
        _keep_a_manager(membership)
        user, before = membership.user, membership.position
        session.delete(membership)
        session.flush()
        session.expire(user, ["memberships"])
        audit.record(actor, "membership:ended", user, changed=["membership"], before=before)


def _keep_a_manager(membership: Membership) -> None:
    if membership.position != "manager":
        return
    others = _managers(membership.organization_id).where(Membership.id != membership.id)
    if db.session.scalar(others.limit(1)) is None:
        raise StateConflict(_("This is the last manager. Make somebody else a manager first."))
