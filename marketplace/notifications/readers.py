"""Who is told: user ids found from a record, and the name a record goes by in a notice."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from marketplace import audit, regions
from marketplace.accounts.models import Membership, RoleRow, User, UserRole
from marketplace.cases.models import TEAM_LEADS, CareTeamMember
from marketplace.extensions import db
from marketplace.permissions import GRANTS, Permission, Role, Scope

_KEY = "user:"


def name_of(row: Any) -> str:
    """A record's public name: its need's reference, its title, its name; never a person's."""
    for owner in (row, getattr(row, "need", None)):
        for name in ("reference", "title", "name"):
            if value := getattr(owner, name, None):
                return str(value)
    return _region_of(row)


def _region_of(row: Any) -> str:
    code = str(getattr(row, "region", "") or "")
    return regions.name(code) if regions.exists(code) else code


def _user_of(key: str | None) -> list[int]:
    """The user behind a key like need.author; nobody behind a system process."""
    return [int(key.removeprefix(_KEY))] if key and key.startswith(_KEY) else []


def author(row: Any) -> list[int]:
    """Who posted the need."""
    return _user_of(getattr(row, "author", None) or getattr(getattr(row, "need", None), "author", None))


def who_asked(row: Any) -> list[int]:
    """Who asked the supplier: by hand, or with a link for one without an account."""
    asked = {"allocation:link_made"} | ({"allocation:proposed"} if row.source == "manual" else set())
    events = audit.history(row.__tablename__, row.id)
    return [event.actor_id for event in events if event.action in asked and event.actor_id]


def author_and_who_asked(row: Any) -> list[int]:
    """Who posted the need, and who asked the supplier."""
    return [*author(row), *who_asked(row)]


def confirmers(row: Any) -> list[int]:
    """Who posted the need; where nobody did who still works here (files are imported, people leave), the leads of the
    household's care team, or those nearest who confirm. Of a restricted case nobody outside its team is told."""
    posted = author(row)
    if posted and db.session.scalar(select(User.id).where(User.id.in_(posted), User.active)):
        return posted
    case = row.need.case
    team = select(CareTeamMember.user_id).where(
        CareTeamMember.case_id == (case.id if case else None), CareTeamMember.position.in_(TEAM_LEADS)
    )
    leads = list(db.session.scalars(team))
    if leads or (case is not None and case.restricted):
        return leads
    return _nearest(row.region, Permission.ALLOCATION_CONFIRM)


def starter(row: Any) -> list[int]:
    """Who started the run."""
    return _user_of(row.started_by)


def starter_on_team(row: Any) -> list[int]:
    """Who started a restricted run, while still of the care team of its case."""
    team = select(CareTeamMember.user_id).where(CareTeamMember.case_id == row.case_id)
    return list(db.session.scalars(team.where(CareTeamMember.user_id.in_(starter(row)))))


def members_of(organization_id: int | None) -> list[int]:
    if organization_id is None:
        return []
    return list(db.session.scalars(select(Membership.user_id).where(Membership.organization_id == organization_id)))


def members(row: Any) -> list[int]:
    """Members of the organization that a record is, or belongs to; the owner of a volunteer's own offer."""
    if row.__tablename__ == "organization":
        return members_of(row.id)
    owner = getattr(row, "owner_id", None)
    return members_of(row.organization_id) if owner is None else [int(owner)]


def suppliers(row: Any) -> list[int]:
    """Whoever is to deliver an allocation: members of the organization, or the volunteer."""
    return [row.claimant_id] if row.claimant_id is not None else members_of(row.organization_id)


def reviewers(row: Any) -> list[int]:
    """Those nearest to the record who may review a need."""
    return _nearest(row.region, Permission.NEED_REVIEW)


def officers(row: Any) -> list[int]:
    """Those nearest to the record who verify organizations and open projects."""
    return _nearest(row.region, Permission.ORGANIZATION_VERIFY)


def hold_deciders(row: Any) -> list[int]:
    """Those nearest to the record who decide about what runs keep for later."""
    return _nearest(row.region, Permission.HOLD_DECIDE)


def asker(row: Any) -> list[int]:
    """Who asked for it."""
    return _user_of(row.asked_by)


def offer_reviewers(row: Any) -> list[int]:
    """Those nearest to the record who approve volunteers' own offers."""
    return _nearest(row.region, Permission.OFFER_REVIEW)


def coordinators(row: Any) -> list[int]:
    """Those nearest to the record who start runs and hand over help."""
    return _nearest(row.region, Permission.RUN_START)


def who_hands_over(row: Any) -> list[int]:
    """Coordinators nearest to an allocation; of a restricted case those of its care team alone."""
    case = row.need.case
    if case is None or not case.restricted:
        return coordinators(row)
    team = select(CareTeamMember.user_id).where(CareTeamMember.case_id == case.id)
    return list(db.session.scalars(team.where(CareTeamMember.position == "coordinator")))


def those_of_moved_help(row: Any) -> list[int]:
    """Of help whose household moved: who posted the need, who brings it, and who takes it on in the new county."""
    return [*author(row), *suppliers(row), *who_hands_over(row)]


def staff_before(row: Any) -> list[int]:
    """Coordinators of the county that help left with its household; of a restricted case nobody of it is told."""
    case = row.need.case
    if case is None or case.restricted:
        return []
    return _nearest(str(row.reasons.get("moved_from", "")), Permission.RUN_START)


def author_and_supplier_before(row: Any) -> list[int]:
    """Who posted the need, and members of the organization that an allocation was taken from."""
    return [*author(row), *members_of(row.reasons.get("handed_over_from"))]


def _nearest(region: str, permission: Permission) -> list[int]:
    """Staff with a permission in the county; where it has none, in the prefecture, then in the whole region."""
    roles = [role for role, grants in GRANTS.items() if grants.get(permission) is Scope.REGION]
    above = [code.code for code in regions.ancestors(region)] if regions.exists(region) else []
    for code in (region, *reversed(above)):
        if found := _staff(code, roles):
            return found
    return []


def _staff(region: str, roles: Iterable[Role]) -> list[int]:
    query = (
        select(User.id)
        .join(UserRole, UserRole.user_id == User.id)
        .join(RoleRow, RoleRow.id == UserRole.role_id)
        .where(User.region == region, User.active, RoleRow.name.in_([str(role) for role in roles]))
        .distinct()
    )
    return list(db.session.scalars(query))
