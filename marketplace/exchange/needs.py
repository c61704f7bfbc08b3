"""Needs from a file into the database: cases made where they are unknown, consents written down."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import func, insert, select

from marketplace import audit, events, taxonomy
from marketplace.cases.models import Case, Consent
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
from marketplace.needs.models import URGENCIES, Need, new_reference
from marketplace.permissions import Actor
from marketplace.records import today
from marketplace.screening import screen
from matching.eligibility.codes import CodeTables
from matching.tables import KINDS, NeedTable

#: File column -> columns of the table that follow it.
COLUMNS: dict[str, tuple[str, ...]] = {
    "kind": ("kind",),
    "category": ("category",),
    "region": ("region",),
    "lat": ("latitude",),
    "lon": ("longitude",),
    "quantity": ("quantity",),
    "urgency": ("urgency",),
    "groups": ("groups",),
    "requires": ("requires",),
    "deadline": ("deadline",),
    "posted": ("posted_on",),
    "household": ("case_id",),
    "bundle": ("bundle",),
    "whole": ("whole",),
    "value_yuan": ("value_fen",),
    "title": ("title",),
    "consent_date": ("share_consent_on",),
    "consent_by": ("consent_by",),
}
UNORDERED = frozenset({"groups", "requires"})
#: What a wish's public card shows: a change of these hides it until somebody approves it again.
PUBLIC = frozenset({"category", "region", "title", "value_fen", "deadline", "unit"})
_READ = (
    "case_id", "kind", "category", "title", "region", "latitude", "longitude", "quantity", "allocated", "unit",
    "value_fen", "urgency", "groups", "requires", "posted_on", "deadline", "bundle", "whole", "state",
    "share_consent_on", "publish_consent_on", "consent_by",
)  # fmt: skip
#: Decimals of a degree, about a kilometre: a need's point is blurred as it enters.
BLUR = 2
_BY_HOUSEHOLD = "self"
_WITHHELD = frozenset({"id_number", "mobile", "landline", "bank_card", "email", "messenger"})


@dataclass
class NeedPlan(Plan):
    """Also the households that a file makes, and the consents it brings: (household, purpose) -> (date, by)."""

    households: dict[str, str] = field(default_factory=dict)
    consents: dict[tuple[str, str], tuple[date, str]] = field(default_factory=dict)
    without_consent: int = 0


def plan_needs(table: NeedTable, header: Header, tables: CodeTables) -> NeedPlan:
    """Compare a file with the database; nothing is written."""
    plan = NeedPlan()
    known = stored(Need, _READ, table.id)
    cases = _cases(table)
    withdrawn = _withdrawals(cases)
    follows = {name for column in COLUMNS if column in header for name in COLUMNS[column]}
    for place, values in enumerate(_rows(table, tables)):
        row, household = int(table.row[place]), table.household[place]
        _check(plan, header, row, table.id[place], values, household)
        case = cases.get(household) if household else None
        if household and case is None:
            plan.households.setdefault(household, values["region"])
        values["case_id"] = case.id if case else (household or None)
        purposes = ("share", "publish") if values["kind"] == "micro_wish" else ("share",)
        given = values["share_consent_on"]
        if case and given and any(given <= withdrawn.get((case.id, purpose), date.min) for purpose in purposes):
            values["share_consent_on"] = given = None  # a later withdrawal holds, whatever an old file says
        existing = known.get(table.id[place])
        if existing is None:
            _add_new(plan, values, table.id[place])
        else:
            _add_changed(plan, header, row, existing, values, follows)
        if given and household:
            for purpose in purposes:
                before = plan.consents.get((household, purpose))
                if before is None or before[0] < given:
                    plan.consents[household, purpose] = (given, values["consent_by"] or _BY_HOUSEHOLD)
        elif given is None and (existing is None or existing.share_consent_on is None):
            plan.without_consent += 1
    return plan


def _rows(table: NeedTable, tables: CodeTables) -> list[Values]:
    categories, places = tables.categories.codes, tables.regions.codes
    units = {code: taxonomy.unit(code) for code in categories}
    bundles = [*table.bundle_names, None]  # −1, no bundle, takes the last
    columns = {
        "kind": [KINDS[kind] for kind in table.kind.tolist()],
        "category": [categories[place] for place in table.category.tolist()],
        "region": [places[place] for place in table.region.tolist()],
        "latitude": degrees_of(table.lat, BLUR),
        "longitude": degrees_of(table.lon, BLUR),
        "quantity": table.quantity.tolist(),
        "urgency": [URGENCIES[tier] for tier in table.tier.tolist()],
        "groups": group_codes(tables.groups, table.groups),
        "requires": [list(requires) for requires in table.requires],
        "deadline": days_of(table.deadline),
        "posted_on": days_of(table.posted),
        "bundle": [bundles[bundle] for bundle in table.bundle.tolist()],
        "whole": table.whole.tolist(),
        "value_fen": [None if value < 0 else value for value in table.value_fen.tolist()],
        "title": [told_text(title) for title in table.title],
        "share_consent_on": days_of(table.consent_date),
        "consent_by": [told_text(text) or None for text in table.consent_by],
    }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for row in rows:
        row["unit"] = units[row["category"]]
    return rows


def _check(plan: NeedPlan, header: Header, row: int, external_id: str, values: Values, household: str) -> None:
    if _identifies(values["title"]):
        plan.warnings.append(header.fault(row, "title", "title_withheld"))
        values["title"] = ""
    check_length(plan, header, row, "id", external_id, 80)
    if values["kind"] == "micro_wish" and values["quantity"] != 1:
        plan.faults.append(header.fault(row, "quantity", "wish_of_several", value=values["quantity"]))
    check_length(plan, header, row, "title", values["title"], 160)
    check_length(plan, header, row, "bundle", values["bundle"] or "", 80)
    check_length(plan, header, row, "household", household, 80)
    check_length(plan, header, row, "consent_by", values["consent_by"] or "", 40)


@lru_cache(maxsize=4096)
def _identifies(title: str) -> bool:
    """Whether a title gives somebody away outright; it is read by suppliers and stands in the search index."""
    return any(finding.kind in _WITHHELD for finding in screen(title))


def _add_new(plan: NeedPlan, values: Values, external_id: str) -> None:
    wish = values["kind"] == "micro_wish"
    given = values["share_consent_on"]
    plan.new.append(
        values
        | {
            "external_id": external_id,
            "imported": True,
            "title": values["title"] or taxonomy.name(values["category"]),
            "posted_on": values["posted_on"] or today(),
            "state": "review" if wish else "open",
            "publish_consent_on": given if wish else None,
            "consent_by": (values["consent_by"] or _BY_HOUSEHOLD) if given else values["consent_by"],
        }
    )


def _add_changed(plan: NeedPlan, header: Header, row: int, existing: Any, values: Values, follows: set[str]) -> None:
    told = {name: value for name, value in values.items() if name in follows}
    # What a cell leaves open stays as it is; a consent is taken back in the application, never by a gap in a file.
    for name in ("title", "posted_on", "consent_by", "share_consent_on"):
        if name in told and not told[name]:
            del told[name]
    if existing.share_consent_on and told.get("share_consent_on", date.max) <= existing.share_consent_on:
        del told["share_consent_on"]
    changed = differing(existing, told, UNORDERED)
    if not changed:
        plan.unchanged += 1
        return
    if "category" in changed:
        changed["unit"] = values["unit"]  # a category brings its unit; a unit that somebody chose stays otherwise
    if "kind" in changed and "micro_wish" in (existing.kind, changed["kind"]):
        plan.faults.append(header.fault(row, "kind", "kind_fixed"))
    if changed.get("quantity", existing.allocated) < existing.allocated:
        plan.faults.append(header.fault(row, "quantity", "below_allocated", least=existing.allocated))
    if existing.kind == "micro_wish" and existing.state == "open" and PUBLIC & changed.keys():
        if existing.allocated:
            plan.faults.append(header.fault(row, "id", "claimed_wish"))
        changed |= {"state": "review", "approved_by": None}
    if existing.kind == "micro_wish" and "share_consent_on" in changed:
        changed["publish_consent_on"] = changed["share_consent_on"]
    if "share_consent_on" in changed and not (existing.consent_by or "consent_by" in changed):
        changed["consent_by"] = _BY_HOUSEHOLD
    plan.changed.append(Change(existing.id, changed.get("region", existing.region), changed))


def _cases(table: NeedTable) -> dict[str, Any]:
    names = sorted({name for name in table.household if name})
    return stored(Case, ("region",), names)


def _withdrawals(cases: dict[str, Any]) -> dict[tuple[int, str], date]:
    found: dict[tuple[int, str], date] = {}
    for chunk in chunks([case.id for case in cases.values()]):
        query = select(Consent.case_id, Consent.purpose, func.max(Consent.withdrawn_on)).where(
            Consent.case_id.in_(chunk), Consent.withdrawn_on.is_not(None)
        )
        for case_id, purpose, day in db.session.execute(query.group_by(Consent.case_id, Consent.purpose)):
            found[case_id, purpose] = day or date.min
    return found


def apply_needs(actor: Actor, plan: NeedPlan, told: Callable[[int], None]) -> None:
    """Write a plan, inside the caller's transaction."""
    cases = _make_cases(actor, plan.households)
    for values in plan.new:
        values["case_id"] = cases.get(values["case_id"], values["case_id"])
        values["author"] = actor.key
    for change in plan.changed:
        if "case_id" in change.values:
            change.values["case_id"] = cases.get(change.values["case_id"], change.values["case_id"])
    _make_consents(actor, plan)
    _give_references(plan.new)
    keys = store_new(Need, plan.new, told)
    for state in ("open", "review"):
        made = [(keys[row["external_id"]], row["region"]) for row in plan.new if row["state"] == state]
        audit.record_many(actor, "need:imported", "need", made, after=state)
    store_changed(Need, plan.changed)
    by_fields: dict[tuple[str, ...], list[tuple[int, str | None]]] = {}
    for change in plan.changed:
        by_fields.setdefault(tuple(sorted(change.values)), []).append((change.key, change.region))
    for fields, rows in by_fields.items():
        after = "review" if "state" in fields else None
        audit.record_many(actor, "need:import_changed", "need", rows, changed=fields, after=after)
    events.changed.send("need", ids=[*keys.values(), *(change.key for change in plan.changed)])


def _make_cases(actor: Actor, households: dict[str, str]) -> dict[Any, int]:
    rows: list[Values] = [
        {
            "external_id": name,
            "imported": True,
            "number": f"C-{region}-{secrets.token_hex(4).upper()}",
            "region": region,
            "opened_on": today(),
        }
        for name, region in households.items()
    ]
    keys = store_new(Case, rows, lambda _count: None)
    audit.record_many(actor, "case:imported", "case", [(keys[row["external_id"]], row["region"]) for row in rows])
    return dict(keys)


def _make_consents(actor: Actor, plan: NeedPlan) -> None:
    """A consent record for each household and purpose that has none as recent as the file's."""
    names = sorted({household for household, _purpose in plan.consents})
    cases = {name: (row.id, row.region) for name, row in stored(Case, ("region",), names).items()}
    newest: dict[tuple[int, str], date] = {}
    for chunk in chunks([key for key, _region in cases.values()]):
        query = select(Consent.case_id, Consent.purpose, func.max(Consent.given_on)).where(Consent.case_id.in_(chunk))
        for case_id, purpose, day in db.session.execute(query.group_by(Consent.case_id, Consent.purpose)):
            newest[case_id, purpose] = day
    rows, told = [], []
    for (household, purpose), (given, by) in plan.consents.items():
        key, region = cases[household]
        if newest.get((key, purpose), date.min) < given:
            rows.append({"case_id": key, "purpose": purpose, "given_on": given, "given_by": by})
            told.append((key, region))
    for chunk in chunks(rows):
        db.session.execute(insert(table_of(Consent)), list(chunk))
    audit.record_many(actor, "case:consent_imported", "case", told, changed=("consents",))


def _give_references(rows: list[Values]) -> None:
    """References that no other need has; a table's default alone could meet one that exists."""
    free: set[str] = set()
    while len(free) < len(rows):
        drawn = {new_reference() for _row in range(len(rows) - len(free))}
        for chunk in chunks(sorted(drawn)):
            drawn -= set(db.session.scalars(select(Need.reference).where(Need.reference.in_(chunk))))
        free |= drawn
    for row, reference in zip(rows, free, strict=True):
        row["reference"] = reference
