"""Forms of allocations: shape only."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    DateField,
    DecimalField,
    EmailField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Email, InputRequired, Length, NumberRange, Optional

from marketplace.needs.forms import a_number
from marketplace.wording import DECLINE_REASONS

_LARGEST_YUAN = 10_000_000
_VALUES = _("Enter an amount from 0 to 10,000,000")
#: What a follow-up visit found, in words.
OUTCOME_NAMES = {
    "solved": _("The help has solved it"),
    "partly": _("It has helped in part"),
    "not": _("It has not helped"),
    "worse": _("Things are worse than before"),
}


def as_choices(words: Mapping[Any, Any]) -> list[SelectChoice]:
    """Choices of a field from codes and their words."""
    return [SelectChoice(code, word) for code, word in words.items()]


class DueForm(FlaskForm):
    due_on = DateField(_("Day of delivery"), [InputRequired(_("Choose the day of delivery"))])


class DeliveryForm(FlaskForm):
    delivered_on = DateField(_("Delivered on"), [InputRequired(_("Choose the day of delivery"))])
    quantity = IntegerField(
        _("Units delivered"),
        [InputRequired(_("Enter how many units")), NumberRange(min=1, message=_("Enter 1 or more"))],
    )
    people_served = IntegerField(
        _("People served"),
        [InputRequired(_("Enter how many people")), NumberRange(min=0, max=1_000_000, message=_("Enter 0 or more"))],
    )
    value_yuan = DecimalField(
        _("Value in yuan"),
        [Optional(), a_number(_VALUES), NumberRange(min=0, max=_LARGEST_YUAN, message=_VALUES)],
        places=2,
    )
    value_kind = RadioField(_("Kind of value"), default="goods")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.value_kind.choices = as_choices({"goods": _("Goods or service"), "money": _("Money")})

    @property
    def value_fen(self) -> int:
        """The value in fen, 0 where none is given."""
        return int((self.value_yuan.data or 0) * 100)


SATISFACTION = {
    5: _("5 Very satisfied"),
    4: _("4 Satisfied"),
    3: _("3 So-so"),
    2: _("2 Dissatisfied"),
    1: _("1 Very dissatisfied"),
}


class ConfirmForm(FlaskForm):
    satisfaction = RadioField(_("How satisfied is the household?"), [Optional()], coerce=int)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.satisfaction.choices = as_choices(SATISFACTION)


class ProblemForm(FlaskForm):
    reason = StringField(
        _("What went wrong"),
        [
            InputRequired(_("Say what went wrong, without names")),
            Length(min=2, max=300, message=_("Use 2 to 300 characters")),
        ],
    )


class ReasonForm(FlaskForm):
    """One coded reason out of a list that the view gives."""

    reason = SelectField(_("Reason"), [InputRequired(_("Choose a reason of the list."))])

    def __init__(self, reasons: dict[str, Any] | None = None, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.reason.choices = as_choices(DECLINE_REASONS if reasons is None else reasons)


class AcceptPartForm(FlaskForm):
    """Accept so many, and why not all."""

    quantity = IntegerField(
        _("How many do you take?"),
        [InputRequired(_("Enter how many units")), NumberRange(min=1, message=_("Enter 1 or more"))],
    )
    rest_reason = SelectField(_("Why not the rest?"), [InputRequired(_("Choose a reason of the list."))])

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.rest_reason.choices = as_choices(DECLINE_REASONS)


class PhotoForm(FlaskForm):
    photo = FileField(_("Photo"))


class ThanksForm(FlaskForm):
    thanks = TextAreaField(
        _("Your thanks"),
        [
            InputRequired(_("Write a few words, without names")),
            Length(min=2, max=300, message=_("Use 2 to 300 characters")),
        ],
    )


class LinkForm(FlaskForm):
    send_to = EmailField(
        _("The supplier's e-mail address"),
        [Optional(), Email(_("Enter an e-mail address such as name@example.org"), check_deliverability=False)],
    )


class ProposeForm(FlaskForm):
    """Which capacity gives how much; rules that are broken are confirmed."""

    capacity = HiddenField(validators=[InputRequired(_("Choose a supplier of the list."))])
    quantity = IntegerField(
        _("Units"), [InputRequired(_("Enter how many units")), NumberRange(min=1, message=_("Enter 1 or more"))]
    )
    agreed = BooleanField(_("I have asked the supplier, who agreed: accept in its name"))
    despite = BooleanField(_("I know, and propose it all the same"))


class ReassignForm(FlaskForm):
    capacity = HiddenField(validators=[InputRequired(_("Choose a supplier of the list."))])
    agreed = BooleanField(_("I have asked the supplier, who agreed: accept in its name"))
    despite = BooleanField(_("I know, and hand it over all the same"))


class VisitForm(FlaskForm):
    visited_on = DateField(_("Day of the visit"), [InputRequired(_("Choose the day of the visit"))])
    outcome = RadioField(_("What did you find?"), [InputRequired(_("Choose what the visit found."))])
    satisfaction = RadioField(_("How satisfied is the household?"), [Optional()], coerce=int)
    note = TextAreaField(_("Note for the care team"), [Length(max=1000, message=_("Use at most 1,000 characters."))])
    next_on = DateField(_("Next visit"), [Optional()])
    open_again = BooleanField(_("The help failed: open the need again"))

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.outcome.choices = as_choices(OUTCOME_NAMES)
        self.satisfaction.choices = as_choices(SATISFACTION)


class PlanVisitForm(FlaskForm):
    due_on = DateField(_("Day of the next visit"), [InputRequired(_("Choose the day of the visit"))])


class CardClaimForm(FlaskForm):
    """A claim from a printed card. The names of its fields keep browsers from filling in passwords."""

    code = StringField(_("Code on the card"), [InputRequired(_("Enter the code on the card"))])
    phone = StringField(_("Your mobile number"), [InputRequired(_("Enter your mobile number"))])


class GroupClaimForm(FlaskForm):
    organization = SelectField(_("Organization"), [InputRequired(_("Choose the organization."))])
    wish = SelectMultipleField(_("Wishes"), validate_choice=False)
    collect_on = DateField(_("Collection day"), [Optional()])
