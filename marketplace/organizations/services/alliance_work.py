"""Running an alliance: a coordinator of its region does, or a manager of the organization that organizes it."""

from flask_babel import lazy_gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from marketplace import audit, events
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations.models import Alliance, AllianceMember, Organization
from marketplace.organizations.services.reading import PER_PAGE
from marketplace.permissions import Actor, Permission, scoped
from marketplace.records import today
from marketplace.transitions import transaction


def load_managed(actor: Actor, slug: str, *, lock: bool = False) -> Alliance:
    """An alliance that the actor runs.

    Raises:
        NotFound: there is none, or it is not the actor's to run.
    """
    query = scoped(Alliance, actor, Permission.ALLIANCE_MANAGE).where(Alliance.slug == slug)
    alliance: Alliance | None = db.session.scalar(query.with_for_update(key_share=True) if lock else query)
    if alliance is None:
        raise NotFound
    return alliance


def all_members(alliance: Alliance, page: int = 1) -> Pagination:
    """Every time that an organization has spent in an alliance: present ones by name first, then those that ended."""
    query = (
        select(AllianceMember)
        .join(Organization)
        .where(AllianceMember.alliance_id == alliance.id)
        .options(joinedload(AllianceMember.organization))
        .order_by(
            AllianceMember.left_on.is_not(None), AllianceMember.left_on.desc(), Organization.name, AllianceMember.id
        )
    )
    return db.paginate(query, page=page, per_page=PER_PAGE, error_out=False)


def candidates(alliance: Alliance, words: str) -> list[Organization]:
    """Verified organizations that are no members, by a part of their name; at most twenty."""
    present = select(AllianceMember.organization_id).where(
        AllianceMember.alliance_id == alliance.id, AllianceMember.left_on.is_(None)
    )
    if not words.strip():
        return []
    query = select(Organization).where(
        Organization.state == "verified",
        Organization.id.not_in(present),
        Organization.name.contains(words.strip(), autoescape=True),
    )
    return list(db.session.scalars(query.order_by(Organization.name).limit(20)))


def add_to_alliance(actor: Actor, slug: str, organization_public_id: str) -> None:
    """A verified organization joins today.

    Raises:
        InvalidInput: no verified organization is meant.
        StateConflict: it is a member.
    """
    with transaction() as session:
        alliance = load_managed(actor, slug, lock=True)
        organization = session.scalar(
            select(Organization).where(
                Organization.public_id == organization_public_id, Organization.state == "verified"
            )
        )
        if organization is None:
            raise InvalidInput(fields={"organization": _("Choose a verified organization of the list.")})
        session.add(AllianceMember(alliance_id=alliance.id, organization_id=organization.id, joined_on=today()))
        try:
            session.flush()
        except IntegrityError as error:
            raise StateConflict(_("This organization is a member already.")) from error
        audit.record(actor, "alliance:joined", alliance, changed=["members"], after=organization.public_id)
        events.changed.send("alliance", ids=[alliance.id])
        events.changed.send("organization", ids=[organization.id])


def end_alliance_membership(actor: Actor, slug: str, organization_public_id: str) -> None:
    """An organization leaves today; its time in the alliance stays on record.

    Raises:
        StateConflict: it is no member now.
    """
    with transaction() as session:
        alliance = load_managed(actor, slug, lock=True)
        organization_id = session.scalar(
            select(Organization.id).where(Organization.public_id == organization_public_id)
        )
        done = session.execute(
            update(AllianceMember)
            .where(
                AllianceMember.alliance_id == alliance.id,
                AllianceMember.organization_id == organization_id,
                AllianceMember.left_on.is_(None),
            )
            .values(left_on=today())
            .execution_options(synchronize_session=False)
        )
        if done.rowcount != 1 or organization_id is None:  # type: ignore[attr-defined]  # always a cursor result
            raise StateConflict(_("This organization is no member now."))
        if alliance.organizer_id == organization_id:
            alliance.organizer_id = None
            session.flush()
        audit.record(actor, "alliance:left", alliance, changed=["members"], before=organization_public_id)
        events.changed.send("alliance", ids=[alliance.id])
        events.changed.send("organization", ids=[organization_id])


def name_organizer(actor: Actor, slug: str, organization_public_id: str) -> None:
    """Say which member runs the alliance, beside the coordinators; nobody for an empty id.

    Raises:
        InvalidInput: no present member is meant.
    """
    with transaction() as session:
        alliance = load_managed(actor, slug, lock=True)
        organizer: int | None = None
        if organization_public_id:
            organizer = session.scalar(
                select(Organization.id)
                .join(AllianceMember, AllianceMember.organization_id == Organization.id)
                .where(
                    AllianceMember.alliance_id == alliance.id,
                    AllianceMember.left_on.is_(None),
                    Organization.public_id == organization_public_id,
                )
            )
            if organizer is None:
                raise InvalidInput(fields={"organization": _("Choose a member of the alliance.")})
        alliance.organizer_id = organizer
        alliance.version += 1
        session.flush()
        audit.record(actor, "alliance:organizer_named", alliance, changed=["organizer_id"])
        events.changed.send("alliance", ids=[alliance.id])
