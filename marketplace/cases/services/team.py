"""The care team of a case: one social worker, one officer, and resource parties (1+1+N).

Restricted cases (R05, R07) are seen by their care team alone; whoever restricts one takes the free lead of their
role, so that no such case is without somebody.
"""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from marketplace import audit, events, regions
from marketplace.accounts.models import RoleRow, User, email_index
from marketplace.cases.models import TEAM_LEADS, TEAM_POSITIONS, CareTeamMember, Case
from marketplace.cases.services.households import PER_PAGE, load_case
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, Permission, Role
from marketplace.transitions import transaction

#: The role that somebody in a place of the team must hold; resource parties may hold any.
TEAM_ROLES = {"social_worker": Role.CASEWORKER, "officer": Role.OFFICER, "coordinator": Role.COORDINATOR}


@dataclass(frozen=True)
class Candidate:
    """Somebody who may take a place of the team: the account and the places its roles allow."""

    user: User
    positions: tuple[str, ...]


def candidates(case: Case) -> list[Candidate]:
    """Staff who serve the case's region and are not on its team yet."""
    above = [region.code for region in regions.ancestors(case.region)] if regions.exists(case.region) else []
    on_team = select(CareTeamMember.user_id).where(CareTeamMember.case_id == case.id)
    query = (
        select(User)
        .where(
            User.active,
            User.region.in_([case.region, *above]),
            User.id.not_in(on_team),
            User.roles.any(RoleRow.name.in_([role.value for role in TEAM_ROLES.values()])),
        )
        .order_by(User.id)
        .limit(200)
    )
    found = []
    for user in db.session.scalars(query):
        held = {row.name for row in user.roles}
        places = tuple(place for place, role in TEAM_ROLES.items() if role.value in held)
        found.append(Candidate(user, (*places, "resource")))
    return found


def add_to_team(actor: Actor, case_id: str, position: str, *, user_id: str = "", email: str = "") -> CareTeamMember:
    """Give somebody a place of the care team: staff of the list, or a resource party by the e-mail of its account.

    Raises:
        InvalidInput: an unknown place or account, or a role that does not fit the place.
        StateConflict: the lead is taken, or the account is on the team already.
    """
    if position not in TEAM_POSITIONS:
        raise InvalidInput(fields={"position": _("Choose a place of the team.")})
    with transaction() as session:
        case = load_case(actor, case_id, Permission.CASE_TRIAGE)
        named = User.public_id == user_id if user_id else User.email_index == email_index(email)
        user = session.scalar(select(User).where(User.active, named)) if user_id or email.strip() else None
        if user is None:
            raise InvalidInput(fields={"user": _("Choose an account, or enter the e-mail address of one.")})
        role = TEAM_ROLES.get(position)
        if role and role.value not in {row.name for row in user.roles}:
            raise InvalidInput(fields={"position": _("This account does not hold the role of this place.")})
        return _add(actor, case, user.id, position)


def _add(actor: Actor, case: Case, user_id: int, position: str) -> CareTeamMember:
    member = CareTeamMember(case_id=case.id, user_id=user_id, position=position)
    try:
        with db.session.begin_nested():
            db.session.add(member)
            db.session.flush()
    except IntegrityError as error:
        raise StateConflict(_("This place is taken, or the account is on the team already.")) from error
    audit.record(actor, "case:team_joined", case, changed=["team"], after=position)
    events.changed.send("case", ids=[case.id])
    db.session.expire(case, ["team"])
    return member


def remove_from_team(actor: Actor, case_id: str, member_id: str) -> None:
    """Take somebody off the team; a restricted case keeps its leads until others are named.

    Raises:
        NotFound: nobody of this team.
        StateConflict: a lead of a restricted case.
    """
    with transaction() as session:
        case = load_case(actor, case_id, Permission.CASE_TRIAGE)
        member = next((one for one in case.team if one.public_id == member_id), None)
        if member is None:
            raise NotFound
        if case.restricted and member.position in TEAM_LEADS:
            raise StateConflict(_("A restricted case keeps its leads. Hand the place over instead."))
        position = member.position
        session.delete(member)
        session.flush()  # the audit event is written after the change it tells of
        audit.record(actor, "case:team_left", case, changed=["team"], before=position)
        events.changed.send("case", ids=[case.id])
        session.expire(case, ["team"])


def hand_over(actor: Actor, case_id: str, member_id: str, user_id: str) -> CareTeamMember:
    """Give somebody's place to another account, in one step.

    Raises:
        NotFound, InvalidInput, StateConflict: as in `add_to_team`.
    """
    with transaction() as session:
        case = load_case(actor, case_id, Permission.CASE_TRIAGE)
        member = next((one for one in case.team if one.public_id == member_id), None)
        if member is None:
            raise NotFound
        position = member.position
        session.delete(member)
        session.flush()  # the place must be free before another takes it
        audit.record(actor, "case:team_left", case, changed=["team"], before=position)
        return add_to_team(actor, case_id, position, user_id=user_id)


@events.moved.connect_via("case_with_needs")
def leave_with_the_county(_table: str, *, row: Case, actor: Actor, **_details: Any) -> None:
    """Staff of the county that a household leaves leave its care team; resource parties stay.

    A restricted case whose leads left is open to the staff of the new county, until they name new ones.
    """
    gone = [
        member
        for member in row.team
        if member.position in TEAM_ROLES
        and not (member.user.region and regions.contains(member.user.region, row.region))
    ]
    for member in gone:
        db.session.delete(member)
    db.session.flush()  # the audit events are written after the change they tell of
    for member in gone:
        audit.record(actor, "case:team_left", row, changed=["team"], before=member.position, reason="moved")
    db.session.expire(row, ["team"])


def take_free_lead(actor: Actor, case: Case) -> None:
    """Put whoever restricts a case on its team, where the lead of their role is free."""
    held = {member.position for member in case.team}
    if actor.user_id is None or actor.user_id in {member.user_id for member in case.team}:
        return
    for position in TEAM_LEADS:
        if TEAM_ROLES[position] in actor.roles and position not in held:
            _add(actor, case, actor.user_id, position)
            return


def team_cases(actor: Actor, page: int) -> Pagination:
    """Cases whose care team the actor is of, restricted ones first, with their needs."""
    mine = select(CareTeamMember.case_id).where(CareTeamMember.user_id == actor.user_id)
    query = (
        select(Case)
        .where(Case.id.in_(mine))
        .options(selectinload(Case.needs), selectinload(Case.team))
        .order_by(Case.restricted.desc(), Case.id.desc())
    )
    return db.paginate(query, page=page, per_page=PER_PAGE, error_out=False)


def on_team(actor: Actor, case: Case) -> bool:
    """Whether the actor is of a case's care team."""
    return actor.user_id is not None and any(member.user_id == actor.user_id for member in case.team)
