"""Forms of accounts: shape only."""

from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    Form,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    widgets,
)
from wtforms.validators import Email, EqualTo, InputRequired, Length, Optional


def _email() -> EmailField:
    return EmailField(
        _("E-mail"),
        [
            InputRequired(_("Enter your e-mail address")),
            Length(max=254, message=_("At most 254 characters")),
            Email(_("Enter an address like name@example.org")),
        ],
    )


def _name() -> StringField:
    return StringField(
        _("Name"),
        [InputRequired(_("Enter the name that colleagues see")), Length(max=60, message=_("At most 60 characters"))],
    )


def _password(label: Any) -> PasswordField:
    return PasswordField(
        label,
        [
            InputRequired(_("Choose a password")),
            Length(min=12, max=128, message=_("Use 12 to 128 characters; a sentence is easy to remember")),
        ],
    )


def _repeat() -> PasswordField:
    return PasswordField(
        _("Password again"),
        [InputRequired(_("Repeat the password")), EqualTo("password", _("The two passwords differ. Type both again."))],
    )


class EmailForm(FlaskForm):
    """An address to which a letter goes."""

    email = _email()


class NewPasswordForm(FlaskForm):
    """The password that a link allows to set."""

    password = _password(_("New password"))
    repeat = _repeat()


class ChangePasswordForm(NewPasswordForm):
    """A password that its holder changes."""

    present = PasswordField(_("Present password"), [InputRequired(_("Enter your present password"))])


class ByLinkForm(FlaskForm):
    """What a person adds to the address that a link stands for."""

    name = _name()
    password = _password(_("Password"))
    repeat = _repeat()
    undertaking = BooleanField(
        _("I keep what I learn about people in confidence"),
        [InputRequired(_("Please agree: people's privacy comes first"))],
    )


class RegisterForm(ByLinkForm):
    """Registration where no mail is set up: everything at once."""

    email = _email()


class CodeForm(FlaskForm):
    """A code of an authenticator, or a recovery code."""

    code = StringField(
        _("Code"), [InputRequired(_("Enter the six digits")), Length(max=20, message=_("Enter the six digits"))]
    )


class _Checkboxes(SelectMultipleField):
    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()


class RightsForm(FlaskForm):
    """Roles and region of an account."""

    roles = _Checkboxes(_("Roles"))
    region = SelectField(_("Region served"), [Optional()])


class NewStaffForm(RightsForm):
    """An account for a colleague."""

    email = _email()
    name = _name()


class StaffFilterForm(Form):
    """Filters of the list, read from the address. An e-mail address is personal: it is sent by POST, never here."""

    role = SelectField(_("Role"), validate_choice=False)
    region = SelectField(_("Region"), validate_choice=False)
    state = SelectField(_("State"), validate_choice=False)
