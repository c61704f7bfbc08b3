"""Service packages of an alliance: made, changed and withdrawn by those who run it."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectChoice

from marketplace import taxonomy, wording
from marketplace.errors import InvalidInput
from marketplace.organizations import services
from marketplace.organizations.forms import PackageForm
from marketplace.organizations.models import ITEM_KINDS, Package
from marketplace.organizations.views.parts import alliances, sent_version, show_errors
from marketplace.permissions import Permission

#: Empty lines that a form offers beside those filled.
SPARE_LINES = 3


def _form(package: Package | None = None) -> PackageForm:
    values: dict[str, Any] = {}
    if package is not None:
        columns = ("name", "name_en", "audience", "summary", "together", "version")
        values = {name: getattr(package, name) for name in columns}
        values["items"] = [
            {name: getattr(item, name) for name in ("category", "kind", "title", "quantity", "requires", "within_days")}
            for item in package.items
        ]
    form = PackageForm(data=values)
    if request.method == "GET":
        for _spare in range(min(SPARE_LINES, services.MOST_ITEMS - len(form.items.entries))):
            form.items.append_entry()
    form.audience.choices = [SelectChoice(code, wording.group_name(code)) for code in services.audiences()]
    for line in form.items:
        line.category.choices = [
            SelectChoice("", _("None")),
            *(
                SelectChoice(leaf.code, wording.category_name(leaf.code), optgroup=wording.category_name(parent.code))
                for parent in taxonomy.parents()
                for leaf in taxonomy.leaves(parent.code)
            ),
        ]
        line.kind.choices = [SelectChoice(kind, wording.NEED_KINDS[kind]) for kind in ITEM_KINDS]
        line.requires.choices = [
            SelectChoice(term.code, wording.qualification_name(term.code)) for term in taxonomy.qualifications()
        ]
    return form


def _entry(form: PackageForm) -> services.PackageEntry:
    return services.PackageEntry(
        name=form.name.data or "",
        name_en=form.name_en.data or "",
        audience=form.audience.data or "",
        summary=form.summary.data or "",
        together=form.together.data,
        items=tuple(
            services.Item(
                kind=line.kind.data or "",
                category=line.category.data,
                title=line.title.data or "",
                quantity=line.quantity.data or 1,
                requires=tuple(line.requires.data or ()),
                within_days=line.within_days.data,
            )
            for line in form.items
            if line.category.data
        ),
    )


@alliances.route("/<slug>/packages/new", methods=["GET", "POST"], permission=Permission.ALLIANCE_MANAGE)
def new_package(slug: str) -> ResponseReturnValue:
    alliance = services.load_managed(g.actor, slug)
    form = _form()
    if form.validate_on_submit():
        try:
            services.create_package(g.actor, slug, _entry(form))
        except InvalidInput as error:
            show_errors(form, error)
        else:
            flash(_("The package is offered now."), "success")
            return redirect(url_for("alliances.show", slug=slug), 303)
    page = render_template("alliances/package.html", form=form, alliance=alliance, package=None)
    return page, 422 if form.errors else 200


@alliances.route("/packages/<package_id>/edit", methods=["GET", "POST"], permission=Permission.ALLIANCE_MANAGE)
def edit_package(package_id: str) -> ResponseReturnValue:
    package = services.load_package(g.actor, package_id)
    form = _form(package)
    if form.validate_on_submit():
        try:
            services.edit_package(g.actor, package_id, sent_version(), _entry(form))
        except InvalidInput as error:
            show_errors(form, error)
        else:
            flash(_("Saved. Needs that were made of it before stay as they are."), "success")
            return redirect(url_for("alliances.show", slug=package.alliance.slug), 303)
        package = services.load_package(g.actor, package_id)
    page = render_template("alliances/package.html", form=form, alliance=package.alliance, package=package)
    return page, 422 if form.errors else 200


@alliances.route("/packages/<package_id>/withdraw", methods=["POST"], permission=Permission.ALLIANCE_MANAGE)
def withdraw_package(package_id: str) -> ResponseReturnValue:
    package = services.offer_package(g.actor, package_id, offered=False)
    flash(_("The package is no longer offered."), "success")
    return redirect(url_for("alliances.show", slug=package.alliance.slug), 303)


@alliances.route("/packages/<package_id>/offer", methods=["POST"], permission=Permission.ALLIANCE_MANAGE)
def offer_package(package_id: str) -> ResponseReturnValue:
    package = services.offer_package(g.actor, package_id, offered=True)
    flash(_("The package is offered now."), "success")
    return redirect(url_for("alliances.show", slug=package.alliance.slug), 303)
