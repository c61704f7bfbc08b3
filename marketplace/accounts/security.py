"""Sign-in through Flask-Security-Too, over encrypted e-mail addresses."""

from typing import Any, cast

from flask import Flask, request
from flask_babel import lazy_gettext as _
from flask_login import user_logged_out
from flask_security import LoginForm, Security, SQLAlchemyUserDatastore, user_authenticated

from marketplace import permissions
from marketplace.accounts.models import RoleRow, User, email_index
from marketplace.accounts.services import end_sessions, note_sign_in
from marketplace.extensions import db, limiter
from marketplace.permissions import Permission
from marketplace.settings import Settings

_WRONG = (_("E-mail or password is not right. Check both and try again."), "error")
#: Flask-Security's own pages that we offer; it registers no others with this configuration.
_ENDPOINTS = {
    "security.login": Permission.PUBLIC_VIEW,
    "security.logout": Permission.ACCOUNT_OWN,
    "security.change_password": Permission.ACCOUNT_OWN,
    "security.verify": Permission.ACCOUNT_OWN,
    "security.static": Permission.PUBLIC_VIEW,
}


class BlindDatastore(SQLAlchemyUserDatastore):
    """Finds users by the blind index of their e-mail: the address itself is never a query."""

    def find_user(self, case_insensitive: bool = False, **criteria: Any) -> Any:
        if "email" in criteria:  # the index is made of the address without case or spaces
            return super().find_user(case_insensitive=False, email_index=email_index(criteria["email"]))
        return super().find_user(case_insensitive=case_insensitive, **criteria)


class SignInForm(LoginForm):
    """Without the library's "remember me": its cookie would outlast the longest session by a year."""

    remember = None


security = Security()
datastore = BlindDatastore(db, User, RoleRow)


def configuration(settings: Settings) -> dict[str, Any]:
    """Flask-Security's settings."""
    return {
        "SECURITY_URL_PREFIX": "/account",
        "SECURITY_PASSWORD_SALT": settings.keys.password_salt,
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_LENGTH_MIN": 12,
        "SECURITY_PASSWORD_NORMALIZE_FORM": "NFKC",
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_CHANGEABLE": True,
        "SECURITY_SEND_PASSWORD_CHANGE_EMAIL": False,
        "SECURITY_REGISTERABLE": False,
        "SECURITY_TRACKABLE": False,
        "SECURITY_AUTO_LOGIN_AFTER_CONFIRM": False,
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_MSG_GENERIC_AUTHN_FAILED": _WRONG,
        "SECURITY_POST_LOGIN_VIEW": "/",
        "SECURITY_POST_LOGOUT_VIEW": "/",
        "SECURITY_UNAUTHORIZED_VIEW": None,
        "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False, "test_environment": True},
        "SECURITY_FLASH_MESSAGES": True,
    }


def _sign_in_key() -> str:
    """Tries are counted for an account from an address: neither alone locks anyone out."""
    return f"{request.remote_addr}:{email_index(request.form.get('email', ''))}"


def init_app(app: Flask) -> None:
    security.init_app(app, datastore, login_form=SignInForm)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("security."):
            permissions.declare(app, rule.endpoint, _ENDPOINTS[rule.endpoint])
    limited = limiter.limit("10 per minute", key_func=_sign_in_key, methods=["POST"])
    app.view_functions["security.login"] = cast("Any", limited(app.view_functions["security.login"]))
    user_authenticated.connect(_signed_in, app)
    user_logged_out.connect(_signed_out, app)


def _signed_in(_app: Flask, user: User, **_details: Any) -> None:
    note_sign_in(user.id)


def _signed_out(_app: Flask, user: Any, **_details: Any) -> None:
    if isinstance(user, User):
        end_sessions(user.id)
