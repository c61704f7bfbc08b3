"""Forms of foresight: shape only."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import FieldList, Form, FormField, HiddenField, IntegerField, SelectChoice, SelectField
from wtforms.validators import InputRequired, NumberRange, Optional, StopValidation, ValidationError

from marketplace.matches.foresight.models import HORIZON, LEAST_HORIZON, MOST_HORIZON
from marketplace.matches.foresight.services import Expected

BLANK_ROWS = 3
"""Empty rows behind those that are told already."""


class StartForm(FlaskForm):
    """Start a backtest."""

    region = HiddenField()
    alliance = HiddenField()
    horizon = IntegerField(
        _("Look ahead at most"),
        [InputRequired(_("Enter days")), NumberRange(LEAST_HORIZON, MOST_HORIZON, message=_("Enter 7 to 365 days"))],
        default=HORIZON,
        description=_("Capacity that ends sooner is looked at until it ends."),
    )


class NeedsAMonth(IntegerField):
    """A whole number of needs; what is none is told once and in plain words."""

    told = _("Enter a whole number of needs a month, 1 to 10000.")

    def process_formdata(self, values: list[str]) -> None:
        try:
            super().process_formdata([value for value in values if value.strip()])
        except ValueError as error:
            raise ValueError(self.told) from error

    def pre_validate(self, form: Any) -> None:  # noqa: ARG002  # the signature of WTForms
        if self.process_errors:
            raise StopValidation


class RowForm(Form):
    """So many needs of a service, a region and a colour a month; a row without a number is left out."""

    category = SelectField(_("Service"), validate_choice=False)
    place = SelectField(_("Region"), validate_choice=False)
    urgency = SelectField(_("Urgency"), validate_choice=False)
    a_month = NeedsAMonth(_("Needs a month"), [Optional(), NumberRange(1, 10_000, message=NeedsAMonth.told)])

    def validate_category(self, field: SelectField) -> None:
        """A number says nothing without its service."""
        if self.a_month.data and not field.data:
            raise ValidationError(_("Choose a service of the list."))


class ExpectationForm(FlaskForm):
    """What a coordinator expects to come in a month."""

    region = HiddenField()
    alliance = HiddenField()
    rows = FieldList(FormField(RowForm))

    def choose(
        self, categories: Iterable[tuple[str, str]], places: Iterable[tuple[str, str]], urgencies: Mapping[str, Any]
    ) -> None:
        """Give every row what may be chosen."""
        options = {
            "category": [SelectChoice("", _("Choose from the list")), *(SelectChoice(*pair) for pair in categories)],
            "place": [SelectChoice(*pair) for pair in places],
            "urgency": [SelectChoice(code, str(word)) for code, word in urgencies.items()],
        }
        for row in self.rows:
            for name, choices in options.items():
                row.form[name].choices = choices

    def expected(self) -> list[Expected]:
        """The rows with a number."""
        return [
            Expected(row.form.category.data, row.form.place.data, row.form.urgency.data, row.form.a_month.data)
            for row in self.rows
            if row.form.a_month.data
        ]
