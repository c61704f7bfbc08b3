"""Forms of matching runs: shape only."""

from collections.abc import Iterable
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectChoice, SelectField
from wtforms.validators import InputRequired


class ScopeForm(FlaskForm):
    """What a run is over; read from the address for a preview, and sent to start."""

    region = SelectField(
        _("Region"),
        [InputRequired(_("Choose a region of the list."))],
        invalid_choice_message=_("Choose a region of the list."),
    )
    alliance = SelectField(_("Capacity of"), invalid_choice_message=_("Choose an alliance of the list."))

    def __init__(
        self, regions: Iterable[tuple[str, str]], alliances: Iterable[tuple[str, str]], *arguments: Any, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.region.choices = [SelectChoice(code, name) for code, name in regions]
        everyone = SelectChoice("", str(_("Everybody")))
        self.alliance.choices = [everyone, *(SelectChoice(slug, name) for slug, name in alliances)]
