"""A supplier without an account answers one proposal under a signed address: once, and for two weeks at most."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select, update

from marketplace import audit, events, mail, signing
from marketplace.allocations.models import Allocation, AnswerLink
from marketplace.allocations.services.answers import accept_row, decline_row, divisible
from marketplace.allocations.services.deliveries import mark_delivered
from marketplace.allocations.services.rows import delivered_units, load, restricted_need, share_consent_lives
from marketplace.errors import NotFound, StateConflict
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Permission, system_actor
from marketplace.records import now
from marketplace.transitions import transaction

PURPOSE = "allocation.answer"
LINK_DAYS = 14
HELP_DAYS = 180
"""A link that accepted goes on to record the delivery for so long."""
_LETTER = "answer-link:"
_GONE = _("This link does not hold, or not any more. Ask the coordinator who sent it for a new one.")
SUPPLIER = system_actor("signed_link")
"""Who answers, in the trail: nobody with an account."""


@dataclass(frozen=True)
class Question:
    """A proposal as its link shows it: what a supplier may see before accepting, and nothing of a person.

    Attributes:
        state: open, answered (accepted or declined, by whatever way) or over.
        answer: accepted or declined, where it was answered.
        divisible: a part may be accepted.
        left: units accepted under this link and not handed over yet.
        delivered: all of it has been handed over.
    """

    reference: str
    title: str
    category: str
    region: str
    quantity: int
    unit: str
    deadline: date | None
    capacity_title: str
    organization_id: int | None
    expires_at: datetime
    state: str
    answer: str | None
    divisible: bool
    left: int
    delivered: bool


def make_link(
    actor: Actor, public_id: str, *, send_to: str = "", letter: Callable[[str], tuple[str, str]] | None = None
) -> tuple[str, bool]:
    """Make the one living link of a proposal; an earlier one ends.

    Args:
        public_id: the proposal, within the region of the coordinator.
        send_to: e-mail address of the supplier; it is kept with the message alone.
        letter: subject and body of that message, from the token.
    Returns:
        The token, and whether a message was written down (not where no mail is set up).
    Raises:
        NotFound: not within the actor's reach, or to a volunteer.
        StateConflict: it was answered or has ended.
    """
    with transaction() as session:
        proposal = load(actor, Permission.ALLOCATION_PROPOSE, public_id, lock=True)
        if proposal.organization_id is None or proposal.capacity_id is None:
            raise NotFound
        if proposal.state != "proposed":
            raise StateConflict(_("This proposal has been answered or has ended."))
        revoke_links([proposal.id])
        ends = now() + timedelta(days=LINK_DAYS)
        link = AnswerLink(
            allocation_id=proposal.id, expires_at=min(ends, proposal.expires_at) if proposal.expires_at else ends
        )
        session.add(link)
        session.flush()
        audit.record(actor, "allocation:link_made", proposal, changed=["answer_link"])
        token = signing.sign(PURPOSE, link.public_id)
        sent = False
        if send_to and letter is not None:
            subject, body = letter(token)
            sent = mail.post(send_to, subject, body, key=f"{_LETTER}{link.public_id}")
        return token, sent


@events.happened.connect_via("mail:failed")
def _letter_failed(_sender: Any, *, row: mail.OutboxMessage, **_details: Any) -> None:
    """Whoever sent a link waits for an answer that cannot come; not where the proposal has ended meanwhile."""
    if not row.key.startswith(_LETTER):
        return
    link = db.session.scalar(select(AnswerLink).where(AnswerLink.public_id == row.key.removeprefix(_LETTER)))
    if link is not None and _state(link) == "open":
        events.happened.send("allocation:link_failed", row=link.allocation, occasion=row.key)


def revoke_links(allocation_ids: list[int]) -> None:
    """End the unused links of proposals, inside the caller's transaction()."""
    db.session.execute(
        update(AnswerLink)
        .where(
            AnswerLink.allocation_id.in_(allocation_ids),
            AnswerLink.used_at.is_(None),
            AnswerLink.revoked_at.is_(None),
        )
        .values(revoked_at=now(), version=AnswerLink.version + 1)
        .execution_options(synchronize_session=False)
    )


def _link(token: str, *, lock: bool = False) -> AnswerLink:
    known = signing.read(PURPOSE, token, seconds=HELP_DAYS * 24 * 3600)
    query = select(AnswerLink).where(AnswerLink.public_id == (known or ""))
    if lock:
        query = query.with_for_update(of=AnswerLink)
    link = db.session.scalar(query.execution_options(populate_existing=True))
    if link is None or not (link.used_at or signing.read(PURPOSE, token, seconds=LINK_DAYS * 24 * 3600)):
        raise NotFound(_GONE)
    return link


def _left(link: AnswerLink) -> int:
    """Units to hand over that were accepted under a link, not in another way."""
    help_ = link.allocation
    if link.used_at is None or help_.state not in ("accepted", "delivering"):
        return 0
    return help_.quantity - delivered_units(help_.id)


def _state(link: AnswerLink) -> str:
    proposal = link.allocation
    if proposal.state in ("accepted", "delivering", "delivered", "confirmed", "reopened", "declined"):
        return "answered"
    living = link.used_at is None and link.revoked_at is None and link.expires_at > now()
    return "open" if living and proposal.state == "proposed" and _may_be_shown(proposal) else "over"


def _may_be_shown(proposal: Allocation) -> bool:
    shown = select(Need.id).where(Need.id == proposal.need_id, share_consent_lives(), ~restricted_need(Need.id))
    return db.session.scalar(shown) is not None


def question(token: str) -> Question:
    """What a link asks.

    Raises:
        NotFound: the address was made up, altered or is too old, or the household took back its consent.
    """
    link = _link(token)
    proposal = link.allocation
    if not _may_be_shown(proposal):
        raise NotFound(_GONE)
    need, state = proposal.need, _state(link)
    return Question(
        reference=need.reference,
        title=need.title,
        category=need.category,
        region=need.region,
        quantity=proposal.quantity,
        unit=need.unit,
        deadline=need.deadline,
        capacity_title=proposal.capacity.title if proposal.capacity else "",
        organization_id=proposal.organization_id,
        expires_at=link.expires_at,
        state=state,
        answer=("declined" if proposal.state == "declined" else "accepted") if state == "answered" else None,
        divisible=divisible(proposal),
        left=_left(link),
        delivered=proposal.state in ("delivered", "confirmed"),
    )


def answer_yes(token: str, quantity: int | None = None, rest_reason: str = "no_capacity") -> None:
    """Accept under a link; everything is checked anew, as `accept` does.

    Raises:
        NotFound: as `question`.
        StateConflict: the link was used, has ended, or the proposal is no longer possible.
        InvalidInput: the quantity cannot be.
    """
    with transaction():
        accept_row(SUPPLIER, _use(token), quantity, rest_reason)


def answer_no(token: str, reason: str) -> None:
    """Decline under a link.

    Raises:
        NotFound, StateConflict: as `answer_yes`.
        InvalidInput: the reason is none of the list.
    """
    with transaction():
        decline_row(SUPPLIER, _use(token), reason)


def answer_done(token: str) -> None:
    """All that was accepted under a link was handed over today; a caseworker confirms it.

    Raises:
        NotFound: as `question`.
        StateConflict: nothing was accepted under this link, or all of it is delivered.
    """
    with transaction():
        link = _link(token)
        if not _may_be_shown(link.allocation):
            raise NotFound(_GONE)
        if not _left(link):
            raise StateConflict(_("This is delivered already, or has ended."))
        mark_delivered(SUPPLIER, link.allocation.public_id)


def _use(token: str) -> Allocation:
    """Use a link up, inside the caller's transaction(); it counts only if the answer goes through."""
    allocation_id = _link(token).allocation_id
    # The proposal's row first, as everywhere: two presses at once wait for each other here.
    proposal = db.session.scalars(
        select(Allocation)
        .where(Allocation.id == allocation_id)
        .with_for_update(of=Allocation)
        .execution_options(populate_existing=True)
    ).one()
    link = _link(token, lock=True)
    if _state(link) != "open":
        raise StateConflict(_("This link has been used, or its time is over. Ask the coordinator for a new one."))
    done = db.session.execute(
        update(AnswerLink)
        .where(AnswerLink.id == link.id, AnswerLink.used_at.is_(None), AnswerLink.revoked_at.is_(None))
        .values(used_at=now(), version=AnswerLink.version + 1)
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
        raise StateConflict
    return proposal
