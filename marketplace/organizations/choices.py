"""Choices of forms and filters about organizations and places."""

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import SelectChoice

from marketplace import regions, wording


def region_choices(nothing: Any = None) -> list[SelectChoice]:
    """Every region, grouped by prefecture.

    Args:
        nothing: the label of a first choice of no region.
    """
    first = [] if nothing is None else [SelectChoice("", nothing)]
    root = regions.tree()
    whole = [SelectChoice(root.region.code, wording.region_name(root.region.code), optgroup=_("Whole region"))]
    return (
        first
        + whole
        + [
            SelectChoice(
                region.code, wording.region_name(region.code), optgroup=wording.region_name(branch.region.code)
            )
            for branch in root.children
            for region in regions.subtree(branch.region.code)
        ]
    )


def kind_choices(nothing: Any) -> list[SelectChoice]:
    """Kinds of organizations, behind a choice of none."""
    return [SelectChoice("", nothing)] + [SelectChoice(kind, name) for kind, name in wording.ORGANIZATION_KINDS.items()]


def state_choices(table: str, nothing: Any) -> list[SelectChoice]:
    """States of a table's records, behind a choice of none."""
    return [SelectChoice("", nothing)] + [SelectChoice(state, name) for state, name in wording.STATES[table].items()]
