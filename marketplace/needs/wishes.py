"""HTTP of micro-wishes, for everyone. Templates get cards, never rows."""

from typing import Any

from flask import g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from marketplace.needs import choices, services
from marketplace.needs.cards import DEADLINE_DAYS, WishCard
from marketplace.needs.forms import BoardFilterForm
from marketplace.permissions import Permission, Slice
from marketplace.wording import PRICE_BANDS_FEN, category_name, price_band, region_name

wishes = Slice("wishes", __name__, url_prefix="/wishes")

BROAD_GROUP_NAMES = {
    "child": lazy_gettext("A child"),
    "elder": lazy_gettext("An older person"),
    "household": lazy_gettext("A household in difficulty"),
}
AGE_NAMES = {
    "0-6": lazy_gettext("aged 0 to 6"),
    "7-12": lazy_gettext("aged 7 to 12"),
    "13-15": lazy_gettext("aged 13 to 15"),
    "16-17": lazy_gettext("aged 16 or 17"),
    "18-59": lazy_gettext("aged 18 to 59"),
    "60-79": lazy_gettext("aged 60 to 79"),
    "80+": lazy_gettext("aged 80 or more"),
    "child": lazy_gettext("under 18"),
    "adult": lazy_gettext("grown up"),
}
DEADLINE_NAMES = {
    "week": lazy_gettext("Within a week"),
    "month": lazy_gettext("Within a month"),
    "later": lazy_gettext("Not before a month"),
    "none": lazy_gettext("No fixed day"),
}


def in_words(card: WishCard) -> dict[str, Any]:
    """A card as the card component takes it: codes in the language of the page."""
    soon = card.claimable and card.deadline_band in ("week", "month")
    return {
        "url": url_for("wishes.show", wish_id=card.public_id),
        "title": card.title,
        "region_name": region_name(card.region),
        "group_name": _who(card),
        "category_name": category_name(card.category),
        "price_band": _price(card),
        "deadline": DEADLINE_NAMES[card.deadline_band] if soon else None,
        "claimed": {"claimed": _("Claimed"), "realised": _("Come true")}.get(card.state),
    }


def _who(card: WishCard) -> Any:
    """Group and age as the card tells them, e.g. A child (aged 7 to 12)."""
    group = BROAD_GROUP_NAMES[card.group]
    return _("%(group)s (%(age)s)", group=group, age=AGE_NAMES[card.age]) if card.age else group


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
    soon = {band: DEADLINE_NAMES[band] for band in DEADLINE_DAYS}
    form.needed.choices = choices.of(soon, empty=_("Any time"))
    price = form.price.data or ""
    wanted = services.BoardFilter(
        county=form.county.data or "",
        category=form.category.data or "",
        # Bands only: any other limit would let a reader find the exact value that the card keeps back.
        price_band_fen=next((band for band in PRICE_BANDS_FEN if str(band) == price), None),
        within_days=DEADLINE_DAYS.get(form.needed.data or ""),
        realised=request.args.get("realised") == "1",
    )
    found = services.board(g.actor, wanted, request.args.get("page", 1, type=int))
    kept: dict[str, Any] = {name: value for name in form.data if (value := request.args.get(name))}
    if wanted.realised:
        kept["realised"] = "1"
    return render_template(
        "wishes/board.html",
        form=form,
        page=found,
        cards=[in_words(card) for card in found.items],
        filtered=bool(kept),
        realised=wanted.realised,
        url_for_page=lambda page: url_for("wishes.board", **{**kept, "page": page}),
    )


@wishes.route("/<wish_id>", permission=Permission.WISH_VIEW)
def show(wish_id: str) -> ResponseReturnValue:
    found = services.wish_page(g.actor, wish_id)
    address = url_for("wishes.show", wish_id=found.card.public_id)
    return render_template(
        "wishes/show.html",
        wish=found.card,
        claim_state=found.claim_state,
        shown=in_words(found.card),
        deadline=DEADLINE_NAMES[found.card.deadline_band],
        similar=[in_words(card) for card in found.similar],
        claim_url=f"{address}/claim",
        may_claim=found.card.claimable and g.actor.may(Permission.WISH_CLAIM),
        sign_in_url=url_for("security.login", next=address),
    )
