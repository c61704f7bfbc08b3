"""Forms of accounts: shape only."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, StringField
from wtforms.validators import Email, EqualTo, InputRequired, Length


class RegisterForm(FlaskForm):
    email = EmailField(
        _("E-mail"), [InputRequired(_("Enter your e-mail address")), Email(_("Enter an address like name@example.org"))]
    )
    name = StringField(
        _("Name"),
        [InputRequired(_("Enter the name that colleagues see")), Length(max=60, message=_("At most 60 characters"))],
    )
    password = PasswordField(
        _("Password"),
        [
            InputRequired(_("Choose a password")),
            Length(min=12, max=128, message=_("Use 12 to 128 characters; a sentence is easy to remember")),
        ],
    )
    repeat = PasswordField(
        _("Password again"),
        [InputRequired(_("Repeat the password")), EqualTo("password", _("The two passwords differ. Type both again."))],
    )
    undertaking = BooleanField(
        _("I keep what I learn about people in confidence"),
        [InputRequired(_("Please agree: people's privacy comes first"))],
    )
