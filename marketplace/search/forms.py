"""The search form: shape only, sent by GET."""

from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SearchField, SelectChoice, SelectField
from wtforms.validators import Length

from marketplace.search.words import MOST_CHARACTERS

KIND_NAMES = {
    "wish": _("Micro-wishes"),
    "need": _("Needs"),
    "project": _("Projects"),
    "organization": _("Organizations"),
}


class SearchForm(FlaskForm):
    class Meta:
        csrf = False  # a GET changes nothing, and its address may be sent to others

    q = SearchField(_("Search for"), [Length(max=MOST_CHARACTERS, message=_("Use at most 200 characters."))])
    kind = SelectField(_("Kind"), default="")
    region = SelectField(_("Region"), default="")

    def offer(self, kinds: tuple[str, ...], region_choices: list[Any]) -> None:
        """Set the choices; the caller knows what the reader may search."""
        self.kind.choices = [SelectChoice("", _("All kinds"))]
        self.kind.choices += [SelectChoice(kind, KIND_NAMES[kind]) for kind in kinds]
        self.region.choices = region_choices
