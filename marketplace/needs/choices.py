"""Codes and words that forms of needs offer, in the language of the page."""

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from wtforms.fields.choices import SelectChoice

from marketplace import regions, taxonomy, wording
from marketplace.permissions import Actor


def of(words: dict[str, Any], *, empty: Any = None) -> list[SelectChoice]:
    """Codes and words of a vocabulary; `empty` is the words for no choice."""
    return [*_no_choice(empty), *(SelectChoice(code, label) for code, label in words.items())]


def _no_choice(empty: Any) -> list[SelectChoice]:
    return [] if empty is None else [SelectChoice("", empty)]


def categories(*, empty: Any) -> list[SelectChoice]:
    """The leaves of the taxonomy, under their categories; a whole category stands first in each group."""
    found = _no_choice(empty)
    for parent in taxonomy.parents():
        group = wording.category_name(parent.code)
        found.append(SelectChoice(parent.code, _("%(category)s (in general)", category=group), optgroup=group))
        found += [
            SelectChoice(leaf.code, wording.category_name(leaf.code), optgroup=group)
            for leaf in taxonomy.leaves(parent.code)
        ]
    return found


def some_categories(codes: Iterable[str], *, empty: Any) -> list[SelectChoice]:
    """The categories given, under those they belong to."""
    found = _no_choice(empty)
    for code in codes:
        if taxonomy.exists(code):
            parent = taxonomy.get(code).parent_code or code
            found.append(SelectChoice(code, wording.category_name(code), optgroup=wording.category_name(parent)))
    return found


def served_regions(actor: Actor, *, empty: Any) -> list[SelectChoice]:
    """Regions that an actor serves; all of them for those whose work is not bound to one."""
    root = actor.region or regions.NINGXIA
    return [
        *_no_choice(empty),
        *(SelectChoice(r.code, wording.region_full_name(r.code)) for r in regions.subtree(root)),
    ]


def counties(*, empty: Any) -> list[SelectChoice]:
    """The counties, under their prefectures."""
    name = wording.region_name
    pairs = [(county.code, county.parent_code) for county in regions.counties()]
    return [*_no_choice(empty), *(SelectChoice(code, name(code), optgroup=name(above)) for code, above in pairs)]


def price_bands(*, empty: Any) -> list[SelectChoice]:
    return [*_no_choice(empty), *(SelectChoice(str(b), wording.price_band(b)) for b in wording.PRICE_BANDS_FEN)]


def groups(codes: Iterable[str]) -> list[SelectChoice]:
    """Target groups first, recognitions after them, in the order of the vocabulary."""
    wanted = set(codes)
    terms = (*taxonomy.target_groups(), *taxonomy.assist_tiers())
    return [SelectChoice(term.code, wording.group_name(term.code)) for term in terms if term.code in wanted]


def qualifications() -> list[SelectChoice]:
    return [SelectChoice(term.code, wording.qualification_name(term.code)) for term in taxonomy.qualifications()]


def units(*, empty: Any) -> list[SelectChoice]:
    found = sorted({leaf.unit for leaf in taxonomy.leaves()} | {taxonomy.DEFAULT_UNIT})
    return [*_no_choice(empty), *(SelectChoice(unit, wording.unit_name(unit)) for unit in found)]


def people(persons: Iterable[Any], *, empty: Any) -> list[SelectChoice]:
    """People of a household, nothing of them in full."""
    return [*_no_choice(empty), *(SelectChoice(person.public_id, wording.person_choice(person)) for person in persons)]
