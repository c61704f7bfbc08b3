"""Choices of forms and filters about projects and capacity."""

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
    """A part of a long list of checkboxes that opens and closes: the whole of it, and what is below."""

    label: str
    whole: Option | None
    options: tuple[Option, ...]

    def chosen(self, values: list[str] | None) -> int:
        """How many of its checkboxes are ticked."""
        own = {option.value for option in self.options} | ({self.whole.value} if self.whole else set())
        return len(own & set(values or ()))


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
    """The regions of Ningxia: each prefecture with its counties, the whole autonomous region first."""
    root = regions.tree()
    whole = Branch(
        wording.region_name(root.region.code),
        Option(root.region.code, str(_("All of: %(name)s", name=wording.region_name(root.region.code)))),
        (),
    )
    return [whole] + [
        Branch(
            wording.region_name(node.region.code),
            Option(node.region.code, str(_("All of: %(name)s", name=wording.region_name(node.region.code)))),
            tuple(Option(child.region.code, wording.region_name(child.region.code)) for child in node.children),
        )
        for node in root.children
    ]


def group_branches(codes: frozenset[str], label: Any) -> list[Branch]:
    """Groups among these codes, in the order of the vocabulary."""
    terms = [term for term in (*taxonomy.target_groups(), *taxonomy.assist_tiers()) if term.code in codes]
    return [Branch(str(label), None, tuple(Option(term.code, wording.group_name(term.code)) for term in terms))]


def qualification_branches(label: Any) -> list[Branch]:
    options = tuple(Option(term.code, wording.qualification_name(term.code)) for term in taxonomy.qualifications())
    return [Branch(str(label), None, options)]


def choices_of(branches: list[Branch]) -> list[SelectChoice]:
    """Every checkbox of a long list, for the field that reads it."""
    options = [option for branch in branches for option in ((branch.whole,) if branch.whole else ()) + branch.options]
    return [SelectChoice(option.value, option.label) for option in options]


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
