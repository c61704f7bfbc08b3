"""HTTP of allocations: a volunteer's claims, a supplier's and a caseworker's list, one allocation and its moves."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from marketplace import taxonomy
from marketplace.allocations import services
from marketplace.allocations.forms import ConfirmForm, DeliveryForm, DueForm, ProblemForm, ReasonForm
from marketplace.allocations.services.deliveries import REVEAL_REASONS
from marketplace.allocations.wording import event_line, fit_reasons, percent
from marketplace.errors import AlreadyClaimed, InvalidInput
from marketplace.permissions import Permission, Slice
from marketplace.records import today

allocations = Slice("allocations", __name__)


@allocations.app_context_processor
def _for_other_pages() -> dict[str, Any]:
    """For templates/allocations/_of_need.html on the page of a need, and for lists of proposals elsewhere."""
    return {
        "allocations_of": lambda need: services.of_need(g.actor, need),
        "suppliers_of": services.suppliers_of,
    }


@allocations.record_once
def _for_macros(setup: BlueprintSetupState) -> None:
    """Macros see globals only, not what the page is given."""
    setup.app.jinja_env.globals.update(fit_reasons=fit_reasons, percent=percent)


@allocations.route("/wishes/<wish_id>/claim", methods=["POST"], permission=Permission.WISH_CLAIM)
def claim(wish_id: str) -> ResponseReturnValue:
    try:
        services.claim(g.actor, wish_id)
    except AlreadyClaimed as taken:
        similar = services.similar_wishes(wish_id)
        return render_template("allocations/taken.html", error=taken, similar=similar), taken.status
    flash(_("The wish is yours to fulfil. Thank you!"), "success")
    return redirect(url_for("allocations.claims"), 303)


@allocations.route("/account/claims", permission=Permission.WISH_CLAIM)
def claims() -> ResponseReturnValue:
    page = services.claims_of(g.actor, request.args.get("page", 1, type=int))
    return render_template(
        "allocations/claims.html",
        page=page,
        fulfilled=services.fulfilled_wishes(g.actor),
        limit=services.LIVE_CLAIMS,
        today=today(),
        url_for_page=lambda number: url_for("allocations.claims", page=number),
    )


@allocations.route("/allocations", permission=Permission.ALLOCATION_VIEW)
def inbox() -> ResponseReturnValue:
    tabs = services.tabs_for(g.actor)
    tab = request.args.get("tab", "")
    tab = tab if tab in tabs else tabs[0]
    asked: dict[str, Any] = {name: request.args.get(name, "").strip() for name in ("urgency", "category", "reference")}
    page = services.inbox(g.actor, tab, **asked, page=request.args.get("page", 1, type=int))
    return render_template(
        "allocations/inbox.html",
        tab=tab,
        counts=services.inbox_counts(g.actor),
        page=page,
        asked=asked,
        suppliers=services.suppliers_of(page.items),
        categories=taxonomy.parents(),
        form=ReasonForm(),
        url_for_page=lambda number: url_for("allocations.inbox", tab=tab, **asked, page=number),
    )


@allocations.route("/allocations/<allocation_id>", permission=Permission.ALLOCATION_VIEW)
def show(allocation_id: str) -> ResponseReturnValue:
    return _page(allocation_id)


def _page(allocation_id: str, status: int = 200, **forms: Any) -> ResponseReturnValue:
    allocation = services.find(g.actor, allocation_id)
    given = {
        "due_form": DueForm(),
        "delivery_form": DeliveryForm(
            delivered_on=today(), quantity=allocation.quantity - allocation.delivered_quantity, people_served=1
        ),
        "confirm_form": ConfirmForm(),
        "problem_form": ProblemForm(),
        "decline_form": ReasonForm(),
        "release_form": ReasonForm(),
        "reveal_form": ReasonForm(REVEAL_REASONS),
        "contact": None,
    }
    page = render_template(
        "allocations/show.html",
        allocation=allocation,
        need=allocation.need,
        capacity=allocation.capacity,
        supplier=services.suppliers_of([allocation]).get(allocation.organization_id or 0),
        alternatives=services.alternatives(allocation),
        events=[event_line(event) for event in services.events_of(allocation)],
        **(given | forms),
    )
    return page, status


def _back(allocation_id: str, text: str) -> ResponseReturnValue:
    flash(text, "success")
    return redirect(url_for("allocations.show", allocation_id=allocation_id), 303)


@allocations.route("/allocations/<allocation_id>/accept", methods=["POST"], permission=Permission.ALLOCATION_ANSWER)
def accept(allocation_id: str) -> ResponseReturnValue:
    services.accept(g.actor, allocation_id)
    return _back(allocation_id, _("Accepted. Set the day of delivery next."))


@allocations.route("/allocations/<allocation_id>/decline", methods=["POST"], permission=Permission.ALLOCATION_ANSWER)
def decline(allocation_id: str) -> ResponseReturnValue:
    form = ReasonForm()
    if not form.validate_on_submit():
        return _page(allocation_id, 422, decline_form=form)
    services.decline(g.actor, allocation_id, form.reason.data)
    return _back(allocation_id, _("Declined. The next run looks for somebody else."))


@allocations.route("/allocations/accept-selected", methods=["POST"], permission=Permission.ALLOCATION_ANSWER)
def accept_selected() -> ResponseReturnValue:
    return _told(services.accept_all(g.actor, request.form.getlist("allocation")), accepted=True)


@allocations.route("/allocations/decline-selected", methods=["POST"], permission=Permission.ALLOCATION_ANSWER)
def decline_selected() -> ResponseReturnValue:
    chosen = request.form.getlist("allocation")
    return _told(services.decline_all(g.actor, chosen, request.form.get("reason", "")), accepted=False)


def _told(summary: services.AnswerSummary, *, accepted: bool) -> ResponseReturnValue:
    if not summary.done and not summary.refused:
        flash(_("Choose at least one proposal, then press the button again."), "warning")
    if summary.done and accepted:
        flash(ngettext("%(num)s proposal accepted.", "%(num)s proposals accepted.", summary.done), "success")
    elif summary.done:
        flash(ngettext("%(num)s proposal declined.", "%(num)s proposals declined.", summary.done), "success")
    if summary.refused:
        reasons = "; ".join(f"{reference} {message}".strip() for reference, message in summary.refused[:10])
        flash(
            ngettext(
                "%(num)s is no longer possible: %(reasons)s",
                "%(num)s are no longer possible: %(reasons)s",
                len(summary.refused),
                reasons=reasons,
            ),
            "warning",
        )
    return redirect(url_for("allocations.inbox", tab="answer"), 303)


@allocations.route("/allocations/<allocation_id>/start", methods=["POST"], permission=Permission.ALLOCATION_DELIVER)
def start(allocation_id: str) -> ResponseReturnValue:
    form = DueForm()
    if not form.validate_on_submit():
        return _refused(allocation_id, form.errors, due_form=form)
    try:
        services.start_delivery(g.actor, allocation_id, form.due_on.data)
    except InvalidInput as error:
        form.due_on.errors = [*form.due_on.errors, *error.fields.values()]
        return _refused(allocation_id, form.errors, due_form=form)
    return _onward(allocation_id, _("The day of delivery is set."))


@allocations.route("/allocations/<allocation_id>/delivered", methods=["POST"], permission=Permission.ALLOCATION_DELIVER)
def delivered(allocation_id: str) -> ResponseReturnValue:
    if "quantity" not in request.form:  # one press: all of it, today
        services.mark_delivered(g.actor, allocation_id)
        return _onward(allocation_id, _("Marked as done. A caseworker confirms it with the household."))
    form = DeliveryForm()
    if not form.validate_on_submit():
        return _refused(allocation_id, form.errors, delivery_form=form)
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
        for name, message in error.fields.items():
            form[name].errors = [*form[name].errors, message]
        return _refused(allocation_id, form.errors, delivery_form=form)
    return _onward(allocation_id, _("The delivery is recorded. A caseworker confirms it with the household."))


def _in_list() -> bool:
    """Whether the press came from a volunteer's list, who has no page for a single allocation."""
    return bool(request.form.get("to_claims")) or not g.actor.may(Permission.ALLOCATION_VIEW)


def _onward(allocation_id: str, text: str) -> ResponseReturnValue:
    """Back to where the reader came from: a volunteer has a list, a supplier a page."""
    if not _in_list():
        return _back(allocation_id, text)
    flash(text, "success")
    return redirect(url_for("allocations.claims"), 303)


def _refused(allocation_id: str, errors: dict[str, Any], **forms: Any) -> ResponseReturnValue:
    if not _in_list():
        return _page(allocation_id, 422, **forms)
    services.find_to_deliver(g.actor, allocation_id)  # another's looks absent, whatever the form holds
    for messages in errors.values():
        for message in messages:
            flash(str(message), "error")
    return redirect(url_for("allocations.claims"), 303)


@allocations.route("/allocations/<allocation_id>/release", methods=["POST"], permission=Permission.ALLOCATION_RELEASE)
def release(allocation_id: str) -> ResponseReturnValue:
    if _in_list():
        services.release(g.actor, allocation_id)
        flash(_("Released. The wish is free for others again."), "success")
        return redirect(url_for("allocations.claims"), 303)
    form = ReasonForm()
    if not form.validate_on_submit():
        return _page(allocation_id, 422, release_form=form)
    services.release(g.actor, allocation_id, form.reason.data)
    return _back(allocation_id, _("Released. What was not delivered is free again."))


@allocations.route("/allocations/<allocation_id>/confirm", methods=["POST"], permission=Permission.ALLOCATION_CONFIRM)
def confirm(allocation_id: str) -> ResponseReturnValue:
    form = ConfirmForm()
    if not form.validate_on_submit():
        return _page(allocation_id, 422, confirm_form=form)
    services.confirm(g.actor, allocation_id, form.satisfaction.data)
    return _back(allocation_id, _("Confirmed: the help has arrived."))


@allocations.route("/allocations/<allocation_id>/dispute", methods=["POST"], permission=Permission.ALLOCATION_CONFIRM)
def dispute(allocation_id: str) -> ResponseReturnValue:
    return _problem(allocation_id, services.dispute, _("Sent back to the supplier."))


@allocations.route("/allocations/<allocation_id>/reopen", methods=["POST"], permission=Permission.ALLOCATION_CONFIRM)
def reopen(allocation_id: str) -> ResponseReturnValue:
    return _problem(allocation_id, services.reopen, _("Recorded. The need looks for help again."))


def _problem(allocation_id: str, service: Any, text: str) -> ResponseReturnValue:
    form = ProblemForm()
    if not form.validate_on_submit():
        return _page(allocation_id, 422, problem_form=form)
    try:
        service(g.actor, allocation_id, form.reason.data)
    except InvalidInput as error:
        form.reason.errors = [*form.reason.errors, *error.fields.values()]
        return _page(allocation_id, 422, problem_form=form)
    return _back(allocation_id, text)


@allocations.route("/allocations/<allocation_id>/reveal", methods=["POST"], permission=Permission.ALLOCATION_ANSWER)
def reveal(allocation_id: str) -> ResponseReturnValue:
    form = ReasonForm(REVEAL_REASONS)
    if not form.validate_on_submit():
        return _page(allocation_id, 422, reveal_form=form)
    contact = services.reveal_contact(g.actor, allocation_id, form.reason.data)
    return _page(allocation_id, contact=contact)
