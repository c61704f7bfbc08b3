"""HTTP of projects and their capacity."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import SelectChoice

from marketplace import taxonomy
from marketplace.errors import InvalidInput, NotFound
from marketplace.organizations import services as organizations
from marketplace.organizations.choices import kind_choices, region_choices, state_choices
from marketplace.organizations.models import name_of
from marketplace.permissions import Permission, Slice, may_reach
from marketplace.projects import choices, services
from marketplace.projects.forms import CapacityForm, FilterForm, ProjectForm, SendBackForm
from marketplace.projects.models import Capacity, Project
from marketplace.records import known_version
from marketplace.wording import language

projects = Slice("projects", __name__)

TAB_NAMES = {
    "open": lazy_gettext("Open to everyone"),
    "queue": lazy_gettext("Waiting to be opened"),
    "region": lazy_gettext("All in my region"),
    "mine": lazy_gettext("Of my organizations"),
}


def _show_errors(form: Any, error: InvalidInput) -> None:
    """Put what a service refused beside the fields it speaks of."""
    for name, message in error.fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, message]
        else:
            form.form_errors.append(message)


def _version() -> int:
    """The version of the record that the sender of a form had before them; 0 when the form does not say."""
    return known_version(request.form.get("version", 0, type=int))


@projects.route("/projects", permission=Permission.PROJECT_VIEW)
def index() -> ResponseReturnValue:
    form = FilterForm(request.args)
    form.category.choices = choices.category_choices(_("All kinds of help"))
    form.region.choices = region_choices(_("All regions"))
    form.kind.choices = kind_choices(_("All kinds"))
    form.state.choices = state_choices("project", _("All states"))
    tabs = services.tabs(g.actor)
    chosen = {
        name: form[name].data
        for name in ("category", "region", "kind", "state")
        if form[name].data in {choice.value for choice in form[name].choices}
    }
    organization = (form.organization.data or "")[:32]
    # Of one organization: everything of it that the reader may see, not only what is open.
    usual = "mine" if organization and "mine" in tabs else "region" if organization and "region" in tabs else "open"
    owner = organizations.get(g.actor, organization) if organization else None
    filters = services.Filters(
        tab=form.tab.data if form.tab.data in tabs else usual, organization=organization, **chosen
    )
    page = services.listing(g.actor, filters, max(request.args.get("page", 1, type=int), 1))
    kept = {name: value for name, value in vars(filters).items() if value}
    offers = services.offers_of(page.items)
    return render_template(
        "projects/index.html",
        form=form,
        filters=filters,
        owner=owner,
        page=page,
        offers=offers,
        flagged={project.id for project in page.items if services.excluding_wording(project, offers[project.id])},
        tabs=[(tab, TAB_NAMES[tab], url_for("projects.index", tab=tab)) for tab in tabs],
        url_for_page=lambda number: url_for("projects.index", page=number, **kept),
    )


def _project_form(project: Project | None = None) -> ProjectForm:
    form = ProjectForm(obj=project) if project else ProjectForm()
    form.funding.choices = choices.funding_choices()
    if project is not None:
        del form.organization
    return form


def _facts(form: ProjectForm) -> services.ProjectFacts:
    names = ("title", "summary", "funding", "starts_on", "ends_on")
    values = {name: form[name].data for name in names}
    return services.ProjectFacts(**values | {"summary": form.summary.data or ""})


@projects.route("/projects/new", methods=["GET", "POST"], permission=Permission.PROJECT_EDIT)
def create() -> ResponseReturnValue:
    form = _project_form()
    owners = services.own_organizations(g.actor)
    form.organization.choices = [SelectChoice(owner.public_id, name_of(owner, language())) for owner in owners]
    if not form.is_submitted() and request.args.get("organization") in {owner.public_id for owner in owners}:
        form.organization.data = request.args["organization"]
    if form.validate_on_submit():
        try:
            project = services.create(g.actor, form.organization.data, _facts(form))
        except InvalidInput as error:
            _show_errors(form, error)
        else:
            flash(_("Drafted. Say next what the project offers."), "success")
            return redirect(url_for("projects.add_capacity", public_id=project.public_id), 303)
    return render_template("projects/create.html", form=form, owners=owners), 422 if form.errors else 200


@projects.route("/projects/<public_id>", permission=Permission.PROJECT_VIEW)
def show(public_id: str) -> ResponseReturnValue:
    return _show(services.get(g.actor, public_id))


def _show(project: Project, refused: SendBackForm | None = None) -> ResponseReturnValue:
    edits = may_reach(g.actor, Permission.PROJECT_EDIT, project)
    staff = may_reach(g.actor, Permission.PROJECT_APPROVE, project)
    capacities = services.capacities_of(project, withdrawn=edits)
    page = render_template(
        "projects/show.html",
        project=project,
        capacities=capacities,
        edits=edits and project.state in services.EDITABLE,
        is_member=edits,
        judges=staff and not edits,
        money_shown=edits or staff,
        stale={capacity.id for capacity in capacities if capacity.active and services.is_stale(capacity)},
        excluding=services.excluding_wording(project, capacities) if edits or staff else [],
        limits=taxonomy.EXCLUDING_GROUPS,
        form=refused or SendBackForm(formdata=None, version=project.version),
        history=services.history(g.actor, project),
    )
    return page, 422 if refused else 200


@projects.route("/projects/<public_id>/edit", methods=["GET", "POST"], permission=Permission.PROJECT_EDIT)
def edit(public_id: str) -> ResponseReturnValue:
    project = services.get_own(g.actor, public_id)
    form = _project_form(project)
    if form.validate_on_submit():
        try:
            services.edit(g.actor, public_id, _version(), _facts(form))
        except InvalidInput as error:
            _show_errors(form, error)
        else:
            return _done(public_id, _("Saved."))
    return render_template("projects/edit.html", form=form, project=project), 422 if form.errors else 200


def _project_of(capacity: Capacity) -> Project:
    """The project of a member's capacity; a volunteer's offer has none and pages of its own."""
    if capacity.project is None:
        raise NotFound
    return capacity.project


def _done(public_id: str, text: str) -> ResponseReturnValue:
    flash(text, "success")
    return redirect(url_for("projects.show", public_id=public_id), 303)


@projects.route("/projects/<public_id>/submit", methods=["POST"], permission=Permission.PROJECT_EDIT)
def submit(public_id: str) -> ResponseReturnValue:
    services.submit(g.actor, public_id)
    return _done(public_id, _("Submitted. An officer of the region reads it next."))


@projects.route("/projects/<public_id>/open", methods=["POST"], permission=Permission.PROJECT_APPROVE)
def open_project(public_id: str) -> ResponseReturnValue:
    services.open_project(g.actor, public_id, _version())
    return _done(public_id, _("Opened. It is public now and takes part in matching."))


@projects.route("/projects/<public_id>/send-back", methods=["POST"], permission=Permission.PROJECT_APPROVE)
def send_back(public_id: str) -> ResponseReturnValue:
    form = SendBackForm()
    project = services.get(g.actor, public_id)
    if not form.validate():
        return _show(project, form)
    services.send_back(g.actor, public_id, _version(), form.reason.data)
    if not may_reach(g.actor, Permission.PROJECT_VIEW, project):
        return redirect(url_for("projects.index", tab="queue"), 303)
    return _done(public_id, _("Sent back. Its members read the reason and may mend it."))


@projects.route("/projects/<public_id>/pause", methods=["POST"], permission=Permission.PROJECT_EDIT)
def pause(public_id: str) -> ResponseReturnValue:
    services.pause(g.actor, public_id)
    return _done(public_id, _("Paused. It is left out of matching until you resume it."))


@projects.route("/projects/<public_id>/resume", methods=["POST"], permission=Permission.PROJECT_EDIT)
def resume(public_id: str) -> ResponseReturnValue:
    services.resume(g.actor, public_id)
    return _done(public_id, _("Resumed. It takes part in matching again."))


@projects.route("/projects/<public_id>/close", methods=["POST"], permission=Permission.PROJECT_EDIT)
def close(public_id: str) -> ResponseReturnValue:
    services.close(g.actor, public_id)
    return _done(public_id, _("Closed. What was promised stays promised."))


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
    if form.validate_on_submit():
        try:
            services.add(g.actor, public_id, _capacity_facts(form))
        except InvalidInput as error:
            _show_errors(form, error)
        else:
            return _done(public_id, _("Added. It counts as confirmed today."))
    page = render_template("projects/capacity.html", form=form, branches=branches, project=project, capacity=None)
    return page, 422 if form.errors else 200


@projects.route("/capacity/<public_id>/edit", methods=["GET", "POST"], permission=Permission.PROJECT_EDIT)
def edit_capacity(public_id: str) -> ResponseReturnValue:
    capacity = services.get_own_capacity(g.actor, public_id)
    form, branches = _capacity_form(capacity)
    if form.validate_on_submit():
        try:
            capacity = services.edit_capacity(g.actor, public_id, _version(), _capacity_facts(form))
        except InvalidInput as error:
            _show_errors(form, error)
        else:
            return _done(_project_of(capacity).public_id, _("Saved. It counts as confirmed today."))
    capacity = services.get_own_capacity(g.actor, public_id)
    page = render_template(
        "projects/capacity.html", form=form, branches=branches, project=capacity.project, capacity=capacity
    )
    return page, 422 if form.errors else 200


@projects.route("/capacity/<public_id>/withdraw", methods=["POST"], permission=Permission.PROJECT_EDIT)
def withdraw_capacity(public_id: str) -> ResponseReturnValue:
    capacity = services.withdraw(g.actor, public_id)
    undo = url_for("projects.restore_capacity", public_id=public_id)
    text = _("Withdrawn. What was promised stays promised.")
    message: Any = {"text": text, "url": undo, "action": _("Undo")}  # the layout makes a button of it
    flash(message, "success")
    return redirect(url_for("projects.show", public_id=_project_of(capacity).public_id), 303)


@projects.route("/capacity/<public_id>/restore", methods=["POST"], permission=Permission.PROJECT_EDIT)
def restore_capacity(public_id: str) -> ResponseReturnValue:
    capacity = services.restore(g.actor, public_id)
    return _done(_project_of(capacity).public_id, _("Offered again."))


@projects.route("/capacity/<public_id>/confirm", methods=["POST"], permission=Permission.PROJECT_EDIT)
def confirm_capacity(public_id: str) -> ResponseReturnValue:
    capacity = services.confirm(g.actor, public_id)
    return _done(_project_of(capacity).public_id, _("Confirmed for today. Thank you."))
