"""Claims from a printed wish card, by somebody without an account: see docs/decisions/0010."""

import hmac
import re
import unicodedata
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import joinedload

from marketplace import audit, privacy, signing
from marketplace.allocations.models import LIVE, Allocation, GuestClaimant
from marketplace.allocations.services.claims import LIVE_CLAIMS, start_claim, take_wish
from marketplace.allocations.services.deliveries import mark_delivered
from marketplace.allocations.services.returns import release
from marketplace.allocations.services.rows import load
from marketplace.errors import AlreadyClaimed, InvalidInput, LimitReached, NotFound
from marketplace.extensions import db, insert_once
from marketplace.jobs import sweeper
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Permission, scoped, system_actor
from marketplace.records import now
from marketplace.transitions import transaction

PURPOSE = "guest.claim"
PAGE_DAYS = 120
"""So long the address of a guest's own claim opens."""
FORGET_DAYS = 90
"""A telephone number is erased so long after the last claim that it made, once none is live."""
GUEST = system_actor("guest_claimant")
"""Who acts, in the trail: nobody with an account."""
CODE_LENGTH = 8
_READABLE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no characters that look alike on a printed card
_MOBILE = re.compile(r"1[3-9]\d{9}")
CALL_REASONS = {"arrange": _("Arrange the hand-over"), "clarify": _("Ask about the claim")}


def card_code(wish: Need) -> str:
    """The secret printed on a wish's card, e.g. 7KQ2M9XE: whoever types it has the card in hand.

    A keyed digest of the wish's own id and of how many claims with a card came back, so that nothing is stored, each
    card has its own, and a card whose claim was given back or lapsed is worth nothing any more.
    """
    return _code(wish, _came_back([wish.id]).get(wish.id, 0))


def _came_back(wish_ids: Iterable[int]) -> dict[int, int]:
    """How many claims with a card were given back or lapsed, by wish."""
    query = select(Allocation.need_id, func.count()).where(
        Allocation.need_id.in_(list(wish_ids)),
        Allocation.guest_id.is_not(None),
        Allocation.state.in_(("released", "expired")),
    )
    return {row[0]: row[1] for row in db.session.execute(query.group_by(Allocation.need_id))}


def _code(wish: Need, came_back: int) -> str:
    # The first card of a wish has the code that cards printed by earlier versions have.
    named = f"{wish.public_id}/{came_back}" if came_back else wish.public_id
    number = int(privacy.blind_index("need.card", named), 16)
    places = [_READABLE[number // len(_READABLE) ** place % len(_READABLE)] for place in range(CODE_LENGTH)]
    return "".join(places)


def cards_to_print(actor: Actor, county: str = "", page: int = 1) -> tuple[Any, dict[int, str]]:
    """Claimable wishes of the actor's region as a page, the longest waiting first, and the code of each card."""
    query = scoped(Need, actor, Permission.NEED_REVIEW).where(Need.public_rows(), Need.allocated == 0)
    if county:
        query = query.where(Need.region == county)
    found = db.paginate(query.order_by(Need.posted_on, Need.id), page=page, per_page=8, error_out=False)
    came_back = _came_back(wish.id for wish in found.items)
    return found, {wish.id: _code(wish, came_back.get(wish.id, 0)) for wish in found.items}


def card_of(actor: Actor, wish_public_id: str) -> Need:
    """A public wish of the actor's region, to print its card.

    Raises:
        NotFound: there is none.
    """
    query = scoped(Need, actor, Permission.NEED_REVIEW).where(Need.public_id == wish_public_id, Need.public_rows())
    wish: Need | None = db.session.scalar(query)
    if wish is None:
        raise NotFound
    return wish


def claim_with_card(wish_public_id: str, code: str, phone: str) -> str:
    """Claim with a card's code and a telephone number; a second time gives the same claim.

    Returns:
        The token of the claim's own page.
    Raises:
        NotFound: there is no such public wish.
        InvalidInput: the code is not the card's, or the number is no mobile number.
        AlreadyClaimed: somebody else was faster.
        LimitReached: the number holds as many claims as one may.
    """
    number = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", phone)).removeprefix("+86")
    typed = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", code)).upper()
    with transaction() as session:
        wish = session.scalar(select(Need).where(Need.public_id == wish_public_id, Need.public_rows()))
        if wish is None:
            raise NotFound
        faults = {}
        if not hmac.compare_digest(card_code(wish).encode(), typed.encode()):
            faults["code"] = _(
                "This is not the code of this card. Look at the card again; a card whose claim was given back is"
                " replaced by a new one."
            )
        if not _MOBILE.fullmatch(number):
            faults["phone"] = _("Enter a mobile number of 11 digits.")
        if faults:
            raise InvalidInput(fields=faults)
        guest = _guest(number)
        live = select(Allocation).where(Allocation.guest_id == guest.id, Allocation.state.in_(LIVE))
        claim = session.scalar(live.where(Allocation.need_id == wish.id))
        if claim is None:
            if wish.outstanding < 1:
                raise AlreadyClaimed
            if (session.scalar(select(func.count()).select_from(live.subquery())) or 0) >= LIVE_CLAIMS:
                raise LimitReached(
                    _("This number holds %(number)s wishes. Fulfil or release one of them first.", number=LIVE_CLAIMS)
                )
            take_wish(wish)
            claim = start_claim(GUEST, wish, guest_id=guest.id)
        return signing.sign(PURPOSE, claim.public_id)


def _guest(number: str) -> GuestClaimant:
    """The guest of a number, made on first use and locked: the limit counts rows not yet there."""
    index = privacy.blind_index("guest_claimant.phone", number)
    insert_once(GuestClaimant, {"phone": number, "phone_index": index})
    found = select(GuestClaimant).where(GuestClaimant.phone_index == index).with_for_update()
    return db.session.scalars(found).one()


def guest_claim(token: str) -> Allocation:
    """The claim that a guest's address names.

    Raises:
        NotFound: the address was made up, altered or is too old.
    """
    known = signing.read(PURPOSE, token, seconds=PAGE_DAYS * 24 * 3600)
    query = select(Allocation).where(Allocation.public_id == (known or ""), Allocation.guest_id.is_not(None))
    claim = db.session.scalar(query.options(joinedload(Allocation.need)))
    if known is None or claim is None:
        raise NotFound(
            _("This address does not hold, or not any more. Scan your card again to come back to your claim.")
        )
    return claim


def guest_done(token: str) -> None:
    """The guest has handed it over today; a caseworker confirms it.

    Raises:
        NotFound, StateConflict: as `guest_claim` and `mark_delivered`.
    """
    mark_delivered(GUEST, guest_claim(token).public_id)


def guest_release(token: str) -> None:
    """The guest gives the wish back.

    Raises:
        NotFound, StateConflict: as `guest_claim` and `release`.
    """
    release(GUEST, guest_claim(token).public_id)


def reveal_guest(actor: Actor, public_id: str, reason: str) -> str:
    """The telephone number of a guest, for the caseworker who arranges the hand-over; audited.

    Raises:
        NotFound: not within the actor's reach, no guest's claim, or the number was erased.
        InvalidInput: the reason is none of the list.
    """
    if reason not in CALL_REASONS:
        raise InvalidInput(fields={"reason": _("Choose a reason of the list.")})
    with transaction():
        claim = load(actor, Permission.ALLOCATION_CONFIRM, public_id)
        if claim.guest is None or claim.guest.phone is None:
            raise NotFound
        audit.record(actor, "allocation:reveal", claim, changed=["guest"], reason=reason)
        return privacy.reveal(actor, claim.guest, ("phone",), f"{reason}, allocation {claim.public_id}")["phone"]


def forget_guests() -> int:
    """Erase telephone numbers whose claims have all ended some time ago; how many."""
    since = now() - timedelta(days=FORGET_DAYS)
    kept = select(Allocation.guest_id).where(
        Allocation.guest_id.is_not(None), (Allocation.state.in_(LIVE)) | (Allocation.created_at >= since)
    )
    over = and_(GuestClaimant.phone.is_not(None), GuestClaimant.created_at < since, GuestClaimant.id.not_in(kept))
    if db.session.scalar(select(GuestClaimant.id).where(over).limit(1)) is None:
        return 0  # every minute: nobody who writes waits for it
    with transaction() as session:
        done = session.execute(
            update(GuestClaimant)
            .where(over)
            .values(phone=None, phone_index=None, version=GuestClaimant.version + 1)
            .execution_options(synchronize_session=False)
        )
        return int(done.rowcount)  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result


@sweeper
def _forget_every_minute() -> None:
    forget_guests()
