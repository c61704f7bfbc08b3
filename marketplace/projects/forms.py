"""Forms of projects and capacity: shape only."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    FloatField,
    Form,
    HiddenField,
    IntegerField,
    MonthField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import HiddenInput

from marketplace import money
from marketplace.records import known_version


class WholeNumber(IntegerField):
    """A whole number; what is none is told in plain words."""

    def process_formdata(self, values: list[str]) -> None:
        try:
            super().process_formdata(values)
        except ValueError as error:
            raise ValueError(_("Enter a whole number, in digits")) from error


class Measure(FloatField):
    """A decimal number; what is none is told in plain words."""

    def process_formdata(self, values: list[str]) -> None:
        try:
            super().process_formdata(values)
        except ValueError as error:
            raise ValueError(_("Enter a number, such as 12 or 12.5")) from error


class Day(DateField):
    """A day of the calendar; what is none is told in plain words."""

    def process_formdata(self, values: list[str]) -> None:
        try:
            super().process_formdata(values)
        except ValueError as error:
            raise ValueError(_("Enter a day as year-month-day, such as 2026-11-30")) from error


class Yuan(StringField):
    """An amount in yuan; `data` is fen, or None when empty."""

    def process_formdata(self, values: list[str]) -> None:
        self.raw_data = values
        text = (values[0] if values else "").strip()
        self.data = None
        if text:
            try:
                self.data = money.parse_yuan(text)
            except ValueError as error:
                raise ValueError(_("Enter an amount in yuan, such as 1200 or 12.50")) from error

    def _value(self) -> str:
        if isinstance(self.data, int):
            return money.yuan_text(self.data)
        return str(self.raw_data[0]) if self.raw_data else ""


class FilterForm(Form):
    """Filters of the list, read from the address."""

    tab = HiddenField()
    organization = HiddenField()
    category = SelectField(_("Kind of help"), validate_choice=False)
    region = SelectField(_("Region"), validate_choice=False)
    kind = SelectField(_("Kind of organization"), validate_choice=False)
    state = SelectField(_("State"), validate_choice=False)


class ProjectForm(FlaskForm):
    """A project."""

    version = IntegerField(widget=HiddenInput(), default=1, filters=[known_version])
    organization = SelectField(_("Organization"), [InputRequired(_("Choose the organization"))])
    title = StringField(
        _("Title"),
        [InputRequired(_("Give the project a title")), Length(max=120, message=_("At most 120 characters"))],
    )
    summary = TextAreaField(_("What it does"), [Optional(), Length(max=4000, message=_("At most 4000 characters"))])
    funding = SelectField(_("Where the money comes from"), [InputRequired(_("Choose where the money comes from"))])
    starts_on = Day(_("First day"), [Optional()])
    ends_on = Day(_("Last day"), [Optional()])


class SendBackForm(FlaskForm):
    """Why an officer sends a project back."""

    version = IntegerField(widget=HiddenInput(), default=0, filters=[known_version])
    reason = TextAreaField(
        _("Reason"),
        [
            InputRequired(_("Say what is wrong and how to mend it")),
            Length(max=500, message=_("At most 500 characters")),
        ],
    )


class CapacityForm(FlaskForm):
    """What a project offers. `groups` may limit it, `prefers` only raise the fit of a match."""

    version = IntegerField(widget=HiddenInput(), default=1, filters=[known_version])
    title = StringField(_("Short name"), [Optional(), Length(max=160, message=_("At most 160 characters"))])
    categories = SelectMultipleField(_("Kinds of help"), [InputRequired(_("Choose at least one kind of help"))])
    regions = SelectMultipleField(_("Regions served"), [InputRequired(_("Choose at least one region that you serve"))])
    find = StringField(_("Find a region"), [Optional(), Length(max=40, message=_("At most 40 characters"))])
    quantity = WholeNumber(_("Quantity"), [InputRequired(_("Enter how many units you offer"))])
    unit = SelectField(_("Unit"), [Optional()])
    valid_from = Day(_("First day"), [Optional()])
    valid_until = Day(_("Last day"), [Optional()])
    groups = SelectMultipleField(_("Only for these groups"), [Optional()])
    prefers = SelectMultipleField(_("Prefers"), [Optional()])
    qualifications = SelectMultipleField(_("Qualifications of those who serve"), [Optional()])
    radius_km = Measure(_("Radius"), [Optional()])
    latitude = Measure(_("Latitude"), [Optional()])
    longitude = Measure(_("Longitude"), [Optional()])
    pool_name = StringField(_("Shared pool"), [Optional(), Length(max=120, message=_("At most 120 characters"))])
    pool_quantity = WholeNumber(_("Quantity of the pool"), [Optional()])
    budget_fen = Yuan(_("Budget"), [Optional()])
    unit_cost_fen = Yuan(_("Cost of one unit"), [Optional()])
    minimum_batch = WholeNumber(_("Smallest batch"), [Optional()])


class Month(MonthField):
    """A month; what is none is told in plain words."""

    def process_formdata(self, values: list[str]) -> None:
        try:
            super().process_formdata(values)
        except ValueError as error:
            raise ValueError(_("Enter a month as year-month, such as 2026-11")) from error


class StopForm(FlaskForm):
    """Why a project rests or ends."""

    reason = SelectField(_("Reason"), [InputRequired(_("Choose a reason"))])
    note = TextAreaField(_("In your words"), [Optional(), Length(max=500, message=_("At most 500 characters"))])
    resumes_on = Day(_("Expected to go on from"), [Optional()])


class MonthlyForm(FlaskForm):
    """A rule that offers a capacity anew every month."""

    quantity = WholeNumber(_("Units every month"), [InputRequired(_("Enter how many units you offer every month"))])
    budget_fen = Yuan(_("Budget every month"), [Optional()])
    carry_over = BooleanField(_("Add what a month left to the next"))
    last_month = Month(_("Last month"), [Optional()])


class PoolForm(FlaskForm):
    """A pool; `pool` names the one that is changed."""

    pool = HiddenField()
    name = StringField(
        _("Name of the pool"),
        [InputRequired(_("Give the pool a name")), Length(max=120, message=_("At most 120 characters"))],
    )
    quantity = WholeNumber(_("Units in all"), [InputRequired(_("Enter how many units the pool shares"))])


class OfferForm(FlaskForm):
    """A volunteer's own offer."""

    version = IntegerField(widget=HiddenInput(), default=1, filters=[known_version])
    title = StringField(
        _("What you offer to do"),
        [InputRequired(_("Say in a few words what you can do")), Length(max=60, message=_("At most 60 characters"))],
    )
    categories = SelectMultipleField(_("Skills"), [InputRequired(_("Choose at least one kind of help"))])
    hours = WholeNumber(_("Hours a month"), [InputRequired(_("Enter how many hours a month you can give"))])
    home = SelectField(_("Where you start from"), [InputRequired(_("Choose the county that you start from"))])
    regions = SelectMultipleField(_("Places"), [InputRequired(_("Choose at least one region that you serve"))])
    find = StringField(_("Find a region"), [Optional(), Length(max=40, message=_("At most 40 characters"))])
    radius_km = Measure(_("Radius"), [Optional()])
    qualifications = SelectMultipleField(_("Qualifications that you can prove"), [Optional()])


class ApproveForm(FlaskForm):
    """What a coordinator saw before an offer is matched."""

    version = IntegerField(widget=HiddenInput(), default=0, filters=[known_version])
    checks = TextAreaField(
        _("What was checked"),
        [
            InputRequired(_("Note which certificates and which police check you saw")),
            Length(max=1000, message=_("At most 1000 characters")),
        ],
    )


class LookForm(FlaskForm):
    """Why a coordinator looks at who made an offer."""

    reason = SelectField(_("Reason"), [InputRequired(_("Choose a reason"))])
