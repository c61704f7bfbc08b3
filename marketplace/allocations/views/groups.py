"""Organizations claim many wishes for a collection day."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from wtforms import SelectChoice

from marketplace import taxonomy
from marketplace.allocations import services
from marketplace.allocations.forms import GroupClaimForm
from marketplace.allocations.views.pages import blame
from marketplace.allocations.views.slice import allocations
from marketplace.errors import InvalidInput, MarketplaceError
from marketplace.needs import choices
from marketplace.permissions import Permission
from marketplace.records import today


@allocations.route("/collection-days", methods=["GET", "POST"], permission=Permission.WISH_CLAIM_GROUP)
def group() -> ResponseReturnValue:
    organizations = services.managed_organizations(g.actor)
    form = GroupClaimForm()
    form.organization.choices = [SelectChoice(row.public_id, row.name) for row in organizations]
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate_on_submit():
            try:
                made = services.claim_together(
                    g.actor, form.organization.data, form.wish.data, collect_on=form.collect_on.data
                )
            except InvalidInput as error:
                blame(form, error)
            except MarketplaceError as error:
                form.form_errors.append(error.message)
                status = error.status
            else:
                text = ngettext("%(num)s wish is yours to fulfil.", "%(num)s wishes are yours to fulfil.", len(made))
                flash(text, "success")
                return redirect(url_for("allocations.group_list"), 303)
    asked: dict[str, Any] = {name: request.args.get(name, "") for name in ("county", "category")}
    page = render_template(
        "allocations/group.html",
        page=services.claimable_wishes(g.actor, **asked, page=request.args.get("page", 1, type=int)),
        organizations=organizations,
        form=form,
        asked=asked,
        counties=choices.counties(empty=_("All counties")),
        categories=taxonomy.parents(),
        limit=services.GROUP_CLAIMS,
        today=today(),
        url_for_page=lambda number: url_for("allocations.group", **asked, page=number),
    )
    return page, status


@allocations.route("/collection-days/list", permission=Permission.WISH_CLAIM_GROUP)
def group_list() -> ResponseReturnValue:
    held = services.held_by_groups(g.actor)
    return render_template(
        "allocations/group_list.html", held=held, suppliers=services.suppliers_of(held), today=today()
    )
