"""Finding organizations: what each reader sees of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import ColumnElement, Select, or_, select

from marketplace import trail
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.organizations.services.first_manager import without_manager
from marketplace.permissions import Actor, Permission, Scope, row_filter, within

PER_PAGE = 20


@dataclass(frozen=True)
class Filters:
    """What a reader asked to see; an empty value asks for nothing.

    Attributes:
        tab: all, queue (waiting for the reader's verification), unmanaged (nobody answers for it), region (of the
            staff member) or mine (the reader is a member).
        kind: one of models.KINDS.
        region: a code; all below it are meant.
        state: a state; for those who see more than verified organizations.
    """

    tab: str = "all"
    kind: str = ""
    region: str = ""
    state: str = ""


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Organizations that an actor may read: those of their grants, and always their own."""
    return or_(
        row_filter(Organization, actor, Permission.ORGANIZATION_VIEW),
        row_filter(Organization, actor, Permission.ORGANIZATION_EDIT),
    )


def tabs(actor: Actor) -> list[str]:
    """The lists that an actor has."""
    found = ["all"]
    if actor.may(Permission.ORGANIZATION_VERIFY):
        found += ["queue", "unmanaged"]
    if Scope.REGION in actor.scopes(Permission.ORGANIZATION_VIEW) and actor.region:
        found.append("region")
    if actor.organization_ids:
        found.append("mine")
    return found


def sees_every_state(actor: Actor) -> bool:
    """Whether an actor sees organizations of others that are not verified."""
    return bool(actor.scopes(Permission.ORGANIZATION_VIEW) & {Scope.REGION, Scope.ALL})


def to_verify(actor: Actor) -> Select[Any]:
    """Organizations that wait for the actor's verification."""
    mine = row_filter(Organization, actor, Permission.ORGANIZATION_VERIFY)
    return select(Organization).where(visible_to(actor), mine, Organization.state == "registered")


def listing(actor: Actor, filters: Filters, page: int = 1) -> Pagination:
    """A page of organizations by name; the queue gives the longest waiting first."""
    query = to_verify(actor) if filters.tab == "queue" else select(Organization).where(visible_to(actor))
    if filters.tab == "region" and actor.region:
        query = query.where(within(Organization.region, actor.region))
    elif filters.tab == "unmanaged":
        query = query.where(row_filter(Organization, actor, Permission.ORGANIZATION_VERIFY), without_manager())
    elif filters.tab == "mine":
        query = query.where(Organization.id.in_(actor.organization_ids))
    if filters.kind:
        query = query.where(Organization.kind == filters.kind)
    if filters.region:
        query = query.where(within(Organization.region, filters.region))
    if filters.state:
        query = query.where(Organization.state == filters.state)
    order = Organization.created_at if filters.tab == "queue" else Organization.name
    return db.paginate(query.order_by(order, Organization.id), page=page, per_page=PER_PAGE, error_out=False)


def get(actor: Actor, public_id: str) -> Organization:
    """An organization's profile.

    Raises:
        NotFound: there is none, or it is not the reader's to see.
    """
    query = select(Organization).where(Organization.public_id == public_id, visible_to(actor))
    organization: Organization | None = db.session.scalar(query)
    if organization is None:
        raise NotFound
    return organization


ACTIONS = {
    "organization:created": _("Registered"),
    "organization:imported": _("Imported"),
    "organization:demo_loaded": _("Made for the demonstration"),
    "organization:edited": _("Profile edited"),
    "organization:registered": _("Submitted again"),
    "organization:verified": _("Verified"),
    "organization:refused": _("Refused"),
    "organization:suspended": _("Suspended"),
    "organization:reinstated": _("Reinstated"),
    "organization:reveal": _("Contact looked at"),
    "organization:document_added": _("Document handed in"),
    "organization:document_seen": _("Document looked at"),
    "organization:document_removed": _("Document removed"),
    "organization:document_restored": _("Document taken back"),
    "organization:invited": _("Member invited"),
    "organization:manager_invited": _("First manager invited"),
    "organization:invitation_revoked": _("Invitation taken back"),
}


ALLIANCE_ACTIONS = {
    "alliance:created": _("Founded"),
    "alliance:edited": _("Profile edited"),
    "alliance:joined": _("Member added"),
    "alliance:left": _("Membership ended"),
    "alliance:organizer_named": _("Organizer named"),
    "alliance:package_created": _("Package made"),
    "alliance:package_edited": _("Package edited"),
    "alliance:package_offered": _("Package offered again"),
    "alliance:package_withdrawn": _("Package no longer offered"),
}


def history(actor: Actor, record: Any, actions: Mapping[str, Any] = ACTIONS) -> list[trail.Entry]:
    """The trail of a record, newest first; empty for those without the right to it.

    Args:
        actions: words for the actions of the trail.
    """
    return trail.history(actor, record, actions)


def registered_in(credit_code: str | None) -> str:
    """The GB/T 2260 code of the place whose authority gave a unified social credit code (characters 3 to 8)."""
    return credit_code[2:8] if credit_code and credit_code[2:8].isdigit() else ""
