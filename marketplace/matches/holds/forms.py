"""Forms of requests about what is kept for later: shape only."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import DateField, IntegerField, RadioField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange


class AskForm(FlaskForm):
    """Why it should be given now."""

    reason = TextAreaField(
        _("Reason"),
        [InputRequired(_("Say why, in a few words.")), Length(max=500, message=_("Use at most 500 characters"))],
    )


class RefuseForm(AskForm):
    """Why it is refused."""


class GrantReleaseForm(AskForm):
    """Up to which day nothing is kept, and why."""

    until = DateField(_("Keep nothing up to"), [InputRequired(_("Choose a day from today on, within a year."))])


class GrantExceptionForm(AskForm):
    """Which of the kept units are proposed, and why."""

    capacity = RadioField(
        _("Whose kept units"), [InputRequired(_("Choose a capacity of the list."))], validate_choice=False
    )
    quantity = IntegerField(
        _("Units to propose"),
        [InputRequired(_("Enter how many units")), NumberRange(min=1, message=_("Enter 1 or more"))],
    )
