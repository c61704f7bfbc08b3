"""A supplier answers proposals. A proposal holds nothing, so accepting it checks everything anew."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from marketplace.allocations.models import DECLINE_REASONS, Allocation
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


def accept(actor: Actor, public_id: str) -> Allocation:
    """The supplier says yes: the units of the need and of the capacity are taken together, or neither.

    Raises:
        NotFound: no proposal of the actor's organizations.
        StateConflict: it was answered, or is no longer possible; the message says why.
        CapacityExhausted: the capacity has fewer units left.
    """
    with transaction() as session:
        proposal = load(actor, Permission.ALLOCATION_ANSWER, public_id, lock=True)
        if proposal.state != "proposed":
            raise StateConflict(_("This proposal has been answered or has ended."))
        if proposal.capacity_id is None:
            raise NotFound
        _check_need(proposal)
        _check_supplier(session.get_one(Capacity, proposal.capacity_id, populate_existing=True))
        try:
            needs.take(proposal.need_id, proposal.quantity)
        except StateConflict as conflict:
            raise StateConflict(_("Others have taken this need meanwhile.")) from conflict
        try:
            projects.take(proposal.capacity_id, proposal.quantity)
        except StateConflict as conflict:
            raise CapacityExhausted(_("Your capacity has fewer units left than this takes.")) from conflict
        move(actor, proposal, expect="proposed", to="accepted", accepted_at=now(), expires_at=None)
        return proposal


def _check_need(proposal: Allocation) -> None:
    need = db.session.get_one(Need, proposal.need_id, populate_existing=True)
    if need.state != "open" or db.session.scalar(select(restricted_need(proposal.need_id))):
        raise StateConflict(_("The need is no longer open."))
    if need.deadline is not None and need.deadline < today():
        raise StateConflict(_("The last useful day of this need has passed."))
    if not db.session.scalar(select(Need.id).where(Need.id == need.id, share_consent_lives())):
        raise StateConflict(_("The household's consent to share this need has ended."))
    if need.outstanding < proposal.quantity:
        raise StateConflict(_("Others have taken this need meanwhile."))


def _check_supplier(capacity: Capacity) -> None:
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
        proposal = load(actor, Permission.ALLOCATION_ANSWER, public_id, lock=True)
        if proposal.state != "proposed":
            raise StateConflict(_("This proposal has been answered or has ended."))
        move(actor, proposal, expect="proposed", to="declined", reason=reason, decline_reason=reason, expires_at=None)
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
