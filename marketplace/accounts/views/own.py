"""One's own account: password, sessions."""

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import login_user, logout_user

from marketplace.accounts import services
from marketplace.accounts.forms import ChangePasswordForm
from marketplace.accounts.security import limit_tries
from marketplace.accounts.views.parts import accounts, show_errors
from marketplace.errors import InvalidInput
from marketplace.permissions import Permission


@accounts.route("", permission=Permission.ACCOUNT_OWN)
def account() -> ResponseReturnValue:
    return render_template(
        "accounts/account.html", user=services.own_user(g.actor), sessions=services.live_sessions(g.actor)
    )


@accounts.route("/change", methods=["GET", "POST"], permission=Permission.ACCOUNT_OWN)
@limit_tries
def change_password() -> ResponseReturnValue:
    form = ChangePasswordForm()
    if form.validate_on_submit():
        try:
            user = services.change_password(g.actor, form.present.data, form.password.data)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            login_user(user, authn_via=["change"])
            flash(_("Your password is changed. Everywhere else you are signed out."), "success")
            return redirect(url_for("accounts.account"), 303)
    return render_template("accounts/change_password.html", form=form), 422 if form.errors else 200


@accounts.route("/sessions/end", methods=["POST"], permission=Permission.ACCOUNT_OWN)
def end_sessions() -> ResponseReturnValue:
    services.end_all_sessions(g.actor, services.own_user(g.actor))
    logout_user()
    flash(_("You are signed out everywhere."), "success")
    return redirect(url_for("security.login"), 303)
