"""Forms of organizations: shape only."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import Form, HiddenField, IntegerField, SelectField, StringField, TelField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional, Regexp
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
