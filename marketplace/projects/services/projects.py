"""Projects: drafted by a member, opened by an officer, paused, closed."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select, update

from marketplace import audit, events
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations import services as organizations
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission, scoped
from marketplace.projects.models import FUNDINGS, Capacity, Project
from marketplace.projects.services.wording import tell_of_wording
from marketplace.transitions import move, transaction

#: States in which members may still change a project and its capacity.
EDITABLE = ("draft", "submitted", "open", "paused")


@dataclass(frozen=True)
class ProjectFacts:
    """What a member says of a project."""

    title: str
    summary: str = ""
    funding: str = "charity"
    starts_on: date | None = None
    ends_on: date | None = None

    def columns(self) -> dict[str, Any]:
        """Column values.

        Raises:
            InvalidInput: a value breaks a rule.
        """
        faults: dict[str, Any] = {}
        if not self.title.strip():
            faults["title"] = _("Give the project a title")
        if self.funding not in FUNDINGS:
            faults["funding"] = _("Choose where the money comes from")
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            faults["ends_on"] = _("The last day is before the first: exchange the two or correct one")
        if faults:
            raise InvalidInput(fields=faults)
        return {
            "title": self.title.strip(),
            "summary": self.summary.strip(),
            "funding": self.funding,
            "starts_on": self.starts_on,
            "ends_on": self.ends_on,
        }


def get_own(actor: Actor, public_id: str, *, lock: bool = False) -> Project:
    """A project of an organization that the actor is a member of.

    Args:
        lock: keep others from changing it until the transaction ends.
    Raises:
        NotFound: there is none, or it is another organization's.
    """
    return _one(actor, Permission.PROJECT_EDIT, public_id, lock=lock)


def _one(actor: Actor, permission: Permission, public_id: str, *, lock: bool) -> Project:
    query = scoped(Project, actor, permission).where(Project.public_id == public_id)
    project: Project | None = db.session.scalar(query.with_for_update() if lock else query)
    if project is None:
        raise NotFound
    return project


def create(actor: Actor, organization_public_id: str, facts: ProjectFacts) -> Project:
    """A member drafts a project of one of their organizations.

    Raises:
        InvalidInput: a value breaks a rule.
        NotFound: the organization is none of the actor's.
        StateConflict: the organization is refused or suspended.
    """
    values = facts.columns()
    with transaction() as session:
        organization = organizations.get_own(actor, organization_public_id, lock=True)
        if organization.state in ("refused", "suspended"):
            raise StateConflict(_("This organization is not verified now. Mend that first, then plan its projects."))
        project = Project(organization_id=organization.id, region=organization.region, **values)
        session.add(project)
        session.flush()
        audit.record(actor, "project:created", project, changed=sorted(values), after=project.state)
        events.changed.send("project", ids=[project.id])
    return project


def edit(actor: Actor, public_id: str, version: int, facts: ProjectFacts) -> Project:
    """A member changes a project; an officer who had it open is then asked to read it again.

    Raises:
        InvalidInput: a value breaks a rule.
        NotFound: the project is another organization's.
        StateConflict: it was changed after the form was opened, or is closed.
    """
    values = facts.columns()
    with transaction() as session:
        project = get_own(actor, public_id, lock=True)
        read = f"{project.title}\n{project.summary}"
        changed = sorted(name for name, value in values.items() if getattr(project, name) != value)
        done = session.execute(
            update(Project)
            .where(Project.id == project.id, Project.version == version, Project.state.in_(EDITABLE))
            .values(version=version + 1, **values)
            .execution_options(synchronize_session=False)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            raise StateConflict
        session.expire(project)
        audit.record(actor, "project:edited", project, changed=changed)
        tell_of_wording(actor, project, before=read, after=f"{project.title}\n{project.summary}")
        events.changed.send("project", ids=[project.id])
    return project


def submit(actor: Actor, public_id: str) -> None:
    """A member asks an officer to open a draft; it offers something by then."""
    with transaction() as session:
        project = get_own(actor, public_id, lock=True)
        offered = select(Capacity.id).where(Capacity.project_id == project.id, Capacity.active.is_(True)).limit(1)
        if session.scalar(offered) is None:
            raise StateConflict(_("Add what the project offers first: at least one capacity. Then submit it."))
        move(actor, project, expect="draft", to="submitted", return_reason=None)


def _to_judge(actor: Actor, public_id: str, version: int) -> Project:
    project = _one(actor, Permission.PROJECT_APPROVE, public_id, lock=True)
    if project.organization_id in actor.organization_ids:
        raise AccessDenied(_("You are a member of its organization. Another officer has to decide about this project."))
    if project.version != version:
        raise StateConflict(_("The project was edited after you opened it. Read it again before you decide."))
    return project


def open_project(actor: Actor, public_id: str, version: int) -> None:
    """An officer opens a submitted project of a verified organization: it becomes public and is matched.

    Args:
        version: of the project that the officer read.
    """
    with transaction():
        project = _to_judge(actor, public_id, version)
        require_verified(project)
        move(actor, project, expect="submitted", to="open", return_reason=None)


def require_verified(project: Project) -> None:
    if db.session.get_one(Organization, project.organization_id).state != "verified":
        raise StateConflict(
            _("Its organization is not verified. Verify the organization first, then open the project.")
        )


def send_back(actor: Actor, public_id: str, version: int, reason: str) -> None:
    """An officer returns a submitted project to its members, with the reason that they read."""
    reason = reason.strip()[:500]
    if not reason:
        raise InvalidInput(fields={"reason": _("Say what is wrong and how to mend it")})
    with transaction():
        project = _to_judge(actor, public_id, version)
        move(
            actor, project, expect="submitted", to="draft", action="project:sent_back", reason=reason,
            return_reason=reason,
        )  # fmt: skip


def ensure_project(actor: Actor, organization: Organization, title: str, **facts: Any) -> Project:
    """The project of this title, made open and marked as imported when the organization has none.

    For imports; inside the caller's transaction or one of its own.

    Args:
        facts: further columns of a new project, e.g. summary, funding, starts_on, ends_on, state, external_id.
    """
    with transaction() as session:
        query = select(Project).where(Project.organization_id == organization.id, Project.title == title)
        found = session.scalars(query.order_by(Project.state == "closed", Project.id)).first()
        if found is not None:
            return found
        given = {"state": "open"} | facts
        project = Project(
            organization_id=organization.id, region=organization.region, title=title, imported=True, **given
        )
        session.add(project)
        session.flush()
        audit.record(actor, "project:imported", project, after=project.state)
        events.changed.send("project", ids=[project.id])
    return project


def follow_region(_table: str, ids: list[int]) -> None:
    """Projects and capacity keep a copy of their organization's region, the row scope of officers: it follows."""
    for model in (Project, Capacity):
        current = select(Organization.region).where(Organization.id == model.organization_id).scalar_subquery()
        db.session.execute(
            update(model)
            .where(model.organization_id.in_(ids), model.region != current)
            .values(region=current)
            .execution_options(synchronize_session=False)
        )


events.changed.connect(follow_region, sender="organization")
