"""Alliances: organizations that help together."""

from collections.abc import Iterable

from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import func, select

from marketplace import audit, events
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.organizations.models import KINDS, Alliance, AllianceMember, Organization
from marketplace.organizations.services.reading import PER_PAGE, visible_to
from marketplace.permissions import Actor, Permission, scoped
from marketplace.records import today
from marketplace.transitions import transaction


def alliances(actor: Actor, page: int = 1) -> tuple[Pagination, dict[int, int]]:
    """A page of alliances by name, and the number of members of each that the reader may see."""
    query = scoped(Alliance, actor, Permission.ALLIANCE_VIEW).order_by(Alliance.name, Alliance.id)
    found = db.paginate(query, page=page, per_page=PER_PAGE, error_out=False)
    counts = (
        select(AllianceMember.alliance_id, func.count())
        .join(Organization)
        .where(
            AllianceMember.alliance_id.in_([alliance.id for alliance in found.items]),
            AllianceMember.left_on.is_(None),
            visible_to(actor),
        )
        .group_by(AllianceMember.alliance_id)
    )
    return found, {row[0]: row[1] for row in db.session.execute(counts)}


def get_alliance(actor: Actor, slug: str) -> Alliance:
    """An alliance by the last part of its address.

    Raises:
        NotFound: there is none.
    """
    alliance: Alliance | None = db.session.scalar(
        scoped(Alliance, actor, Permission.ALLIANCE_VIEW).where(Alliance.slug == slug)
    )
    if alliance is None:
        raise NotFound
    return alliance


def alliance_members(actor: Actor, alliance: Alliance) -> dict[str, list[Organization]]:
    """Members that the reader may see: kind -> organizations by name, in the order of KINDS."""
    query = (
        select(Organization)
        .join(AllianceMember)
        .where(AllianceMember.alliance_id == alliance.id, AllianceMember.left_on.is_(None), visible_to(actor))
        .order_by(Organization.name)
    )
    found = list(db.session.scalars(query))
    by_kind = {kind: [organization for organization in found if organization.kind == kind] for kind in KINDS}
    return {kind: members for kind, members in by_kind.items() if members}


def alliances_of(organization: Organization) -> list[Alliance]:
    """Alliances that an organization belongs to, by name."""
    query = (
        select(Alliance)
        .join(AllianceMember)
        .where(AllianceMember.organization_id == organization.id, AllianceMember.left_on.is_(None))
        .order_by(Alliance.name)
    )
    return list(db.session.scalars(query))


def ensure_alliance(
    actor: Actor,
    slug: str,
    *,
    name: str,
    region: str,
    name_en: str | None = None,
    summary: str = "",
    members: Iterable[Organization] = (),
) -> Alliance:
    """The alliance of this slug, made when there is none, with these organizations among its members."""
    with transaction() as session:
        alliance = session.scalar(select(Alliance).where(Alliance.slug == slug))
        if alliance is None:
            alliance = Alliance(slug=slug, name=name, name_en=name_en, region=region, summary=summary)
            session.add(alliance)
            session.flush()
            audit.record(actor, "alliance:created", alliance)
        placed = set(
            session.scalars(
                select(AllianceMember.organization_id).where(
                    AllianceMember.alliance_id == alliance.id, AllianceMember.left_on.is_(None)
                )
            )
        )
        joining = [organization for organization in members if organization.id not in placed]
        session.add_all(
            AllianceMember(alliance_id=alliance.id, organization_id=organization.id, joined_on=today())
            for organization in joining
        )
        session.flush()
        if joining:
            audit.record(actor, "alliance:joined", alliance, changed=["members"], after=str(len(joining)))
        events.changed.send("alliance", ids=[alliance.id])
    return alliance
