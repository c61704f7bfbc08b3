"""A supplier answers proposals. A proposal holds nothing, so accepting it checks everything anew."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from marketplace import audit
from marketplace.allocations.models import DECLINE_REASONS, Allocation
from marketplace.allocations.services.interested import tell_free_again
from marketplace.allocations.services.rows import load, restricted_need, share_consent_lives
from marketplace.errors import CapacityExhausted, InvalidInput, MarketplaceError, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Permission
from marketplace.projects import services as projects
from marketplace.projects.models import Capacity
from marketplace.records import now, today
from marketplace.transitions import move, transaction

_EXHAUSTED = _("Your capacity has fewer units left than this takes.")


def accept(actor: Actor, public_id: str, quantity: int | None = None, rest_reason: str = "no_capacity") -> Allocation:
    """The supplier says yes: the units of the need and of the capacity are taken together, or neither.

    Args:
        quantity: accept only so many; the rest is declined, so that the next run looks for somebody else for it.
        rest_reason: coded reason why not all of it.
    Raises:
        NotFound: no proposal of the actor's organizations.
        InvalidInput: the quantity is not within the proposal, or it cannot be divided.
        StateConflict: it was answered, or is no longer possible; the message says why.
        CapacityExhausted: the capacity has fewer units left.
    """
    with transaction():
        proposal = load(actor, Permission.ALLOCATION_ANSWER, public_id, lock=True)
        return accept_row(actor, proposal, quantity, rest_reason)


def accept_row(
    actor: Actor,
    proposal: Allocation,
    quantity: int | None = None,
    rest_reason: str = "no_capacity",
    *,
    restricted: bool = False,
) -> Allocation:
    """As `accept`, for a proposal that the caller has locked inside its transaction().

    Args:
        restricted: also for a need of a restricted case: its care team accepts in the supplier's name.
    """
    if proposal.state != "proposed":
        raise StateConflict(_("This proposal has been answered or has ended."))
    if proposal.capacity_id is None:
        raise NotFound
    taken = proposal.quantity if quantity is None else quantity
    rest = proposal.quantity - taken
    _check_part(proposal, taken, rest_reason)
    capacity = db.session.get_one(Capacity, proposal.capacity_id, populate_existing=True)
    if capacity.free < taken:  # soon told; what counts is the UPDATE that takes
        raise CapacityExhausted(_EXHAUSTED)
    check_need(proposal.need_id, taken, restricted=restricted)
    check_supplier(capacity)
    take_both(proposal.need_id, proposal.capacity_id, taken)
    move(actor, proposal, expect="proposed", to="accepted", quantity=taken, accepted_at=now(), expires_at=None)
    if rest:
        _decline_rest(actor, proposal, rest, rest_reason)
    return proposal


def take_both(need_id: int, capacity_id: int, quantity: int) -> None:
    """Take units of a need and of a capacity, inside the caller's transaction().

    Raises:
        StateConflict: others have taken the need.
        CapacityExhausted: the capacity has fewer units left.
    """
    try:
        needs.take(need_id, quantity)
    except StateConflict as conflict:
        raise StateConflict(_("Others have taken this need meanwhile.")) from conflict
    try:
        projects.take(capacity_id, quantity)
    except StateConflict as conflict:
        raise CapacityExhausted(_EXHAUSTED) from conflict


def divisible(proposal: Allocation) -> bool:
    """Whether a part of a proposal may be accepted: not what is to come whole, or bundled with others."""
    return bool(proposal.quantity > 1 and not proposal.need.whole and not proposal.need.bundle)


def _check_part(proposal: Allocation, taken: int, rest_reason: str) -> None:
    if not 1 <= taken <= proposal.quantity:
        raise InvalidInput(fields={"quantity": _("Enter a whole number from 1 to %(most)s.", most=proposal.quantity)})
    if taken < proposal.quantity and not divisible(proposal):
        raise InvalidInput(fields={"quantity": _("This need is to be met whole: accept all of it, or decline.")})
    if rest_reason not in DECLINE_REASONS:
        raise InvalidInput(fields={"rest_reason": _("Choose a reason of the list.")})


def _decline_rest(actor: Actor, accepted: Allocation, rest: int, reason: str) -> None:
    """What a supplier does not take of a proposal is declined, not left open: see docs/decisions/0009."""
    refused = Allocation(
        need_id=accepted.need_id,
        capacity_id=accepted.capacity_id,
        claimant_id=accepted.claimant_id,
        organization_id=accepted.organization_id,
        region=accepted.region,
        wish=accepted.wish,
        quantity=rest,
        source=accepted.source,
        run_id=accepted.run_id,
        state="proposed",
        fit=accepted.fit,
        reasons=accepted.reasons,
    )
    db.session.add(refused)
    db.session.flush()
    audit.record(actor, "allocation:split", refused, changed=["quantity"], after="proposed")
    move(actor, refused, expect="proposed", to="declined", reason=reason, decline_reason=reason)
    tell_free_again(actor, refused)


def check_need(need_id: int, quantity: int, *, restricted: bool = False) -> None:
    """Whether units of a need may be given today.

    Args:
        restricted: a need of a restricted case may be given too (by its care team).
    Raises:
        StateConflict: it may not; the message says why.
    """
    need = db.session.get_one(Need, need_id, populate_existing=True)
    if need.state != "open" or (not restricted and db.session.scalar(select(restricted_need(need_id)))):
        raise StateConflict(_("The need is no longer open."))
    if need.deadline is not None and need.deadline < today():
        raise StateConflict(_("The last useful day of this need has passed."))
    if not db.session.scalar(select(Need.id).where(Need.id == need.id, share_consent_lives())):
        raise StateConflict(_("The household's consent to share this need has ended."))
    if need.outstanding < quantity:
        raise StateConflict(_("Others have taken this need meanwhile."))


def check_supplier(capacity: Capacity) -> None:
    """Whether a capacity is offered today.

    Raises:
        StateConflict: it is not; the message says why.
    """
    day = today()
    begun = capacity.valid_from is None or capacity.valid_from <= day
    lasting = capacity.valid_until is None or capacity.valid_until >= day
    if not capacity.active or not (begun and lasting):
        raise StateConflict(_("This capacity is not offered at present."))
    if capacity.state != "offered":
        raise StateConflict(_("A coordinator has not approved this offer."))
    if capacity.project is not None and capacity.project.state != "open":
        raise StateConflict(_("The project of this capacity is not open."))
    if capacity.organization is not None and capacity.organization.state != "verified":
        raise StateConflict(_("Your organization is not verified at present."))


def decline(actor: Actor, public_id: str, reason: str) -> Allocation:
    """The supplier says no, with a coded reason; runs leave the pair out for some time.

    Raises:
        InvalidInput: the reason is none of the list.
        NotFound, StateConflict: as in `accept`.
    """
    if reason not in DECLINE_REASONS:
        raise InvalidInput(fields={"reason": _("Choose a reason of the list.")})
    with transaction():
        return decline_row(actor, load(actor, Permission.ALLOCATION_ANSWER, public_id, lock=True), reason)


def decline_row(actor: Actor, proposal: Allocation, reason: str) -> Allocation:
    """As `decline`, for a proposal that the caller has locked inside its transaction()."""
    if reason not in DECLINE_REASONS:
        raise InvalidInput(fields={"reason": _("Choose a reason of the list.")})
    if proposal.state != "proposed":
        raise StateConflict(_("This proposal has been answered or has ended."))
    move(actor, proposal, expect="proposed", to="declined", reason=reason, decline_reason=reason, expires_at=None)
    tell_free_again(actor, proposal)
    return proposal


@dataclass
class AnswerSummary:
    """What became of a selection of proposals.

    Attributes:
        done: how many were answered as asked.
        refused: reference of the need and why not, for the others.
    """

    done: int = 0
    refused: list[tuple[str, Any]] = field(default_factory=list)


def accept_all(actor: Actor, public_ids: Iterable[str]) -> AnswerSummary:
    """Accept each of a selection in a transaction of its own: what is no longer possible holds up no other."""
    return _each(actor, public_ids, accept)


def decline_all(actor: Actor, public_ids: Iterable[str], reason: str) -> AnswerSummary:
    """Decline each of a selection for one reason.

    Raises:
        InvalidInput: the reason is none of the list.
    """
    if reason not in DECLINE_REASONS:
        raise InvalidInput(fields={"reason": _("Choose a reason of the list.")})
    return _each(actor, public_ids, lambda who, public_id: decline(who, public_id, reason))


def _each(actor: Actor, public_ids: Iterable[str], answer: Callable[[Actor, str], Any]) -> AnswerSummary:
    summary = AnswerSummary()
    for public_id in dict.fromkeys(public_ids):
        try:
            answer(actor, public_id)
        except MarketplaceError as error:
            summary.refused.append((_reference(actor, public_id), error.message))
        else:
            summary.done += 1
    return summary


def _reference(actor: Actor, public_id: str) -> str:
    """How people name the need, or nothing where the actor may not see it."""
    try:
        return load(actor, Permission.ALLOCATION_ANSWER, public_id).need.reference
    except NotFound:
        return ""
