"""Households and the people in them."""

import secrets
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import Select, func, select
from sqlalchemy import case as choose
from sqlalchemy.orm import selectinload

from marketplace import audit, events, identity, regions, taxonomy
from marketplace.cases.models import Case, Person
from marketplace.cases.services.versions import expect_version
from marketplace.errors import InvalidInput, NotFound
from marketplace.extensions import db
from marketplace.permissions import Actor, Permission, scoped, within
from marketplace.privacy import blind_index
from marketplace.records import today
from marketplace.transitions import transaction

PER_PAGE = 20
_READABLE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no characters that look alike on paper
#: Recognitions and groups a person may be recorded with; the statistic flag is derived, never entered.
GROUPS = tuple(term.code for term in taxonomy.target_groups() if term.code != taxonomy.ALL)
TIERS = tuple(term.code for term in taxonomy.assist_tiers())


@dataclass(frozen=True)
class CaseFilter:
    """What a work list is asked for; empty is no limit."""

    number: str = ""
    colour: str = ""
    region: str = ""


@dataclass(frozen=True)
class CaseEntry:
    """A household as a form gives it; a summary of None keeps what is stored."""

    region: str
    summary: str | None = None
    opened_on: date | None = None


@dataclass(frozen=True)
class PersonEntry:
    """A person as a form gives them; an empty private value keeps what is stored."""

    name: str = ""
    relation: str = ""
    id_number: str = ""
    phone: str = ""
    address: str = ""
    birth_on: date | None = None
    sex: str = ""
    tier: str = "T-NONE"
    groups: tuple[str, ...] = ()
    hukou_region: str = ""
    residence_permit: bool = False
    needs_guardian: bool = False


@dataclass(frozen=True)
class PersonSaved:
    """A stored person, and what the caseworker should look at again (no personal data in it)."""

    person: Person
    warnings: tuple[Any, ...] = ()


def readable_cases(actor: Actor, permission: Permission = Permission.CASE_VIEW) -> Select[Any]:
    """SELECT of the cases that the actor's grant reaches, of restricted ones those whose care team the actor is of."""
    query = scoped(Case, actor, permission)
    return query if actor.system else query.where(Case.open_to(actor.user_id))


def load_case(actor: Actor, public_id: str, permission: Permission = Permission.CASE_VIEW) -> Case:
    """A case that the actor's grant reaches.

    Raises:
        NotFound: absent, of another region, or restricted to its care team.
    """
    case: Case | None = db.session.scalar(readable_cases(actor, permission).where(Case.public_id == public_id))
    if case is None:
        raise NotFound
    return case


def load_person(
    actor: Actor, case_id: str, person_id: str, permission: Permission = Permission.CASE_VIEW
) -> tuple[Case, Person]:
    """A person of a case that the actor's grant reaches."""
    case = load_case(actor, case_id, permission)
    person = next((person for person in case.people if person.public_id == person_id), None)
    if person is None:
        raise NotFound
    return case, person


def case_page(actor: Actor, public_id: str) -> Case:
    """A case with everything its page shows."""
    load_case(actor, public_id)
    query = readable_cases(actor).where(Case.public_id == public_id)
    whole = (selectinload(Case.people), selectinload(Case.consents), selectinload(Case.needs), selectinload(Case.team))
    case: Case = db.session.scalars(query.options(*whole)).one()
    return case


def work_list(actor: Actor, wanted: CaseFilter, page: int) -> Pagination:
    """Cases of the actor's region, red first, each colour longest open first."""
    query = readable_cases(actor)
    if wanted.number:
        query = query.where(func.lower(Case.number).contains(wanted.number.strip().lower(), autoescape=True))
    if wanted.colour:
        query = query.where(Case.colour == wanted.colour)
    if wanted.region:
        query = query.where(within(Case.region, wanted.region))
    order = choose({"RED": 0, "YELLOW": 1, "BLUE": 2}, value=Case.colour, else_=3)
    query = query.options(selectinload(Case.people)).order_by(order, Case.opened_on, Case.id)
    return db.paginate(query, page=page, per_page=PER_PAGE, error_out=False)


def open_case(actor: Actor, entry: CaseEntry) -> Case:
    """Take up a household.

    Raises:
        InvalidInput: the region is not the actor's.
    """
    _check_region(actor, entry.region)
    with transaction() as session:
        case = Case(
            number=_new_number(entry.region),
            region=entry.region,
            summary=entry.summary or None,
            opened_on=entry.opened_on or today(),
        )
        session.add(case)
        session.flush()  # its key goes into the audit event
        audit.record(actor, "case:created", case, changed=["region", "summary", "opened_on"])
        events.changed.send("case", ids=[case.id])
        session.expire(case)  # what was just written reads sealed from here on
    return case


def edit_case(actor: Actor, public_id: str, entry: CaseEntry, version: int) -> Case:
    """Correct a household's record; where it moves to another county, what it still needs goes along.

    Raises:
        InvalidInput: the region is not the actor's.
        StateConflict: somebody saved it since the form was opened.
    """
    _check_region(actor, entry.region)
    with transaction() as session:
        case = load_case(actor, public_id, Permission.CASE_EDIT)
        expect_version(case, version)
        before = case.region
        changed = _assign(
            case,
            region=entry.region,
            opened_on=entry.opened_on or case.opened_on,
            **({"summary": entry.summary} if entry.summary else {}),
        )
        session.flush()  # the audit event is written after the change it tells of
        if case.region != before:  # needs are locked before the trail, as whoever works on one does
            events.moved.send("case", row=case, before=before, actor=actor)
            events.moved.send("case_with_needs", row=case, before=before, actor=actor)
        audit.record(actor, "case:edited", case, changed=changed)
        events.changed.send("case", ids=[case.id])
        session.expire(case)  # as above
    return case


def add_person(actor: Actor, case_id: str, entry: PersonEntry) -> PersonSaved:
    """Record somebody of a household.

    Raises:
        InvalidInput: no name, or a value that cannot be.
    """
    if not entry.name.strip():
        raise InvalidInput(fields={"name": _("Enter the person's name.")})
    with transaction() as session:
        case = load_case(actor, case_id, Permission.CASE_EDIT)
        person = Person(case_id=case.id)
        warnings = _fill(actor, person, entry)
        session.add(person)
        session.flush()  # its key goes into the audit event
        audit.record(actor, "person:created", person)
        events.changed.send("person", ids=[person.id])
        session.expire(case, ["people"])
        session.expire(person)  # what was just written reads sealed from here on
    return PersonSaved(person, warnings)


def edit_person(actor: Actor, case_id: str, person_id: str, entry: PersonEntry, version: int) -> PersonSaved:
    """Correct what is recorded of somebody.

    Raises:
        InvalidInput: a value that cannot be.
        StateConflict: somebody saved it since the form was opened.
    """
    with transaction() as session:
        _case, person = load_person(actor, case_id, person_id, Permission.CASE_EDIT)
        expect_version(person, version)
        warnings = _fill(actor, person, entry)
        changed = sorted(attribute.key for attribute in db.inspect(person).attrs if attribute.history.has_changes())
        session.flush()  # the audit event is written after the change it tells of
        audit.record(actor, "person:edited", person, changed=changed)
        events.changed.send("person", ids=[person.id])
        session.expire(person)  # as above
    return PersonSaved(person, warnings)


def _fill(actor: Actor, person: Person, entry: PersonEntry) -> tuple[Any, ...]:
    """Write a form's values into a person; what to look at again."""
    _check_person(entry)
    warnings: list[Any] = []
    birth_on, sex = entry.birth_on, entry.sex
    if entry.id_number:
        number = identity.read(entry.id_number)
        if not number.whole:
            warnings.append(_("The last digit of the identity number does not fit. Compare it with the document."))
        birth_on, sex = birth_on or number.birth_on, sex or number.sex
        person.id_number = number.text  # type: ignore[assignment]  # sealed as it is bound
        person.id_number_index = blind_index("person.id_number", number.text)
        if _recorded_elsewhere(actor, person):
            warnings.append(_("Another case of your region has a person with this identity number."))
    for name in ("name", "phone", "address"):
        if value := getattr(entry, name).strip():
            setattr(person, name, value)
    if birth_on:
        person.birth_on = birth_on.isoformat()  # type: ignore[assignment]  # sealed as it is bound
    _assign(
        person,
        relation=entry.relation,
        sex=sex or None,
        tier=entry.tier,
        groups=sorted(entry.groups),
        hukou_region=entry.hukou_region or None,
        residence_permit=entry.residence_permit,
        needs_guardian=entry.needs_guardian,
    )
    return tuple(warnings)


def _check_person(entry: PersonEntry) -> None:
    faults: dict[str, Any] = {}
    if entry.id_number:
        try:
            identity.read(entry.id_number)
        except ValueError:
            faults["id_number"] = _("An identity number has 17 digits and then a digit or X.")
    if entry.birth_on and entry.birth_on > today():
        faults["birth_on"] = _("The date of birth lies in the future.")
    if entry.tier not in TIERS:
        faults["tier"] = _("Choose a recognition of the list.")
    if not set(entry.groups) <= set(GROUPS):
        faults["groups"] = _("Choose groups of the list.")
    if faults:
        raise InvalidInput(fields=faults)


def _recorded_elsewhere(actor: Actor, person: Person) -> bool:
    """Whether a case the actor may see has a person of the same identity number: no more than the actor could find."""
    mine = readable_cases(actor).with_only_columns(Case.id)
    query = select(Person.id).where(
        Person.id_number_index == person.id_number_index, Person.case_id.in_(mine), Person.case_id != person.case_id
    )
    with db.session.no_autoflush:
        return db.session.scalars(query).first() is not None


def _assign(row: Any, **values: Any) -> list[str]:
    """Set columns; the names of those that changed."""
    changed = sorted(name for name, value in values.items() if getattr(row, name) != value)
    for name in changed:
        setattr(row, name, values[name])
    return changed


def _check_region(actor: Actor, region: str) -> None:
    if region not in regions_of(actor):
        raise InvalidInput(fields={"region": _("Choose a region that you serve.")})


def regions_of(actor: Actor) -> list[str]:
    """Codes of the regions that an actor serves, each before those below it."""
    root = regions.NINGXIA if actor.system else actor.region
    return [region.code for region in regions.subtree(root)] if root else []


def _new_number(region: str) -> str:
    """Random, so that it tells neither how many cases there are nor which came first."""
    return f"C-{region}-" + "".join(secrets.choice(_READABLE) for _place in range(6))
