"""HTTP of what is kept for later: a supplier's page, a caseworker's question, the coordinators' queue."""

from datetime import date, timedelta
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectChoice

from marketplace.errors import InvalidInput, MarketplaceError
from marketplace.matches.holds import services, words
from marketplace.matches.holds.forms import AskForm, GrantExceptionForm, GrantReleaseForm, RefuseForm
from marketplace.matches.holds.models import HoldException, HoldRelease
from marketplace.permissions import Permission, Slice
from marketplace.projects.models import Capacity
from marketplace.records import today

holds = Slice("holds", __name__)


@holds.app_context_processor
def _for_other_pages() -> dict[str, Any]:
    """For templates/holds/_of_need.html and _of_capacity.html on the pages of needs, projects and offers."""
    return {
        "held_need": services.held_need,
        "held_units": services.held_units,
        "exception_of": services.exception_of,
        "words_of_need": words.of_need,
    }


def _put(form: FlaskForm, error: MarketplaceError) -> int:
    """Put what a service refused beside its fields, or above the form; gives the status of the page."""
    fields = error.fields if isinstance(error, InvalidInput) else {}
    for name, message in fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, message]
        else:
            form.form_errors.append(message)
    if not fields:
        form.form_errors.append(error.message)
    return error.status


def _done(text: str, address: str) -> ResponseReturnValue:
    flash(text, "success")
    return redirect(address, 303)


# --- the supplier --------------------------------------------------------------------------------------------------


@holds.route("/capacity/<capacity_id>/held", methods=["GET", "POST"], permission=Permission.HOLD_RELEASE)
def of_capacity(capacity_id: str) -> ResponseReturnValue:
    form, status = AskForm(), 200
    if request.method == "POST":
        services.capacity_of_supplier(g.actor, capacity_id)  # another's looks absent, whatever the form holds
        status = 422
        if form.validate_on_submit():
            try:
                services.ask_release(g.actor, capacity_id, form.reason.data or "")
            except MarketplaceError as error:
                status = _put(form, error)
            else:
                here = url_for("holds.of_capacity", capacity_id=capacity_id)
                return _done(_("Asked. A coordinator decides, and you are told."), here)
    capacity = services.capacity_of_supplier(g.actor, capacity_id)
    requests = services.releases_of(capacity)
    page = render_template(
        "holds/capacity.html",
        capacity=capacity,
        hold=services.held_units([capacity]).get(capacity.id),
        words=words.of_capacity,
        requests=requests,
        asked=next((row for row in requests if row.state == "requested"), None),
        granted=next((row for row in requests if row.until and row.until >= today()), None),
        form=form,
    )
    return page, status


@holds.route("/holds/releases/<release_id>/withdraw", methods=["POST"], permission=Permission.HOLD_RELEASE)
def withdraw_release(release_id: str) -> ResponseReturnValue:
    row = services.withdraw_release(g.actor, release_id)
    return _done(_("Taken back."), url_for("holds.of_capacity", capacity_id=row.capacity.public_id))


# --- the caseworker ------------------------------------------------------------------------------------------------


@holds.route("/needs/<need_id>/exception", methods=["GET", "POST"], permission=Permission.HOLD_ASK)
def ask(need_id: str) -> ResponseReturnValue:
    form, status = AskForm(), 200
    if request.method == "POST":
        services.need_of_caseworker(g.actor, need_id)
        status = 422
        if form.validate_on_submit():
            try:
                services.ask_exception(g.actor, need_id, form.reason.data or "")
            except MarketplaceError as error:
                status = _put(form, error)
            else:
                return _done(_("Asked. A coordinator decides, and you are told."), f"/needs/{need_id}")
    need = services.need_of_caseworker(g.actor, need_id)
    page = render_template(
        "holds/ask.html",
        need=need,
        held=services.held_need(need),
        asked=services.exception_of(need),
        form=form,
    )
    return page, status


@holds.route("/holds/exceptions/<exception_id>/withdraw", methods=["POST"], permission=Permission.HOLD_ASK)
def withdraw_exception(exception_id: str) -> ResponseReturnValue:
    row = services.withdraw_exception(g.actor, exception_id)
    return _done(_("Taken back."), f"/needs/{row.need.public_id}")


# --- the coordinator -----------------------------------------------------------------------------------------------


@holds.route("/holds", permission=Permission.HOLD_DECIDE)
def queue() -> ResponseReturnValue:
    kind = request.args.get("kind", "")
    kind = kind if kind in services.KINDS else services.KINDS[0]
    decided = request.args.get("decided") == "1"
    waiting = request.args.get("waiting") == "1" and not decided
    kept: dict[str, Any] = {"kind": kind} | ({"decided": 1} if decided else {}) | ({"waiting": 1} if waiting else {})
    number = request.args.get("page", 1, type=int)
    return render_template(
        "holds/queue.html",
        kind=kind,
        decided=decided,
        waiting=waiting,
        page=services.queue(g.actor, kind, decided=decided, waiting=waiting, page=number),
        url_for_page=lambda number: url_for("holds.queue", page=number, **kept),
    )


@holds.route("/holds/exceptions/<exception_id>", permission=Permission.HOLD_DECIDE)
def exception(exception_id: str) -> ResponseReturnValue:
    return _exception(exception_id)


def _exception(exception_id: str, status: int = 200, **forms: Any) -> ResponseReturnValue:
    row = services.find_exception(g.actor, exception_id)
    kept = services.capacities_kept(row) if row.state == "requested" else []
    form = forms.get("form") or GrantExceptionForm(formdata=None, quantity=_usual_quantity(row, kept))
    form.capacity.choices = [SelectChoice(capacity.public_id, capacity.title) for capacity in kept]
    page = render_template(
        "holds/exception.html",
        row=row,
        need=row.need,
        held=services.held_need(row.need),
        kept=kept,
        units=services.held_units(kept),
        words=words.of_capacity,
        own=row.asked_by == g.actor.key,
        form=form,
        refuse_form=forms.get("refuse_form") or RefuseForm(formdata=None),
    )
    return page, status


def _usual_quantity(row: HoldException, kept: list[Capacity]) -> int:
    """All that the need still asks for, where the first capacity has so much."""
    asked = int(row.need.outstanding)
    return asked if row.need.whole or not kept else min(asked, kept[0].free)


@holds.route("/holds/exceptions/<exception_id>/grant", methods=["POST"], permission=Permission.HOLD_DECIDE)
def grant_exception(exception_id: str) -> ResponseReturnValue:
    services.find_exception(g.actor, exception_id)
    form, status = GrantExceptionForm(), 422
    if form.validate_on_submit():
        try:
            row = services.grant_exception(
                g.actor, exception_id, form.capacity.data or "", form.quantity.data or 0, form.reason.data or ""
            )
        except MarketplaceError as error:
            status = _put(form, error)
        else:
            made = row.allocation.public_id if row.allocation else ""
            told = _("Granted and proposed. It holds nothing until the supplier accepts.")
            return _done(told, url_for("allocations.show", allocation_id=made))
    return _exception(exception_id, status, form=form)


@holds.route("/holds/exceptions/<exception_id>/refuse", methods=["POST"], permission=Permission.HOLD_DECIDE)
def refuse_exception(exception_id: str) -> ResponseReturnValue:
    services.find_exception(g.actor, exception_id)
    form, status = RefuseForm(), 422
    if form.validate_on_submit():
        try:
            services.refuse_exception(g.actor, exception_id, form.reason.data or "")
        except MarketplaceError as error:
            status = _put(form, error)
        else:
            return _done(_("Refused. The caseworker reads the reason."), url_for("holds.queue"))
    return _exception(exception_id, status, refuse_form=form)


@holds.route("/holds/releases/<release_id>", permission=Permission.HOLD_DECIDE)
def release(release_id: str) -> ResponseReturnValue:
    return _release(release_id)


def _release(release_id: str, status: int = 200, **forms: Any) -> ResponseReturnValue:
    row = services.find_release(g.actor, release_id)
    page = render_template(
        "holds/release.html",
        row=row,
        capacity=row.capacity,
        hold=services.held_units([row.capacity]).get(row.capacity_id),
        words=words.of_capacity,
        own=row.asked_by == g.actor.key,
        form=forms.get("form") or GrantReleaseForm(formdata=None, until=_usual_end(row)),
        refuse_form=forms.get("refuse_form") or RefuseForm(formdata=None),
    )
    return page, status


def _usual_end(row: HoldRelease) -> date:
    """The last day of this month, or of the capacity where that is sooner."""
    day = today()
    month = (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return max(min(month, row.capacity.valid_until or month), day)


@holds.route("/holds/releases/<release_id>/grant", methods=["POST"], permission=Permission.HOLD_DECIDE)
def grant_release(release_id: str) -> ResponseReturnValue:
    services.find_release(g.actor, release_id)
    form, status = GrantReleaseForm(), 422
    if form.validate_on_submit() and form.until.data:
        try:
            services.grant_release(g.actor, release_id, form.until.data, form.reason.data or "")
        except MarketplaceError as error:
            status = _put(form, error)
        else:
            told = _("Granted. From the next run on, nothing of this capacity is kept for later.")
            return _done(told, url_for("holds.queue", kind="releases"))
    return _release(release_id, status, form=form)


@holds.route("/holds/releases/<release_id>/refuse", methods=["POST"], permission=Permission.HOLD_DECIDE)
def refuse_release(release_id: str) -> ResponseReturnValue:
    services.find_release(g.actor, release_id)
    form, status = RefuseForm(), 422
    if form.validate_on_submit():
        try:
            services.refuse_release(g.actor, release_id, form.reason.data or "")
        except MarketplaceError as error:
            status = _put(form, error)
        else:
            return _done(_("Refused. The supplier reads the reason."), url_for("holds.queue", kind="releases"))
    return _release(release_id, status, refuse_form=form)
