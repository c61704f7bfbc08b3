"""Making an account, setting a forgotten password, language."""

from flask import flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import login_user

from marketplace import mail
from marketplace.accounts import services
from marketplace.accounts.forms import ByLinkForm, EmailForm, NewPasswordForm, RegisterForm
from marketplace.accounts.security import TAKEN, limit_letters, limit_taken_addresses
from marketplace.accounts.views.parts import accounts, full_address, link_address, show_errors
from marketplace.errors import InvalidInput
from marketplace.permissions import Permission
from marketplace.settings import locale_of


@accounts.route("/register", methods=["GET", "POST"], permission=Permission.PUBLIC_VIEW)
@limit_letters
@limit_taken_addresses
def register() -> ResponseReturnValue:
    """With mail, a letter leads on, and the page says the same for every address. Without, the form is all there is."""
    return _by_letter() if mail.is_configured() else _at_once()


def _by_letter() -> ResponseReturnValue:
    form = EmailForm()
    if form.validate_on_submit():
        services.ask_to_register(
            form.email.data, link_address("accounts.register_by_link"), full_address("security.login")
        )
        return redirect(url_for("accounts.letter_sent"), 303)
    return render_template("accounts/ask_to_register.html", form=form), 422 if form.errors else 200


def _at_once() -> ResponseReturnValue:
    form = RegisterForm()
    status = 200
    if form.validate_on_submit():
        try:
            user = services.register(form.email.data, form.name.data, form.password.data)
        except InvalidInput as error:
            show_errors(form, error)
            status = TAKEN
        else:
            login_user(user)
            return redirect(url_for("home.welcome"), 303)
    elif form.errors:
        status = 422
    return render_template("accounts/register.html", form=form), status


@accounts.route("/letter-sent", permission=Permission.PUBLIC_VIEW)
def letter_sent() -> ResponseReturnValue:
    return render_template("accounts/letter_sent.html")


@accounts.route("/register/<token>", methods=["GET", "POST"], permission=Permission.PUBLIC_VIEW)
@limit_letters
def register_by_link(token: str) -> ResponseReturnValue:
    link = services.open_link(token, "register")
    form = ByLinkForm()
    if form.validate_on_submit():
        try:
            user = services.register_by_link(token, form.name.data, form.password.data)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            login_user(user)
            return redirect(url_for("home.welcome"), 303)
    page = render_template("accounts/register_by_link.html", form=form, address=link.address)
    return page, 422 if form.errors else 200


@accounts.route("/join/<token>", methods=["GET", "POST"], permission=Permission.PUBLIC_VIEW)
@limit_letters
def join(token: str) -> ResponseReturnValue:
    """Somebody without an account makes one for the address that was invited, and joins."""
    link = services.open_link(token, "join")
    form = ByLinkForm()
    if form.validate_on_submit():
        try:
            user = services.join_with_new_account(token, form.name.data, form.password.data)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            login_user(user)
            return redirect(url_for("home.welcome"), 303)
    page = render_template("accounts/register_by_link.html", form=form, address=link.address)
    return page, 422 if form.errors else 200


@accounts.route("/forgotten", methods=["GET", "POST"], permission=Permission.PUBLIC_VIEW)
@limit_letters
def forgotten_password() -> ResponseReturnValue:
    form = EmailForm()
    if mail.is_configured() and form.validate_on_submit():
        services.ask_for_password(form.email.data, link_address("accounts.set_password"))
        return redirect(url_for("accounts.letter_sent"), 303)
    page = render_template("accounts/forgotten.html", form=form, by_mail=mail.is_configured())
    return page, 422 if form.errors else 200


@accounts.route("/password/<token>", methods=["GET", "POST"], permission=Permission.PUBLIC_VIEW)
@limit_letters
def set_password(token: str) -> ResponseReturnValue:
    services.open_link(token, "password")
    form = NewPasswordForm()
    if form.validate_on_submit():
        services.set_password_by_link(token, form.password.data)
        flash(_("Your password is set. Sign in with it."), "success")
        return redirect(url_for("security.login"), 303)
    return render_template("accounts/set_password.html", form=form), 422 if form.errors else 200


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
