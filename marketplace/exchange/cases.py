"""Households and their people from a file into the database. Personal data is sealed as it is stored, and no message
repeats a cell of such a file."""

import secrets
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from marketplace import audit, events, identity, regions, taxonomy
from marketplace.cases.models import COLOURS, Case, Person
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
from marketplace.exchange.sheets import Format, Rows, days, read_rows
from marketplace.extensions import db
from marketplace.permissions import Actor
from marketplace.privacy import Sealed, blind_index
from marketplace.records import today
from matching.eligibility.codes import CodeList, CodeTables
from matching.tables import Language, Sheet
from matching.tables import columns as cells

COLUMNS = {
    "id": "编号",
    "household": "家庭编号",
    "region": "地区",
    "colour": "风险等级",
    "summary": "个案摘要",
    "opened_on": "建档日期",
    "name": "姓名",
    "relation": "与户主关系",
    "id_number": "身份证号",
    "phone": "电话",
    "address": "住址",
    "birth_on": "出生日期",
    "sex": "性别",
    "tier": "救助类别",
    "groups": "人群",
    "hukou_place": "户籍所在地",
    "residence_permit": "居住证",
}
FORM = Format(COLUMNS, ("id", "region"), frozenset())
#: The columns that speak of the household; every row of one household says the same, or nothing.
OF_CASE = ("region", "colour", "summary", "opened_on")
COLOUR_WORDS = {
    "红": "RED",
    "黄": "YELLOW",
    "蓝": "BLUE",
    "未评": "UNRATED",
    "红色": "RED",
    "黄色": "YELLOW",
    "蓝色": "BLUE",
}
COLOUR_NAMES = tuple(colour.casefold() for colour in COLOURS)
SEXES = ("F", "M")
SEX_WORDS = {"女": "f", "男": "m"}
LENGTHS = {"id": 80, "household": 80, "name": 60, "relation": 20, "phone": 40, "address": 200, "summary": 4000}
_CASE_READ = ("region", "colour", "summary", "opened_on")
_PERSON_READ = (
    "case_id", "relation", "name", "id_number", "phone", "address", "birth_on", "sex", "tier", "groups",
    "hukou_region", "residence_permit",
)  # fmt: skip


@dataclass
class CasePlan(Plan):
    """Households beside the plan of the people: new ones by their id, and changes of those on record."""

    new_cases: dict[str, Values] = field(default_factory=dict)
    changed_cases: list[Change] = field(default_factory=list)


def read_cases(
    data: bytes, file: str, tables: CodeTables, *, language: Language = "zh", without: Collection[int] = ()
) -> Rows:
    """People of a file with their households.

    Raises:
        InvalidTable: with every fault; none repeats a cell.
    """
    places, groups = tables.regions, tables.groups
    homes = _hukou_places()
    tiers = _terms(taxonomy.assist_tiers())

    def region(sheet: Sheet) -> list[str]:
        return [places.codes[place] for place in sheet.required("region", cells.code(places, sheet.what("region")))]

    def colour(sheet: Sheet) -> list[Any]:
        words = {word: code.casefold() for word, code in COLOUR_WORDS.items()}
        told = sheet.integers("colour", cells.choice(words, COLOUR_NAMES, language), -1)
        return [None if place < 0 else COLOURS[place] for place in told.tolist()]

    def sex(sheet: Sheet) -> list[Any]:
        told = sheet.integers("sex", cells.choice(SEX_WORDS, ("f", "m"), language), -1)
        return [None if place < 0 else SEXES[place] for place in told.tolist()]

    def tier(sheet: Sheet) -> list[Any]:
        told = sheet.integers("tier", cells.code(tiers, sheet.what("group")), -1)
        return [None if place < 0 else tiers.codes[place] for place in told.tolist()]

    def target_groups(sheet: Sheet) -> list[Any]:
        told = sheet.parsed("groups", cells.codes_of(groups, sheet.what("group")), None)
        return [None if row is None else sorted(groups.codes[place] for place in row) for row in told]

    def hukou(sheet: Sheet) -> list[Any]:
        told = sheet.integers("hukou_place", cells.code(homes, sheet.what("region")), -1)
        return [None if place < 0 else homes.codes[place] for place in told.tolist()]

    def permit(sheet: Sheet) -> list[Any]:
        return [bool(value) for value in sheet.integers("residence_permit", cells.truth(language), 0).tolist()]

    readers = {
        "region": region, "colour": colour, "sex": sex, "tier": tier, "groups": target_groups, "hukou_place": hukou,
        "residence_permit": permit, "opened_on": days("opened_on"), "birth_on": days("birth_on"),
    }  # fmt: skip
    return read_rows(data, file, FORM, readers, language, without)


def _terms(terms: tuple[taxonomy.Term, ...]) -> CodeList:
    return CodeList(
        tuple(term.code for term in terms),
        tuple(term.name_zh for term in terms),
        tuple(term.name_en for term in terms),
    )


def _hukou_places() -> CodeList:
    """Where a household registration may be: a county of Ningxia or any province."""
    places = [(place.code, place.name_zh, place.name_en) for place in regions.provinces()]
    places += [(place.code, place.name_zh, place.name_en) for place in regions.all_regions() if place.parent_code]
    codes, names_zh, names_en = zip(*places, strict=True)
    return CodeList(codes, names_zh, names_en)


def plan_cases(table: Rows, header: Header, _tables: CodeTables) -> CasePlan:
    """Compare a file with the database; nothing is written."""
    plan = CasePlan()
    for values in table.values:
        values["household"] = values["household"] or values["id"]
    cases = stored(Case, _CASE_READ, [values["household"] for values in table.values])
    people = stored(Person, _PERSON_READ, [values["id"] for values in table.values])
    _plan_households(plan, table, header, cases)
    twice = _double_numbers(table)
    follows = {name for name in COLUMNS if name in header} - set(OF_CASE)
    for values, row in zip(table.values, table.row, strict=True):
        person = _person(plan, header, row, values)
        existing = people.get(values["id"])
        case = cases.get(values["household"])
        if person["id_number_index"] and any(
            other != (case.id if case else None) for other in twice.get(person["id_number_index"], ())
        ):
            plan.warnings.append(header.fault(row, "id_number", "person_twice"))
        if existing is None:
            if not person["name"]:
                plan.faults.append(header.fault(row, "name", "name_missing"))
            new = {name: value for name, value in person.items() if value is not None}
            new["case_id"] = case.id if case else values["household"]
            plan.new.append(
                {"tier": "T-NONE", "groups": [], "relation": ""} | dict.fromkeys(_OPTIONAL) | new
                | {"external_id": values["id"], "imported": True}
            )  # fmt: skip
            continue
        if case is None or existing.case_id != case.id:
            plan.faults.append(header.fault(row, "household", "person_household_fixed"))
            continue
        changed = _changes(existing, person, follows)
        if changed:
            plan.changed.append(Change(existing.id, case.region, changed))
        else:
            plan.unchanged += 1
    return plan


_OPTIONAL = ("id_number", "id_number_index", "phone", "address", "birth_on", "sex", "hukou_region")


def _plan_households(plan: CasePlan, table: Rows, header: Header, cases: dict[str, Any]) -> None:
    first: dict[str, tuple[int, Values]] = {}
    for values, row in zip(table.values, table.row, strict=True):
        told = {name: values[name] for name in OF_CASE if values[name]}
        seen_row, seen = first.setdefault(values["household"], (row, {}))
        for name, value in told.items():
            if seen.setdefault(name, value) != value:
                plan.faults.append(header.fault(row, name, "household_differs", first=seen_row))
    for household, (row, told) in first.items():
        check_length(plan, header, row, "household", household, LENGTHS["household"])
        check_length(plan, header, row, "summary", told.get("summary", ""), LENGTHS["summary"])
        case = cases.get(household)
        if case is None:
            plan.new_cases[household] = {"colour": "UNRATED", "summary": None, "opened_on": today()} | told
            continue
        changed = {name: value for name, value in told.items() if _plain(getattr(case, name)) != value}
        if changed:
            plan.changed_cases.append(Change(case.id, changed.get("region", case.region), changed))


def _person(plan: CasePlan, header: Header, row: int, values: Values) -> Values:
    """The columns of a person; None where a cell leaves them open."""
    for name, limit in LENGTHS.items():
        if name not in ("household", "summary"):
            check_length(plan, header, row, name, values[name], limit)
    birth_on, sex, number = values["birth_on"], values["sex"], None
    if values["id_number"]:
        try:
            found = identity.read(values["id_number"])
        except ValueError:
            plan.faults.append(header.fault(row, "id_number", "id_number"))
        else:
            number = found.text
            birth_on, sex = birth_on or found.birth_on, sex or found.sex
            if not found.whole:
                plan.warnings.append(header.fault(row, "id_number", "id_number_check"))
    if birth_on and birth_on > today():
        plan.faults.append(header.fault(row, "birth_on", "birth_future"))
    return {
        "name": values["name"] or None,
        "relation": values["relation"] or None,
        "id_number": number,
        "id_number_index": blind_index("person.id_number", number) if number else None,
        "phone": values["phone"] or None,
        "address": values["address"] or None,
        "birth_on": birth_on.isoformat() if birth_on else None,
        "sex": sex,
        "tier": values["tier"],
        "groups": values["groups"],
        "hukou_region": values["hukou_place"],
        "residence_permit": values["residence_permit"],
    }


def _changes(existing: Any, person: Values, follows: set[str]) -> Values:
    """What the file tells otherwise; a cell left open keeps what is on record."""
    changed: Values = {}
    for name, value in person.items():
        column = {"hukou_region": "hukou_place", "id_number_index": "id_number"}.get(name, name)
        derived = name in ("birth_on", "sex") and "id_number" in follows
        if value is None or (column not in follows and not derived) or name == "id_number_index":
            continue
        if _plain(getattr(existing, name)) != value:
            changed[name] = value
            if name == "id_number":
                changed["id_number_index"] = person["id_number_index"]
    return changed


def _plain(value: Any) -> Any:
    return value.plain() if isinstance(value, Sealed) else value


def _double_numbers(table: Rows) -> dict[str, set[int]]:
    """Households on record with somebody of the same identity number, by its blind index."""
    indexes = set()
    for values in table.values:
        try:
            indexes.add(blind_index("person.id_number", identity.read(values["id_number"]).text))
        except ValueError:
            continue
    found: dict[str, set[int]] = {}
    for chunk in chunks(sorted(indexes)):
        for index, case in db.session.execute(
            select(Person.id_number_index, Person.case_id).where(Person.id_number_index.in_(chunk))
        ):
            found.setdefault(index or "", set()).add(case)
    return found


def apply_cases(actor: Actor, plan: CasePlan, told: Callable[[int], None]) -> None:
    """Write a plan, inside the caller's transaction; the columns' types seal what is personal."""
    rows: list[Values] = [
        {"external_id": key, "imported": True, "number": f"C-{values['region']}-{secrets.token_hex(4).upper()}"}
        | values
        for key, values in plan.new_cases.items()
    ]
    cases = store_new(Case, rows, lambda _count: None)
    audit.record_many(actor, "case:imported", "case", [(cases[row["external_id"]], row["region"]) for row in rows])
    store_changed(Case, plan.changed_cases)
    for change in plan.changed_cases:
        audit.record_many(actor, "case:import_changed", "case", [(change.key, change.region)], changed=change.values)
    for values in plan.new:
        values["case_id"] = cases.get(values["case_id"], values["case_id"])
    keys = store_new(Person, plan.new, told)
    audit.record_many(actor, "person:imported", "person", [(key, None) for key in keys.values()])
    store_changed(Person, plan.changed)
    for change in plan.changed:
        rows_of = [(change.key, None)]
        audit.record_many(actor, "person:import_changed", "person", rows_of, changed=change.values)
    events.changed.send("case", ids=[*cases.values(), *(change.key for change in plan.changed_cases)])
    events.changed.send("person", ids=[*keys.values(), *(change.key for change in plan.changed)])


EXPORTED = ("id", "household", "region", "colour", "opened_on", "relation", "sex", "tier", "groups", "residence_permit")
"""What leaves the application in a file: neither who somebody is nor where they are registered."""


def case_records() -> Iterator[list[str]]:
    """People of the households that are not restricted (rules R05 and R07), without what tells who they are."""
    query = (
        select(Person, Case)
        .join(Case, Person.case_id == Case.id)
        .where(~Case.restricted)
        .order_by(Person.id)
        .execution_options(yield_per=2000)
    )
    for person, case in db.session.execute(query):
        yield [
            person.external_id or person.public_id,
            case.external_id or case.public_id,
            case.region,
            case.colour.casefold(),
            case.opened_on.isoformat(),
            person.relation,
            (person.sex or "").casefold(),
            person.tier,
            ";".join(person.groups),
            "yes" if person.residence_permit else "",
        ]
