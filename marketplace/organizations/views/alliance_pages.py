"""Pages of alliances, and the work of those who run them."""

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.errors import InvalidInput
from marketplace.organizations import services
from marketplace.organizations.choices import region_choices
from marketplace.organizations.forms import AllianceForm, FindForm
from marketplace.organizations.views.parts import alliances, page_number, sent_version, show_errors
from marketplace.permissions import Permission, may_reach


@alliances.route("", endpoint="index", permission=Permission.ALLIANCE_VIEW)
def alliance_index() -> ResponseReturnValue:
    page, members = services.alliances(g.actor, page_number())
    return render_template(
        "alliances/index.html",
        page=page,
        members=members,
        url_for_page=lambda number: url_for("alliances.index", page=number),
    )


@alliances.route("/new", endpoint="new", methods=["GET", "POST"], permission=Permission.ALLIANCE_FOUND)
def new_alliance() -> ResponseReturnValue:
    form = AllianceForm(data={"region": g.actor.region or ""})
    form.region.choices = region_choices(_("Choose a region"))
    if form.validate_on_submit():
        try:
            alliance = services.found_alliance(
                g.actor,
                name=form.name.data,
                name_en=form.name_en.data or "",
                region=form.region.data,
                summary=form.summary.data or "",
            )
        except InvalidInput as error:
            show_errors(form, error)
        else:
            flash(_("The alliance is founded. Add its members next."), "success")
            return redirect(url_for("alliances.members", slug=alliance.slug), 303)
    return render_template("alliances/edit.html", form=form, alliance=None), 422 if form.errors else 200


@alliances.route("/<slug>/edit", endpoint="edit", methods=["GET", "POST"], permission=Permission.ALLIANCE_MANAGE)
def edit_alliance(slug: str) -> ResponseReturnValue:
    alliance = services.load_managed(g.actor, slug)
    form = AllianceForm(obj=alliance)
    del form.region
    if form.validate_on_submit():
        try:
            services.edit_alliance(
                g.actor,
                slug,
                sent_version(),
                name=form.name.data,
                name_en=form.name_en.data or "",
                summary=form.summary.data or "",
            )
        except InvalidInput as error:
            show_errors(form, error)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for("alliances.show", slug=slug), 303)
        alliance = services.load_managed(g.actor, slug)
    return render_template("alliances/edit.html", form=form, alliance=alliance), 422 if form.errors else 200


@alliances.route("/<slug>", endpoint="show", permission=Permission.ALLIANCE_VIEW)
def alliance(slug: str) -> ResponseReturnValue:
    found = services.get_alliance(g.actor, slug)
    members = services.alliance_members(g.actor, found)
    runs_it = may_reach(g.actor, Permission.ALLIANCE_MANAGE, found)
    return render_template(
        "alliances/show.html",
        alliance=found,
        members=members,
        packages=services.packages_of(found, offered_only=not runs_it),
        runs_it=runs_it,
        history=services.history(g.actor, found, services.ALLIANCE_ACTIONS),
        total=sum(len(organizations_of_kind) for organizations_of_kind in members.values()),
        is_sample="4+5+N" in found.summary,
    )


@alliances.route("/<slug>/members", endpoint="members", permission=Permission.ALLIANCE_MANAGE)
def alliance_members(slug: str) -> ResponseReturnValue:
    found = services.load_managed(g.actor, slug)
    form = FindForm(request.args)
    return render_template(
        "alliances/members.html",
        alliance=found,
        page=services.all_members(found, page_number()),
        url_for_page=lambda number: url_for("alliances.members", slug=slug, page=number),
        form=form,
        candidates=services.candidates(found, form.find.data or ""),
    )


@alliances.route("/<slug>/members/add", methods=["POST"], permission=Permission.ALLIANCE_MANAGE)
def add_member(slug: str) -> ResponseReturnValue:
    services.add_to_alliance(g.actor, slug, request.form.get("organization", ""))
    flash(_("The organization is a member from today."), "success")
    return redirect(url_for("alliances.members", slug=slug), 303)


@alliances.route("/<slug>/members/end", methods=["POST"], permission=Permission.ALLIANCE_MANAGE)
def end_membership(slug: str) -> ResponseReturnValue:
    services.end_alliance_membership(g.actor, slug, request.form.get("organization", ""))
    flash(_("The organization has left; its time in the alliance stays on record."), "success")
    return redirect(url_for("alliances.show", slug=slug), 303)


@alliances.route("/<slug>/organizer", methods=["POST"], permission=Permission.ALLIANCE_MANAGE)
def name_organizer(slug: str) -> ResponseReturnValue:
    services.name_organizer(g.actor, slug, request.form.get("organization", ""))
    flash(_("Saved."), "success")
    return redirect(url_for("alliances.show", slug=slug), 303)
