"""Files that people send in the application: what each may bring in, looked at first, then brought in with a yes."""

from dataclasses import dataclass, field
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from marketplace import regions
from marketplace.cases.models import Case
from marketplace.errors import StateConflict
from marketplace.exchange import incoming
from marketplace.exchange.capacity import apply_capacity
from marketplace.exchange.faults import Header
from marketplace.exchange.plan import Plan, chunks, stored, told_text
from marketplace.exchange.services.files import Check, Outcome, import_data
from marketplace.extensions import db
from marketplace.matches.file_codes import code_tables
from marketplace.needs.models import Need
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor
from marketplace.projects import services as projects
from marketplace.projects.models import Capacity, Pool, Project
from marketplace.transitions import transaction
from matching.tables import CapacityTable, Fault, InvalidTable, Language, NeedTable

SHOWN = 10
MOST_FAULTS = 200


@dataclass
class Preview:
    """What a file would do.

    Attributes:
        token: names the file for the yes that follows; empty where it has faults.
        outcome: counts and warnings; None where it has faults.
        rows: the first new rows: id, title, quantity.
        faults: the first of those that keep it out; more: how many there are beyond.
    """

    token: str = ""
    outcome: Outcome | None = None
    rows: list[tuple[str, str, int]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    more: int = 0


def preview_capacity(actor: Actor, project_id: str, file: str, data: bytes, language: Language) -> Preview:
    """What a file of capacity would do to a project of the actor's organization.

    Raises:
        NotFound: the project is another organization's.
        StateConflict: it is closed.
    """
    project = _project(actor, project_id)
    return _preview(actor, "capacity", f"capacity:{project_id}", file, data, language, _own_capacity(project))


def bring_capacity(actor: Actor, project_id: str, token: str) -> Outcome:
    """Bring in the capacity of a file that the actor has looked at.

    Raises:
        InvalidTable: what it touches has changed since, so that it has faults now.
        NotFound, StateConflict: as in `preview_capacity`, or the file is no longer kept.
    """
    _project(actor, project_id)  # another's looks absent, whatever the token
    sent = incoming.take(actor, f"capacity:{project_id}", token)
    with transaction():
        project = _project(actor, project_id, lock=True)

        def into_project(who: Actor, plan: Any, told: Any) -> None:
            apply_capacity(who, plan, told, project)

        return import_data(actor, "capacity", sent.data, sent.file, check=_own_capacity(project), apply=into_project)


def _project(actor: Actor, project_id: str, *, lock: bool = False) -> Project:
    project = projects.get_own(actor, project_id, lock=lock)
    if project.state not in projects.EDITABLE:
        raise StateConflict(_("This project is closed. Draft a new one for what you offer next."))
    return project


def _own_capacity(project: Project) -> Check:
    """Only capacity of the project's organization is touched, and no pool that others use."""
    own, name = project.organization_id, db.session.get_one(Organization, project.organization_id).name

    def check(table: CapacityTable, plan: Plan, header: Header) -> None:
        known = stored(Capacity, ("organization_id",), table.id)
        pools = _pools_of_others(own, [told_text(pool) for pool in table.pool_names])
        for place, external_id in enumerate(table.id):
            row = int(table.row[place])
            if told_text(table.organization[place]) not in ("", name):
                plan.faults.append(header.fault(row, "organization", "not_own_organization", value=name))
            if external_id in known and known[external_id].organization_id != own:
                plan.faults.append(header.fault(row, "id", "taken_elsewhere"))
            if table.pool[place] >= 0 and told_text(table.pool_names[table.pool[place]]) in pools:
                plan.faults.append(header.fault(row, "pool", "pool_elsewhere"))

    return check


def _pools_of_others(own: int, names: list[str]) -> set[str]:
    found: set[str] = set()
    for chunk in chunks(names):
        query = select(Pool.name, Pool.organization_id, Capacity.organization_id)
        query = query.outerjoin(Capacity, Capacity.pool_id == Pool.id).where(Pool.name.in_(chunk))
        for name, owner, user in db.session.execute(query):
            if (owner or own) != own or (user or own) != own:
                found.add(name)
    return found


def preview_needs(actor: Actor, file: str, data: bytes, language: Language) -> Preview:
    """What a file of needs would do in the region that the actor serves."""
    return _preview(actor, "needs", "needs", file, data, language, _own_needs(actor))


def bring_needs(actor: Actor, token: str) -> Outcome:
    """Bring in the needs of a file that the actor has looked at.

    Raises:
        InvalidTable: what it touches has changed since, so that it has faults now.
        StateConflict: the file is no longer kept.
    """
    sent = incoming.take(actor, "needs", token)
    return import_data(actor, "needs", sent.data, sent.file, check=_own_needs(actor))


def _own_needs(actor: Actor) -> Check:
    """Only needs and households of the actor's region are touched."""
    prefix = regions.prefix(actor.region or regions.NINGXIA)

    def check(table: NeedTable, plan: Plan, header: Header) -> None:
        codes = code_tables().regions.codes
        needs = stored(Need, ("region",), table.id)
        cases = stored(Case, ("region",), sorted({name for name in table.household if name}))
        for place, external_id in enumerate(table.id):
            row = int(table.row[place])
            if not codes[table.region[place]].startswith(prefix):
                plan.faults.append(header.fault(row, "region", "outside_region"))
            if external_id in needs and not needs[external_id].region.startswith(prefix):
                plan.faults.append(header.fault(row, "id", "taken_elsewhere"))
            case = cases.get(table.household[place])
            if case is not None and not case.region.startswith(prefix):
                plan.faults.append(header.fault(row, "household", "taken_elsewhere"))

    return check


def _preview(
    actor: Actor, kind: str, purpose: str, file: str, data: bytes, language: Language, check: Check
) -> Preview:
    preview = Preview()

    def look(table: Any, plan: Plan, header: Header) -> None:
        check(table, plan, header)
        preview.rows = [(row["external_id"], row["title"], row["quantity"]) for row in plan.new[:SHOWN]]

    try:
        preview.outcome = import_data(actor, kind, data, file, language=language, dry_run=True, check=look)
    except InvalidTable as refused:
        preview.faults = refused.faults[:MOST_FAULTS]
        preview.more = len(refused.faults) - len(preview.faults) + refused.uncounted
        preview.rows = []
    else:
        if preview.outcome.new or preview.outcome.changed:
            preview.token = incoming.keep(actor, purpose, file, data)
    return preview
