"""Scans that an organization hands in for its verification."""

from typing import BinaryIO

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from marketplace import audit, events, uploads
from marketplace.errors import InvalidInput, LimitReached, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations.models import DOCUMENT_KINDS, Organization, OrganizationDocument
from marketplace.organizations.services.registration import get_own, identity_is_open
from marketplace.permissions import Actor, Permission, may_reach, scoped
from marketplace.records import now
from marketplace.transitions import transaction

MOST_DOCUMENTS = 12


def documents_of(actor: Actor, organization: Organization) -> list[OrganizationDocument]:
    """An organization's documents, oldest first; none for those without the right to them."""
    if not may_reach(actor, Permission.ORGANIZATION_DOCUMENTS, organization):
        return []
    query = select(OrganizationDocument).where(OrganizationDocument.organization_id == organization.id)
    return list(db.session.scalars(query.order_by(OrganizationDocument.id)))


def add_document(actor: Actor, public_id: str, kind: str, stream: BinaryIO) -> OrganizationDocument:
    """A manager hands in a scan.

    Raises:
        InvalidInput: the kind is none of the list, or the file is none that is taken.
        LimitReached: there are enough.
        NotFound: the actor does not manage the organization.
    """
    if kind not in DOCUMENT_KINDS:
        raise InvalidInput(fields={"kind": _("Choose a kind of the list.")})
    get_own(actor, public_id)  # before the file is worked on
    stored = uploads.keep_document(stream)
    with uploads.tied_to_its_row(stored), transaction() as session:
        organization = get_own(actor, public_id, lock=True)
        _expect_room(organization)
        document = OrganizationDocument(
            organization_id=organization.id,
            kind=kind,
            file=stored.name,
            media_type=stored.media_type,
            size_bytes=stored.size,
            sha256=stored.sha256,
            uploaded_by=actor.user_id,
        )
        session.add(document)
        organization.version += 1  # an officer who read the documents before this one reads again
        session.flush()
        audit.record(actor, "organization:document_added", organization, changed=["documents"], after=kind)
        events.changed.send("organization", ids=[organization.id])
        return document


def _expect_room(organization: Organization) -> None:
    count = select(func.count()).where(OrganizationDocument.organization_id == organization.id)
    if (db.session.scalar(count) or 0) >= MOST_DOCUMENTS:
        raise LimitReached(_("There are %(count)s documents. Remove one first.", count=MOST_DOCUMENTS))


def look_at_document(actor: Actor, public_id: str, document_id: str) -> OrganizationDocument:
    """A document to show; looking leaves a trace, as a licence names people.

    Raises:
        NotFound: it is not the reader's to see.
    """
    with transaction() as session:
        organization = session.scalar(
            scoped(Organization, actor, Permission.ORGANIZATION_DOCUMENTS).where(Organization.public_id == public_id)
        )
        document = _of(organization, document_id)
        audit.record(actor, "organization:document_seen", organization, changed=["documents"], after=document.kind)
        return document


def _of(organization: Organization | None, document_id: str, *, removed: bool = False) -> OrganizationDocument:
    query = select(OrganizationDocument).where(
        OrganizationDocument.public_id == document_id,
        OrganizationDocument.organization_id == (organization.id if organization else 0),
    )
    document = db.session.scalar(query.execution_options(with_discarded=True) if removed else query)
    if document is None:
        raise NotFound
    return document


def discard_document(actor: Actor, public_id: str, document_id: str) -> None:
    """A manager takes a scan back; what an officer verified with stays.

    Raises:
        StateConflict: the organization is verified.
    """
    with transaction() as session:
        organization = get_own(actor, public_id, lock=True)
        document = _of(organization, document_id)
        _expect_open(organization)
        document.discarded_at = now()
        organization.version += 1
        session.flush()
        audit.record(actor, "organization:document_removed", organization, changed=["documents"], before=document.kind)
        events.changed.send("organization", ids=[organization.id])


def restore_document(actor: Actor, public_id: str, document_id: str) -> None:
    """A manager takes a removed scan up again.

    Raises:
        LimitReached: there are enough without it.
        NotFound: no document of an organization that the actor manages.
        StateConflict: it was not removed, or the organization is verified meanwhile.
    """
    with transaction() as session:
        organization = get_own(actor, public_id, lock=True)
        document = _of(organization, document_id, removed=True)
        if document.discarded_at is None:
            raise StateConflict(_("This document was taken back already."))
        _expect_open(organization)
        _expect_room(organization)
        document.discarded_at = None
        organization.version += 1
        session.flush()
        audit.record(actor, "organization:document_restored", organization, changed=["documents"], after=document.kind)
        events.changed.send("organization", ids=[organization.id])


def removed_documents(actor: Actor, organization: Organization) -> list[OrganizationDocument]:
    """What a manager removed and can take back, the last first; none once the organization is verified."""
    if not may_reach(actor, Permission.ORGANIZATION_EDIT, organization) or not identity_is_open(organization):
        return []
    query = (
        select(OrganizationDocument)
        .where(OrganizationDocument.organization_id == organization.id, OrganizationDocument.discarded_at.is_not(None))
        .order_by(OrganizationDocument.discarded_at.desc(), OrganizationDocument.id)
    )
    return list(db.session.scalars(query.execution_options(with_discarded=True)))


def _expect_open(organization: Organization) -> None:
    if not identity_is_open(organization):
        raise StateConflict(_("The organization was verified with its documents. Add newer ones beside them."))
