"""Who works for an organization: its managers invite, place and part from members; anybody may leave."""

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Select

from marketplace import audit
from marketplace.accounts import services as accounts
from marketplace.accounts.models import POSITIONS, AccessLink
from marketplace.errors import InvalidInput, LimitReached, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission, scoped
from marketplace.transitions import transaction

MOST_INVITATIONS = 20
TAKING_MEMBERS = ("registered", "verified")


def _load(actor: Actor, permission: Permission, public_id: str, *, lock: bool = False) -> Organization:
    # Not the lock of the key: whoever joins meanwhile refers to the organization, and must not wait in a circle.
    query = scoped(Organization, actor, permission).where(Organization.public_id == public_id)
    organization: Organization | None = db.session.scalar(query.with_for_update(key_share=True) if lock else query)
    if organization is None:
        raise NotFound
    return organization


def members(actor: Actor, public_id: str) -> tuple[Organization, accounts.Members]:
    """An organization with its members and the invitations that still work, for those who belong to it.

    Raises:
        NotFound: the actor is no member.
    """
    organization = _load(actor, Permission.MEMBER_VIEW, public_id)
    return organization, accounts.members_of(organization.id)


def invite_member(actor: Actor, public_id: str, email: str, position: str, address: accounts.Address) -> accounts.Sent:
    """A manager invites somebody by e-mail; see accounts.services.links.

    Raises:
        InvalidInput: there is no such place, or the address has an invitation that still works.
        LimitReached: too many invitations wait.
        StateConflict: the organization is suspended or refused.
    """
    if position not in POSITIONS:
        raise InvalidInput(fields={"position": _("Choose manager or staff.")})
    with transaction():
        organization = _load(actor, Permission.MEMBER_MANAGE, public_id, lock=True)
        check_it_takes_members(organization)
        sent = accounts.invite(actor, organization.id, organization.name, email, position, address)
        audit.record(actor, "organization:invited", organization, changed=["members"], after=position)
        return sent


def takes_members(organization: Organization) -> bool:
    """Whether its state lets people join."""
    return organization.state in TAKING_MEMBERS


def check_it_takes_members(organization: Organization) -> None:
    """Whether somebody may be invited now.

    Raises:
        LimitReached: too many invitations wait.
        StateConflict: the organization is suspended or refused.
    """
    if not takes_members(organization):
        raise StateConflict(_("While the organization is suspended or refused it takes no new members."))
    if len(accounts.members_of(organization.id).invitations) >= MOST_INVITATIONS:
        raise LimitReached(_("Too many invitations wait for an answer. Take some back first."))


def revoke_invitation(actor: Actor, public_id: str, invitation_id: str) -> None:
    """A manager takes back an invitation that nobody used.

    Raises:
        StateConflict: it was used a moment ago.
    """
    with transaction():
        organization = _load(actor, Permission.MEMBER_MANAGE, public_id, lock=True)
        take_back(actor, organization, scoped(AccessLink, actor, Permission.MEMBER_MANAGE), invitation_id)


def take_back(actor: Actor, organization: Organization, links: Select[Any], invitation_id: str) -> None:
    """Take back one of the links that the actor may reach, inside the caller's transaction().

    Raises:
        NotFound: none of them is such an invitation into the organization.
        StateConflict: it was used a moment ago.
    """
    link = db.session.scalar(
        links.where(
            AccessLink.public_id == invitation_id,
            AccessLink.organization_id == organization.id,
            AccessLink.purpose == "join",
        )
    )
    if link is None:
        raise NotFound
    accounts.revoke(link)
    audit.record(actor, "organization:invitation_revoked", organization, changed=["members"])


def place_member(actor: Actor, public_id: str, member_id: str, position: str) -> None:
    """A manager gives a member another place.

    Raises:
        StateConflict: no manager would be left.
    """
    with transaction():
        organization = _load(actor, Permission.MEMBER_MANAGE, public_id, lock=True)
        accounts.set_position(actor, organization.id, member_id, position)


def part_from_member(actor: Actor, public_id: str, member_id: str) -> None:
    """A manager ends a membership.

    Raises:
        StateConflict: no manager would be left.
    """
    with transaction():
        organization = _load(actor, Permission.MEMBER_MANAGE, public_id, lock=True)
        accounts.remove_member(actor, organization.id, member_id)


def leave(actor: Actor, public_id: str) -> None:
    """A member leaves.

    Raises:
        StateConflict: the last manager, who names another first.
    """
    with transaction():
        organization = _load(actor, Permission.MEMBER_VIEW, public_id, lock=True)
        accounts.remove_member(actor, organization.id, accounts.own_user(actor).public_id)


def invitation(token: str) -> tuple[AccessLink, Organization]:
    """What an invitation's link invites to.

    Raises:
        NotFound: the link does not work any more.
    """
    link = accounts.open_link(token, "join")
    return link, db.session.get_one(Organization, link.organization_id)


def accept_invitation(actor: Actor, token: str) -> Organization:
    """The signed-in account joins.

    Raises:
        NotFound, StateConflict: the link does not work any more, or the actor is a member.
    """
    link = accounts.join(actor, token)
    return db.session.get_one(Organization, link.organization_id)
