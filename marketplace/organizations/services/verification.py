"""Verification by an officer who is not a member of the organization."""

from flask_babel import lazy_gettext as _

from marketplace import events, privacy
from marketplace.errors import AccessDenied, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission, scoped
from marketplace.reasons import reason_given
from marketplace.transitions import move, transaction


def to_judge(actor: Actor, public_id: str, version: int | None = None) -> Organization:
    """An organization of the officer's region, locked until the transaction ends.

    Raises:
        AccessDenied: the officer is a member of it.
        NotFound: it is none of the officer's.
        StateConflict: it was edited after the officer read it.
    """
    query = scoped(Organization, actor, Permission.ORGANIZATION_VERIFY).where(Organization.public_id == public_id)
    organization: Organization | None = db.session.scalar(query.with_for_update(key_share=True))
    if organization is None:
        raise NotFound
    if organization.id in actor.organization_ids:
        raise AccessDenied(_("You are a member of this organization. Another officer has to decide about it."))
    if version is not None and organization.version != version:
        raise StateConflict(_("The organization was edited after you opened it. Read it again before you decide."))
    return organization


_WHAT_IS_WRONG = _("Say what is wrong and how to mend it")


def verify(actor: Actor, public_id: str, version: int) -> None:
    """The organization is what it says: its profile becomes public, its projects may open.

    Args:
        version: of the profile that the officer read.
    """
    with transaction():
        organization = to_judge(actor, public_id, version)
        move(actor, organization, expect="registered", to="verified", refusal_reason=None)


def refuse(actor: Actor, public_id: str, version: int, reason: str) -> None:
    """Not verified, with the reason that its members read; they may mend it and ask again."""
    reason = reason_given(reason, _WHAT_IS_WRONG)
    with transaction():
        organization = to_judge(actor, public_id, version)
        move(actor, organization, expect="registered", to="refused", reason=reason, refusal_reason=reason)


def suspend(actor: Actor, public_id: str, reason: str) -> None:
    """Takes a verified organization out of public view, and stops all new work.

    Its projects pause, so its capacity leaves runs; its proposals cannot be accepted; what it was about to do is
    handed to the coordinator of each region by whoever hears of "organization:suspended".
    """
    reason = reason_given(reason, _WHAT_IS_WRONG)
    with transaction():
        organization = to_judge(actor, public_id)
        move(actor, organization, expect="verified", to="suspended", reason=reason, refusal_reason=reason)
        events.happened.send("organization:stopped", row=organization, actor=actor)  # its members read why


def reinstate(actor: Actor, public_id: str) -> None:
    """Ends a suspension; paused projects are resumed by their organization."""
    with transaction():
        organization = to_judge(actor, public_id)
        move(
            actor,
            organization,
            expect="suspended",
            to="verified",
            action="organization:reinstated",
            refusal_reason=None,
        )


def reveal_contact(actor: Actor, public_id: str, reason: str) -> dict[str, str]:
    """Name and phone of the contact in the clear, for the officer who verifies; leaves a trace."""
    reason = reason_given(reason, _("Say what you need the contact for"))
    with transaction():
        organization = to_judge(actor, public_id)
        return privacy.reveal(actor, organization, ("contact_name", "contact_phone"), reason)
