"""Follow-up visits: the caseworkers' list, one visit, and planning one."""

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.allocations import services
from marketplace.allocations.forms import OUTCOME_NAMES, PlanVisitForm, VisitForm
from marketplace.allocations.views.pages import back, blame, page_of
from marketplace.allocations.views.slice import allocations
from marketplace.errors import InvalidInput
from marketplace.permissions import Permission
from marketplace.records import today


@allocations.route("/follow-ups", permission=Permission.ALLOCATION_CONFIRM)
def visits() -> ResponseReturnValue:
    planned = bool(request.args.get("planned"))
    page = services.due_visits(g.actor, all_planned=planned, page=request.args.get("page", 1, type=int))
    return render_template(
        "allocations/visits.html",
        page=page,
        planned=planned,
        suppliers=services.suppliers_of([visit.allocation for visit in page.items]),
        today=today(),
        url_for_page=lambda number: url_for("allocations.visits", planned=1 if planned else None, page=number),
    )


@allocations.route("/follow-ups/<follow_up_id>", methods=["GET", "POST"], permission=Permission.ALLOCATION_CONFIRM)
def visit(follow_up_id: str) -> ResponseReturnValue:
    found = services.find_visit(g.actor, follow_up_id)
    form = VisitForm(visited_on=today()) if request.method == "GET" else VisitForm()
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate_on_submit():
            try:
                services.record_visit(
                    g.actor,
                    follow_up_id,
                    visited_on=form.visited_on.data,
                    outcome=form.outcome.data,
                    satisfaction=form.satisfaction.data,
                    note=form.note.data or "",
                    next_on=form.next_on.data,
                    open_again=form.open_again.data,
                )
            except InvalidInput as error:
                blame(form, error)
            else:
                flash(_("The visit is recorded."), "success")
                return redirect(url_for("allocations.visits"), 303)
    page = render_template(
        "allocations/visit.html",
        visit=found,
        allocation=found.allocation,
        need=found.allocation.need,
        form=form,
        outcomes=OUTCOME_NAMES,
        may_open_again=found.allocation.state == "confirmed",
    )
    return page, status


@allocations.route(
    "/allocations/<allocation_id>/follow-ups", methods=["POST"], permission=Permission.ALLOCATION_CONFIRM
)
def plan_visit(allocation_id: str) -> ResponseReturnValue:
    form = PlanVisitForm()
    if not form.validate_on_submit():
        return page_of(allocation_id, 422, plan_form=form)
    try:
        services.plan_visit(g.actor, allocation_id, form.due_on.data)
    except InvalidInput as error:
        blame(form, error)
        return page_of(allocation_id, 422, plan_form=form)
    return back(allocation_id, _("The visit is planned."))
