"""Posting a need: drafts, what a form may hold, and where a draft goes from there."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _

from marketplace import audit, events, regions, taxonomy
from marketplace.cases.models import Case
from marketplace.cases.services import expect_version, household_words, load_case
from marketplace.errors import InvalidInput, StateConflict
from marketplace.needs.models import KINDS, URGENCIES, Need
from marketplace.needs.services.consents import copy_consents
from marketplace.needs.services.lists import load_need
from marketplace.permissions import Actor, Permission
from marketplace.reasons import quoted
from marketplace.records import today
from marketplace.screening import screen
from marketplace.transitions import move, transaction

#: Above this a wish is too dear for one giver and is posted as goods [P, DOMAIN.md 2.6], fen.
WISH_CAP_FEN = 50_000
MAXIMUM_QUANTITY = 100_000
#: Groups and recognitions that a need may name; statistics enter neither projects nor matching.
NEED_GROUPS = frozenset(
    {term.code for term in (*taxonomy.target_groups(), *taxonomy.assist_tiers())}
    - {taxonomy.ALL, "T-NONE"}
    - taxonomy.STATISTIC_ONLY
)


@dataclass(frozen=True)
class NeedEntry:
    """A need as a form gives it; details of None keep what is stored."""

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


def case_to_post_for(actor: Actor, case_id: str) -> Case | None:
    """The case that a new need is for: None for none given.

    Raises:
        NotFound: another region's.
    """
    return load_case(actor, case_id, Permission.CASE_EDIT) if case_id else None


def post(actor: Actor, entry: NeedEntry, case_id: str = "", *, send: bool) -> Need:
    """Write down a need; with `send`, take it on at once: a wish to review, any other kind to open.

    Raises:
        InvalidInput: a value that cannot be, or a title that could tell who somebody is.
        NotFound: the case is another region's.
    """
    with transaction() as session:
        case = case_to_post_for(actor, case_id)
        _check(actor, entry, case)
        need = Need(
            case_id=case.id if case else None,
            author=actor.key,
            posted_on=today(),
            state="draft",
            **_columns(entry),
        )
        copy_consents(need)
        session.add(need)
        session.flush()  # its key goes into the audit event
        audit.record(actor, "need:created", need, after="draft")
        events.changed.send("need", ids=[need.id])
        session.expire(need)  # its details read sealed from here on
        if send:
            _send(actor, need)
    return need


def edit(actor: Actor, public_id: str, entry: NeedEntry, version: int, *, send: bool) -> Need:
    """Change a draft, or the public text of an open wish that nobody has claimed: that hides it until approved.

    Whoever writes the text becomes its author, so that another person must approve it.

    Raises:
        InvalidInput: as in `post`.
        StateConflict: it is past editing, or somebody saved it since the form was opened.
    """
    with transaction() as session:
        need = load_need(actor, public_id, Permission.NEED_POST, to_change=True)
        if not may_edit(need):
            raise StateConflict(_("This need can be edited as a draft only."))
        _check(actor, entry, need.case)
        expect_version(need, version)
        columns = _columns(entry)
        changed = sorted(name for name, value in columns.items() if getattr(need, name) != value)
        if need.state == "open":
            move(
                actor, need, expect="open", to="review", reason="text_changed",
                author=actor.key, approved_by=None, **columns,
            )  # fmt: skip
            return need
        for name in changed:
            setattr(need, name, columns[name])
        need.author, need.approved_by = actor.key, None
        copy_consents(need)
        session.flush()  # the audit event is written after the change it tells of
        audit.record(actor, "need:edited", need, changed=changed)
        events.changed.send("need", ids=[need.id])
        session.expire(need)  # as above
        if send:
            _send(actor, need)
    return need


def send(actor: Actor, public_id: str) -> Need:
    """Take a draft on: a wish to review, any other kind to open.

    Raises:
        InvalidInput: its title could tell who somebody is, or a deadline has passed meanwhile.
        StateConflict: it is no draft any more.
    """
    with transaction():
        need = load_need(actor, public_id, Permission.NEED_POST, to_change=True)
        if need.state != "draft":
            raise StateConflict
        check_title(need.title, need.case)
        if need.deadline and need.deadline < today():
            raise InvalidInput(fields={"deadline": _("The last useful day has passed. Edit the draft first.")})
        copy_consents(need)
        _send(actor, need)
    return need


def _send(actor: Actor, need: Need) -> None:
    move(actor, need, expect="draft", to="review" if need.wish else "open", posted_on=today(), review_note=None)


def may_edit(need: Need) -> bool:
    """Whether a need is in a state in which its text may change."""
    return bool(need.state == "draft" or (need.wish and need.state == "open" and need.allocated == 0))


def check_title(title: str, case: Case | None, field: str = "title") -> None:
    """Refuse a text that could tell who somebody is (P4).

    Raises:
        InvalidInput: quotes each part and says what it is.
    """
    words = household_words(case)
    found = screen(title, names=words.names, numbers=words.numbers, places=words.places)
    if found:
        raise InvalidInput(fields={field: _("Others read this text. Take out: %(parts)s.", parts=quoted(found))})


def _columns(entry: NeedEntry) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "kind": entry.kind,
        "category": entry.category,
        "title": entry.title.strip(),
        "region": entry.region,
        "quantity": entry.quantity,
        "unit": entry.unit.strip() or taxonomy.unit(entry.category),
        "urgency": entry.urgency,
        "groups": sorted(entry.groups),
        "requires": sorted(entry.requires),
        "deadline": entry.deadline,
        "value_fen": entry.value_fen,
        "whole": entry.whole,
    }
    if entry.details:
        columns["details"] = entry.details
    return columns


def _check(actor: Actor, entry: NeedEntry, case: Case | None) -> None:
    faults = _faults(actor, entry)
    try:
        check_title(entry.title, case)
    except InvalidInput as error:
        faults.update(error.fields)
    if faults:
        raise InvalidInput(fields=faults)


def _faults(actor: Actor, entry: NeedEntry) -> dict[str, Any]:
    tests = (
        ("kind", entry.kind in KINDS, _("Choose the kind of help.")),
        ("category", taxonomy.exists(entry.category), _("Choose a category of the list.")),
        ("region", _serves(actor, entry.region), _("Choose a region that you serve.")),
        ("urgency", entry.urgency in URGENCIES, _("Choose how urgent it is.")),
        ("quantity", 1 <= entry.quantity <= MAXIMUM_QUANTITY, _("Enter a whole number from 1 to 100,000.")),
        ("groups", set(entry.groups) <= NEED_GROUPS, _("Choose groups of the list.")),
        (
            "requires",
            set(entry.requires) <= {term.code for term in taxonomy.qualifications()},
            _("Choose qualifications of the list."),
        ),
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


def _serves(actor: Actor, region: str) -> bool:
    root = regions.NINGXIA if actor.system else actor.region
    return bool(root) and regions.exists(region) and regions.contains(str(root), region)
