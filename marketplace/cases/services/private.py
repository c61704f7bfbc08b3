"""Personal data in the clear: shown to those who say why, and compared with texts meant for others."""

import re
from dataclasses import dataclass, field
from datetime import date

from flask_babel import lazy_gettext as _

from marketplace import privacy, regions
from marketplace.cases.models import Case, Person
from marketplace.cases.services.households import load_case, load_person
from marketplace.cases.services.triage import REVEAL_REASONS
from marketplace.errors import InvalidInput
from marketplace.permissions import Actor, Permission
from marketplace.privacy import Sealed

PERSON_FIELDS = ("name", "id_number", "phone", "address", "birth_on")
_PLACE = re.compile(r"[\u4e00-\u9fff]{2,8}?(?:街道|社区|小区|花园|家属院|公寓|镇|乡|村|路|街|巷)")


@dataclass(frozen=True)
class HouseholdWords:
    """Words of a household's own record that a public text must not repeat. Never shown, stored or logged."""

    names: frozenset[str] = field(default=frozenset(), repr=False)
    numbers: frozenset[str] = field(default=frozenset(), repr=False)
    places: frozenset[str] = field(default=frozenset(), repr=False)


def reveal_person(actor: Actor, case_id: str, person_id: str, reason: str) -> tuple[Case, Person, dict[str, str]]:
    """A person's data in the clear, leaving an audit event of who looked and why.

    Raises:
        InvalidInput: no reason of the list.
    """
    case, person = load_person(actor, case_id, person_id, Permission.PERSON_REVEAL)
    _check_reason(reason)
    return case, person, privacy.reveal(actor, person, PERSON_FIELDS, reason)


def reveal_summary(actor: Actor, case_id: str, reason: str) -> tuple[Case, dict[str, str]]:
    """A case's summary in the clear, as above."""
    case = load_case(actor, case_id, Permission.PERSON_REVEAL)
    _check_reason(reason)
    return case, privacy.reveal(actor, case, ("summary",), reason)


def _check_reason(reason: str) -> None:
    if reason not in REVEAL_REASONS:
        raise InvalidInput(fields={"reason": _("Choose why you need to see this.")})


def household_words(case: Case | None) -> HouseholdWords:
    """What the record says of a household, to find it in a text. Nobody gets to see it, so nothing is revealed."""
    if case is None:
        return HouseholdWords()
    people = case.people
    return HouseholdWords(
        names=frozenset(_plain(person.name) for person in people),
        numbers=frozenset(_plain(value) for person in people for value in (person.phone, person.id_number)) - {""},
        places=frozenset(place for person in people for place in _places(_plain(person.address))),
    )


def age_of(person: Person, on: date) -> int | None:
    """Somebody's age in whole years on a day, None where no birth is recorded. Only bands of it are ever told."""
    text = _plain(person.birth_on)
    if not text:
        return None
    birth = date.fromisoformat(text)
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def _plain(value: Sealed | str | None) -> str:
    """Plain text, also of a value that was set a moment ago and is not sealed yet."""
    return value.plain() if isinstance(value, Sealed) else value or ""


def _places(address: str) -> set[str]:
    """Streets, quarters and villages of an address, without the regions that a public card names anyway."""
    for region in sorted(regions.all_regions(), key=lambda region: -len(region.name_zh)):
        address = address.replace(region.name_zh, " ")
    return {match.group() for match in _PLACE.finditer(address)}
