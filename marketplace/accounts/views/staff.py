"""Staff accounts, for administrators."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectChoice

from marketplace import mail, regions, wording
from marketplace.accounts import services
from marketplace.accounts.forms import EmailForm, NewStaffForm, RightsForm, StaffFilterForm
from marketplace.accounts.models import ASSIGNABLE_ROLES, STAFF_ROLES, User
from marketplace.accounts.views.parts import accounts, link_address, show_errors
from marketplace.errors import InvalidInput
from marketplace.permissions import ROLE_NAMES, Permission


def _regions(nothing: str) -> list[SelectChoice]:
    """Every region in the order of the tree, behind a choice of none."""
    found = regions.subtree(regions.NINGXIA)
    return [
        SelectChoice("", nothing),
        *(SelectChoice(item.code, wording.region_full_name(item.code)) for item in found),
    ]


def _with_choices(form: Any) -> Any:
    form.roles.choices = [SelectChoice(str(role), str(ROLE_NAMES[role])) for role in ASSIGNABLE_ROLES]
    form.region.choices = _regions(_("No region"))
    return form


def _list(wanted: services.StaffFilter, form: EmailForm, status: int = 200) -> ResponseReturnValue:
    filters = StaffFilterForm(request.args)
    filters.role.choices = [
        SelectChoice("", _("All roles")),
        *(SelectChoice(str(role), str(ROLE_NAMES[role])) for role in STAFF_ROLES),
    ]
    filters.region.choices = _regions(_("All regions"))
    filters.state.choices = [
        SelectChoice("", _("All states")),
        SelectChoice("active", _("May sign in")),
        SelectChoice("disabled", _("Disabled")),
        SelectChoice("invited", _("Not signed in yet")),
    ]
    number = max(request.args.get("page", 1, type=int), 1)
    kept: dict[str, Any] = {name: value for name in ("role", "region", "state") if (value := request.args.get(name))}
    page = render_template(
        "accounts/staff.html",
        page=services.staff_list(g.actor, wanted, number),
        filters=filters,
        form=form,
        role_names=_role_names,
        by_email=bool(wanted.email),
        undelivered=mail.undelivered(),
        url_for_page=lambda wanted_number: url_for("accounts.staff", page=wanted_number, **kept),
    )
    return page, status


def _role_names(user: User) -> str:
    held = {row.name for row in user.roles}
    return " · ".join(str(ROLE_NAMES[role]) for role in ASSIGNABLE_ROLES if role in held)


@accounts.route("/staff", permission=Permission.ACCOUNT_MANAGE)
def staff() -> ResponseReturnValue:
    wanted = {name: request.args.get(name, "") for name in ("role", "region", "state")}
    if not regions.exists(wanted["region"]):
        wanted["region"] = ""
    return _list(services.StaffFilter(**wanted), EmailForm(formdata=None))


@accounts.route("/staff/find", methods=["POST"], permission=Permission.ACCOUNT_MANAGE)
def find_account() -> ResponseReturnValue:
    """One account by its e-mail address; by POST, so that no address stands in a log."""
    form = EmailForm()
    if not form.validate():
        return _list(services.StaffFilter(), form, 422)
    return _list(services.StaffFilter(email=form.email.data), form)


@accounts.route("/staff/new", methods=["GET", "POST"], permission=Permission.ACCOUNT_MANAGE)
def new_staff() -> ResponseReturnValue:
    form = _with_choices(NewStaffForm())
    if form.validate_on_submit():
        try:
            sent = services.create_account(
                g.actor,
                form.email.data,
                form.name.data,
                form.roles.data,
                form.region.data,
                link_address("accounts.set_password"),
            )
        except InvalidInput as error:
            show_errors(form, error)
        else:
            return _link_made(sent)
    return render_template("accounts/new_staff.html", form=form), 422 if form.errors else 200


def _link_made(sent: services.Sent) -> ResponseReturnValue:
    """Say that the link went out; where it could not, show it this once."""
    if sent.mailed:
        flash(_("Done. A link to set the password is on its way by e-mail."), "success")
        return redirect(url_for("accounts.staff"), 303)
    return render_template("accounts/link_to_hand_over.html", address=sent.address, back=url_for("accounts.staff"))


def _show(user: User, form: RightsForm) -> ResponseReturnValue:
    page = render_template(
        "accounts/edit_staff.html",
        form=form,
        user=user,
        own=user.id == g.actor.user_id,
        role_names=_role_names,
        history=services.account_history(g.actor, user),
    )
    return page, 422 if form.errors else 200


@accounts.route("/staff/<account_id>", methods=["GET", "POST"], permission=Permission.ACCOUNT_MANAGE)
def edit_staff(account_id: str) -> ResponseReturnValue:
    user = services.load_account(g.actor, account_id)
    form = RightsForm(data={"roles": [row.name for row in user.roles], "region": user.region or ""})
    form = _with_choices(form)
    if form.validate_on_submit():
        try:
            services.change_rights(g.actor, account_id, form.roles.data, form.region.data)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            flash(_("Saved. It counts from now on."), "success")
            return redirect(url_for("accounts.edit_staff", account_id=account_id), 303)
    return _show(services.load_account(g.actor, account_id), form)


@accounts.route("/staff/<account_id>/disable", methods=["POST"], permission=Permission.ACCOUNT_MANAGE)
def disable_staff(account_id: str) -> ResponseReturnValue:
    services.disable(g.actor, account_id)
    flash(_("Disabled. Every session of the account has ended."), "success")
    return redirect(url_for("accounts.edit_staff", account_id=account_id), 303)


@accounts.route("/staff/<account_id>/enable", methods=["POST"], permission=Permission.ACCOUNT_MANAGE)
def enable_staff(account_id: str) -> ResponseReturnValue:
    services.enable(g.actor, account_id)
    flash(_("Enabled. The account may sign in again."), "success")
    return redirect(url_for("accounts.edit_staff", account_id=account_id), 303)


@accounts.route("/staff/<account_id>/password-link", methods=["POST"], permission=Permission.ACCOUNT_MANAGE)
def staff_password_link(account_id: str) -> ResponseReturnValue:
    return _link_made(services.new_password_link(g.actor, account_id, link_address("accounts.set_password")))


@accounts.route("/staff/<account_id>/second-factor-reset", methods=["POST"], permission=Permission.ACCOUNT_MANAGE)
def reset_staff_second_factor(account_id: str) -> ResponseReturnValue:
    services.reset_second_factor(g.actor, account_id)
    flash(_("The second factor is gone; the account sets up a new one."), "success")
    return redirect(url_for("accounts.edit_staff", account_id=account_id), 303)
