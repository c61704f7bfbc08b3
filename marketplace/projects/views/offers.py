"""HTTP of volunteers' own offers: their page under the account, and the coordinators' review."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.errors import InvalidInput
from marketplace.permissions import Permission, Slice
from marketplace.projects import choices, services
from marketplace.projects.forms import ApproveForm, LookForm, OfferForm, SendBackForm
from marketplace.projects.models import Capacity
from marketplace.projects.views.base import show_errors, version_read

offers = Slice("offers", __name__)


@offers.route("/account/offers", permission=Permission.OFFER_POST)
def own() -> ResponseReturnValue:
    found = services.own_offers(g.actor)
    return render_template(
        "projects/offers.html",
        offers=found,
        stale={offer.id for offer in found if offer.active and services.is_stale(offer)},
    )


def _form(offer: Capacity | None = None) -> tuple[OfferForm, dict[str, list[choices.Branch]]]:
    branches = {
        "categories": choices.category_branches(),
        "regions": choices.region_branches(),
        "qualifications": choices.qualification_branches(_("Choose qualifications")),
    }
    form = OfferForm(obj=offer) if offer else OfferForm()
    form.home.choices = choices.county_choices(_("Choose a county"))
    for name, found in branches.items():
        form[name].choices = choices.choices_of(found)
    if offer is not None and not form.is_submitted():
        form.hours.data = offer.recurrence.quantity if offer.recurrence else offer.quantity
        form.home.data = offer.region
    return form, branches


def _facts(form: OfferForm) -> services.OfferFacts:
    lists: dict[str, Any] = {name: tuple(form[name].data or ()) for name in ("categories", "regions", "qualifications")}
    return services.OfferFacts(
        title=form.title.data, hours=form.hours.data, home=form.home.data, radius_km=form.radius_km.data, **lists
    )


def _page(form: OfferForm, branches: dict[str, list[choices.Branch]], offer: Capacity | None) -> ResponseReturnValue:
    page = render_template("projects/offer_form.html", form=form, branches=branches, offer=offer)
    return page, 422 if form.errors else 200


@offers.route("/account/offers/new", methods=["GET", "POST"], permission=Permission.OFFER_POST)
def post() -> ResponseReturnValue:
    form, branches = _form()
    if "look" not in request.form and form.validate_on_submit():
        try:
            services.post(g.actor, _facts(form))
        except InvalidInput as error:
            show_errors(form, error)
        else:
            return _to_offers(_("Thank you. A coordinator reads your offer and gets in touch about the checks."))
    return _page(form, branches, None)


def _to_offers(text: str) -> ResponseReturnValue:
    flash(text, "success")
    return redirect(url_for("offers.own"), 303)


@offers.route("/account/offers/<offer_id>/edit", methods=["GET", "POST"], permission=Permission.OFFER_POST)
def edit(offer_id: str) -> ResponseReturnValue:
    offer = services.get_own_offer(g.actor, offer_id)
    form, branches = _form(offer)
    if "look" not in request.form and form.validate_on_submit():
        try:
            saved = services.edit_offer(g.actor, offer_id, version_read(), _facts(form))
        except InvalidInput as error:
            show_errors(form, error)
        else:
            waiting = saved.state == "review"
            return _to_offers(_("Saved. A coordinator reads it again.") if waiting else _("Saved."))
    return _page(form, branches, services.get_own_offer(g.actor, offer_id))


@offers.route("/account/offers/<offer_id>/take-back", methods=["POST"], permission=Permission.OFFER_POST)
def take_back(offer_id: str) -> ResponseReturnValue:
    services.take_back(g.actor, offer_id)
    return _to_offers(_("Taken back. What you promised stays promised."))


@offers.route("/account/offers/<offer_id>/confirm", methods=["POST"], permission=Permission.OFFER_POST)
def confirm(offer_id: str) -> ResponseReturnValue:
    services.confirm_offer(g.actor, offer_id)
    return _to_offers(_("Confirmed for today. Thank you."))


@offers.route("/offers", permission=Permission.OFFER_REVIEW)
def queue() -> ResponseReturnValue:
    waiting = request.args.get("waiting") == "1"
    page = services.review_queue(g.actor, max(request.args.get("page", 1, type=int), 1), waiting=waiting)
    return render_template(
        "projects/offer_queue.html",
        page=page,
        waiting=waiting,
        url_for_page=lambda number: url_for("offers.queue", waiting=1 if waiting else None, page=number),
    )


@offers.route("/offers/<offer_id>", permission=Permission.OFFER_REVIEW)
def review(offer_id: str) -> ResponseReturnValue:
    return _review(offer_id)


def _review(offer_id: str, status: int = 200, **given: Any) -> ResponseReturnValue:
    offer = services.get_offer_to_review(g.actor, offer_id)
    look = LookForm(formdata=None)
    look.reason.choices = choices.look_choices()
    values = {
        "approve_form": ApproveForm(formdata=None, version=offer.version),
        "form": SendBackForm(formdata=None, version=offer.version),
        "look_form": look,
        "seen": None,
    }
    page = render_template(
        "projects/offer_review.html",
        offer=offer,
        own=offer.owner_id == g.actor.user_id,
        history=services.history_of_offer(g.actor, offer),
        **(values | given),
    )
    return page, status


@offers.route("/offers/<offer_id>/approve", methods=["POST"], permission=Permission.OFFER_REVIEW)
def approve(offer_id: str) -> ResponseReturnValue:
    form = ApproveForm()
    if form.validate():
        try:
            services.approve(g.actor, offer_id, version_read(), form.checks.data)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            return _reviewed(_("Approved. The offer is matched from now on."))
    return _review(offer_id, 422, approve_form=form)


def _reviewed(text: str) -> ResponseReturnValue:
    flash(text, "success")
    return redirect(url_for("offers.queue"), 303)


@offers.route("/offers/<offer_id>/send-back", methods=["POST"], permission=Permission.OFFER_REVIEW)
def send_back(offer_id: str) -> ResponseReturnValue:
    form = SendBackForm()
    if form.validate():
        try:
            services.send_back_offer(g.actor, offer_id, version_read(), form.reason.data)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            return _reviewed(_("Sent back. The volunteer reads the reason and may mend it."))
    return _review(offer_id, 422, form=form)


@offers.route("/offers/<offer_id>/reveal", methods=["POST"], permission=Permission.OFFER_REVIEW)
def reveal(offer_id: str) -> ResponseReturnValue:
    form = LookForm()
    form.reason.choices = choices.look_choices()
    if not form.validate():
        return _review(offer_id, 422, look_form=form)
    return _review(offer_id, seen=services.volunteer_seen(g.actor, offer_id, form.reason.data))
