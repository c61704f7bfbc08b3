"""Choices of forms and filters about projects and capacity."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import SelectChoice

from marketplace import regions, taxonomy, wording


@dataclass(frozen=True)
class Option:
    """One checkbox of a long list."""

    value: str
    label: str


@dataclass(frozen=True)
class Branch:
    """A part of a long list of checkboxes that opens and closes: the whole of it, and what is below.

    Attributes:
        options: the checkboxes directly below. branches: the parts below that open and close themselves.
    """

    label: str
    whole: Option | None
    options: tuple[Option, ...]
    branches: tuple["Branch", ...] = ()

    def chosen(self, values: list[str] | None) -> int:
        """How many of its checkboxes are ticked, those further below included."""
        own = {option.value for option in self.options} | ({self.whole.value} if self.whole else set())
        return len(own & set(values or ())) + sum(branch.chosen(values) for branch in self.branches)

    def holds(self, text: str) -> bool:
        """Whether its name or that of a checkbox in it contains a text."""
        sought = text.casefold()
        names = [self.label, *(option.label for option in self.options)]
        return any(sought in name.casefold() for name in names) or any(part.holds(text) for part in self.branches)


def category_branches() -> list[Branch]:
    """The service taxonomy: each category with its leaves."""
    return [
        Branch(
            wording.category_name(parent.code),
            Option(parent.code, str(_("All of: %(name)s", name=wording.category_name(parent.code)))),
            tuple(Option(leaf.code, wording.category_name(leaf.code)) for leaf in taxonomy.leaves(parent.code)),
        )
        for parent in taxonomy.parents()
    ]


def region_branches() -> list[Branch]:
    """The regions of Ningxia as they lie in each other: the autonomous region, its prefectures, their counties."""
    return [_branch(regions.tree())]


def _branch(node: regions.RegionNode) -> Branch:
    name = wording.region_name(node.region.code)
    return Branch(
        name,
        Option(node.region.code, str(_("All of: %(name)s", name=name))),
        tuple(
            Option(child.region.code, wording.region_name(child.region.code))
            for child in node.children
            if not child.children
        ),
        tuple(_branch(child) for child in node.children if child.children),
    )


def group_branches(codes: frozenset[str], label: Any) -> list[Branch]:
    """Groups among these codes, in the order of the vocabulary."""
    terms = [term for term in (*taxonomy.target_groups(), *taxonomy.assist_tiers()) if term.code in codes]
    return [Branch(str(label), None, tuple(Option(term.code, wording.group_name(term.code)) for term in terms))]


def qualification_branches(label: Any) -> list[Branch]:
    options = tuple(Option(term.code, wording.qualification_name(term.code)) for term in taxonomy.qualifications())
    return [Branch(str(label), None, options)]


def choices_of(branches: Iterable[Branch]) -> list[SelectChoice]:
    """Every checkbox of a long list, for the field that reads it."""
    found: list[SelectChoice] = []
    for branch in branches:
        options = ((branch.whole,) if branch.whole else ()) + branch.options
        found += [SelectChoice(option.value, option.label) for option in options]
        found += choices_of(branch.branches)
    return found


def category_choices(nothing: Any) -> list[SelectChoice]:
    """The taxonomy as one list of a filter, grouped by category, behind a choice of none."""
    grouped = [
        SelectChoice(option.value, option.label, optgroup=branch.label)
        for branch in category_branches()
        for option in ((branch.whole,) if branch.whole else ()) + branch.options
    ]
    return [SelectChoice("", nothing), *grouped]


def unit_choices() -> list[SelectChoice]:
    """Units, behind the one that follows from the categories."""
    units = [SelectChoice(term.code, wording.unit_name(term.code)) for term in taxonomy.vocabulary("unit")]
    return [SelectChoice("", _("As usual for this kind of help")), *units]


def funding_choices() -> list[SelectChoice]:
    return [SelectChoice(code, name) for code, name in wording.FUNDINGS.items()]


def county_choices(nothing: Any) -> list[SelectChoice]:
    """Counties grouped by prefecture, behind a choice of none."""
    counties = [
        SelectChoice(county.code, wording.region_name(county.code), optgroup=wording.region_name(county.parent_code))
        for county in regions.counties()
    ]
    return [SelectChoice("", nothing), *counties]


def reason_choices(codes: Iterable[str], nothing: Any) -> list[SelectChoice]:
    """Why a project rests or ends, behind a choice of none."""
    return [SelectChoice("", nothing), *(SelectChoice(code, wording.STOP_REASONS[code]) for code in codes)]


def look_choices() -> list[SelectChoice]:
    """Why a coordinator looks at who made an offer."""
    return [
        SelectChoice("", _("Choose a reason")),
        SelectChoice("review", _("To review the offer")),
        SelectChoice("arrange", _("To arrange a visit")),
        SelectChoice("complaint", _("To follow up a complaint")),
    ]
