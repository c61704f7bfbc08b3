"""Forms of organizations: shape only."""

from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    BooleanField,
    EmailField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TelField,
    TextAreaField,
)
from wtforms.validators import Email, InputRequired, Length, NumberRange, Optional, Regexp
from wtforms.widgets import HiddenInput

from marketplace.records import known_version

_PHONE = Regexp(r"^\+?[0-9][0-9 \-]{5,18}[0-9]$", message=_("Enter a phone number: digits, spaces and hyphens"))


class FilterForm(Form):
    """Filters of the list, read from the address."""

    tab = HiddenField()
    kind = SelectField(_("Kind"), validate_choice=False)
    region = SelectField(_("Region"), validate_choice=False)
    state = SelectField(_("State"), validate_choice=False)


class ProfileForm(FlaskForm):
    """An organization's profile; `identity_fields` are those an officer verifies."""

    identity_fields = ("name", "kind", "credit_code", "region")

    version = IntegerField(widget=HiddenInput(), default=1, filters=[known_version])
    name = StringField(
        _("Registered name"),
        [
            InputRequired(_("Enter the organization's registered name")),
            Length(max=120, message=_("At most 120 characters")),
        ],
    )
    name_en = StringField(_("English name"), [Optional(), Length(max=160, message=_("At most 160 characters"))])
    kind = SelectField(_("Kind"), [InputRequired(_("Choose a kind of the list"))])
    credit_code = StringField(
        _("Unified social credit code"), [Optional(), Length(max=40, message=_("At most 40 characters"))]
    )
    region = SelectField(_("Region where it is registered"), [InputRequired(_("Choose a region of the list"))])
    summary = TextAreaField(
        _("What the organization does"), [Optional(), Length(max=2000, message=_("At most 2000 characters"))]
    )
    contact_name = StringField(_("Contact person"), [Optional(), Length(max=60, message=_("At most 60 characters"))])
    contact_phone = TelField(_("Contact phone"), [Optional(), _PHONE])


class RegisterForm(ProfileForm):
    """A new organization names whom the officer may ask."""

    contact_name = StringField(
        _("Contact person"),
        [InputRequired(_("Enter whom the officer may ask")), Length(max=60, message=_("At most 60 characters"))],
    )
    contact_phone = TelField(
        _("Contact phone"), [InputRequired(_("Enter a number under which that person is reached")), _PHONE]
    )


class ReasonForm(FlaskForm):
    """Why an officer refuses, suspends or looks at a contact."""

    version = IntegerField(widget=HiddenInput(), default=0, filters=[known_version])
    reason = TextAreaField(
        _("Reason"),
        [
            InputRequired(_("Say what is wrong and how to mend it")),
            Length(max=500, message=_("At most 500 characters")),
        ],
    )


class DocumentForm(FlaskForm):
    """A scan for the verification."""

    kind = SelectField(_("What it is"), [InputRequired(_("Choose a kind of the list"))])
    file = FileField(_("File"), [FileRequired(_("Choose a file."))])


def _email_field(missing: Any) -> EmailField:
    """The address to send an invitation to; what to say where there is none."""
    return EmailField(
        _("E-mail"),
        [
            InputRequired(missing),
            Length(max=254, message=_("At most 254 characters")),
            Email(_("Enter an address like name@example.org")),
        ],
    )


class InviteForm(FlaskForm):
    """An invitation into an organization."""

    email = _email_field(_("Enter the e-mail address of your colleague"))
    position = RadioField(_("Place"), [InputRequired(_("Choose manager or staff."))], default="staff")


class FirstManagerForm(FlaskForm):
    """Who will answer for an organization without a manager."""

    email = _email_field(_("Enter the e-mail address of whoever will answer for it"))


class FindForm(Form):
    """Words to find an organization by, read from the address."""

    find = StringField(_("Name of an organization"))


class AllianceForm(FlaskForm):
    """What the page of an alliance says; its region is chosen once."""

    version = IntegerField(widget=HiddenInput(), default=1, filters=[known_version])
    name = StringField(
        _("Name of the alliance"),
        [InputRequired(_("Give the alliance a name.")), Length(max=80, message=_("At most 80 characters"))],
    )
    name_en = StringField(_("English name"), [Optional(), Length(max=120, message=_("At most 120 characters"))])
    region = SelectField(_("Region where it works"), [InputRequired(_("Choose a region of the list"))])
    summary = TextAreaField(
        _("What the alliance does"), [Optional(), Length(max=2000, message=_("At most 2000 characters"))]
    )


class ItemForm(Form):
    """One line of a package; an empty one asks for nothing."""

    category = SelectField(_("Category"), [Optional()])
    kind = SelectField(_("Kind"), [Optional()])
    title = StringField(_("What is needed"), [Optional(), Length(max=160, message=_("At most 160 characters"))])
    quantity = IntegerField(
        _("Quantity"), [Optional(), NumberRange(1, 1000, message=_("Enter a whole number from 1 to 1000"))], default=1
    )
    requires = SelectMultipleField(_("Qualifications"))
    within_days = IntegerField(
        _("Within days"), [Optional(), NumberRange(1, 366, message=_("Enter 1 to 366 days, or leave the days empty."))]
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """A line that says something has a category, so that nothing written is left out without a word."""
        fits = super().validate(extra_validators)
        if (self.title.data or "").strip() and not self.category.data:
            self.category.errors = [_("Choose the category, or empty what is needed to leave the line out.")]
            return False
        return bool(fits)


class PackageForm(FlaskForm):
    """A service package."""

    version = IntegerField(widget=HiddenInput(), default=1, filters=[known_version])
    name = StringField(
        _("Name of the package"),
        [InputRequired(_("Give the package a name.")), Length(max=80, message=_("At most 80 characters"))],
    )
    name_en = StringField(_("English name"), [Optional(), Length(max=120, message=_("At most 120 characters"))])
    audience = SelectField(_("Made for"), [InputRequired(_("Choose a group of the list."))])
    summary = TextAreaField(_("What it is for"), [Optional(), Length(max=1000, message=_("At most 1000 characters"))])
    together = BooleanField(_("All of it together, or nothing"), default=True)
    items = FieldList(FormField(ItemForm), min_entries=1, max_entries=20)
