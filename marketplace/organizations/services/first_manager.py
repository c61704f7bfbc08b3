"""An organization that nobody answers for: those who verify it invite its first manager.

Organizations come by an import without members, and one loses its managers when their accounts end. Four eyes stay:
whoever verifies an organization does not manage it, so an invitation is for somebody else.
"""

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, select

from marketplace import audit
from marketplace.accounts import services as accounts
from marketplace.accounts.models import AccessLink
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.organizations.services.members import TAKING_MEMBERS, check_it_takes_members, take_back
from marketplace.organizations.services.verification import to_judge
from marketplace.permissions import Actor, Permission, may_reach
from marketplace.transitions import transaction


def without_manager() -> ColumnElement[bool]:
    """Organizations that take members and that nobody answers for, as an SQL condition."""
    return Organization.state.in_(TAKING_MEMBERS) & ~accounts.has_manager(Organization.id)


def awaited_managers(actor: Actor, organization: Organization) -> list[AccessLink] | None:
    """Invitations that still work while nobody answers for an organization.

    None where a manager does, and for readers who may not invite the first one.
    """
    if not may_reach(actor, Permission.ORGANIZATION_VERIFY, organization) or organization.id in actor.organization_ids:
        return None
    return None if _has_manager(organization) else accounts.members_of(organization.id).invitations


def _has_manager(organization: Organization) -> bool:
    return bool(db.session.scalar(select(accounts.has_manager(organization.id))))


def _to_be_managed(actor: Actor, public_id: str) -> Organization:
    """An organization without a manager that the actor may judge, locked until the transaction ends."""
    organization = to_judge(actor, public_id)
    if _has_manager(organization):
        raise StateConflict(
            _("This organization has a manager by now. Ask them: managers invite whoever else works for it.")
        )
    return organization


def invite_first_manager(actor: Actor, public_id: str, email: str, address: accounts.Address) -> accounts.Sent:
    """Somebody who verifies the organization invites who will answer for it; see accounts.services.links.

    Raises:
        AccessDenied: the actor is a member.
        InvalidInput: it is the actor's own address, or the address has an invitation that still works.
        LimitReached: too many invitations wait.
        StateConflict: a manager answers for the organization, or it is suspended or refused.
    """
    with transaction():
        organization = _to_be_managed(actor, public_id)
        check_it_takes_members(organization)
        invited = accounts.user_by_email(email)
        if invited is not None and invited.id == actor.user_id:
            raise InvalidInput(
                fields={"email": _("Whoever verifies an organization does not manage it. Invite somebody of its own.")}
            )
        sent = accounts.invite(actor, organization.id, organization.name, email, "manager", address, first=True)
        audit.record(actor, "organization:manager_invited", organization, changed=["members"], after="manager")
        return sent


def take_back_first_invitation(actor: Actor, public_id: str, invitation_id: str) -> None:
    """An invitation that nobody used stops working, while there is no manager to take it back.

    Raises:
        AccessDenied: the actor is a member.
        NotFound: there is no such invitation.
        StateConflict: a manager answers for the organization, or the invitation was used a moment ago.
    """
    with transaction():
        take_back(actor, _to_be_managed(actor, public_id), select(AccessLink), invitation_id)
