"""Form of an impact assessment: shape only."""

from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import DateField, SelectField, SelectMultipleField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from marketplace.assessments.wording import CHANNELS, CONCLUSIONS, GROUNDS, QUESTIONS

_MISSING = _("Answer this question; “not concerned” needs a reason, too.")


def _choices(words: dict[str, Any]) -> list[SelectChoice]:
    return [SelectChoice(code, word) for code, word in words.items()]


def _question(name: str) -> TextAreaField:
    return TextAreaField(QUESTIONS[name], [InputRequired(_MISSING), Length(max=500)])


class AssessmentForm(FlaskForm):
    """The questions of PIPL Articles 55 and 56."""

    region = SelectField(_("Region"), [InputRequired(_("Choose a region that you serve."))])
    channel = SelectField(_("What is to go live"), [InputRequired()], choices=_choices(CHANNELS))
    grounds = SelectMultipleField(
        _("Why an assessment is asked for (Article 55)"),
        choices=_choices(GROUNDS),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    purpose = _question("purpose")
    necessity = _question("necessity")
    impact = _question("impact")
    risks = _question("risks")
    measures = _question("measures")
    children = _question("children")
    conclusion = SelectField(_("What follows from it"), [InputRequired()], choices=_choices(CONCLUSIONS))
    valid_until = DateField(_("To be looked at again on"), [Optional()])

    def __init__(self, regions: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self.region.choices = [SelectChoice(code, name) for code, name in regions]
