"""The work list, and the form of a need: it posts, or keeps a draft of what was typed so far."""

from decimal import Decimal

from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import money, wording
from marketplace.cases.models import Case
from marketplace.errors import InvalidInput
from marketplace.needs import choices, services
from marketplace.needs.forms import NeedFilterForm, NeedForm
from marketplace.needs.models import Need
from marketplace.needs.views.common import blame, needs, saved
from marketplace.needs.views.drafts import draft_kept
from marketplace.paging import page_addresses
from marketplace.permissions import Permission


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
        waiting=form.waiting.data or "",
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


def _offer_choices(form: NeedForm, case: Case | None) -> None:
    form.kind.choices = choices.of(wording.NEED_KINDS)
    form.category.choices = choices.categories(empty=_("Choose a category"))
    form.unit.choices = choices.units(empty=_("As the category is counted"))
    form.urgency.choices = choices.of(wording.URGENCIES)
    form.region.choices = choices.served_regions(g.actor, empty=_("Choose a region"))
    form.groups.choices = choices.groups(services.NEED_GROUPS)
    form.requires.choices = choices.qualifications()
    form.person.choices = choices.people(case.people if case else (), empty=_("The household's"))


def _entry(form: NeedForm) -> services.NeedEntry:
    """What the form holds, as far as it could be read."""
    return services.NeedEntry(
        kind=form.kind.data or "",
        category=form.category.data or "",
        title=form.title.data or "",
        region=form.region.data or "",
        quantity=form.quantity.data or 0,
        urgency=form.urgency.data or "",
        unit=form.unit.data or "",
        details=form.details.data or None,
        groups=tuple(form.groups.data or ()),
        requires=tuple(form.requires.data or ()),
        deadline=form.deadline.data,
        value_fen=_fen(form.value.data),
        whole=form.whole.data,
        person=form.person.data or "",
        internal_only=form.internal_only.data,
    )


def _fen(yuan: Decimal | None) -> int | None:
    """None also for what no amount is: a draft leaves it open, a form that posts was checked before."""
    if yuan is None or not yuan.is_finite() or not 0 <= yuan <= 10_000_000:
        return None
    return money.parse_yuan(f"{yuan:.2f}")


def _by_itself() -> bool:
    """Whether the page saves by itself, rather than somebody by a button."""
    return request.accept_mimetypes.best == "application/json"


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
    _offer_choices(form, case)
    if request.method == "POST" and "send" not in request.form:
        return _kept(services.save_draft(g.actor, _entry(form), case_id))
    if form.validate_on_submit():
        try:
            return saved(services.post(g.actor, _entry(form), case_id, send=True), sent=True)
        except InvalidInput as error:
            blame(form, error)
    return render_template("needs/edit.html", form=form, case=case, need=None), 422 if form.errors else 200


@needs.route("/<need_id>/edit", methods=["GET", "POST"], permission=Permission.NEED_POST)
def edit(need_id: str) -> ResponseReturnValue:
    need = services.load_need(g.actor, need_id, Permission.NEED_POST)
    kept = ("version", "kind", "category", "region", "quantity", "urgency", "unit", "groups", "requires",
            "deadline", "whole", "internal_only")  # fmt: skip
    start = {name: getattr(need, name) for name in kept}
    start["title"] = services.typed_title(g.actor, need)
    start["value"] = None if need.value_fen is None else money.to_yuan(need.value_fen)
    start["person"] = need.person.public_id if need.person else ""
    form = NeedForm(data=start)
    _offer_choices(form, need.case)
    if request.method == "POST" and need.state == "draft" and "send" not in request.form:
        return _kept(services.save_draft(g.actor, _entry(form), public_id=need_id, version=form.version.data))
    if form.validate_on_submit():
        try:
            need = services.edit(g.actor, need_id, _entry(form), form.version.data, send=True)
        except InvalidInput as error:
            blame(form, error)
        else:
            return saved(need, sent=True)
    page = render_template(
        "needs/edit.html",
        form=form,
        case=need.case,
        need=need,
        assessment=services.assess(form.title.data or "", need.case),
    )
    return page, 422 if form.errors else 200


def _kept(need: Need) -> ResponseReturnValue:
    return draft_kept(need) if _by_itself() else saved(need)
