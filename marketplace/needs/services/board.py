"""The public board of micro-wishes: rows in, cards out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select

from marketplace.briefly import kept_briefly
from marketplace.cases.models import Case
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.needs.anonymity import broad_group, generalise, prefecture_of
from marketplace.needs.cards import WishCard, deadline_band_of, price_band_of
from marketplace.needs.models import Need
from marketplace.needs.services.crowd import Crowd, current_crowd
from marketplace.permissions import Actor, Permission, scoped
from marketplace.records import today

PER_PAGE = 20
#: While a claim is in one of these, its claimant sees the wish though it may be public no more.
_HELD = ("accepted", "delivering", "delivered", "confirmed")


@dataclass(frozen=True)
class BoardFilter:
    """What a reader asks of the board; empty is no limit.

    Attributes:
        within_days: needed within so many days. How urgent a household is, is nobody's filter (P17).
        realised: wishes that came true lately, in place of those that wait or are claimed.
    """

    county: str = ""
    category: str = ""
    price_band_fen: int | None = None
    within_days: int | None = None
    realised: bool = False


@dataclass(frozen=True)
class CardPage:
    """A page of cards; `page`, `pages` and `total` as the pagination component reads them."""

    items: list[WishCard]
    page: int
    pages: int
    total: int


@dataclass(frozen=True)
class WishPage:
    """A wish as one reader sees it: the card, and how far the reader's own claim of it is."""

    card: WishCard
    claim_state: str | None
    similar: list[WishCard]


def _card(need: Need, crowd: Crowd, *, public: bool = True) -> WishCard:
    shown = generalise(need.region, need.age_band, broad_group(need.groups), need.category, crowd.count)
    return WishCard(
        public_id=need.public_id,
        reference=need.reference,
        category=need.category,
        title=need.title,
        price_band_fen=price_band_of(need.value_fen),
        region=shown.region,
        group=shown.group,
        age=shown.age,
        deadline_band=deadline_band_of(need.deadline, today()),
        state="realised"
        if need.closing == "fulfilled"
        else "claimable"
        if public and not need.allocated
        else "claimed",
    )


def cards(needs: Iterable[Need]) -> list[WishCard]:
    """The public cards of wishes that anyone may see."""
    rows = list(needs)
    crowd = current_crowd() if rows else None
    return [_card(need, crowd) for need in rows] if crowd else []


def board(actor: Actor, wanted: BoardFilter, page: int) -> CardPage:
    """A page of the board: claimable wishes first, those waiting longest first among them."""
    crowd = current_crowd()
    query = select(Need).where(Need.realised_rows()) if wanted.realised else scoped(Need, actor, Permission.WISH_VIEW)
    if wanted.county:
        query = query.where(crowd.shown_in(wanted.county))
    if wanted.category:
        query = query.where(Need.category.startswith(wanted.category, autoescape=True))
    if wanted.price_band_fen is not None:
        query = query.where(Need.value_fen <= wanted.price_band_fen)
    if wanted.within_days is not None:
        query = query.where(Need.deadline <= today() + timedelta(days=wanted.within_days))
    order = (Need.taken_on.desc(), Need.id) if wanted.realised else (Need.allocated, Need.posted_on, Need.id)
    found = db.paginate(query.order_by(*order), page=page, per_page=PER_PAGE, error_out=False)
    return CardPage([_card(need, crowd) for need in found.items], found.page, found.pages, found.total or 0)


@kept_briefly
def board_categories() -> list[str]:
    """Codes of the categories of which the board has wishes."""
    return list(db.session.scalars(select(Need.category).where(Need.public_rows()).distinct().order_by(Need.category)))


def wish_page(actor: Actor, public_id: str) -> WishPage:
    """A wish for one reader.

    Raises:
        NotFound: it is no public wish, nor one that the reader holds a claim of.
    """
    need = db.session.scalar(select(Need).where(Need.public_id == public_id, Need.kind == "micro_wish"))
    state = _own_claim(actor, need) if need else None
    if need is None or not (need.is_public or need.is_shown_realised or state):
        raise NotFound
    crowd = current_crowd()
    return WishPage(_card(need, crowd, public=need.is_public), state, similar_wishes(need, crowd=crowd))


def _own_claim(actor: Actor, need: Need) -> str | None:
    if actor.user_id is None:
        return None
    states = [row.state for row in need.allocations if row.claimant_id == actor.user_id and row.state in _HELD]
    return str(states[-1]) if states else None


def similar_wishes(need: Need, limit: int = 3, *, crowd: Crowd | None = None) -> list[WishCard]:
    """Claimable wishes like this one: same category and county first, then the category's parent or the prefecture.

    Counties are those that the cards name: the order would tell what a wider region hides (P6).
    """
    crowd = crowd or current_crowd()
    place = _card(need, crowd).region
    same = [] if place == prefecture_of(place) else [(crowd.named_in(place), 0)]
    closeness: Any = case(
        (Need.category == need.category, 0), (Need.category.startswith(need.category[:3]), 1), else_=2
    ) + case(*same, (Need.region.startswith(need.region[:4]), 1), else_=2)
    query = (
        select(Need)
        .where(Need.public_rows(), Need.allocated == 0, Need.id != need.id)
        .order_by(closeness, Need.posted_on, Need.id)
        .limit(limit)
    )
    return [_card(row, crowd) for row in db.session.scalars(query)]


def newest_wishes(limit: int) -> list[WishCard]:
    """Claimable wishes published last, newest first."""
    query = (
        select(Need)
        .where(Need.public_rows(), Need.allocated == 0)
        .order_by(Need.posted_on.desc(), Need.id.desc())
        .limit(limit)
    )
    return cards(db.session.scalars(query))


@kept_briefly
def figures() -> dict[str, int]:
    """Counts for the front page: open needs, wishes claimable, wishes claimed ever, wishes realised."""
    restricted = Need.case_id.in_(select(Case.id).where(Case.restricted))

    def count(*conditions: ColumnElement[bool]) -> int:
        return db.session.scalar(select(func.count()).select_from(Need).where(*conditions)) or 0

    return {
        "open_needs": count(Need.state == "open", or_(Need.case_id.is_(None), ~restricted)),
        "claimable_wishes": count(Need.public_rows(), Need.allocated == 0),
        "realised_wishes": count(Need.kind == "micro_wish", Need.closing == "fulfilled"),
    }
