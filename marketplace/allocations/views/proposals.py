"""A supplier's and a caseworker's list, and a supplier's answers."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from marketplace import taxonomy
from marketplace.allocations import services
from marketplace.allocations.forms import AcceptPartForm, ReasonForm
from marketplace.allocations.views.pages import blame, onward, refused
from marketplace.allocations.views.slice import allocations
from marketplace.errors import InvalidInput
from marketplace.permissions import Permission


@allocations.route("/allocations", permission=Permission.ALLOCATION_VIEW)
def inbox() -> ResponseReturnValue:
    tabs = services.tabs_for(g.actor)
    tab = request.args.get("tab", "")
    tab = tab if tab in tabs else tabs[0]
    asked: dict[str, Any] = {name: request.args.get(name, "").strip() for name in ("urgency", "category", "reference")}
    waiting = request.args.get("waiting") == "1"
    number = request.args.get("page", 1, type=int)
    page = services.inbox(g.actor, tab, **asked, waiting=waiting, page=number)
    return render_template(
        "allocations/inbox.html",
        tab=tab,
        counts=services.inbox_counts(g.actor),
        page=page,
        asked=asked,
        waiting=waiting,
        suppliers=services.suppliers_of(page.items),
        categories=taxonomy.parents(),
        form=ReasonForm(),
        url_for_page=lambda number: url_for(
            "allocations.inbox", tab=tab, **asked, waiting=1 if waiting else None, page=number
        ),
    )


@allocations.route("/allocations/<allocation_id>/accept", methods=["POST"], permission=Permission.ALLOCATION_ANSWER)
def accept(allocation_id: str) -> ResponseReturnValue:
    services.accept(g.actor, allocation_id)
    return onward(allocation_id, _("Accepted. Set the day of delivery next."))


@allocations.route("/allocations/<allocation_id>/decline", methods=["POST"], permission=Permission.ALLOCATION_ANSWER)
def decline(allocation_id: str) -> ResponseReturnValue:
    form = ReasonForm()
    if not form.validate_on_submit():
        return refused(allocation_id, form.errors, decline_form=form)
    services.decline(g.actor, allocation_id, form.reason.data)
    return onward(allocation_id, _("Declined. The next run looks for somebody else."))


@allocations.route(
    "/allocations/<allocation_id>/accept-part", methods=["POST"], permission=Permission.ALLOCATION_ANSWER
)
def accept_part(allocation_id: str) -> ResponseReturnValue:
    form = AcceptPartForm()
    if not form.validate_on_submit():
        return refused(allocation_id, form.errors, part_form=form)
    try:
        services.accept(g.actor, allocation_id, form.quantity.data, form.rest_reason.data)
    except InvalidInput as error:
        blame(form, error)
        return refused(allocation_id, form.errors, part_form=form)
    return onward(allocation_id, _("Accepted in part. The next run looks for somebody else for the rest."))


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
