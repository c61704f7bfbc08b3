"""Organizations from a file into the database: verified and marked as imported where they are new."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from sqlalchemy import select

from marketplace import audit, credit_code, events
from marketplace.exchange.faults import Header
from marketplace.exchange.plan import (
    Change,
    Plan,
    Values,
    check_length,
    chunks,
    store_changed,
    store_new,
    stored,
)
from marketplace.exchange.sheets import Format, Rows, read_rows
from marketplace.extensions import db
from marketplace.organizations.models import KINDS, Organization
from marketplace.permissions import Actor
from marketplace.privacy import Sealed
from matching.eligibility.codes import CodeTables
from matching.tables import Language, Sheet
from matching.tables import columns as cells

COLUMNS = {
    "id": "编号",
    "name": "名称",
    "name_en": "英文名称",
    "kind": "机构类型",
    "credit_code": "统一社会信用代码",
    "region": "地区",
    "contact_name": "联系人",
    "contact_phone": "联系电话",
    "summary": "简介",
}
PERSONAL = frozenset({"contact_name", "contact_phone"})
FORM = Format(COLUMNS, ("id", "name", "region"), frozenset(COLUMNS) - PERSONAL)
KIND_WORDS = dict(
    zip(
        ("慈善组织", "基金会", "社会工作机构", "律师事务所", "医疗机构", "商户", "企业", "志愿服务队", "政府部门"),
        KINDS,
        strict=True,
    )
)
LENGTHS = {"id": 80, "name": 120, "name_en": 160, "contact_name": 40, "contact_phone": 40}
_READ = ("name", "name_en", "kind", "credit_code", "region", "contact_name", "contact_phone", "summary", "state")


def read_organizations(
    data: bytes, file: str, tables: CodeTables, *, language: Language = "zh", without: Collection[int] = ()
) -> Rows:
    """Organizations of a file.

    Raises:
        InvalidTable: with every fault.
    """
    places = tables.regions

    def kinds(sheet: Sheet) -> list[Any]:
        numbers = sheet.integers("kind", cells.choice(KIND_WORDS, KINDS, language), 0)
        return [KINDS[number] for number in numbers.tolist()]

    def regions(sheet: Sheet) -> list[str]:
        return [places.codes[place] for place in sheet.required("region", cells.code(places, sheet.what("region")))]

    return read_rows(data, file, FORM, {"kind": kinds, "region": regions}, language, without)


def plan_organizations(table: Rows, header: Header, _tables: CodeTables) -> Plan:
    """Compare a file with the database; nothing is written."""
    plan = Plan()
    known = stored(Organization, _READ, [values["id"] for values in table.values])
    nameless = _made_by_capacity({values["name"] for values in table.values} if table.values else set())
    taken = _codes([credit_code.normalise(values["credit_code"]) for values in table.values])
    in_file: dict[str, int] = {}
    follows = {name for name in COLUMNS if name in header and name != "id"}
    for values, row in zip(table.values, table.row, strict=True):
        external_id = values.pop("id")
        values["credit_code"] = credit_code.normalise(values["credit_code"]) or None
        values["name_en"] = values["name_en"] or None
        existing = known.get(external_id) or nameless.pop(values["name"], None)
        for name, limit in LENGTHS.items():
            check_length(plan, header, row, name, external_id if name == "id" else values[name] or "", limit)
        _check_code(plan, header, row, values["credit_code"], existing, taken, in_file)
        if existing is None:
            plan.new.append(_new(values, external_id))
            continue
        changed = _changes(existing, values, follows)
        if existing.external_id is None and existing.public_id != external_id:
            changed["external_id"] = external_id  # a capacity file named it before its own file came
        if changed:
            plan.changed.append(Change(existing.id, changed.get("region", existing.region), changed))
        else:
            plan.unchanged += 1
    return plan


def _new(values: Values, external_id: str) -> Values:
    values |= {name: values[name] or None for name in PERSONAL}
    return values | {"external_id": external_id, "imported": True, "state": "verified"}


def _changes(existing: Any, values: Values, follows: set[str]) -> Values:
    """Columns that the file tells otherwise; an empty cell leaves what is stored as it is."""
    told = {name: value for name, value in values.items() if name in follows and value}
    return {name: value for name, value in told.items() if _plain(getattr(existing, name)) != value}


def _plain(value: Any) -> Any:
    return value.plain() if isinstance(value, Sealed) else value


def _check_code(
    plan: Plan,
    header: Header,
    row: int,
    code: str | None,
    existing: Any,
    taken: dict[str, int],
    in_file: dict[str, int],
) -> None:
    if code is None:
        return
    if not credit_code.is_valid(code):
        plan.faults.append(header.fault(row, "credit_code", "credit_code"))
    elif code in in_file:
        plan.faults.append(header.fault(row, "credit_code", "credit_code_taken", other=in_file[code]))
    elif code in taken and (existing is None or taken[code] != existing.id):
        plan.faults.append(header.fault(row, "credit_code", "credit_code_taken", other="-"))
    in_file.setdefault(code, row)


def _codes(codes: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in chunks(sorted({code for code in codes if code})):
        query = select(Organization.credit_code, Organization.id).where(Organization.credit_code.in_(chunk))
        found |= {code: key for code, key in db.session.execute(query) if code}
    return found


def _made_by_capacity(names: set[str]) -> dict[str, Any]:
    """Organizations that a capacity file made by name alone, and that no file has given an id yet."""
    wanted = [getattr(Organization, name) for name in ("id", "external_id", "public_id", *_READ)]
    found: dict[str, Any] = {}
    for chunk in chunks(sorted(names)):
        query = select(*wanted).where(
            Organization.name.in_(chunk), Organization.imported, Organization.external_id.is_(None)
        )
        for row in db.session.execute(query.order_by(Organization.id.desc())):
            found[row.name] = row
    return found


def apply_organizations(actor: Actor, plan: Plan, told: Callable[[int], None]) -> None:
    """Write a plan, inside the caller's transaction."""
    keys = store_new(Organization, plan.new, told)
    made = [(keys[row["external_id"]], row["region"]) for row in plan.new]
    audit.record_many(actor, "organization:imported", "organization", made, after="verified")
    store_changed(Organization, plan.changed)
    for change in plan.changed:
        rows = [(change.key, change.region)]
        audit.record_many(actor, "organization:import_changed", "organization", rows, changed=change.values)
    events.changed.send("organization", ids=[*keys.values(), *(change.key for change in plan.changed)])


def organization_records() -> Iterator[list[str]]:
    """Every organization, without its contact: who answers its phone leaves the application in no list."""
    query = select(Organization).order_by(Organization.id).execution_options(yield_per=2000)
    for row in db.session.scalars(query):
        yield [
            row.external_id or row.public_id,
            row.name,
            row.name_en or "",
            row.kind,
            row.credit_code or "",
            row.region,
            row.summary,
        ]


EXPORTED = tuple(name for name in COLUMNS if name not in PERSONAL)
