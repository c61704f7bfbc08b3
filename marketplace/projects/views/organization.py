"""HTTP of what an organization offers as a whole: its calendar, its monthly confirmation, its pools."""

from datetime import timedelta

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from marketplace.errors import InvalidInput
from marketplace.permissions import Permission
from marketplace.projects import services
from marketplace.projects.forms import PoolForm
from marketplace.projects.views.base import projects, show_errors
from marketplace.records import today


@projects.route("/organizations/<public_id>/calendar", permission=Permission.CAPACITY_CONFIRM)
def calendar(public_id: str) -> ResponseReturnValue:
    month = services.month_asked(request.args.get("month", ""))
    view = services.month_view(g.actor, public_id, month)
    confirmable = [row.capacity for row in view.offered if row.capacity.active]
    return render_template(
        "projects/calendar.html",
        view=view,
        organization=view.organization,
        stale={capacity.id for capacity in confirmable if services.is_stale(capacity)},
        left_out={capacity.id for capacity in confirmable if services.is_left_out(capacity)},
        today=today(),
        sheet="print" in request.args,
        weekdays=[today() - timedelta(days=today().weekday() - number) for number in range(7)],
    )


@projects.route("/organizations/<public_id>/capacity/confirm", permission=Permission.CAPACITY_CONFIRM)
def to_confirm(public_id: str) -> ResponseReturnValue:
    organization = services.members_organization(g.actor, public_id)
    capacities = services.to_confirm(organization)
    return render_template(
        "projects/to_confirm.html",
        organization=organization,
        capacities=capacities,
        left_out={capacity.id for capacity in capacities if services.is_left_out(capacity)},
    )


@projects.route("/organizations/<public_id>/capacity/confirm", methods=["POST"], permission=Permission.CAPACITY_CONFIRM)
def confirm_all(public_id: str) -> ResponseReturnValue:
    number = services.confirm_all(g.actor, public_id)
    text = ngettext("%(num)s capacity confirmed. Thank you.", "%(num)s capacities confirmed. Thank you.", number)
    flash(text, "success")
    return redirect(url_for("projects.calendar", public_id=public_id), 303)


@projects.route("/organizations/<public_id>/pools", methods=["GET", "POST"], permission=Permission.ORGANIZATION_EDIT)
def pools(public_id: str) -> ResponseReturnValue:
    form = PoolForm()
    if form.validate_on_submit():
        try:
            services.add_pool(g.actor, public_id, form.name.data, form.quantity.data)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            return _to_pools(public_id, _("Added. Choose it where you say what a project offers."))
    return _pools(public_id, form)


def _pools(public_id: str, form: PoolForm) -> ResponseReturnValue:
    organization, found = services.pools_of(g.actor, public_id)
    page = render_template("projects/pools.html", organization=organization, pools=found, form=form)
    return page, 422 if form.errors else 200


def _to_pools(public_id: str, text: str) -> ResponseReturnValue:
    flash(text, "success")
    return redirect(url_for("projects.pools", public_id=public_id), 303)


@projects.route("/organizations/<public_id>/pools/edit", methods=["POST"], permission=Permission.ORGANIZATION_EDIT)
def edit_pool(public_id: str) -> ResponseReturnValue:
    form = PoolForm()
    if form.validate():
        try:
            services.edit_pool(g.actor, public_id, form.pool.data or "", form.name.data, form.quantity.data)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            return _to_pools(public_id, _("Saved."))
    return _pools(public_id, form)


@projects.route("/organizations/<public_id>/pools/remove", methods=["POST"], permission=Permission.ORGANIZATION_EDIT)
def remove_pool(public_id: str) -> ResponseReturnValue:
    services.remove_pool(g.actor, public_id, request.form.get("pool", ""))
    return _to_pools(public_id, _("Removed."))
