"""Forms of allocations: shape only."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import DateField, DecimalField, IntegerField, RadioField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from marketplace.needs.forms import a_number
from marketplace.wording import DECLINE_REASONS

_LARGEST_YUAN = 10_000_000
_VALUES = _("Enter an amount from 0 to 10,000,000")


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


class ConfirmForm(FlaskForm):
    satisfaction = RadioField(_("How satisfied is the household?"), [Optional()], coerce=int)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        words = {
            5: _("5 Very satisfied"),
            4: _("4 Satisfied"),
            3: _("3 So-so"),
            2: _("2 Dissatisfied"),
            1: _("1 Very dissatisfied"),
        }
        self.satisfaction.choices = as_choices(words)


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
