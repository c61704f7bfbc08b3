"""HTTP of micro-wishes, for everyone. Templates get cards, never rows."""

from typing import Any

from flask import g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from marketplace.needs import choices, services
from marketplace.needs.cards import WishCard
from marketplace.needs.forms import BoardFilterForm
from marketplace.permissions import Permission, Slice
from marketplace.wording import PRICE_BANDS_FEN, price_band

wishes = Slice("wishes", __name__, url_prefix="/wishes")

BROAD_GROUP_NAMES = {
    "child": lazy_gettext("A child"),
    "elder": lazy_gettext("An older person"),
    "household": lazy_gettext("A household in difficulty"),
}
DEADLINE_NAMES = {
    "week": lazy_gettext("Within a week"),
    "month": lazy_gettext("Within a month"),
    "later": lazy_gettext("Not before a month"),
    "none": lazy_gettext("No fixed day"),
}


def card_words() -> dict[str, Any]:
    """Words that a card's codes stand for; the card macro takes them."""
    return {"groups": BROAD_GROUP_NAMES, "deadlines": DEADLINE_NAMES, "price": _price}


def _price(card: WishCard) -> Any:
    if card.price_band_fen == 0:
        return price_band(PRICE_BANDS_FEN[-1] + 1)
    return price_band(card.price_band_fen)


@wishes.route("", permission=Permission.WISH_VIEW)
def board() -> ResponseReturnValue:
    form = BoardFilterForm(request.args)
    form.county.choices = choices.counties(empty=_("All counties"))
    form.category.choices = choices.some_categories(services.board_categories(), empty=_("All categories"))
    form.price.choices = choices.price_bands(empty=_("Any price"))
    price = form.price.data or ""
    wanted = services.BoardFilter(
        county=form.county.data or "",
        category=form.category.data or "",
        price_band_fen=int(price) if price.isascii() and price.isdigit() and len(price) < 10 else None,
    )
    found = services.board(g.actor, wanted, request.args.get("page", 1, type=int))
    kept = {name: value for name, value in request.args.items() if name != "page" and value}
    return render_template(
        "wishes/board.html",
        form=form,
        wishes=found,
        words=card_words(),
        filtered=bool(kept),
        url_for_page=lambda page: url_for("wishes.board", **kept, page=page),
    )


@wishes.route("/<wish_id>", permission=Permission.WISH_VIEW)
def show(wish_id: str) -> ResponseReturnValue:
    found = services.wish_page(g.actor, wish_id)
    address = url_for("wishes.show", wish_id=found.card.public_id)
    return render_template(
        "wishes/show.html",
        wish=found.card,
        claim_state=found.claim_state,
        similar=found.similar,
        words=card_words(),
        claim_url=f"{address}/claim",
        may_claim=found.card.claimable and g.actor.may(Permission.WISH_CLAIM),
        sign_in_url=url_for("security.login", next=address),
    )
