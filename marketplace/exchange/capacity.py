"""Capacity from a file into the database: organizations, projects and pools made where they are unknown."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, insert, select, update

from marketplace import audit, events, money, taxonomy
from marketplace.allocations.models import Allocation
from marketplace.exchange.faults import Header
from marketplace.exchange.plan import (
    Change,
    Plan,
    Values,
    check_length,
    chunks,
    days_of,
    degrees_of,
    differing,
    group_codes,
    store_changed,
    store_new,
    stored,
    told_text,
)
from marketplace.extensions import db, table_of
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor
from marketplace.projects.models import Capacity, Pool, Project
from marketplace.records import today
from matching.eligibility.codes import CodeTables
from matching.tables import CapacityTable

#: File column -> columns of the table that follow it.
COLUMNS: dict[str, tuple[str, ...]] = {
    "organization": ("organization",),
    "pool": ("pool",),
    "categories": ("categories",),
    "regions": ("regions",),
    "lat": ("latitude",),
    "lon": ("longitude",),
    "radius_km": ("radius_km",),
    "quantity": ("quantity",),
    "budget_yuan": ("budget_fen",),
    "unit_cost_yuan": ("unit_cost_fen",),
    "groups": ("groups",),
    "qualifications": ("qualifications",),
    "minimum_batch": ("minimum_batch",),
    "valid_from": ("valid_from",),
    "valid_until": ("valid_until",),
    "title": ("title",),
}
UNORDERED = frozenset({"groups", "qualifications"})
_READ = (
    "project_id", "organization_id", "region", "title", "categories", "regions", "unit", "quantity", "allocated",
    "pool_id", "budget_fen", "committed_fen", "unit_cost_fen", "minimum_batch", "latitude", "longitude",
    "radius_km", "groups", "qualifications", "valid_from", "valid_until", "active",
)  # fmt: skip
#: Files may leave the organization open; the database may not.
NAMELESS = "未注明机构（导入）"
PROJECT_TITLE = "{name}服务能力（导入）"
#: A radius of 0 reaches its own point alone; a metre does the same and keeps the column's rule.
SMALLEST_RADIUS_KM = 0.001


@dataclass
class CapacityPlan(Plan):
    """Also the organizations that a file makes (name -> region) and the pools it makes or changes."""

    organizations: dict[str, str] = field(default_factory=dict)
    new_pools: dict[str, int] = field(default_factory=dict)
    changed_pools: dict[int, int] = field(default_factory=dict)
    known_organizations: dict[str, Any] = field(default_factory=dict)
    known_pools: dict[str, int] = field(default_factory=dict)


def plan_capacity(table: CapacityTable, header: Header, tables: CodeTables) -> CapacityPlan:
    """Compare a file with the database; nothing is written."""
    plan = CapacityPlan()
    known = stored(Capacity, _READ, table.id)
    with_allocations = _with_allocations([row.id for row in known.values()])
    names = {told_text(name) or NAMELESS for name in table.organization}
    plan.known_organizations = _organizations(names)
    _plan_pools(plan, table, header)
    pool_names = {key: name for name, key in plan.known_pools.items()}
    organization_names = _names_of({row.organization_id for row in known.values() if row.organization_id})
    follows = {name for column in COLUMNS if column in header for name in COLUMNS[column]}
    for place, values in enumerate(_rows(table, tables)):
        row, existing = int(table.row[place]), known.get(table.id[place])
        check_length(plan, header, row, "id", table.id[place], 80)
        _check(plan, header, row, values)
        name = values["organization"]
        if name not in plan.known_organizations and (existing is None or name != NAMELESS):
            plan.organizations.setdefault(name, values["regions"][0])
        if existing is None:
            _add_new(plan, values, table.id[place])
            continue
        if existing.organization_id is None:
            plan.faults.append(header.fault(row, "id", "offer_of_volunteer"))
            continue
        before = {
            "organization": organization_names[existing.organization_id],
            "pool": pool_names.get(existing.pool_id),
        }
        changed = _changes(existing, before, values, follows)
        if not changed:
            plan.unchanged += 1
            continue
        _check_change(plan, header, row, existing, changed, allocated=existing.id in with_allocations)
        plan.changed.append(Change(existing.id, existing.region, changed))
    return plan


def _rows(table: CapacityTable, tables: CodeTables) -> list[Values]:
    categories, places = tables.categories.codes, tables.regions.codes
    pools = [*table.pool_names, None]  # −1, no pool, takes the last
    radius = degrees_of(table.radius_km)
    columns = {
        "organization": [told_text(name) or NAMELESS for name in table.organization],
        "pool": [None if (name := pools[pool]) is None else told_text(name) for pool in table.pool.tolist()],
        "categories": [[categories[place] for place in row] for row in table.categories],
        "regions": [[places[place] for place in row] for row in table.regions],
        "latitude": degrees_of(table.lat),
        "longitude": degrees_of(table.lon),
        "radius_km": [None if value is None else max(value, SMALLEST_RADIUS_KM) for value in radius],
        "quantity": table.quantity.tolist(),
        "budget_fen": [None if value < 0 else value for value in table.budget_fen.tolist()],
        "unit_cost_fen": table.unit_cost_fen.tolist(),
        "groups": group_codes(tables.groups, table.groups),
        "qualifications": [list(row) for row in table.qualifications],
        "minimum_batch": table.minimum_batch.tolist(),
        "valid_from": days_of(table.valid_from),
        "valid_until": days_of(table.valid_until),
        "title": [told_text(title) for title in table.title],
    }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for row in rows:
        row["unit"] = taxonomy.unit(row["categories"][0])
    return rows


def _check(plan: CapacityPlan, header: Header, row: int, values: Values) -> None:
    check_length(plan, header, row, "title", values["title"], 160)
    check_length(plan, header, row, "organization", values["organization"], 100)
    check_length(plan, header, row, "pool", values["pool"] or "", 120)


def _add_new(plan: CapacityPlan, values: Values, external_id: str) -> None:
    plan.new.append(
        values
        | {
            "external_id": external_id,
            "imported": True,
            "title": values["title"] or taxonomy.name(values["categories"][0]),
            "confirmed_on": today(),
        }
    )


def _changes(existing: Any, before: Values, values: Values, follows: set[str]) -> Values:
    """Columns that the file tells otherwise; what a cell leaves open stays as it is."""
    told = {name: value for name, value in values.items() if name in follows}
    if not told.get("title"):
        told.pop("title", None)
    if told.get("organization") == NAMELESS:
        del told["organization"]
    by_name = {name: told.pop(name) for name in ("organization", "pool") if name in told}
    changed = differing(existing, told, UNORDERED)
    if "categories" in changed:
        changed["unit"] = values["unit"]
    return changed | {name: value for name, value in by_name.items() if before[name] != value}


def _check_change(
    plan: CapacityPlan, header: Header, row: int, existing: Any, changed: Values, *, allocated: bool
) -> None:
    if changed.get("quantity", existing.allocated) < existing.allocated:
        plan.faults.append(header.fault(row, "quantity", "below_allocated", least=existing.allocated))
    budget = changed.get("budget_fen")
    if budget is not None and budget < existing.committed_fen:
        least = money.yuan_text(existing.committed_fen)
        plan.faults.append(header.fault(row, "budget_yuan", "budget_below_committed", least=least))
    if existing.allocated and "unit_cost_fen" in changed:
        told = money.yuan_text(existing.unit_cost_fen)
        plan.faults.append(header.fault(row, "unit_cost_yuan", "cost_fixed", value=told))
    if allocated and "organization" in changed:
        plan.faults.append(header.fault(row, "organization", "organization_fixed"))


def _plan_pools(plan: CapacityPlan, table: CapacityTable, header: Header) -> None:
    names = [told_text(name) for name in table.pool_names]
    stored_pools = {row.name: row for row in db.session.scalars(select(Pool))}
    plan.known_pools = {name: row.id for name, row in stored_pools.items()}
    for place, (name, quantity) in enumerate(zip(names, table.pool_capacity.tolist(), strict=True)):
        existing = stored_pools.get(name)
        if existing is None:
            plan.new_pools[name] = quantity
        elif existing.quantity != quantity:
            least = db.session.scalar(select(func.sum(Capacity.allocated)).where(Capacity.pool_id == existing.id)) or 0
            if quantity < least:
                row = int(table.row[table.pool.tolist().index(place)])
                plan.faults.append(header.fault(row, "pool_quantity", "pool_below_allocated", pool=name, least=least))
            plan.changed_pools[existing.id] = quantity


def _organizations(names: Iterable[str]) -> dict[str, Any]:
    """Organizations by name; of several with one name a verified one, then the oldest."""
    found: dict[str, Any] = {}
    for chunk in chunks(sorted(names)):
        query = select(Organization.id, Organization.name, Organization.region, Organization.state)
        for row in db.session.execute(query.where(Organization.name.in_(chunk)).order_by(Organization.id)):
            if row.name not in found or (row.state == "verified" and found[row.name].state != "verified"):
                found[row.name] = row
    return found


def _names_of(ids: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for chunk in chunks(sorted(ids)):
        query = select(Organization.id, Organization.name).where(Organization.id.in_(chunk))
        found |= dict(db.session.execute(query).all())
    return found


def _with_allocations(ids: list[int]) -> set[int]:
    found: set[int] = set()
    for chunk in chunks(ids):
        query = select(Allocation.capacity_id).where(Allocation.capacity_id.in_(chunk)).distinct()
        found |= {key for key in db.session.scalars(query) if key is not None}
    return found


def apply_capacity(
    actor: Actor, plan: CapacityPlan, told: Callable[[int], None], project: Project | None = None
) -> None:
    """Write a plan, inside the caller's transaction.

    Args:
        project: what all new rows go to; else each goes to the project that imports fill for its organization.
    """
    if project is not None:
        _put_into(plan, project)
    organizations = _make_organizations(actor, plan)
    pools = plan.known_pools | _make_pools(actor, plan, project.organization_id if project else None)
    projects = _projects(actor, plan, organizations)
    for values in [*plan.new, *(change.values for change in plan.changed)]:
        if "organization" in values:
            key, region = organizations[name := values.pop("organization")]
            values |= {"organization_id": key, "region": region, "project_id": projects[name]}
        if "pool" in values:
            values["pool_id"] = pools.get(values.pop("pool"))
    for change in plan.changed:
        change.values["confirmed_on"] = today()
    keys = store_new(Capacity, plan.new, told)
    made = [(keys[row["external_id"]], row["region"]) for row in plan.new]
    audit.record_many(actor, "capacity:imported", "capacity", made)
    store_changed(Capacity, plan.changed)
    for change in plan.changed:
        rows = [(change.key, change.region)]
        audit.record_many(actor, "capacity:import_changed", "capacity", rows, changed=change.values)
    events.changed.send("capacity", ids=[*keys.values(), *(change.key for change in plan.changed)])


def _make_organizations(actor: Actor, plan: CapacityPlan) -> dict[str, tuple[int, str]]:
    """Key and region of every organization that the file names."""
    known = {name: (row.id, row.region) for name, row in plan.known_organizations.items()}
    if not plan.organizations:
        return known
    rows = [
        {"name": name, "kind": "charity", "region": region, "state": "verified", "imported": True}
        for name, region in plan.organizations.items()
    ]
    db.session.execute(insert(table_of(Organization)), rows)
    made = {name: (row.id, row.region) for name, row in _organizations(plan.organizations).items()}
    audit.record_many(actor, "organization:imported", "organization", made.values(), after="verified")
    events.changed.send("organization", ids=[key for key, _region in made.values()])
    return known | made


def _put_into(plan: CapacityPlan, project: Project) -> None:
    """Give every new row to one project; those on record stay where they are."""
    plan.organizations.clear()
    for values in plan.new:
        del values["organization"]
        values |= {
            "organization_id": project.organization_id,
            "region": project.region,
            "project_id": project.id,
            "imported": False,
        }
    for change in plan.changed:
        change.values.pop("organization", None)


def _make_pools(actor: Actor, plan: CapacityPlan, owner: int | None) -> dict[str, int]:
    for key, quantity in plan.changed_pools.items():
        db.session.execute(update(Pool).where(Pool.id == key).values(quantity=quantity))
    audit.record_many(actor, "pool:import_changed", "pool", [(key, None) for key in plan.changed_pools])
    if not plan.new_pools:
        return {}
    rows = [{"name": name, "quantity": quantity, "organization_id": owner} for name, quantity in plan.new_pools.items()]
    db.session.execute(insert(table_of(Pool)), rows)
    query = select(Pool.name, Pool.id).where(Pool.name.in_(list(plan.new_pools)))
    made = dict(db.session.execute(query).all())
    audit.record_many(actor, "pool:imported", "pool", [(key, None) for key in made.values()])
    return made


def _projects(actor: Actor, plan: CapacityPlan, organizations: dict[str, tuple[int, str]]) -> dict[str, int]:
    """For each organization that gets capacity, the project that imports fill; made where there is none."""
    named = [values["organization"] for values in [*plan.new, *(change.values for change in plan.changed)]
             if "organization" in values]  # fmt: skip
    wanted = {organizations[name][0]: name for name in named}
    found: dict[str, int] = {}
    for chunk in chunks(sorted(wanted)):
        query = select(Project.organization_id, Project.id).where(
            Project.organization_id.in_(chunk), Project.imported, Project.state != "closed"
        )
        for organization_id, key in db.session.execute(query.order_by(Project.id.desc())):
            found[wanted[organization_id]] = key
    rows: list[Values] = [
        {
            "organization_id": key,
            "region": organizations[name][1],
            "title": PROJECT_TITLE.format(name=name),
            "state": "open",
            "imported": True,
        }
        for key, name in wanted.items()
        if name not in found
    ]
    if rows:
        db.session.execute(insert(table_of(Project)), rows)
        names = {row["organization_id"]: wanted[row["organization_id"]] for row in rows}
        made = []
        for chunk in chunks(sorted(names)):
            query_made = select(Project.organization_id, Project.id, Project.region).where(
                Project.organization_id.in_(chunk), Project.imported, Project.state == "open"
            )
            for organization_id, key, region in db.session.execute(query_made):
                found[names[organization_id]] = key
                made.append((key, region))
        audit.record_many(actor, "project:imported", "project", made, after="open")
        events.changed.send("project", ids=[key for key, _region in made])
    return found
