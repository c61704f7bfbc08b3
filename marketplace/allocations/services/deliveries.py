"""From acceptance to the closed loop: deliver, confirm, dispute, reopen, and who to bring it to."""

from datetime import date, timedelta

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select, update

from marketplace import audit, privacy
from marketplace.allocations.models import Allocation, Delivery
from marketplace.allocations.services.rows import delivered_units, load, share_consent_lives
from marketplace.cases.models import Person
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.needs.services.marks import check_title
from marketplace.permissions import Actor, Permission
from marketplace.records import LOCAL_TIME, now, today
from marketplace.transitions import move, transaction

LATEST_DAYS = 90
"""A delivery date lies at most so far ahead."""
CLAIM_DAYS = 15
"""A volunteer delivers within so many days."""
MOST_PEOPLE = 1_000_000
"""Above this lies a slip of the keyboard."""
REVEAL_REASONS = {
    "arrange": _("Arrange a visit or delivery"),
    "deliver": _("Deliver today"),
    "clarify": _("Ask about details"),
}
REVEALED = ("name", "phone", "address")


def start_delivery(actor: Actor, public_id: str, due_on: date | None) -> Allocation:
    """Set the day of delivery, in place of the hold of a claim; of other help it can be put off or brought forward.

    Raises:
        InvalidInput: the day is missing, past or too far ahead.
        NotFound: not within the actor's reach.
        StateConflict: it is not accepted any more, or is a claim whose day is set.
    """
    with transaction() as session:
        allocation = load(actor, Permission.ALLOCATION_DELIVER, public_id, lock=True)
        latest = today() + timedelta(days=CLAIM_DAYS if allocation.source == "claim" else LATEST_DAYS)
        if due_on is None or not today() <= due_on <= latest:
            raise InvalidInput(
                fields={"due_on": _("Choose a day from today to %(latest)s.", latest=latest.isoformat())}
            )
        if allocation.state == "delivering" and allocation.source != "claim":
            allocation.due_on = due_on
            allocation.version += 1
            session.flush()
            audit.record(actor, "allocation:day_changed", allocation, changed=["due_on"])
            return allocation
        if allocation.state != "accepted":
            raise StateConflict
        move(actor, allocation, expect="accepted", to="delivering", due_on=due_on, expires_at=None, reminded_at=None)
        return allocation


def mark_delivered(
    actor: Actor,
    public_id: str,
    *,
    delivered_on: date | None = None,
    quantity: int | None = None,
    people_served: int = 1,
    value_fen: int = 0,
    value_kind: str = "goods",
) -> Allocation:
    """Record a delivery, today's and of all that is left unless told otherwise.

    A part leaves the allocation being delivered; the last unit makes it delivered, to be confirmed by a
    caseworker.

    Raises:
        InvalidInput: the day, the quantity or the value cannot be.
        NotFound: not within the actor's reach.
        StateConflict: it is delivered already, or has ended.
    """
    with transaction() as session:
        allocation = load(actor, Permission.ALLOCATION_DELIVER, public_id, lock=True)
        if allocation.state not in ("accepted", "delivering"):
            raise StateConflict(_("This is delivered already, or has ended."))
        left = allocation.quantity - delivered_units(allocation.id)
        given = left if quantity is None else quantity
        day = delivered_on or today()
        faults = {}
        if not 1 <= given <= left:
            faults["quantity"] = _("Enter a whole number from 1 to %(left)s.", left=left)
        if day > today() or day < _accepted_on(allocation):
            faults["delivered_on"] = _("Choose a day from the acceptance to today.")
        if not 0 <= people_served <= MOST_PEOPLE or value_fen < 0:
            faults["people_served"] = _("Enter 0 or more.")
        if faults:
            raise InvalidInput(fields=faults)
        delivery = Delivery(
            allocation_id=allocation.id,
            delivered_on=day,
            quantity=given,
            people_served=people_served,
            value_fen=value_fen,
            value_kind=value_kind,
        )
        session.add(delivery)
        session.flush()
        audit.record(actor, "allocation:delivery", allocation, changed=["deliveries"])
        if given == left:
            move(
                actor,
                allocation,
                expect=("accepted", "delivering"),
                to="delivered",
                delivered_at=now(),
                expires_at=None,
            )
        elif allocation.state == "accepted":
            move(actor, allocation, expect="accepted", to="delivering", reason="part", due_on=None, expires_at=None)
        return allocation


def _accepted_on(allocation: Allocation) -> date:
    return (allocation.accepted_at or allocation.created_at).astimezone(LOCAL_TIME).date()


def confirm(actor: Actor, public_id: str, satisfaction: int | None = None) -> Allocation:
    """The caseworker confirms that the help arrived; the last unit of a need closes it as fulfilled.

    Raises:
        AccessDenied: the actor supplied it: nobody confirms their own help.
        InvalidInput: the satisfaction is not from 1 to 5.
        NotFound: not within the actor's reach.
        StateConflict: it is not delivered, or was confirmed.
    """
    if satisfaction is not None and satisfaction not in range(1, 6):
        raise InvalidInput(fields={"satisfaction": _("Choose a number from 1 to 5.")})
    with transaction() as session:
        allocation = load(actor, Permission.ALLOCATION_CONFIRM, public_id, lock=True)
        refuse_supplier(actor, allocation)
        # Locked before counting: of two last units confirmed at once, the second sees the first. And before the
        # audit chain, as everywhere: whoever takes units holds the need and then waits for the chain.
        need = session.get_one(Need, allocation.need_id, populate_existing=True, with_for_update=True)
        move(actor, allocation, expect="delivered", to="confirmed", confirmed_at=now(), satisfaction=satisfaction)
        confirmed = session.scalar(
            select(func.coalesce(func.sum(Allocation.quantity), 0)).where(
                Allocation.need_id == need.id, Allocation.state == "confirmed"
            )
        )
        needs.fulfil_if_complete(actor, need, int(confirmed or 0))
        return allocation


def dispute(actor: Actor, public_id: str, reason: str) -> Allocation:
    """The caseworker found that it did not arrive, or not as recorded: the supplier delivers again.

    Raises:
        AccessDenied, NotFound, StateConflict: as in `confirm`.
        InvalidInput: no reason is given, or one that could tell who somebody is.
    """
    with transaction() as session:
        allocation = load(actor, Permission.ALLOCATION_CONFIRM, public_id, lock=True)
        reason = told(reason, allocation)
        refuse_supplier(actor, allocation)
        move(
            actor,
            allocation,
            expect="delivered",
            to="delivering",
            action="allocation:disputed",
            reason=reason,
            delivered_at=None,
            due_on=None,
        )
        session.execute(update(Delivery).where(Delivery.allocation_id == allocation.id).values(disputed=True))
        session.expire(allocation)
        return allocation


def reopen(actor: Actor, public_id: str, reason: str) -> Allocation:
    """The help failed after all: the need opens again, unless it was withdrawn or its consent has ended.

    What the supplier gave stays spent.

    Raises:
        AccessDenied, NotFound, StateConflict: as in `confirm`.
        InvalidInput: no reason is given, or one that could tell who somebody is.
    """
    with transaction():
        allocation = load(actor, Permission.ALLOCATION_CONFIRM, public_id, lock=True)
        reason = told(reason, allocation)
        refuse_supplier(actor, allocation)
        return reopen_row(actor, allocation, reason)


def reopen_row(actor: Actor, allocation: Allocation, reason: str) -> Allocation:
    """As `reopen`, for help that the caller has locked inside its transaction(), with a reason that was checked."""
    with transaction() as session:
        if allocation.state != "confirmed":
            raise StateConflict
        needs.give_back(allocation.need_id, allocation.quantity)  # the need is locked before the audit chain
        move(actor, allocation, expect="confirmed", to="reopened", reason=reason)
        need = session.get_one(Need, allocation.need_id, populate_existing=True)
        if need.state == "open" or need.closing == "fulfilled":
            needs.reopen_after_failure(actor, need)
        return allocation


def told(text: str, allocation: Allocation, *, field: str = "reason") -> str:
    """A text that others read and the trail keeps for good: short, and nothing in it tells who somebody is.

    Raises:
        InvalidInput: it is too short or too long, or tells who somebody is.
    """
    text = " ".join(text.split())
    if not 2 <= len(text) <= 300:
        raise InvalidInput(fields={field: _("Write 2 to 300 characters, without names.")})
    check_title(text, allocation.need.case, field=field)
    return text


def refuse_supplier(actor: Actor, allocation: Allocation) -> None:
    """Whoever gave the help does not judge it.

    Raises:
        AccessDenied: the actor supplied it.
    """
    own = allocation.organization_id is not None and allocation.organization_id in actor.organization_ids
    if own or (allocation.claimant_id is not None and allocation.claimant_id == actor.user_id):
        raise AccessDenied(_("Whoever gave the help does not confirm it. Ask a colleague to."))


def reveal_contact(actor: Actor, public_id: str, reason: str) -> dict[str, str]:
    """Whom to bring the help to: name, phone, address and details in the clear, for this step alone, audited.

    Only for members of the supplying organization, only from acceptance until delivery, and only while the
    household's consent to share lives; what it does not cover stays sealed. Volunteers hand wishes over through
    the caseworker.

    Raises:
        NotFound: not within the actor's reach, or there is no household.
        InvalidInput: the reason is none of the list.
        StateConflict: it is not accepted, is delivered, or the consent has ended.
    """
    if reason not in REVEAL_REASONS:
        raise InvalidInput(fields={"reason": _("Choose a reason of the list.")})
    with transaction() as session:
        allocation = load(actor, Permission.ALLOCATION_ANSWER, public_id, lock=True)
        if allocation.capacity_id is None:
            raise NotFound
        if allocation.state not in ("accepted", "delivering"):
            raise StateConflict(_("Contacts are open from acceptance to delivery only."))
        need = session.scalar(select(Need).where(Need.id == allocation.need_id, share_consent_lives()))
        if need is None:
            raise StateConflict(_("The household's consent to share this need has ended."))
        person = session.scalar(
            select(Person)
            .where(Person.case_id == need.case_id)
            .order_by((Person.relation == "self").desc(), Person.id)
            .limit(1)
        )
        if person is None:
            raise NotFound(_("No household is recorded for this need. Ask the caseworker."))
        purpose = f"{reason}, allocation {allocation.public_id}"
        agreed = needs.shared_fields(need)
        shown = privacy.reveal(actor, person, tuple(name for name in REVEALED if name in agreed), purpose)
        if need.details is not None and "details" in agreed:
            shown |= privacy.reveal(actor, need, ("details",), purpose)
        audit.record(actor, "allocation:reveal", allocation, changed=["contact"], reason=reason)
        return shown
