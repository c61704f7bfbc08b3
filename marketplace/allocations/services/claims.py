"""A volunteer claims a micro-wish: first come, first served, and three at a time."""

from datetime import timedelta
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Select, func, not_, select
from sqlalchemy.orm import joinedload, selectinload

from marketplace import audit, events
from marketplace.accounts.models import User
from marketplace.allocations.models import LIVE, Allocation, Evidence
from marketplace.errors import AlreadyClaimed, LimitReached, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.needs.cards import WishCard
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Permission, scoped
from marketplace.records import now
from marketplace.transitions import transaction

CLAIM_HOURS = 72
"""A claim without any action lapses after this, and the wish is free again."""

LIVE_CLAIMS = 3
"""So many wishes one volunteer may hold at a time, so that some are left for others."""


def claim(actor: Actor, wish_public_id: str) -> Allocation:
    """Claim a public wish. A second press by the same volunteer gives the claim of the first.

    Raises:
        NotFound: there is no such public wish.
        AlreadyClaimed: somebody else was a moment faster.
        LimitReached: the volunteer holds as many claims as one may.
    """
    with transaction() as session:
        # Waits where another claim of the same volunteer is under way: the limit counts rows not yet there.
        session.execute(select(User.id).where(User.id == actor.user_id).with_for_update())
        wish = session.scalar(scoped(Need, actor, Permission.WISH_CLAIM).where(Need.public_id == wish_public_id))
        if wish is None:
            raise NotFound
        own: Allocation | None = session.scalar(_live(actor).where(Allocation.need_id == wish.id))
        if own is not None:
            return own
        if wish.outstanding < 1:
            raise AlreadyClaimed
        held = session.scalar(select(func.count()).select_from(_live(actor).subquery())) or 0
        if held >= LIVE_CLAIMS:
            raise LimitReached(
                _("You hold %(number)s wishes. Fulfil or release one of them, then claim another.", number=LIVE_CLAIMS)
            )
        take_wish(wish)
        return start_claim(actor, wish, claimant_id=actor.user_id)


def take_wish(wish: Need) -> None:
    """Take a wish's one unit, inside the caller's transaction().

    Raises:
        AlreadyClaimed: somebody else was a moment faster.
    """
    try:
        needs.take(wish.id, 1)
    except StateConflict as conflict:
        raise AlreadyClaimed from conflict


def start_claim(actor: Actor, wish: Need, **claimant: Any) -> Allocation:
    """The claim of a wish that was taken, inside the caller's transaction(); `claimant` are its columns."""
    moment = now()
    allocation = Allocation(
        need_id=wish.id,
        region=wish.region,
        wish=True,
        quantity=1,
        source="claim",
        state="accepted",
        accepted_at=moment,
        expires_at=moment + timedelta(hours=CLAIM_HOURS),
        **claimant,
    )
    db.session.add(allocation)
    db.session.flush()
    audit.record(actor, "allocation:claimed", allocation, changed=["state"], after="accepted")
    events.changed.send("allocation", ids=[allocation.id])
    events.happened.send("allocation:claimed", row=allocation, actor=actor)
    return allocation


def _live(actor: Actor) -> Select[Any]:
    """The actor's own live claims; those made for an organization are counted there."""
    return select(Allocation).where(
        Allocation.claimant_id == actor.user_id,
        Allocation.organization_id.is_(None),
        Allocation.source == "claim",
        Allocation.state.in_(LIVE),
    )


#: What of a volunteer's live claims waits for the volunteer.
CLAIMS_WAITING = ("accepted", "delivering", "photo")


def claims_waiting(actor: Actor, what: str) -> Select[Any]:
    """The actor's live claims that wait for a day, for the hand-over, or for a photo of it.

    Args:
        what: one of `CLAIMS_WAITING`.
    """
    if what == "photo":
        handed_in = Allocation.evidence.any(Evidence.removed_at.is_(None))
        return _live(actor).where(Allocation.state == "delivered", not_(handed_in))
    return _live(actor).where(Allocation.state == what)


def claims_of(actor: Actor, page: int = 1, *, waiting: str = "") -> Any:
    """The actor's live claims, newest first, as a page; `waiting`, of `CLAIMS_WAITING`, keeps only those."""
    found = claims_waiting(actor, waiting) if waiting in CLAIMS_WAITING else _live(actor)
    query = found.order_by(Allocation.id.desc())
    query = query.options(joinedload(Allocation.need), selectinload(Allocation.evidence))
    return db.paginate(query, page=page, per_page=20, error_out=False)


def _come_true(actor: Actor) -> Any:
    return select(Allocation).where(
        Allocation.claimant_id == actor.user_id, Allocation.source == "claim", Allocation.state == "confirmed"
    )


def fulfilled_wishes(actor: Actor) -> int:
    """How many wishes the actor has made come true."""
    return int(db.session.scalar(select(func.count()).select_from(_come_true(actor).subquery())) or 0)


def record_of(actor: Actor, page: int = 1) -> Any:
    """The wishes that the actor has made come true, the latest first, as a page; with what caseworkers wrote."""
    query = _come_true(actor).order_by(Allocation.confirmed_at.desc(), Allocation.id.desc())
    return db.paginate(query.options(joinedload(Allocation.need)), page=page, per_page=50, error_out=False)


def similar_wishes(wish_public_id: str) -> list[WishCard]:
    """Cards of wishes still free that are most like another."""
    wish = db.session.scalar(select(Need).where(Need.public_id == wish_public_id, Need.public_rows()))
    return [] if wish is None else needs.similar_wishes(wish)
