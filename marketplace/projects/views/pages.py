"""HTTP of projects."""

from collections.abc import Callable

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import SelectChoice

from marketplace import taxonomy
from marketplace.errors import InvalidInput
from marketplace.organizations import services as organizations
from marketplace.organizations.choices import kind_choices, region_choices, state_choices
from marketplace.organizations.models import name_of
from marketplace.permissions import Permission, may_reach
from marketplace.projects import choices, services
from marketplace.projects.forms import FilterForm, ProjectForm, SendBackForm, StopForm
from marketplace.projects.models import Project
from marketplace.projects.views.base import done, projects, show_errors, version_read
from marketplace.wording import language

TAB_NAMES = {
    "open": lazy_gettext("Open to everyone"),
    "queue": lazy_gettext("Waiting to be opened"),
    "region": lazy_gettext("All in my region"),
    "mine": lazy_gettext("Of my organizations"),
}


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
        owners=services.calendars_of(g.actor) if filters.tab == "mine" else [],
        waiting=services.waiting_for_confirmation(g.actor) if filters.tab == "mine" else [],
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
            show_errors(form, error)
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
        confirms=may_reach(g.actor, Permission.CAPACITY_CONFIRM, project) and project.state != "closed",
        judges=staff and not edits,
        money_shown=edits or staff,
        stale={capacity.id for capacity in capacities if capacity.active and services.is_stale(capacity)},
        left_out={capacity.id for capacity in capacities if capacity.active and services.is_left_out(capacity)},
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
            services.edit(g.actor, public_id, version_read(), _facts(form))
        except InvalidInput as error:
            show_errors(form, error)
        else:
            return done(public_id, _("Saved."))
    return render_template("projects/edit.html", form=form, project=project), 422 if form.errors else 200


@projects.route("/projects/<public_id>/submit", methods=["POST"], permission=Permission.PROJECT_EDIT)
def submit(public_id: str) -> ResponseReturnValue:
    services.submit(g.actor, public_id)
    return done(public_id, _("Submitted. An officer of the region reads it next."))


@projects.route("/projects/<public_id>/open", methods=["POST"], permission=Permission.PROJECT_APPROVE)
def open_project(public_id: str) -> ResponseReturnValue:
    services.open_project(g.actor, public_id, version_read())
    return done(public_id, _("Opened. It is public now and takes part in matching."))


@projects.route("/projects/<public_id>/send-back", methods=["POST"], permission=Permission.PROJECT_APPROVE)
def send_back(public_id: str) -> ResponseReturnValue:
    form = SendBackForm()
    project = services.get(g.actor, public_id)
    if not form.validate():
        return _show(project, form)
    services.send_back(g.actor, public_id, version_read(), form.reason.data)
    if not may_reach(g.actor, Permission.PROJECT_VIEW, project):
        return redirect(url_for("projects.index", tab="queue"), 303)
    return done(public_id, _("Sent back. Its members read the reason and may mend it."))


@projects.route("/projects/<public_id>/pause", methods=["GET", "POST"], permission=Permission.PROJECT_EDIT)
def pause(public_id: str) -> ResponseReturnValue:
    return _stop(public_id, services.pause, _("Paused. It is left out of matching until you resume it."))


@projects.route("/projects/<public_id>/close", methods=["GET", "POST"], permission=Permission.PROJECT_EDIT)
def close(public_id: str) -> ResponseReturnValue:
    return _stop(
        public_id, services.close, _("Closed. Its open proposals have ended; what was promised stays promised.")
    )


def _stop(public_id: str, service: Callable[..., None], text: str) -> ResponseReturnValue:
    """Pause or close: the page says what that does, and asks why."""
    project = services.get_own(g.actor, public_id)
    form = StopForm()
    form.reason.choices = choices.reason_choices(services.OWN_REASONS, _("Choose a reason"))
    pausing = service is services.pause
    if not pausing:
        del form.resumes_on
    if form.validate_on_submit():
        resumes_on = form.resumes_on.data if pausing else None
        facts = services.StopFacts(form.reason.data, form.note.data or "", resumes_on)
        try:
            service(g.actor, public_id, facts)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            return done(public_id, text)
    page = render_template(
        "projects/stop.html", project=project, form=form, pausing=pausing, effects=services.effects(project)
    )
    return page, 422 if form.errors else 200


@projects.route("/projects/<public_id>/resume", methods=["POST"], permission=Permission.PROJECT_EDIT)
def resume(public_id: str) -> ResponseReturnValue:
    services.resume(g.actor, public_id)
    return done(public_id, _("Resumed. It takes part in matching again."))
