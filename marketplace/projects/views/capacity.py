"""HTTP of a project's capacity."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import taxonomy
from marketplace.errors import InvalidInput
from marketplace.permissions import Permission
from marketplace.projects import choices, services
from marketplace.projects.forms import CapacityForm, MonthlyForm
from marketplace.projects.models import Capacity
from marketplace.projects.views.base import done, project_of, projects, show_errors, version_read

_LISTS = ("categories", "regions", "groups", "prefers", "qualifications")


def _capacity_form(capacity: Capacity | None = None) -> tuple[CapacityForm, dict[str, list[choices.Branch]]]:
    """The form, and the checkboxes of its long lists."""
    branches = {
        "categories": choices.category_branches(),
        "regions": choices.region_branches(),
        "groups": choices.group_branches(taxonomy.EXCLUDING_GROUPS, _("Choose groups")),
        "prefers": choices.group_branches(taxonomy.NEVER_EXCLUDE, _("Choose who is preferred")),
        "qualifications": choices.qualification_branches(_("Choose qualifications")),
    }
    form = CapacityForm(obj=capacity) if capacity else CapacityForm()
    form.unit.choices = choices.unit_choices()
    for name, found in branches.items():
        form[name].choices = choices.choices_of(found)
    if capacity is not None and not form.is_submitted():
        form.groups.data = [code for code in capacity.groups if code in taxonomy.EXCLUDING_GROUPS]
        form.prefers.data = [code for code in capacity.groups if code in taxonomy.NEVER_EXCLUDE]
        if capacity.pool is not None:
            form.pool_name.data, form.pool_quantity.data = capacity.pool.name, capacity.pool.quantity
        form.unit_cost_fen.data = capacity.unit_cost_fen or None
        form.minimum_batch.data = capacity.minimum_batch or None
    return form, branches


def _capacity_facts(form: CapacityForm) -> services.CapacityFacts:
    lists: dict[str, Any] = {name: tuple(form[name].data or ()) for name in _LISTS}
    lists["groups"] += lists.pop("prefers")
    plain = ("radius_km", "latitude", "longitude", "valid_from", "valid_until", "pool_quantity", "budget_fen")
    return services.CapacityFacts(
        quantity=form.quantity.data,
        title=form.title.data or "",
        unit=form.unit.data or "",
        pool_name=form.pool_name.data or "",
        unit_cost_fen=form.unit_cost_fen.data or 0,
        minimum_batch=form.minimum_batch.data or 0,
        **{name: form[name].data for name in plain},
        **lists,
    )


@projects.route("/projects/<public_id>/capacity/new", methods=["GET", "POST"], permission=Permission.PROJECT_EDIT)
def add_capacity(public_id: str) -> ResponseReturnValue:
    project = services.get_own(g.actor, public_id)
    form, branches = _capacity_form()
    if not form.is_submitted():
        form.regions.data = [project.region]
    if "look" not in request.form and form.validate_on_submit():
        try:
            services.add(g.actor, public_id, _capacity_facts(form))
        except InvalidInput as error:
            show_errors(form, error)
        else:
            return done(public_id, _("Added. It counts as confirmed today."))
    page = render_template(
        "projects/capacity.html", form=form, branches=branches, project=project, capacity=None, in_the_way=None
    )
    return page, 422 if form.errors else 200


@projects.route("/capacity/<public_id>/edit", methods=["GET", "POST"], permission=Permission.PROJECT_EDIT)
def edit_capacity(public_id: str) -> ResponseReturnValue:
    capacity = services.get_own_capacity(g.actor, public_id)
    form, branches = _capacity_form(capacity)
    in_the_way = None
    if "look" not in request.form and form.validate_on_submit():
        try:
            capacity = services.edit_capacity(g.actor, public_id, version_read(), _capacity_facts(form))
        except InvalidInput as error:
            show_errors(form, error)
            if "quantity" in error.fields and capacity.allocated:
                in_the_way = services.in_the_way(services.get_own_capacity(g.actor, public_id))
        else:
            return done(project_of(capacity).public_id, _("Saved. It counts as confirmed today."))
    capacity = services.get_own_capacity(g.actor, public_id)
    page = render_template(
        "projects/capacity.html",
        form=form,
        branches=branches,
        project=capacity.project,
        capacity=capacity,
        in_the_way=in_the_way,
    )
    return page, 422 if form.errors else 200


@projects.route("/capacity/<public_id>/withdraw", methods=["POST"], permission=Permission.PROJECT_EDIT)
def withdraw_capacity(public_id: str) -> ResponseReturnValue:
    capacity = services.withdraw(g.actor, public_id)
    undo = url_for("projects.restore_capacity", public_id=public_id)
    text = _("Withdrawn. What was promised stays promised.")
    message: Any = {"text": text, "url": undo, "action": _("Undo")}  # the layout makes a button of it
    flash(message, "success")
    return redirect(url_for("projects.show", public_id=project_of(capacity).public_id), 303)


@projects.route("/capacity/<public_id>/restore", methods=["POST"], permission=Permission.PROJECT_EDIT)
def restore_capacity(public_id: str) -> ResponseReturnValue:
    capacity = services.restore(g.actor, public_id)
    return done(project_of(capacity).public_id, _("Offered again."))


@projects.route("/capacity/<public_id>/confirm", methods=["POST"], permission=Permission.CAPACITY_CONFIRM)
def confirm_capacity(public_id: str) -> ResponseReturnValue:
    capacity = services.confirm(g.actor, public_id)
    text = _("Confirmed for today. Thank you.")
    if "to_list" in request.form and capacity.organization is not None:
        flash(text, "success")
        return redirect(url_for("projects.to_confirm", public_id=capacity.organization.public_id), 303)
    return done(project_of(capacity).public_id, text)


@projects.route("/capacity/<public_id>/monthly", methods=["GET", "POST"], permission=Permission.PROJECT_EDIT)
def monthly(public_id: str) -> ResponseReturnValue:
    capacity = services.get_own_capacity(g.actor, public_id)
    rule = capacity.recurrence
    form = MonthlyForm(obj=rule) if rule else MonthlyForm(quantity=capacity.quantity, budget_fen=capacity.budget_fen)
    if form.validate_on_submit():
        facts = services.RecurrenceFacts(
            form.quantity.data, form.budget_fen.data, form.carry_over.data, form.last_month.data
        )
        try:
            services.make_monthly(g.actor, public_id, facts)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            return done(project_of(capacity).public_id, _("Saved. A new month begins by itself."))
    capacity = services.get_own_capacity(g.actor, public_id)
    page = render_template(
        "projects/monthly.html",
        form=form,
        capacity=capacity,
        project=project_of(capacity),
        months=services.months_of(capacity.recurrence) if capacity.recurrence else [],
    )
    return page, 422 if form.errors else 200


@projects.route("/capacity/<public_id>/monthly/end", methods=["POST"], permission=Permission.PROJECT_EDIT)
def end_months(public_id: str) -> ResponseReturnValue:
    services.end_months(g.actor, public_id)
    capacity = services.get_own_capacity(g.actor, public_id)
    return done(project_of(capacity).public_id, _("Ended. What this month offers stays until its last day."))
