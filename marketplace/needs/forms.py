"""Forms of needs and of the board: shape only. Choices are handed in by the views. None asks for hukou."""

from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    DecimalField,
    Form,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional, StopValidation
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from marketplace.records import known_version


def a_number(message: Any) -> Any:
    """Stop at NaN, which decimal fields take and whose signalling kind no comparison survives."""

    def check(_form: Any, field: Any) -> None:
        if field.data is not None and not field.data.is_finite():
            raise StopValidation(message)

    return check


def _checkboxes(label: Any) -> SelectMultipleField:
    return SelectMultipleField(label, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput())


_VALUES = _("Enter an amount from 0 to 10,000,000 yuan")


class NeedForm(FlaskForm):
    version = IntegerField(widget=HiddenInput(), default=1, filters=[known_version])
    case = HiddenField()
    kind = RadioField(_("Kind of help"), [InputRequired(_("Choose the kind of help"))], default="service")
    category = SelectField(_("Category"), [InputRequired(_("Choose the category"))])
    person = SelectField(_("Whose need it is"), [Optional()])
    title = StringField(
        _("What is needed"),
        [InputRequired(_("Say in a few words what is needed")), Length(2, 160, _("Use 2 to 160 characters"))],
    )
    details = TextAreaField(
        _("Details for the supplier"), [Optional(), Length(max=2000, message=_("At most 2,000 characters"))]
    )
    quantity = IntegerField(
        _("How many"),
        [InputRequired(_("Enter how many")), NumberRange(1, 100_000, _("Enter a whole number from 1 to 100,000"))],
        default=1,
    )
    unit = SelectField(_("Unit"), [Optional()], validate_choice=True)
    value = DecimalField(
        _("Value in yuan"),
        [Optional(), a_number(_VALUES), NumberRange(0, 10_000_000, _VALUES)],
        places=2,
    )
    urgency = RadioField(_("Urgency"), [InputRequired(_("Choose how urgent it is"))])
    region = SelectField(_("Where help is needed"), [InputRequired(_("Choose where help is needed"))])
    deadline = DateField(_("Last useful day"), [Optional()])
    groups = _checkboxes(_("Who it is for"))
    requires = _checkboxes(_("Qualifications that whoever helps must have"))
    whole = BooleanField(_("All of it from one supplier, or none"))
    internal_only = BooleanField(_("The household does not want this wish published"))


class NeedFilterForm(FlaskForm):
    """Filters of the work list; read from the address."""

    class Meta:
        csrf = False

    state = SelectField(_("State"), [Optional()], validate_choice=False)
    kind = SelectField(_("Kind"), [Optional()], validate_choice=False)
    urgency = SelectField(_("Urgency"), [Optional()], validate_choice=False)
    category = SelectField(_("Category"), [Optional()], validate_choice=False)
    region = SelectField(_("Region"), [Optional()], validate_choice=False)
    waiting = HiddenField()
    own = BooleanField(_("Written by me"))
    without_consent = BooleanField(_("Without consent to share"))


class BoardFilterForm(Form):
    """Filters of the board; read from the address."""

    county = SelectField(_("County"), [Optional()], validate_choice=False)
    category = SelectField(_("Category"), [Optional()], validate_choice=False)
    price = SelectField(_("Price"), [Optional()], validate_choice=False)
    needed = SelectField(_("Needed"), [Optional()], validate_choice=False)


class NoteForm(FlaskForm):
    note = TextAreaField(
        _("Reason"), [InputRequired(_("Give the reason")), Length(max=500, message=_("At most 500 characters"))]
    )


class AttachForm(FlaskForm):
    number = StringField(
        _("Number of the case"),
        [InputRequired(_("Enter the number of the case, for example C-640202-7K3M9Q")), Length(max=30)],
    )


class ApprovalForm(FlaskForm):
    judged = BooleanField(_("I looked at each marked part; none tells who this is"))


class ReasonForm(FlaskForm):
    reason = SelectField(_("Reason"), [InputRequired(_("Choose the reason"))])


class PackageForm(FlaskForm):
    """A service package that is applied to a case: its urgency, and which of its lines."""

    urgency = RadioField(_("How urgent it is"), [InputRequired(_("Choose how urgent it is."))])
    lines = _checkboxes(_("Needs to add"))
    anyway = BooleanField(_("Add them although the household has needs like these"))
