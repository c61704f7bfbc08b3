"""Sign-in through Flask-Security-Too, over encrypted e-mail addresses."""

from functools import wraps
from typing import Any, cast

from flask import Flask, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from flask_limiter.util import get_remote_address
from flask_login import current_user, user_logged_out
from flask_security import LoginForm, Security, SQLAlchemyUserDatastore, user_authenticated

from marketplace import permissions
from marketplace.accounts.models import RoleRow, User, email_index
from marketplace.accounts.services import begin_session, end_session, is_due, user_of_session
from marketplace.errors import AccessDenied
from marketplace.extensions import db, limiter
from marketplace.permissions import Permission
from marketplace.settings import Settings

_WRONG = (_("E-mail or password is not right. Check both and try again."), "error")
#: Flask-Security's own pages that we offer; it registers no others with this configuration.
_ENDPOINTS = {
    "security.login": Permission.PUBLIC_VIEW,
    "security.logout": Permission.ACCOUNT_OWN,
    "security.verify": Permission.ACCOUNT_OWN,
    "security.static": Permission.PUBLIC_VIEW,
}


#: In the cookie: the key of this browser's session, whether a code is due, and the page to go to after it.
SESSION_KEY, CODE_DUE, AFTER_CODE = "signed_in_by", "code_due", "after_code"
#: Pages that staff reach while a second factor is still to be set up.
_BEFORE_SECOND_FACTOR = frozenset(
    {
        "accounts.second_factor_setup", "accounts.second_factor_begin", "accounts.second_factor_confirm",
        "accounts.register", "accounts.set_locale", "security.logout", "static", "healthz", "readyz", "metrics",
    }
)  # fmt: skip


class BlindDatastore(SQLAlchemyUserDatastore):
    """Finds users by the blind index of their e-mail: the address itself is never a query."""

    def find_user(self, case_insensitive: bool = False, **criteria: Any) -> Any:
        if "email" in criteria:  # the index is made of the address without case or spaces
            return super().find_user(case_insensitive=False, email_index=email_index(criteria["email"]))
        if "fs_uniquifier" in criteria:  # from a cookie: its own session must still hold
            return user_of_session(criteria["fs_uniquifier"], session.get(SESSION_KEY, ""))
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
        "SECURITY_CHANGEABLE": False,
        "SECURITY_REGISTERABLE": False,
        "SECURITY_TRACKABLE": False,
        "SECURITY_AUTO_LOGIN_AFTER_CONFIRM": False,
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_MSG_GENERIC_AUTHN_FAILED": _WRONG,
        "SECURITY_POST_LOGIN_VIEW": "/waiting",
        "SECURITY_POST_LOGOUT_VIEW": "/",
        "SECURITY_UNAUTHORIZED_VIEW": None,
        "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False, "test_environment": True},
        "SECURITY_FLASH_MESSAGES": True,
    }


def _sign_in_key() -> str:
    """Tries are counted for an account from an address: neither alone locks anyone out."""
    return f"{request.remote_addr}:{email_index(request.form.get('email', ''))}"


def _own_key() -> str:
    """Who tries: the account where there is one, so that an office behind one address is many."""
    return f"user:{g.actor.user_id}" if g.actor.signed_in else get_remote_address()


def _refused(response: Any) -> bool:
    """Whether an answer to a sign-in was a refusal: those who succeed are sent on."""
    return bool(response.status_code < 300)


#: How registration answers where the address has an account.
TAKEN = 409

#: For forms that ask for a password or a code, or make an account.
limit_tries = limiter.shared_limit("10 per minute; 100 per hour", scope="tries", key_func=_own_key, methods=["POST"])
limit_letters = limiter.shared_limit(
    "10 per minute; 60 per hour", scope="letters", key_func=get_remote_address, methods=["POST"]
)
#: Where no mail is set up, registering has to say that an address is taken: probing for accounts must not pay.
limit_taken_addresses = limiter.limit(
    "5 per hour; 15 per day",
    key_func=get_remote_address,
    methods=["POST"],
    deduct_when=lambda response: bool(response.status_code == TAKEN),
)


def init_app(app: Flask) -> None:
    security.init_app(app, datastore, login_form=SignInForm)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("security."):
            permissions.declare(app, rule.endpoint, _ENDPOINTS[rule.endpoint])
    sign_in = _then_ask_for_a_code(app.view_functions["security.login"])
    for limit in (
        limiter.limit("10 per minute", key_func=_sign_in_key, methods=["POST"]),
        # Whoever guesses at many accounts from one address waits longer and longer.
        limiter.limit(
            "30 per minute; 120 per hour; 400 per day",
            key_func=get_remote_address,
            methods=["POST"],
            deduct_when=_refused,
        ),
    ):
        sign_in = cast("Any", limit(sign_in))
    app.view_functions["security.login"] = sign_in
    app.view_functions["security.verify"] = cast("Any", limit_tries(app.view_functions["security.verify"]))
    app.before_request(_ask_staff_for_a_second_factor)
    user_authenticated.connect(_signed_in, app)
    user_logged_out.connect(_signed_out, app)


def _then_ask_for_a_code(view: Any) -> Any:
    """The library's sign-in; where a second factor is due, its page comes before the one asked for."""

    @wraps(view)
    def sign_in() -> ResponseReturnValue:
        response: Any = view()
        if request.method == "POST" and session.get(CODE_DUE):
            session[AFTER_CODE] = response.location or "/"
            return redirect(url_for("accounts.second_factor"), 303)
        return cast("ResponseReturnValue", response)

    return sign_in


def _ask_staff_for_a_second_factor() -> ResponseReturnValue | None:
    """Where the installation asks for it, staff set up a second factor before anything else."""
    settings: Settings = current_app.extensions["marketplace.settings"]
    required = settings.two_factor_required
    if not required or request.endpoint in _BEFORE_SECOND_FACTOR or not current_user.is_authenticated:
        return None
    if not is_due(current_user, required=required):
        return None
    if request.method == "GET":
        return redirect(url_for("accounts.second_factor_setup"), 303)
    raise AccessDenied(_("Set up your second factor first."))


def _signed_in(_app: Flask, user: User, authn_via: Any = None, **_details: Any) -> None:
    key, code_due = begin_session(user.id, code_given="change" in (authn_via or ()))
    session[SESSION_KEY] = key
    session[CODE_DUE] = code_due


def _signed_out(_app: Flask, user: Any, **_details: Any) -> None:
    key = session.pop(SESSION_KEY, "")
    session.pop(CODE_DUE, None)
    if isinstance(user, User):
        end_session(user.id, key)
