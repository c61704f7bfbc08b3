"""A coordinator's work by hand: proposals, and running help whose supplier is gone."""

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.allocations import services
from marketplace.allocations.forms import ProposeForm, ReassignForm
from marketplace.allocations.views.pages import back, blame
from marketplace.allocations.views.slice import allocations
from marketplace.errors import InvalidInput, MarketplaceError
from marketplace.permissions import Permission


@allocations.route("/needs/<need_id>/propose", methods=["GET", "POST"], permission=Permission.ALLOCATION_PROPOSE)
def propose(need_id: str) -> ResponseReturnValue:
    need = services.need_to_propose_for(g.actor, need_id)
    form = ProposeForm(quantity=max(need.outstanding, 1)) if request.method == "GET" else ProposeForm()
    status, broken = 200, []
    if request.method == "POST":
        status = 422
        if form.validate_on_submit():
            try:
                made = services.propose_by_hand(
                    g.actor,
                    need_id,
                    form.capacity.data,
                    form.quantity.data,
                    despite=form.despite.data,
                    agreed=form.agreed.data,
                )
            except services.RulesBroken as warning:
                broken = services.rule_texts(warning.codes)
                blame(form, warning)
            except InvalidInput as error:
                blame(form, error)
            except MarketplaceError as error:
                form.form_errors.append(error.message)
                status = error.status
            else:
                return back(made.public_id, _accepted() if form.agreed.data else _proposed())
    name = request.values.get("name", "").strip()
    page = render_template(
        "allocations/propose.html",
        need=need,
        found=services.suggestions(need, name=name),
        rule_texts=services.rule_texts,
        form=form,
        name=name,
        broken=broken,
    )
    return page, status


def _accepted() -> str:
    return _("Accepted in the supplier's name; that you asked is recorded.")


def _proposed() -> str:
    return _("Proposed. It holds nothing until the supplier accepts.")


@allocations.route("/allocations/handover", permission=Permission.ALLOCATION_PROPOSE)
def handover() -> ResponseReturnValue:
    page, rows = services.to_hand_over(g.actor, request.args.get("page", 1, type=int))
    return render_template(
        "allocations/handover.html",
        page=page,
        rows=rows,
        suppliers=services.suppliers_of(page.items),
        url_for_page=lambda number: url_for("allocations.handover", page=number),
    )


@allocations.route(
    "/allocations/<allocation_id>/reassign", methods=["GET", "POST"], permission=Permission.ALLOCATION_PROPOSE
)
def reassign(allocation_id: str) -> ResponseReturnValue:
    allocation = services.find_to_hand_over(g.actor, allocation_id)
    form = ReassignForm()
    status, broken = 200, []
    if request.method == "POST":
        status = 422
        if form.validate_on_submit():
            try:
                made = services.reassign(
                    g.actor, allocation_id, form.capacity.data, agreed=form.agreed.data, despite=form.despite.data
                )
            except services.RulesBroken as warning:
                broken = services.rule_texts(warning.codes)
                blame(form, warning)
            except InvalidInput as error:
                blame(form, error)
            except MarketplaceError as error:
                form.form_errors.append(error.message)
                status = error.status
            else:
                flash(_("Handed over."), "success")
                return redirect(url_for("allocations.show", allocation_id=made.public_id), 303)
    name = request.values.get("name", "").strip()
    found = [
        item for item in services.suggestions(allocation.need, name=name) if item.capacity.id != allocation.capacity_id
    ]
    page = render_template(
        "allocations/reassign.html",
        allocation=allocation,
        need=allocation.need,
        supplier=services.suppliers_of([allocation]).get(allocation.organization_id or 0),
        left=allocation.quantity - allocation.delivered_quantity,
        found=found,
        rule_texts=services.rule_texts,
        form=form,
        name=name,
        broken=broken,
    )
    return page, status
