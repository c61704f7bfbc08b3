"""Claims with a printed card's code and a telephone number, and the page of such a claim."""

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.allocations import services
from marketplace.allocations.forms import CardClaimForm, PhotoForm
from marketplace.allocations.views.pages import blame
from marketplace.allocations.views.photos import as_attachment
from marketplace.allocations.views.slice import allocations
from marketplace.errors import AlreadyClaimed, InvalidInput
from marketplace.extensions import limiter
from marketplace.needs import services as needs
from marketplace.permissions import Permission


def _tries() -> str:
    """Wrong codes are counted for a card from an address."""
    return f"{request.remote_addr}:{(request.view_args or {}).get('wish_id')}"


def _card() -> str:
    """And for a card, from wherever they come."""
    return f"card:{(request.view_args or {}).get('wish_id')}"


def _wrong(response: object) -> bool:
    return getattr(response, "status_code", 0) == 422


@allocations.route("/cards/<wish_id>", methods=["GET", "POST"], permission=Permission.WISH_VIEW)
@limiter.limit("10 per hour", key_func=_tries, methods=["POST"], deduct_when=_wrong)
@limiter.limit("60 per day", key_func=_card, methods=["POST"], deduct_when=_wrong)
def claim_by_card(wish_id: str) -> ResponseReturnValue:
    found = needs.wish_page(g.actor, wish_id)
    form = CardClaimForm()
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate_on_submit():
            try:
                token = services.claim_with_card(wish_id, form.code.data, form.phone.data)
            except AlreadyClaimed as taken:
                similar = services.similar_wishes(wish_id)
                return render_template("allocations/taken.html", error=taken, similar=similar), taken.status
            except InvalidInput as error:
                blame(form, error)
            else:
                return redirect(url_for("allocations.guest_claim", token=token), 303)
    return render_template("allocations/card_claim.html", wish=found.card, form=form), status


@allocations.route("/claims/<token>", permission=Permission.PUBLIC_VIEW)
def guest_claim(token: str) -> ResponseReturnValue:
    return _page(token)


def _page(token: str, status: int = 200, photo_form: PhotoForm | None = None) -> ResponseReturnValue:
    page = render_template(
        "allocations/guest_claim.html",
        claim=services.guest_claim(token),
        token=token,
        photo_form=photo_form or PhotoForm(),
    )
    return page, status


@allocations.route("/claims/<token>/done", methods=["POST"], permission=Permission.PUBLIC_VIEW)
def guest_done(token: str) -> ResponseReturnValue:
    services.guest_done(token)
    return _again(token, _("Marked as done. A caseworker confirms it with the household."))


@allocations.route("/claims/<token>/give-back", methods=["POST"], permission=Permission.PUBLIC_VIEW)
def guest_release(token: str) -> ResponseReturnValue:
    services.guest_release(token)
    return _again(token, _("Released. The wish is free for others again."))


@allocations.route("/claims/<token>/evidence", methods=["POST"], permission=Permission.PUBLIC_VIEW)
@limiter.limit("20 per hour")
def guest_photo(token: str) -> ResponseReturnValue:
    form = PhotoForm()
    if not form.validate_on_submit():
        return _page(token, 422, form)
    try:
        services.add_guest_evidence(token, form.photo.data.stream if form.photo.data else None)
    except InvalidInput as error:
        blame(form, error)
        return _page(token, 422, form)
    return _again(token, _("The photo is kept. Where it was taken, and with what, is not."))


@allocations.route("/claims/<token>/evidence/<evidence_id>", permission=Permission.PUBLIC_VIEW)
def show_guest_photo(token: str, evidence_id: str) -> ResponseReturnValue:
    return as_attachment(services.find_guest_evidence(token, evidence_id))


def _again(token: str, text: str) -> ResponseReturnValue:
    flash(text, "success")
    return redirect(url_for("allocations.guest_claim", token=token), 303)
