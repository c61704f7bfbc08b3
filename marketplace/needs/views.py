"""HTTP of needs, for staff."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf import FlaskForm

from marketplace import money, wording
from marketplace.cases.services import REVEAL_REASONS
from marketplace.errors import InvalidInput
from marketplace.needs import choices, services
from marketplace.needs.forms import NeedFilterForm, NeedForm, NoteForm, ReasonForm
from marketplace.needs.models import Need
from marketplace.paging import page_addresses
from marketplace.permissions import Permission, Slice

needs = Slice("needs", __name__, url_prefix="/needs")


def _blame(form: FlaskForm, error: InvalidInput) -> None:
    """Show a service's refusal beside the fields it is about, or above the form."""
    for name, message in error.fields.items():
        form[name].errors = [*form[name].errors, message]
    if not error.fields:
        form.form_errors.append(error.message)


@needs.route("", permission=Permission.NEED_VIEW)
def index() -> ResponseReturnValue:
    form = NeedFilterForm(request.args)
    form.state.choices = choices.of(
        {**wording.STATES["need"], services.ANY_STATE: _("All states")}, empty=_("All but closed")
    )
    form.kind.choices = choices.of(wording.NEED_KINDS, empty=_("All kinds"))
    form.urgency.choices = choices.of(wording.URGENCIES, empty=_("All urgencies"))
    form.category.choices = choices.categories(empty=_("All categories"))
    form.region.choices = choices.served_regions(g.actor, empty=_("All regions"))
    wanted = services.NeedFilter(
        state=form.state.data or "",
        kind=form.kind.data or "",
        urgency=form.urgency.data or "",
        category=form.category.data or "",
        region=form.region.data or "",
        own=form.own.data,
        without_consent=form.without_consent.data,
    )
    found = services.work_list(g.actor, wanted, request.args.get("page", 1, type=int))
    counts = services.state_counts(g.actor)
    return render_template(
        "needs/index.html", form=form, needs=found, counts=counts, url_for_page=page_addresses("needs.index", form)
    )


def _offer_choices(form: NeedForm) -> None:
    form.kind.choices = choices.of(wording.NEED_KINDS)
    form.category.choices = choices.categories(empty=_("Choose a category"))
    form.unit.choices = choices.units(empty=_("As the category is counted"))
    form.urgency.choices = choices.of(wording.URGENCIES)
    form.region.choices = choices.served_regions(g.actor, empty=_("Choose a region"))
    form.groups.choices = choices.groups(services.NEED_GROUPS)
    form.requires.choices = choices.qualifications()


def _entry(form: NeedForm) -> services.NeedEntry:
    value = form.value.data
    return services.NeedEntry(
        kind=form.kind.data,
        category=form.category.data,
        title=form.title.data,
        region=form.region.data,
        quantity=form.quantity.data,
        urgency=form.urgency.data,
        unit=form.unit.data or "",
        details=form.details.data or None,
        groups=tuple(form.groups.data or ()),
        requires=tuple(form.requires.data or ()),
        deadline=form.deadline.data,
        value_fen=None if value is None else money.parse_yuan(f"{value:.2f}"),
        whole=form.whole.data,
    )


@needs.route("/new", methods=["GET", "POST"], permission=Permission.NEED_POST)
def new() -> ResponseReturnValue:
    case_id = request.form.get("case") or request.args.get("case", "")
    case = services.case_to_post_for(g.actor, case_id)
    suggested = services.suggest(g.actor, case)
    start = {
        "case": case_id,
        "region": suggested.region,
        "urgency": suggested.urgency,
        "groups": list(suggested.groups),
    }
    form = NeedForm(data=start)
    _offer_choices(form)
    if form.validate_on_submit():
        try:
            need = services.post(g.actor, _entry(form), case_id, send="send" in request.form)
        except InvalidInput as error:
            _blame(form, error)
        else:
            return _saved(need)
    return render_template("needs/edit.html", form=form, case=case, need=None), 422 if form.errors else 200


@needs.route("/<need_id>/edit", methods=["GET", "POST"], permission=Permission.NEED_POST)
def edit(need_id: str) -> ResponseReturnValue:
    need = services.load_need(g.actor, need_id, Permission.NEED_POST)
    kept = ("version", "kind", "category", "title", "region", "quantity", "urgency", "unit", "groups", "requires",
            "deadline", "whole")  # fmt: skip
    start = {name: getattr(need, name) for name in kept}
    start["value"] = None if need.value_fen is None else money.to_yuan(need.value_fen)
    form = NeedForm(data=start)
    _offer_choices(form)
    if form.validate_on_submit():
        try:
            need = services.edit(g.actor, need_id, _entry(form), form.version.data, send="send" in request.form)
        except InvalidInput as error:
            _blame(form, error)
        else:
            return _saved(need)
    return render_template("needs/edit.html", form=form, case=need.case, need=need), 422 if form.errors else 200


def _saved(need: Need) -> ResponseReturnValue:
    told = {
        "draft": _("The draft is saved."),
        "review": _("The wish waits for a second person's approval."),
        "open": _("The need is open."),
    }
    flash(told[need.state], "success")
    if need.share_consent_on is None:
        flash(_("There is no consent to share it yet, so it stays out of matching until that is on record."), "warning")
    return redirect(url_for("needs.show", need_id=need.public_id), 303)


@needs.route("/<need_id>", permission=Permission.NEED_VIEW)
def show(need_id: str) -> ResponseReturnValue:
    return _need_page(services.load_need(g.actor, need_id))


def _need_page(need: Need, status: int = 200, **forms: Any) -> ResponseReturnValue:
    withdraw_form = ReasonForm()
    withdraw_form.reason.choices = choices.of(services.WITHDRAWAL_REASONS, empty=_("Choose a reason"))
    shown = {"note_form": NoteForm(), "withdraw_form": withdraw_form}
    page = render_template(
        "needs/show.html",
        need=need,
        history=services.need_history(need),
        may_edit=services.may_edit(need),
        own=need.author == g.actor.key,
        reveal_reasons=REVEAL_REASONS,
        **(shown | forms),
    )
    return page, status


@needs.route("/<need_id>/send", methods=["POST"], permission=Permission.NEED_POST)
def send(need_id: str) -> ResponseReturnValue:
    try:
        return _saved(services.send(g.actor, need_id))
    except InvalidInput as error:
        return _refused(need_id, error)


@needs.route("/<need_id>/approve", methods=["POST"], permission=Permission.NEED_REVIEW)
def approve(need_id: str) -> ResponseReturnValue:
    try:
        services.approve(g.actor, need_id)
    except InvalidInput as error:
        return _refused(need_id, error)
    flash(_("The wish is approved and public now."), "success")
    return redirect(url_for("needs.index", state="review"), 303)


@needs.route("/<need_id>/send-back", methods=["POST"], permission=Permission.NEED_REVIEW)
def send_back(need_id: str) -> ResponseReturnValue:
    form = NoteForm()
    if form.validate_on_submit():
        try:
            services.send_back(g.actor, need_id, form.note.data)
        except InvalidInput as error:
            _blame(form, error)
        else:
            flash(_("The wish is back with its author."), "success")
            return redirect(url_for("needs.index", state="review"), 303)
    return _need_page(services.load_need(g.actor, need_id, Permission.NEED_REVIEW), 422, note_form=form)


@needs.route("/<need_id>/withdraw", methods=["POST"], permission=Permission.NEED_WITHDRAW)
def withdraw(need_id: str) -> ResponseReturnValue:
    try:
        services.withdraw(g.actor, need_id, request.form.get("reason", ""))
    except InvalidInput as error:
        return _refused(need_id, error)
    flash(_("The need is withdrawn."), "success")
    return redirect(url_for("needs.show", need_id=need_id), 303)


@needs.route("/<need_id>/reopen", methods=["POST"], permission=Permission.NEED_WITHDRAW)
def reopen(need_id: str) -> ResponseReturnValue:
    form = NoteForm()
    if form.validate_on_submit():
        try:
            services.reopen(g.actor, need_id, form.note.data)
        except InvalidInput as error:
            _blame(form, error)
        else:
            flash(_("The need is open again."), "success")
            return redirect(url_for("needs.show", need_id=need_id), 303)
    return _need_page(services.load_need(g.actor, need_id, Permission.NEED_WITHDRAW), 422, note_form=form)


@needs.route("/<need_id>/reveal", methods=["POST"], permission=Permission.PERSON_REVEAL)
def reveal(need_id: str) -> ResponseReturnValue:
    try:
        need, details = services.reveal_details(g.actor, need_id, request.form.get("reason", ""))
    except InvalidInput as error:
        return _refused(need_id, error)
    return render_template("needs/reveal.html", need=need, details=details)


def _refused(need_id: str, error: InvalidInput) -> ResponseReturnValue:
    """Back on the need's page, which says what to do."""
    flash(str(error.message), "error")
    return redirect(url_for("needs.show", need_id=need_id), 303)
