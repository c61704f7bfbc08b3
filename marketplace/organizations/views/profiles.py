"""Lists and profiles of organizations, and what officers decide about them."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import SelectChoice

from marketplace import wording
from marketplace.errors import InvalidInput
from marketplace.organizations import services
from marketplace.organizations.choices import kind_choices, region_choices, state_choices
from marketplace.organizations.forms import (
    DocumentForm,
    FilterForm,
    FirstManagerForm,
    ProfileForm,
    ReasonForm,
    RegisterForm,
)
from marketplace.organizations.models import DOCUMENT_KINDS, Organization
from marketplace.organizations.views.parts import organizations, page_number, sent_version, show_errors
from marketplace.permissions import Permission, may_reach

TAB_NAMES = {
    "all": lazy_gettext("All"),
    "queue": lazy_gettext("Waiting for verification"),
    "unmanaged": lazy_gettext("Without a manager"),
    "region": lazy_gettext("In my region"),
    "mine": lazy_gettext("My organizations"),
}


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
        page=services.listing(g.actor, filters, page_number()),
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
            show_errors(form, error)
        else:
            flash(
                _("Registered. An officer of the region verifies it now; you can prepare projects meanwhile."),
                "success",
            )
            return redirect(url_for("organizations.profile", public_id=organization.public_id), 303)
    return render_template("organizations/register.html", form=form), 422 if form.errors else 200


@organizations.route("/<public_id>", permission=Permission.ORGANIZATION_VIEW)
def profile(public_id: str) -> ResponseReturnValue:
    return show_profile(services.get(g.actor, public_id))


def show_profile(
    organization: Organization,
    *,
    refused: ReasonForm | None = None,
    contact: dict[str, str] | None = None,
    upload: DocumentForm | None = None,
    inviting: FirstManagerForm | None = None,
    link: str | None = None,
) -> ResponseReturnValue:
    """The page of an organization, with what its reader may do."""
    page = render_template(
        "organizations/profile.html",
        organization=organization,
        form=refused or ReasonForm(formdata=None, version=organization.version),
        contact=contact,
        is_member=organization.id in g.actor.organization_ids,
        registered_in=services.registered_in(organization.credit_code),
        alliances=services.alliances_of(organization),
        history=services.history(g.actor, organization),
        record=services.track_record(organization.id),
        documents=services.documents_of(g.actor, organization),
        removed_documents=services.removed_documents(g.actor, organization),
        sees_documents=may_reach(g.actor, Permission.ORGANIZATION_DOCUMENTS, organization),
        document_kinds=wording.DOCUMENT_KINDS,
        upload=upload or document_form(formdata=None),
        awaited_managers=services.awaited_managers(g.actor, organization),
        takes_members=services.takes_members(organization),
        inviting=inviting or FirstManagerForm(formdata=None),
        link=link,
    )
    return page, 422 if refused or upload or inviting else 200


def document_form(**options: Any) -> DocumentForm:
    form = DocumentForm(**options)
    form.kind.choices = [SelectChoice(kind, wording.DOCUMENT_KINDS[kind]) for kind in DOCUMENT_KINDS]
    return form


@organizations.route("/<public_id>/edit", methods=["GET", "POST"], permission=Permission.ORGANIZATION_EDIT)
def edit(public_id: str) -> ResponseReturnValue:
    organization = services.get_own(g.actor, public_id)
    form = _profile_form(organization)
    if form.validate_on_submit():
        try:
            services.edit(g.actor, public_id, sent_version(), _profile(form, organization))
        except InvalidInput as error:
            show_errors(form, error)
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
    services.verify(g.actor, public_id, sent_version())
    flash(_("Verified. Its profile is public now and its projects may open."), "success")
    return redirect(url_for("organizations.profile", public_id=public_id), 303)


@organizations.route("/<public_id>/refuse", methods=["POST"], permission=Permission.ORGANIZATION_VERIFY)
def refuse(public_id: str) -> ResponseReturnValue:
    form = ReasonForm()
    organization = services.get(g.actor, public_id)
    if not form.validate():
        return show_profile(organization, refused=form)
    try:
        services.refuse(g.actor, public_id, sent_version(), form.reason.data)
    except InvalidInput as error:
        show_errors(form, error)
        return show_profile(services.get(g.actor, public_id), refused=form)
    flash(_("Refused. Its members read the reason and may mend it."), "success")
    return redirect(url_for("organizations.profile", public_id=public_id), 303)


@organizations.route("/<public_id>/suspend", methods=["POST"], permission=Permission.ORGANIZATION_VERIFY)
def suspend(public_id: str) -> ResponseReturnValue:
    form = ReasonForm()
    organization = services.get(g.actor, public_id)
    if not form.validate():
        return show_profile(organization, refused=form)
    try:
        services.suspend(g.actor, public_id, form.reason.data)
    except InvalidInput as error:
        show_errors(form, error)
        return show_profile(services.get(g.actor, public_id), refused=form)
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
        return show_profile(organization, refused=form)
    try:
        contact = services.reveal_contact(g.actor, public_id, form.reason.data)
    except InvalidInput as error:
        show_errors(form, error)
        return show_profile(services.get(g.actor, public_id), refused=form)
    return show_profile(services.get(g.actor, public_id), contact=contact)
