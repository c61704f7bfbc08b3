"""Account pages: registration, language, own account. Sign-in and sign-out are Flask-Security's."""

from flask import g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_security import login_user

from marketplace.accounts import services
from marketplace.accounts.forms import RegisterForm
from marketplace.errors import InvalidInput
from marketplace.permissions import Permission, Slice
from marketplace.settings import locale_of

accounts = Slice("accounts", __name__, url_prefix="/account")


@accounts.route("/register", methods=["GET", "POST"], permission=Permission.PUBLIC_VIEW)
def register() -> ResponseReturnValue:
    form = RegisterForm()
    if form.validate_on_submit():
        try:
            user = services.register(form.email.data, form.name.data, form.password.data)
        except InvalidInput as error:
            form.email.errors = [*form.email.errors, *error.fields.values()]
        else:
            login_user(user)
            return redirect(url_for("home.welcome"), 303)
    return render_template("accounts/register.html", form=form), 422 if form.errors else 200


@accounts.route("/locale", methods=["POST"], permission=Permission.PUBLIC_VIEW)
def set_locale() -> ResponseReturnValue:
    session["locale"] = locale_of(request.form.get("locale"))
    services.set_locale(g.actor, session["locale"])
    return redirect(_own_page(request.form.get("next", "")), 303)


def _own_page(path: str) -> str:
    """A path of this site; anything else leads home."""
    # Browsers drop tabs and line ends inside an address and read \ as /, so "/<tab>/evil.example" names a site.
    harmless = path.isprintable() and "\\" not in path
    return path if path.startswith("/") and not path.startswith("//") and harmless else url_for("home.welcome")


@accounts.route("", permission=Permission.ACCOUNT_OWN)
def account() -> ResponseReturnValue:
    return render_template("accounts/account.html", user=services.own_user(g.actor))
