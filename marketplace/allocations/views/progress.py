"""One allocation and its moves: deliver, confirm, dispute, reopen, release, thank, and whom to bring it to."""

from typing import Any

from flask import flash, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.allocations import services
from marketplace.allocations.forms import ConfirmForm, DeliveryForm, DueForm, ProblemForm, ReasonForm, ThanksForm
from marketplace.allocations.views.pages import back, blame, in_list, list_address, onward, page_of, refused
from marketplace.allocations.views.slice import allocations
from marketplace.errors import InvalidInput
from marketplace.permissions import Permission


@allocations.route("/allocations/<allocation_id>", permission=Permission.ALLOCATION_VIEW)
def show(allocation_id: str) -> ResponseReturnValue:
    return page_of(allocation_id)


@allocations.route("/allocations/<allocation_id>/start", methods=["POST"], permission=Permission.ALLOCATION_DELIVER)
def start(allocation_id: str) -> ResponseReturnValue:
    form = DueForm()
    if not form.validate_on_submit():
        return refused(allocation_id, form.errors, due_form=form)
    try:
        services.start_delivery(g.actor, allocation_id, form.due_on.data)
    except InvalidInput as error:
        form.due_on.errors = [*form.due_on.errors, *error.fields.values()]
        return refused(allocation_id, form.errors, due_form=form)
    return onward(allocation_id, _("The day of delivery is set."))


@allocations.route("/allocations/<allocation_id>/delivered", methods=["POST"], permission=Permission.ALLOCATION_DELIVER)
def delivered(allocation_id: str) -> ResponseReturnValue:
    if "quantity" not in request.form:  # one press: all of it, today
        services.mark_delivered(g.actor, allocation_id)
        return onward(allocation_id, _("Marked as done. A caseworker confirms it with the household."))
    form = DeliveryForm()
    if not form.validate_on_submit():
        return refused(allocation_id, form.errors, delivery_form=form)
    try:
        services.mark_delivered(
            g.actor,
            allocation_id,
            delivered_on=form.delivered_on.data,
            quantity=form.quantity.data,
            people_served=form.people_served.data,
            value_fen=form.value_fen,
            value_kind=form.value_kind.data,
        )
    except InvalidInput as error:
        blame(form, error)
        return refused(allocation_id, form.errors, delivery_form=form)
    return onward(allocation_id, _("The delivery is recorded. A caseworker confirms it with the household."))


@allocations.route("/allocations/<allocation_id>/release", methods=["POST"], permission=Permission.ALLOCATION_RELEASE)
def release(allocation_id: str) -> ResponseReturnValue:
    if in_list():
        services.release(g.actor, allocation_id, request.form.get("reason") or "other")
        offered = bool(request.form.get("to_offers"))
        flash(
            _("Released. Somebody else is looked for.")
            if offered
            else _("Released. The wish is free for others again."),
            "success",
        )
        return redirect(list_address(), 303)
    form = ReasonForm()
    if not form.validate_on_submit():
        return page_of(allocation_id, 422, release_form=form)
    services.release(g.actor, allocation_id, form.reason.data)
    return back(allocation_id, _("Released. What was not delivered is free again."))


@allocations.route("/allocations/<allocation_id>/confirm", methods=["POST"], permission=Permission.ALLOCATION_CONFIRM)
def confirm(allocation_id: str) -> ResponseReturnValue:
    form = ConfirmForm()
    if not form.validate_on_submit():
        return page_of(allocation_id, 422, confirm_form=form)
    services.confirm(g.actor, allocation_id, form.satisfaction.data)
    return back(allocation_id, _("Confirmed: the help has arrived."))


@allocations.route("/allocations/<allocation_id>/dispute", methods=["POST"], permission=Permission.ALLOCATION_CONFIRM)
def dispute(allocation_id: str) -> ResponseReturnValue:
    return _problem(allocation_id, services.dispute, _("Sent back to the supplier."))


@allocations.route("/allocations/<allocation_id>/reopen", methods=["POST"], permission=Permission.ALLOCATION_CONFIRM)
def reopen(allocation_id: str) -> ResponseReturnValue:
    return _problem(allocation_id, services.reopen, _("Recorded. The need looks for help again."))


def _problem(allocation_id: str, service: Any, text: str) -> ResponseReturnValue:
    form = ProblemForm()
    if not form.validate_on_submit():
        return page_of(allocation_id, 422, problem_form=form)
    try:
        service(g.actor, allocation_id, form.reason.data)
    except InvalidInput as error:
        form.reason.errors = [*form.reason.errors, *error.fields.values()]
        return page_of(allocation_id, 422, problem_form=form)
    return back(allocation_id, text)


@allocations.route("/allocations/<allocation_id>/reveal", methods=["POST"], permission=Permission.ALLOCATION_ANSWER)
def reveal(allocation_id: str) -> ResponseReturnValue:
    form = ReasonForm(services.REVEAL_REASONS)
    if not form.validate_on_submit():
        return page_of(allocation_id, 422, reveal_form=form)
    contact = services.reveal_contact(g.actor, allocation_id, form.reason.data)
    return page_of(allocation_id, contact=contact)


@allocations.route(
    "/allocations/<allocation_id>/reveal-guest", methods=["POST"], permission=Permission.ALLOCATION_CONFIRM
)
def reveal_guest(allocation_id: str) -> ResponseReturnValue:
    form = ReasonForm(services.CALL_REASONS)
    if not form.validate_on_submit():
        return page_of(allocation_id, 422, guest_form=form)
    return page_of(allocation_id, guest_phone=services.reveal_guest(g.actor, allocation_id, form.reason.data))


@allocations.route("/allocations/<allocation_id>/thank", methods=["POST"], permission=Permission.ALLOCATION_CONFIRM)
def thank(allocation_id: str) -> ResponseReturnValue:
    form = ThanksForm()
    if not form.validate_on_submit():
        return page_of(allocation_id, 422, thanks_form=form)
    try:
        services.thank(g.actor, allocation_id, form.thanks.data)
    except InvalidInput as error:
        blame(form, error)
        return page_of(allocation_id, 422, thanks_form=form)
    return back(allocation_id, _("Your thanks stand with the claim."))
