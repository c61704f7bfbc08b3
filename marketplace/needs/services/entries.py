"""What a form of a need may hold, and what it may not."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _

from marketplace import regions, taxonomy
from marketplace.cases.models import Case
from marketplace.errors import InvalidInput
from marketplace.needs.models import KINDS, URGENCIES
from marketplace.needs.services.marks import check_title
from marketplace.permissions import Actor
from marketplace.records import today

#: Above this a wish is too dear for one giver and is posted as goods [P, DOMAIN.md 2.6], fen.
WISH_CAP_FEN = 50_000
MAXIMUM_QUANTITY = 100_000
#: Groups and recognitions that a need may name; statistics enter neither projects nor matching.
NEED_GROUPS = frozenset(
    {term.code for term in (*taxonomy.target_groups(), *taxonomy.assist_tiers())}
    - {taxonomy.ALL, "T-NONE"}
    - taxonomy.STATISTIC_ONLY
)
QUALIFICATIONS = frozenset(term.code for term in taxonomy.qualifications())


@dataclass(frozen=True)
class NeedEntry:
    """A need as a form gives it; details of None keep what is stored.

    Attributes:
        person: public id of whom of the household it is for; empty for the household.
        internal_only: a wish that the household does not want published.
    """

    kind: str
    category: str
    title: str
    region: str
    quantity: int
    urgency: str
    unit: str = ""
    details: str | None = None
    groups: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    deadline: date | None = None
    value_fen: int | None = None
    whole: bool = False
    person: str = ""
    internal_only: bool = False


@dataclass(frozen=True)
class Suggestion:
    """What the case tells a form beforehand; the caseworker decides."""

    region: str
    urgency: str
    groups: tuple[str, ...]


def suggest(actor: Actor, case: Case | None) -> Suggestion:
    """Region, urgency and groups for a new need: from the case where there is one."""
    if case is None:
        return Suggestion(actor.region or "", "yellow", ())
    # The tier is no suggestion: recognitions only raise fit, and a caseworker adds one on purpose.
    groups = sorted({code for person in case.people for code in person.groups} & NEED_GROUPS)
    urgency = {"RED": "red", "YELLOW": "yellow", "BLUE": "blue"}.get(case.colour, "yellow")
    return Suggestion(case.region, urgency, tuple(groups))


def columns_of(entry: NeedEntry, case: Case | None) -> dict[str, Any]:
    """A checked entry as columns."""
    columns: dict[str, Any] = {
        "kind": entry.kind,
        "category": entry.category,
        "title": entry.title.strip(),
        "draft_title": None,
        "region": entry.region,
        "quantity": entry.quantity,
        "unit": entry.unit.strip() or (taxonomy.unit(entry.category) if entry.category else ""),
        "urgency": entry.urgency,
        "groups": sorted(entry.groups),
        "requires": sorted(entry.requires),
        "deadline": entry.deadline,
        "value_fen": entry.value_fen,
        "whole": entry.whole,
        "person_id": _person_id(entry, case),
        "internal_only": entry.internal_only and entry.kind == "micro_wish",
    }
    if entry.details:
        columns["details"] = entry.details
    return columns


def as_far_as_it_goes(actor: Actor, entry: NeedEntry, case: Case | None) -> NeedEntry:
    """An unfinished entry as a draft may hold it: what cannot be is left out, what is missing stays missing."""
    wish = entry.kind == "micro_wish"
    home = case.region if case else actor.region or regions.NINGXIA
    return NeedEntry(
        kind=entry.kind if entry.kind in KINDS else "service",
        category=entry.category if taxonomy.exists(entry.category) else "",
        title=entry.title,
        region=entry.region if serves(actor, entry.region) else home,
        quantity=entry.quantity if 1 <= entry.quantity <= MAXIMUM_QUANTITY and not wish else 1,
        urgency=entry.urgency if entry.urgency in URGENCIES else "yellow",
        unit=entry.unit,
        details=entry.details,
        groups=tuple(set(entry.groups) & NEED_GROUPS),
        requires=tuple(set(entry.requires) & QUALIFICATIONS),
        deadline=entry.deadline,
        value_fen=entry.value_fen if (entry.value_fen or 0) >= 0 else None,
        whole=entry.whole,
        person=entry.person if _person_id(entry, case) else "",
        internal_only=entry.internal_only,
    )


def check(actor: Actor, entry: NeedEntry, case: Case | None) -> None:
    """Refuse an entry that cannot be posted.

    Raises:
        InvalidInput: what is wrong, beside each field.
    """
    faults = _faults(actor, entry)
    if entry.person and _person_id(entry, case) is None:
        faults["person"] = _("Choose a person of this household.")
    try:
        check_title(entry.title, case)
    except InvalidInput as error:
        faults.update(error.fields)
    if faults:
        raise InvalidInput(fields=faults)


def _person_id(entry: NeedEntry, case: Case | None) -> int | None:
    people = case.people if case and entry.person else ()
    return next((person.id for person in people if person.public_id == entry.person), None)


def _faults(actor: Actor, entry: NeedEntry) -> dict[str, Any]:
    tests = (
        ("kind", entry.kind in KINDS, _("Choose the kind of help.")),
        ("category", taxonomy.exists(entry.category), _("Choose a category of the list.")),
        ("title", len(entry.title.strip()) >= 2, _("Say in a few words what is needed.")),
        ("region", serves(actor, entry.region), _("Choose a region that you serve.")),
        ("urgency", entry.urgency in URGENCIES, _("Choose how urgent it is.")),
        ("quantity", 1 <= entry.quantity <= MAXIMUM_QUANTITY, _("Enter a whole number from 1 to 100,000.")),
        ("groups", set(entry.groups) <= NEED_GROUPS, _("Choose groups of the list.")),
        ("requires", set(entry.requires) <= QUALIFICATIONS, _("Choose qualifications of the list.")),
        ("deadline", entry.deadline is None or entry.deadline >= today(), _("The last useful day has passed.")),
        ("value", entry.value_fen is None or entry.value_fen >= 0, _("A value cannot be negative.")),
    )
    faults: dict[str, Any] = {field: message for field, holds, message in tests if not holds}
    if entry.kind == "micro_wish" and not faults:
        faults = _wish_faults(entry)
    return faults


def _wish_faults(entry: NeedEntry) -> dict[str, Any]:
    """A wish is one thing of little value, never money (DOMAIN.md 2.6)."""
    if entry.quantity != 1:
        return {"quantity": _("A wish is for one thing. Post several wishes, or choose the kind goods.")}
    if taxonomy.get(entry.category).kind == "cash":
        return {"category": _("A wish is never for money. Choose the kind grant.")}
    if (entry.value_fen or 0) > WISH_CAP_FEN:
        return {"value": _("A wish is worth at most 500 yuan. Choose the kind goods for something dearer.")}
    return {}


def serves(actor: Actor, region: str) -> bool:
    """Whether a region is one that an actor posts needs for."""
    root = regions.NINGXIA if actor.system else actor.region
    return bool(root) and regions.exists(region) and regions.contains(str(root), region)
