"""Printed wish cards: the sheet that staff print, and the QR code on each."""

from io import BytesIO

import segno
from flask import Response, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.allocations import services
from marketplace.allocations.views.pages import public_address
from marketplace.allocations.views.slice import allocations
from marketplace.needs import choices
from marketplace.permissions import Permission


@allocations.route("/cards", permission=Permission.NEED_REVIEW)
def cards() -> ResponseReturnValue:
    county = request.args.get("county", "")
    page, codes = services.cards_to_print(g.actor, county, request.args.get("page", 1, type=int))
    return render_template(
        "allocations/cards.html",
        page=page,
        codes=codes,
        county=county,
        counties=choices.counties(empty=_("All counties")),
        address_of=lambda wish: public_address("allocations.claim_by_card", wish_id=wish.public_id),
        url_for_page=lambda number: url_for("allocations.cards", county=county or None, page=number),
    )


@allocations.route("/cards/<wish_id>/qr.svg", permission=Permission.NEED_REVIEW)
def card_image(wish_id: str) -> ResponseReturnValue:
    """The QR code of a card's address; the code that the claim asks for is not in it."""
    wish = services.card_of(g.actor, wish_id)
    address = public_address("allocations.claim_by_card", wish_id=wish.public_id)
    written = BytesIO()
    segno.make(address, error="m").save(written, kind="svg", scale=4, border=2, xmldecl=False, svgclass=None)
    return Response(written.getvalue(), mimetype="image/svg+xml")
