"""Whether what was offered still holds: suppliers say so once a month, and are asked when they do not."""

from dataclasses import dataclass
from datetime import date

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import aliased, joinedload

from marketplace import audit, events, jobs
from marketplace.errors import NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission, scoped, system_actor
from marketplace.projects.freshness import asked_lately, stale_condition
from marketplace.projects.models import Capacity, Project
from marketplace.records import today
from marketplace.transitions import transaction


def offered(on: date) -> ColumnElement[bool]:
    """Capacity that counts as offered on a day or later: not withdrawn, not over, of an open project or approved."""
    open_project = Capacity.project.has(Project.state == "open")
    return and_(
        Capacity.active,
        Capacity.state == "offered",
        or_(Capacity.valid_until.is_(None), Capacity.valid_until >= on),
        or_(Capacity.owner_id.is_not(None), open_project),
    )


@dataclass(frozen=True)
class Waiting:
    """An organization of the reader's, and how many of its capacities wait for a confirmation.

    Attributes:
        oldest: when the longest unconfirmed of them was last confirmed; None where none ever was.
    """

    organization: Organization
    number: int
    oldest: date | None = None


def waiting_for_confirmation(actor: Actor) -> list[Waiting]:
    """The actor's organizations with capacity that nobody confirmed within the month, by name."""
    day = today()
    query = (
        select(Organization, func.count(), func.min(Capacity.confirmed_on))
        .join(Capacity, Capacity.organization_id == Organization.id)
        .where(Organization.id.in_(actor.organization_ids), offered(day), stale_condition(day))
        .group_by(Organization.id)
        .order_by(Organization.name)
    )
    return [Waiting(*row) for row in db.session.execute(query)]


def to_confirm(organization: Organization) -> list[Capacity]:
    """Capacity of an organization that nobody confirmed within the month, the longest unconfirmed first."""
    day = today()
    query = (
        select(Capacity)
        .options(joinedload(Capacity.project))
        .where(Capacity.organization_id == organization.id, offered(day), stale_condition(day))
        .order_by(Capacity.confirmed_on.is_not(None), Capacity.confirmed_on, Capacity.id)
    )
    return list(db.session.scalars(query))


def members_organization(actor: Actor, public_id: str) -> Organization:
    """An organization of which the actor is a member, manager or staff.

    Raises:
        NotFound: there is none, or the actor is no member.
    """
    query = scoped(Organization, actor, Permission.CAPACITY_CONFIRM).where(Organization.public_id == public_id)
    organization: Organization | None = db.session.scalar(query)
    if organization is None:
        raise NotFound
    return organization


def confirm(actor: Actor, public_id: str) -> Capacity:
    """A member says that a capacity still holds.

    Raises:
        NotFound: it is another organization's.
        StateConflict: it was withdrawn.
    """
    with transaction() as session:
        query = scoped(Capacity, actor, Permission.CAPACITY_CONFIRM).where(Capacity.public_id == public_id)
        capacity: Capacity | None = session.scalar(query.with_for_update(of=Capacity))
        if capacity is None:
            raise NotFound
        if not capacity.active:
            raise StateConflict(_("This capacity was withdrawn. Offer it again first."))
        capacity.confirmed_on = today()
        session.flush()
        audit.record(actor, "capacity:confirmed", capacity, changed=["confirmed_on"])
        events.changed.send("capacity", ids=[capacity.id])
    return capacity


def confirm_all(actor: Actor, organization_public_id: str) -> int:
    """A member says that everything an organization offers still holds; how many capacities that are.

    Raises:
        NotFound: it is another organization.
        StateConflict: it offers nothing.
    """
    day = today()
    with transaction() as session:
        organization = members_organization(actor, organization_public_id)
        own = and_(
            Capacity.organization_id == organization.id,
            Capacity.active,
            or_(Capacity.valid_until.is_(None), Capacity.valid_until >= day),
            Capacity.project.has(Project.state != "closed"),
        )
        query = select(Capacity.id, Capacity.region).where(own).order_by(Capacity.id).with_for_update(of=Capacity)
        rows = [(key, region) for key, region in session.execute(query)]
        if not rows:
            raise StateConflict(_("Your organization offers nothing at present. Add capacity to a project first."))
        session.execute(
            update(Capacity)
            .where(Capacity.id.in_([key for key, _region in rows]))
            .values(confirmed_on=day)
            .execution_options(synchronize_session=False)
        )
        session.expire_all()
        audit.record_many(actor, "capacity:confirmed", "capacity", rows, changed=["confirmed_on"])
        events.changed.send("capacity", ids=[key for key, _region in rows])
        return len(rows)


def ask(on: date | None = None) -> int:
    """Ask each supplier of stale capacity once a month whether it holds; how many suppliers were asked.

    One question a supplier, however many capacities: the event names the one that was confirmed longest ago.
    """
    day = on or today()
    lately = aliased(Capacity)
    same = or_(lately.organization_id == Capacity.organization_id, lately.owner_id == Capacity.owner_id)
    condition = and_(offered(day), stale_condition(day), ~exists().where(same, asked_lately(day, lately)))
    suppliers = select(Capacity.organization_id, Capacity.owner_id).where(condition).distinct()
    asked = 0
    for organization_id, owner_id in list(db.session.execute(suppliers)):
        own = Capacity.organization_id == organization_id if organization_id else Capacity.owner_id == owner_id
        asked += _ask(own, condition, day)
    return asked


def _ask(own: ColumnElement[bool], condition: ColumnElement[bool], day: date) -> bool:
    actor = system_actor("freshness")
    with transaction() as session:
        # The lock first, the question after it: PostgreSQL would answer one statement from before the wait.
        session.execute(select(Capacity.id).where(own, stale_condition(day)).order_by(Capacity.id).with_for_update())
        order = (Capacity.confirmed_on.is_not(None), Capacity.confirmed_on, Capacity.id)
        rows = list(session.scalars(select(Capacity).where(own, condition).order_by(*order)))
        if not rows:
            return False  # another worker was faster, or the supplier has answered
        for row in rows:
            row.asked_on = day
        session.flush()
        audit.record_many(
            actor, "capacity:stale", "capacity", [(row.id, row.region) for row in rows], changed=["asked_on"]
        )
        events.happened.send("capacity:stale", row=rows[0], actor=actor, occasion=day.isoformat())
    return True


@jobs.sweeper
def ask_by_itself() -> None:
    """Once a minute: suppliers whose month has passed."""
    ask()
