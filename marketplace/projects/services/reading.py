"""Finding projects: what each reader sees of them."""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import ColumnElement, Select, String, cast, exists, or_, select, true
from sqlalchemy.orm import joinedload

from marketplace import regions, taxonomy
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.organizations import services as organizations
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission, Scope, row_filter, within
from marketplace.projects.hukou import hukou_wording
from marketplace.projects.models import Capacity, Project

PER_PAGE = 20

ACTIONS = {
    "project:created": _("Drafted"),
    "project:imported": _("Imported"),
    "project:demo_loaded": _("Made for the demonstration"),
    "project:edited": _("Edited"),
    "project:submitted": _("Submitted"),
    "project:open": _("Opened"),
    "project:sent_back": _("Sent back"),
    "project:paused": _("Paused"),
    "project:resumed": _("Resumed"),
    "project:closed": _("Closed"),
}


@dataclass(frozen=True)
class Filters:
    """What a reader asked to see; an empty value asks for nothing.

    Attributes:
        tab: open (to everyone), mine, queue (waiting for the reader to open them) or region (of the staff member).
        category, region: codes; those below are meant, and what covers them.
        kind: kind of the organization.
        state: for those who see more than open projects.
        organization: public id of an organization.
    """

    tab: str = "open"
    category: str = ""
    region: str = ""
    kind: str = ""
    state: str = ""
    organization: str = ""


def tabs(actor: Actor) -> list[str]:
    """The lists that an actor has."""
    found = ["open"]
    if actor.may(Permission.PROJECT_APPROVE):
        found.append("queue")
    if actor.scopes(Permission.PROJECT_VIEW) & {Scope.REGION, Scope.ALL}:
        found.append("region")
    if actor.organization_ids:
        found.append("mine")
    return found


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Projects that an actor may read: those of their grants, and always those of their organizations."""
    return or_(row_filter(Project, actor, Permission.PROJECT_VIEW), row_filter(Project, actor, Permission.PROJECT_EDIT))


def _in_tab(actor: Actor, tab: str) -> ColumnElement[bool]:
    if tab == "mine":
        return Project.organization_id.in_(actor.organization_ids)
    if tab == "queue":
        return row_filter(Project, actor, Permission.PROJECT_APPROVE) & (Project.state == "submitted")
    if tab == "region" and Scope.ALL not in actor.scopes(Permission.PROJECT_VIEW):
        return within(Project.region, actor.region or regions.NINGXIA)
    if tab == "region":
        return true()
    return Project.state == "open"


def to_open(actor: Actor) -> Select[Any]:
    """Submitted projects that wait for the actor to open them."""
    return select(Project).join(Organization).where(visible_to(actor), _in_tab(actor, "queue"))


def _lists(column: Any, patterns: list[str]) -> ColumnElement[bool]:
    """Whether a column of a list of codes, kept as JSON text, holds one that begins in one of these ways."""
    return or_(*(cast(column, String).like(f'%"{pattern}%') for pattern in patterns))


def _offers(category: str, region: str) -> ColumnElement[bool]:
    """Whether a project has active capacity that touches a category and a region."""
    touching: list[ColumnElement[bool]] = []
    if category:
        parent = taxonomy.get(category).parent_code
        touching.append(_lists(Capacity.categories, [category] + ([f'{parent}"'] if parent else [])))
    if region:
        above = [f'{upper.code}"' for upper in regions.ancestors(region)]
        touching.append(_lists(Capacity.regions, [regions.prefix(region), *above]))
    return exists().where(Capacity.project_id == Project.id, Capacity.active.is_(True), *touching)


def listing(actor: Actor, filters: Filters, page: int = 1) -> Pagination:
    """A page of projects with their organizations: newest first, the queue the longest waiting first."""
    query = (
        select(Project)
        .join(Organization)
        .options(joinedload(Project.organization))
        .where(visible_to(actor), _in_tab(actor, filters.tab))
    )
    if filters.category or filters.region:
        query = query.where(_offers(filters.category, filters.region))
    if filters.kind:
        query = query.where(Organization.kind == filters.kind)
    if filters.state:
        query = query.where(Project.state == filters.state)
    if filters.organization:
        query = query.where(Organization.public_id == filters.organization)
    order = Project.created_at if filters.tab == "queue" else Project.created_at.desc()
    return db.paginate(query.order_by(order, Project.id), page=page, per_page=PER_PAGE, error_out=False)


def offers_of(projects: list[Project]) -> dict[int, list[Capacity]]:
    """Active capacity of each project, by title."""
    query = select(Capacity).where(
        Capacity.project_id.in_([project.id for project in projects]), Capacity.active.is_(True)
    )
    found: dict[int, list[Capacity]] = {project.id: [] for project in projects}
    for capacity in db.session.scalars(query.order_by(Capacity.title, Capacity.id)):
        found[capacity.project_id or 0].append(capacity)
    return found


def get(actor: Actor, public_id: str) -> Project:
    """A project's page.

    Raises:
        NotFound: there is none, or it is not the reader's to see.
    """
    query = select(Project).options(joinedload(Project.organization))
    project: Project | None = db.session.scalar(query.where(Project.public_id == public_id, visible_to(actor)))
    if project is None:
        raise NotFound
    return project


def capacities_of(project: Project, *, withdrawn: bool) -> list[Capacity]:
    """A project's capacity by title, what was withdrawn last, or left out."""
    query = select(Capacity).options(joinedload(Capacity.pool)).where(Capacity.project_id == project.id)
    if not withdrawn:
        query = query.where(Capacity.active.is_(True))
    return list(db.session.scalars(query.order_by(Capacity.active.desc(), Capacity.title, Capacity.id)))


def own_organizations(actor: Actor) -> list[Organization]:
    """Organizations for which the actor may plan projects, by name."""
    query = select(Organization).where(
        row_filter(Organization, actor, Permission.ORGANIZATION_EDIT),
        Organization.state.in_(("registered", "verified")),
    )
    return list(db.session.scalars(query.order_by(Organization.name)))


def calendars_of(actor: Actor) -> list[Organization]:
    """Organizations of which the actor is a member, by name."""
    query = select(Organization).where(row_filter(Organization, actor, Permission.CAPACITY_CONFIRM))
    return list(db.session.scalars(query.order_by(Organization.name)))


def excluding_wording(project: Project, capacities: list[Capacity]) -> list[str]:
    """Clauses of a project's own texts that would keep people out by household registration."""
    texts = [project.title, project.summary, *(capacity.title for capacity in capacities if capacity.active)]
    return list(dict.fromkeys(clause for text in texts for clause in hukou_wording(text)))


def history(actor: Actor, project: Project) -> list[Any]:
    """The trail of a project, newest first; empty for those without the right to it."""
    return list(organizations.history(actor, project, ACTIONS))


OFFER_ACTIONS = {
    "capacity:offer_posted": _("Posted"),
    "capacity:made_monthly": _("Offered every month"),
    "capacity:renewed": _("Offered for a new month"),
    "capacity:edited": _("Edited"),
    "capacity:review": _("Waiting for review again"),
    "capacity:approved": _("Approved"),
    "capacity:returned": _("Sent back"),
    "capacity:confirmed": _("Confirmed"),
    "capacity:stale": _("Asked whether it still holds"),
    "capacity:withdrawn": _("Taken back"),
    "capacity:reveal": _("Looked at what was checked"),
}


def history_of_offer(actor: Actor, offer: Capacity) -> list[Any]:
    """The trail of a volunteer's offer, newest first; empty for those without the right to it."""
    return list(organizations.history(actor, offer, OFFER_ACTIONS))
