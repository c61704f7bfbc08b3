"""The second factor: its set-up, and the code asked for after the password."""

import segno
from flask import flash, g, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.accounts import services
from marketplace.accounts.forms import CodeForm
from marketplace.accounts.security import AFTER_CODE, CODE_DUE, SESSION_KEY, limit_tries
from marketplace.accounts.views.parts import accounts, settings, show_errors
from marketplace.errors import InvalidInput, NotFound
from marketplace.permissions import Permission


@accounts.route("/second-factor", methods=["GET", "POST"], permission=Permission.PUBLIC_VIEW)
@limit_tries
def second_factor() -> ResponseReturnValue:
    key = session.get(SESSION_KEY, "")
    if services.pending_session(key) is None:
        return redirect(url_for("security.login"), 303)
    form = CodeForm()
    if form.validate_on_submit():
        try:
            left = services.pass_code(key, form.code.data)
        except InvalidInput as error:
            show_errors(form, error)
        except NotFound:
            flash(_("There were too many wrong codes. Sign in again."), "error")
            session.pop(SESSION_KEY, None)
            return redirect(url_for("security.login"), 303)
        else:
            session.pop(CODE_DUE, None)
            if left is not None:
                flash(
                    _("You used a recovery code; %(number)s are left. Make new ones in your account.", number=left),
                    "warning",
                )
            return redirect(session.pop(AFTER_CODE, "/"), 303)
    return render_template("accounts/second_factor.html", form=form), 422 if form.errors else 200


def _setup(form: CodeForm) -> ResponseReturnValue:
    user = services.own_user(g.actor)
    shown = services.secret_to_show(user)
    page = render_template(
        "accounts/second_factor_setup.html",
        form=form,
        user=user,
        secret=shown[0] if shown else None,
        picture=segno.make(shown[1]).svg_data_uri(scale=5) if shown else None,
        required=settings().two_factor_required,
        recovery_codes_left=services.recovery_codes_left(g.actor),
    )
    return page, 422 if form.errors else 200


@accounts.route("/second-factor/setup", permission=Permission.ACCOUNT_OWN)
def second_factor_setup() -> ResponseReturnValue:
    return _setup(CodeForm())


@accounts.route("/second-factor/begin", methods=["POST"], permission=Permission.ACCOUNT_OWN)
def second_factor_begin() -> ResponseReturnValue:
    services.begin(g.actor)
    return redirect(url_for("accounts.second_factor_setup"), 303)


@accounts.route("/second-factor/confirm", methods=["POST"], permission=Permission.ACCOUNT_OWN)
@limit_tries
def second_factor_confirm() -> ResponseReturnValue:
    form = CodeForm()
    if form.validate_on_submit():
        try:
            codes = services.confirm(g.actor, form.code.data)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            flash(_("From now on, signing in asks for a code."), "success")
            return _show_recovery_codes(codes)
    return _setup(form)


def _show_recovery_codes(codes: list[str]) -> ResponseReturnValue:
    """The one page that tells the codes: the answer to the request that made them."""
    return render_template("accounts/recovery_codes.html", codes=codes)


@accounts.route("/second-factor/recovery-codes", methods=["POST"], permission=Permission.ACCOUNT_OWN)
@limit_tries
def make_recovery_codes() -> ResponseReturnValue:
    form = CodeForm()
    if form.validate_on_submit():
        try:
            codes = services.make_recovery_codes(g.actor, form.code.data)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            flash(_("These codes replace those you had."), "success")
            return _show_recovery_codes(codes)
    return _setup(form)


@accounts.route("/second-factor/off", methods=["POST"], permission=Permission.ACCOUNT_OWN)
@limit_tries
def second_factor_off() -> ResponseReturnValue:
    form = CodeForm()
    if form.validate_on_submit():
        try:
            services.turn_off(g.actor, form.code.data, required=settings().two_factor_required)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            flash(_("Signing in asks for no code any more."), "success")
            return redirect(url_for("accounts.account"), 303)
    return _setup(form)
