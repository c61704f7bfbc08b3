"""Projects from a file into the database: open and marked as imported where they are new."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from sqlalchemy import select

from marketplace import audit, events
from marketplace.exchange.faults import Header
from marketplace.exchange.plan import (
    Change,
    Plan,
    check_length,
    chunks,
    differing,
    store_changed,
    store_new,
    stored,
)
from marketplace.exchange.sheets import Format, Rows, days, read_rows
from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor
from marketplace.projects.models import FUNDINGS, Capacity, Project
from marketplace.projects.services import hukou_wording
from matching.eligibility.codes import CodeTables
from matching.tables import Language, Sheet
from matching.tables import columns as cells

COLUMNS = {
    "id": "编号",
    "organization": "机构",
    "title": "标题",
    "summary": "简介",
    "funding": "资金来源",
    "starts_on": "开始日期",
    "ends_on": "结束日期",
}
FORM = Format(COLUMNS, ("id", "organization", "title"), frozenset(COLUMNS))
FUNDING_WORDS = dict(zip(("慈善资金", "政府购买", "混合"), FUNDINGS, strict=True))
_READ = ("organization_id", "region", "title", "summary", "funding", "starts_on", "ends_on")


def read_projects(
    data: bytes, file: str, _tables: CodeTables, *, language: Language = "zh", without: Collection[int] = ()
) -> Rows:
    """Projects of a file.

    Raises:
        InvalidTable: with every fault.
    """

    def fundings(sheet: Sheet) -> list[Any]:
        numbers = sheet.integers("funding", cells.choice(FUNDING_WORDS, FUNDINGS, language), 0)
        return [FUNDINGS[number] for number in numbers.tolist()]

    readers = {"funding": fundings, "starts_on": days("starts_on"), "ends_on": days("ends_on")}
    return read_rows(data, file, FORM, readers, language, without)


def plan_projects(table: Rows, header: Header, _tables: CodeTables) -> Plan:
    """Compare a file with the database; nothing is written."""
    plan = Plan()
    known = stored(Project, _READ, [values["id"] for values in table.values])
    owners = _owners({values["organization"] for values in table.values})
    with_capacity = _with_capacity([row.id for row in known.values()])
    follows = {name for name in COLUMNS if name in header}
    for values, row in zip(table.values, table.row, strict=True):
        external_id, name = values.pop("id"), values.pop("organization")
        check_length(plan, header, row, "id", external_id, 80)
        check_length(plan, header, row, "title", values["title"], 120)
        if values["starts_on"] and values["ends_on"] and values["ends_on"] < values["starts_on"]:
            plan.faults.append(header.fault(row, "ends_on", "period"))
        for column in ("title", "summary"):
            for clause in hukou_wording(values[column]):
                plan.warnings.append(header.fault(row, column, "hukou_wording", value=clause[:40]))
        owner = _owner(plan, header, row, name, owners)
        if owner is None:
            continue
        values |= {"organization_id": owner.id, "region": owner.region}
        existing = known.get(external_id)
        if existing is None:
            plan.new.append(values | {"external_id": external_id, "imported": True, "state": "open"})
            continue
        told = {key: value for key, value in values.items() if key in follows and value not in ("", None)}
        changed = differing(existing, told | {"organization_id": owner.id, "region": owner.region}, frozenset())
        if "organization_id" in changed and existing.id in with_capacity:
            plan.faults.append(header.fault(row, "organization", "project_organization_fixed"))
        if changed:
            plan.changed.append(Change(existing.id, owner.region, changed))
        else:
            plan.unchanged += 1
    return plan


def _owners(names: set[str]) -> dict[str, list[Any]]:
    """Organizations by the id that a file gives them, and by name; several may share a name."""
    found: dict[str, list[Any]] = {}
    wanted = (Organization.id, Organization.name, Organization.region, Organization.external_id, Organization.public_id)
    for chunk in chunks(sorted(names)):
        query = select(*wanted).order_by(Organization.id)
        for row in db.session.execute(query.where(Organization.name.in_(chunk))):
            found.setdefault(row.name, []).append(row)
        for row in db.session.execute(query.where(Organization.public_id.in_(chunk))):
            found[row.public_id] = [row]
        for row in db.session.execute(query.where(Organization.external_id.in_(chunk))):
            found[row.external_id or ""] = [row]
    return found


def _owner(plan: Plan, header: Header, row: int, name: str, owners: dict[str, list[Any]]) -> Any | None:
    found = owners.get(name, [])
    if not found:
        plan.faults.append(header.fault(row, "organization", "unknown_organization", value=name[:40]))
        return None
    if len(found) > 1:
        plan.faults.append(header.fault(row, "organization", "several_organizations"))
        return None
    return found[0]


def _with_capacity(ids: list[int]) -> set[int]:
    found: set[int] = set()
    for chunk in chunks(ids):
        query = select(Capacity.project_id).where(Capacity.project_id.in_(chunk)).distinct()
        found |= {key for key in db.session.scalars(query) if key is not None}
    return found


def apply_projects(actor: Actor, plan: Plan, told: Callable[[int], None]) -> None:
    """Write a plan, inside the caller's transaction."""
    keys = store_new(Project, plan.new, told)
    made = [(keys[row["external_id"]], row["region"]) for row in plan.new]
    audit.record_many(actor, "project:imported", "project", made, after="open")
    store_changed(Project, plan.changed)
    for change in plan.changed:
        rows = [(change.key, change.region)]
        audit.record_many(actor, "project:import_changed", "project", rows, changed=change.values)
    events.changed.send("project", ids=[*keys.values(), *(change.key for change in plan.changed)])


def project_records() -> Iterator[list[str]]:
    """Every project."""
    owner = select(Project, Organization.external_id, Organization.public_id).join(Organization)
    for row, external_id, public_id in db.session.execute(owner.order_by(Project.id).execution_options(yield_per=2000)):
        yield [
            row.external_id or row.public_id,
            external_id or public_id,
            row.title,
            row.summary,
            row.funding,
            row.starts_on.isoformat() if row.starts_on else "",
            row.ends_on.isoformat() if row.ends_on else "",
        ]
