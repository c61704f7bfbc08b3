"""The de-identification assistant: marks in a text what could tell who somebody is, and says what to do (P4)."""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _

from marketplace.cases.models import Case
from marketplace.cases.services import household_words
from marketplace.errors import InvalidInput
from marketplace.needs.models import Need
from marketplace.permissions import Actor
from marketplace.reasons import FINDINGS, quoted
from marketplace.screening import BLANK, Finding, marked, screen

#: What to do about each kind of mark.
ADVICE = {
    "id_number": _("Take the number out."),
    "mobile": _("Take the number out: whoever helps asks the station."),
    "landline": _("Take the number out: whoever helps asks the station."),
    "bank_card": _("Take the number out: no money is paid to households here."),
    "email": _("Take the address out: whoever helps asks the station."),
    "messenger": _("Take the contact out: giver and household do not meet through the card."),
    "plate": _("Take the number plate out."),
    "address": _("Take the place out: the card names the county, the station knows the way."),
    "school": _("Take school and class out; say the school stage if it matters."),
    "health": _("Take the illness out: say what is needed, not why."),
    "sensitive": _("Take it out: say what is needed, not why."),
    "name": _("Take the name out."),
    "age": _("Leave the age out: the card tells an age band by itself."),
}


@dataclass(frozen=True)
class Mark:
    """A part of a text with what it may be; kind and advice are None where nothing is marked."""

    text: str
    kind: Any = None
    advice: Any = None
    certain: bool = False


@dataclass(frozen=True)
class Assessment:
    """A text as the assistant sees it: its parts in order, and how many marks of each sort it has."""

    parts: tuple[Mark, ...]
    certain: int
    possible: int

    @property
    def marks(self) -> tuple[Mark, ...]:
        return tuple(part for part in self.parts if part.kind is not None)


def findings(text: str, case: Case | None, *, possible: bool = False) -> list[Finding]:
    """What in a text could tell who somebody is, the household's own names and places among it."""
    words = household_words(case)
    return screen(text, names=words.names, numbers=words.numbers, places=words.places, possible=possible)


def assess(text: str, case: Case | None) -> Assessment:
    """A text with its marks."""
    found = findings(text, case, possible=True)
    kinds = {**FINDINGS, "age": _("an age or a day of birth")}
    parts = tuple(
        Mark(part, kinds[finding.kind], ADVICE[finding.kind], finding.certain) if finding else Mark(part)
        for part, finding in marked(text, found)
    )
    certain = sum(finding.certain for finding in found)
    return Assessment(parts, certain, len(found) - certain)


def check_title(title: str, case: Case | None, field: str = "title") -> None:
    """Refuse a text that could tell who somebody is (P4).

    Raises:
        InvalidInput: quotes each part and says what it is.
    """
    if BLANK in title:
        raise InvalidInput(fields={field: _("Write the text anew where it is blank.")})
    found = findings(title, case)
    if found:
        raise InvalidInput(fields={field: _("Others read this text. Take out: %(parts)s.", parts=quoted(found))})


def typed_title(actor: Actor, need: Need) -> str:
    """A draft's text for its form: as typed for its author, with the marked parts blank for anybody else."""
    if need.draft_title is not None and need.author == actor.key:
        return need.draft_title.plain()
    return need.title
