"""HTTP of organizations and alliances."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from marketplace.errors import InvalidInput
from marketplace.organizations import services
from marketplace.organizations.choices import kind_choices, region_choices, state_choices
from marketplace.organizations.forms import FilterForm, ProfileForm, ReasonForm, RegisterForm
from marketplace.organizations.models import Organization, name_of
from marketplace.permissions import Permission, Slice
from marketplace.records import known_version

organizations = Slice("organizations", __name__, url_prefix="/organizations")
alliances = Slice("alliances", __name__, url_prefix="/alliances")

TAB_NAMES = {
    "all": lazy_gettext("All"),
    "queue": lazy_gettext("Waiting for verification"),
    "region": lazy_gettext("In my region"),
    "mine": lazy_gettext("My organizations"),
}


@organizations.app_template_global()
def organization_name(organization: Any) -> str:
    """An organization's or alliance's name in the language of the page."""
    from marketplace.wording import language

    return name_of(organization, language())


def _show_errors(form: Any, error: InvalidInput) -> None:
    """Put what a service refused beside the fields it speaks of."""
    for name, message in error.fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, message]
        else:
            form.form_errors.append(message)
    if not error.fields:
        form.form_errors.append(error.message)


def _version() -> int:
    """The version of the record that the sender of a form had before them; 0 when the form does not say."""
    return known_version(request.form.get("version", 0, type=int))


def _page_number() -> int:
    return max(request.args.get("page", 1, type=int), 1)


@organizations.route("", permission=Permission.ORGANIZATION_VIEW)
def index() -> ResponseReturnValue:
    form = FilterForm(request.args)
    form.kind.choices = kind_choices(_("All kinds"))
    form.region.choices = region_choices(_("All regions"))
    form.state.choices = state_choices("organization", _("All states"))
    filters = services.Filters(
        tab=form.tab.data if form.tab.data in services.tabs(g.actor) else "all",
        **{name: form[name].data for name in ("kind", "region", "state") if _is_choice(form[name])},
    )
    kept = {name: value for name, value in vars(filters).items() if value and (name, value) != ("tab", "all")}
    return render_template(
        "organizations/index.html",
        form=form,
        filters=filters,
        page=services.listing(g.actor, filters, _page_number()),
        tabs=[(tab, TAB_NAMES[tab], url_for("organizations.index", tab=tab)) for tab in services.tabs(g.actor)],
        by_state=services.sees_every_state(g.actor),
        url_for_page=lambda number: url_for("organizations.index", page=number, **kept),
    )


def _is_choice(item: Any) -> bool:
    return bool(item.data) and item.data in {choice.value for choice in item.choices}


def _profile_form(organization: Organization | None = None) -> ProfileForm:
    form = ProfileForm(obj=organization) if organization else RegisterForm()
    form.kind.choices = kind_choices(_("Choose a kind"))
    form.region.choices = region_choices(_("Choose a region"))
    for item in (form.contact_name, form.contact_phone):
        if not isinstance(item.data, str):
            item.data = ""  # a sealed value is never sent back into a form: empty keeps it
    if organization is not None and not services.identity_is_open(organization):
        for name in ProfileForm.identity_fields:
            del form[name]
    return form


def _profile(form: ProfileForm, organization: Organization | None = None) -> services.Profile:
    values = {item.name: item.data or "" for item in form if item.name not in ("version", "csrf_token")}
    fixed = {} if organization is None else {name: getattr(organization, name) or "" for name in form.identity_fields}
    return services.Profile(**(fixed | values))


@organizations.route("/register", methods=["GET", "POST"], permission=Permission.ORGANIZATION_REGISTER)
def register() -> ResponseReturnValue:
    form = _profile_form()
    if form.validate_on_submit():
        try:
            organization = services.register(g.actor, _profile(form))
        except InvalidInput as error:
            _show_errors(form, error)
        else:
            flash(
                _("Registered. An officer of the region verifies it now; you can prepare projects meanwhile."),
                "success",
            )
            return redirect(url_for("organizations.profile", public_id=organization.public_id), 303)
    return render_template("organizations/register.html", form=form), 422 if form.errors else 200


@organizations.route("/<public_id>", permission=Permission.ORGANIZATION_VIEW)
def profile(public_id: str) -> ResponseReturnValue:
    return _show(services.get(g.actor, public_id))


def _show(
    organization: Organization, *, refused: ReasonForm | None = None, contact: dict[str, str] | None = None
) -> ResponseReturnValue:
    page = render_template(
        "organizations/profile.html",
        organization=organization,
        form=refused or ReasonForm(formdata=None, version=organization.version),
        contact=contact,
        is_member=organization.id in g.actor.organization_ids,
        registered_in=services.registered_in(organization.credit_code),
        alliances=services.alliances_of(organization),
        history=services.history(g.actor, organization),
    )
    return page, 422 if refused else 200


@organizations.route("/<public_id>/edit", methods=["GET", "POST"], permission=Permission.ORGANIZATION_EDIT)
def edit(public_id: str) -> ResponseReturnValue:
    organization = services.get_own(g.actor, public_id)
    form = _profile_form(organization)
    if form.validate_on_submit():
        try:
            services.edit(g.actor, public_id, _version(), _profile(form, organization))
        except InvalidInput as error:
            _show_errors(form, error)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for("organizations.profile", public_id=public_id), 303)
    page = render_template("organizations/edit.html", form=form, organization=organization)
    return page, 422 if form.errors else 200


@organizations.route("/<public_id>/resubmit", methods=["POST"], permission=Permission.ORGANIZATION_EDIT)
def resubmit(public_id: str) -> ResponseReturnValue:
    services.resubmit(g.actor, public_id)
    flash(_("Submitted again. An officer of the region looks at it next."), "success")
    return redirect(url_for("organizations.profile", public_id=public_id), 303)


@organizations.route("/<public_id>/verify", methods=["POST"], permission=Permission.ORGANIZATION_VERIFY)
def verify(public_id: str) -> ResponseReturnValue:
    services.verify(g.actor, public_id, _version())
    flash(_("Verified. Its profile is public now and its projects may open."), "success")
    return redirect(url_for("organizations.profile", public_id=public_id), 303)


@organizations.route("/<public_id>/refuse", methods=["POST"], permission=Permission.ORGANIZATION_VERIFY)
def refuse(public_id: str) -> ResponseReturnValue:
    form = ReasonForm()
    organization = services.get(g.actor, public_id)
    if not form.validate():
        return _show(organization, refused=form)
    services.refuse(g.actor, public_id, _version(), form.reason.data)
    flash(_("Refused. Its members read the reason and may mend it."), "success")
    return redirect(url_for("organizations.profile", public_id=public_id), 303)


@organizations.route("/<public_id>/suspend", methods=["POST"], permission=Permission.ORGANIZATION_VERIFY)
def suspend(public_id: str) -> ResponseReturnValue:
    form = ReasonForm()
    organization = services.get(g.actor, public_id)
    if not form.validate():
        return _show(organization, refused=form)
    services.suspend(g.actor, public_id, form.reason.data)
    flash(_("Suspended. It is no longer public, and its open projects are paused."), "success")
    return redirect(url_for("organizations.profile", public_id=public_id), 303)


@organizations.route("/<public_id>/reinstate", methods=["POST"], permission=Permission.ORGANIZATION_VERIFY)
def reinstate(public_id: str) -> ResponseReturnValue:
    services.reinstate(g.actor, public_id)
    flash(_("Reinstated. Its members may resume their projects."), "success")
    return redirect(url_for("organizations.profile", public_id=public_id), 303)


@organizations.route("/<public_id>/contact", methods=["POST"], permission=Permission.ORGANIZATION_VERIFY)
def reveal_contact(public_id: str) -> ResponseReturnValue:
    form = ReasonForm()
    organization = services.get(g.actor, public_id)
    if not form.validate():
        return _show(organization, refused=form)
    contact = services.reveal_contact(g.actor, public_id, form.reason.data)
    return _show(services.get(g.actor, public_id), contact=contact)


@alliances.route("", endpoint="index", permission=Permission.ALLIANCE_VIEW)
def alliance_index() -> ResponseReturnValue:
    page, members = services.alliances(g.actor, _page_number())
    return render_template(
        "alliances/index.html",
        page=page,
        members=members,
        url_for_page=lambda number: url_for("alliances.index", page=number),
    )


@alliances.route("/<slug>", endpoint="show", permission=Permission.ALLIANCE_VIEW)
def alliance(slug: str) -> ResponseReturnValue:
    found = services.get_alliance(g.actor, slug)
    members = services.alliance_members(g.actor, found)
    return render_template(
        "alliances/show.html",
        alliance=found,
        members=members,
        total=sum(len(organizations_of_kind) for organizations_of_kind in members.values()),
        is_sample="4+5+N" in found.summary,
    )
