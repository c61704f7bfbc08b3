"""Volunteers' own offers: skills, hours and places, matched like any capacity once a coordinator has approved them.

An offer is a capacity without an organization, offered anew every month. What a volunteer can do for whom is read
by a coordinator of the region, who notes which certificates and which police check were shown; changing it asks
the coordinator again. Hours and places may change without.
"""

from dataclasses import dataclass, field
from typing import Any

from flask_babel import lazy_gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import joinedload, selectinload

from marketplace import audit, events, regions
from marketplace.accounts.models import User
from marketplace.errors import AccessDenied, InvalidInput, LimitReached, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, Permission, scoped
from marketplace.privacy import reveal
from marketplace.projects.hukou import hukou_wording
from marketplace.projects.models import Capacity
from marketplace.projects.services.facts import CapacityFacts
from marketplace.projects.services.recurring import RecurrenceFacts, end_monthly, offer_monthly
from marketplace.reasons import IDENTIFYING, reason_given
from marketplace.records import today
from marketplace.screening import screen
from marketplace.transitions import move, transaction

PER_PAGE = 20
#: Offers that one volunteer may keep at a time, so that a slip or a robot fills no queue.
MOST_OFFERS = 5
MOST_HOURS = 200
#: What a coordinator reads again when it changes.
REVIEWED = ("title", "categories", "qualifications", "groups")


@dataclass(frozen=True)
class OfferFacts:
    """What a volunteer says of an offer.

    Attributes:
        title: in a few words, without a name or a number; suppliers of help are told apart by it.
        categories: kinds of help, leaf or parent codes.
        hours: units a month; a visit or a piece of work counts as one.
        home: county where the volunteer starts from; its coordinators review the offer.
        regions: places served.
        radius_km: how far from the seat of the home county; None is no limit within the places.
        qualifications: those that the volunteer can prove.
        groups: only for these, where the help makes sense for nobody else.
    """

    title: str
    categories: tuple[str, ...]
    hours: int
    home: str
    regions: tuple[str, ...]
    radius_km: float | None = None
    qualifications: tuple[str, ...] = ()
    groups: tuple[str, ...] = field(default=())

    def columns(self) -> dict[str, Any]:
        """Column values of the capacity.

        Raises:
            InvalidInput: values break rules; all of them are named.
        """
        faults: dict[str, Any] = {}
        if not 1 <= self.hours <= MOST_HOURS:
            faults["hours"] = _("Enter whole hours a month, from 1 to %(most)s", most=MOST_HOURS)
        if not regions.exists(self.home) or regions.get(self.home).level != "county":
            faults["home"] = _("Choose the county that you start from")
        faults |= self._faults_of_title()
        try:
            values = CapacityFacts(
                categories=self.categories,
                regions=self.regions,
                quantity=max(self.hours, 1),
                title=self.title,
                radius_km=self.radius_km,
                qualifications=self.qualifications,
                groups=self.groups,
            ).columns()
        except InvalidInput as error:
            faults = dict(error.fields) | faults
        if faults:
            raise InvalidInput(fields=faults)
        return values | {"region": self.home}

    def _faults_of_title(self) -> dict[str, Any]:
        if not self.title.strip():
            return {"title": _("Say in a few words what you can do")}
        if any(finding.kind in IDENTIFYING | {"address"} for finding in screen(self.title)):
            return {"title": _("Leave out names, numbers and addresses: others read it.")}
        if hukou_wording(self.title):
            return {"title": _("Help is for everyone who needs it: leave household registration out.")}
        return {}


def post(actor: Actor, facts: OfferFacts) -> Capacity:
    """A volunteer posts an offer; a coordinator of the home county reviews it before it is matched.

    Raises:
        AccessDenied: the actor is no volunteer.
        InvalidInput: values break rules.
        LimitReached: the volunteer keeps as many offers as one may.
    """
    _require_volunteer(actor)
    values = facts.columns()
    with transaction() as session:
        # Waits where another offer of the same volunteer is under way: the limit counts rows not yet there.
        session.execute(select(User.id).where(User.id == actor.user_id).with_for_update())
        kept = select(func.count()).where(
            Capacity.owner_id == actor.user_id,
            Capacity.active,
            or_(Capacity.valid_until.is_(None), Capacity.valid_until >= today()),
        )
        if (session.scalar(kept) or 0) >= MOST_OFFERS:
            raise LimitReached(
                _("You keep %(number)s offers. Change one of them, or take one back.", number=MOST_OFFERS)
            )
        offer = Capacity(owner_id=actor.user_id, state="review", confirmed_on=today(), **values)
        session.add(offer)
        session.flush()
        audit.record(actor, "capacity:offer_posted", offer, changed=sorted(values), after="review")
        offer_monthly(actor, offer, RecurrenceFacts(quantity=facts.hours))
        events.changed.send("capacity", ids=[offer.id])
        events.happened.send("capacity:review", row=offer, actor=actor)
    return offer


def _require_volunteer(actor: Actor) -> None:
    if actor.user_id is None or not actor.may(Permission.OFFER_POST):
        raise AccessDenied


def get_own_offer(actor: Actor, public_id: str, *, lock: bool = False) -> Capacity:
    """An offer of the actor's own.

    Raises:
        NotFound: there is none, or it is another's.
    """
    return _one(actor, Permission.OFFER_POST, public_id, lock=lock)


def get_offer_to_review(actor: Actor, public_id: str, *, lock: bool = False) -> Capacity:
    """A volunteer's offer of the region that the actor coordinates.

    Raises:
        NotFound: there is none, or it is elsewhere.
    """
    return _one(actor, Permission.OFFER_REVIEW, public_id, lock=lock)


def _one(actor: Actor, permission: Permission, public_id: str, *, lock: bool) -> Capacity:
    query = scoped(Capacity, actor, permission).where(Capacity.owner_id.is_not(None), Capacity.public_id == public_id)
    offer: Capacity | None = db.session.scalar(query.with_for_update(of=Capacity) if lock else query)
    if offer is None:
        raise NotFound
    return offer


def own_offers(actor: Actor) -> list[Capacity]:
    """The offers of a volunteer, with what is proposed and promised of each: this month's, and older ones at work."""
    promised: Any = Capacity.running.property.mapper.class_
    current = or_(Capacity.valid_until.is_(None), Capacity.valid_until >= today())
    query = (
        scoped(Capacity, actor, Permission.OFFER_POST)
        .where(Capacity.owner_id.is_not(None), or_(current, Capacity.running.any()))
        .options(
            joinedload(Capacity.recurrence),
            selectinload(Capacity.running).joinedload(promised.need),
            selectinload(Capacity.proposals).joinedload(promised.need),
        )
    )
    return list(db.session.scalars(query.order_by(Capacity.active.desc(), Capacity.id.desc())))


def edit_offer(actor: Actor, public_id: str, version: int, facts: OfferFacts) -> Capacity:
    """A volunteer changes an offer; what a coordinator approved is read again when it changes.

    Raises:
        InvalidInput: values break rules, or fewer hours than are promised this month.
        NotFound: it is another's.
        StateConflict: it was changed after the form was opened.
    """
    values = facts.columns()
    with transaction() as session:
        offer = get_own_offer(actor, public_id, lock=True)
        changed = sorted(name for name, value in values.items() if getattr(offer, name) != value)
        again = offer.state == "offered" and any(name in REVIEWED or name == "region" for name in changed)
        done = session.execute(
            update(Capacity)
            .where(Capacity.id == offer.id, Capacity.version == version, Capacity.allocated <= facts.hours)
            .values(version=version + 1, confirmed_on=today(), **values)
            .execution_options(synchronize_session=False)
        )
        session.expire(offer)
        if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            if offer.version != version:
                raise StateConflict
            raise InvalidInput(
                fields={
                    "hours": _("%(hours)s are promised this month; the lowest possible is that", hours=offer.allocated)
                }
            )
        audit.record(actor, "capacity:edited", offer, changed=changed)
        if offer.recurrence is not None and offer.recurrence.active:
            offer_monthly(actor, offer, RecurrenceFacts(quantity=facts.hours))
        if again:
            move(actor, offer, expect="offered", to="review", action="capacity:review", reviewed_by=None)
        elif offer.state == "returned":
            move(actor, offer, expect="returned", to="review", action="capacity:review", return_reason=None)
        events.changed.send("capacity", ids=[offer.id])
    return offer


def take_back(actor: Actor, public_id: str) -> Capacity:
    """A volunteer offers this no longer, this month and in those to come; what was promised stays promised."""
    with transaction() as session:
        offer = get_own_offer(actor, public_id, lock=True)
        done = session.execute(
            update(Capacity)
            .where(Capacity.id == offer.id, Capacity.active)
            .values(active=False, version=Capacity.version + 1)
            .execution_options(synchronize_session=False)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            raise StateConflict
        session.expire(offer)
        if offer.recurrence is not None and offer.recurrence.active:
            end_monthly(actor, offer)
        audit.record(actor, "capacity:withdrawn", offer, changed=["active"])
        events.changed.send("capacity", ids=[offer.id])
        events.happened.send("capacity:withdrawn", row=offer, actor=actor)
    return offer


def confirm_offer(actor: Actor, public_id: str) -> Capacity:
    """A volunteer says that an offer still holds.

    Raises:
        StateConflict: it was taken back.
    """
    with transaction() as session:
        offer = get_own_offer(actor, public_id, lock=True)
        if not offer.active:
            raise StateConflict(_("You took this offer back. Post it anew."))
        offer.confirmed_on = today()
        session.flush()
        audit.record(actor, "capacity:confirmed", offer, changed=["confirmed_on"])
        events.changed.send("capacity", ids=[offer.id])
    return offer


def offers_to_review(actor: Actor) -> Select[Any]:
    """Offers that wait for the actor's review: not the actor's own, about which another decides."""
    query = scoped(Capacity, actor, Permission.OFFER_REVIEW)
    return query.where(Capacity.owner_id != actor.user_id, Capacity.active, Capacity.state == "review")


def review_queue(actor: Actor, page: int = 1, *, waiting: bool = False) -> Pagination:
    """Offers that wait for a coordinator, the longest waiting first; those approved follow.

    Args:
        waiting: only those that wait for the actor.
    """
    query = (
        scoped(Capacity, actor, Permission.OFFER_REVIEW)
        .where(Capacity.owner_id.is_not(None), Capacity.active)
        .where(or_(Capacity.valid_until.is_(None), Capacity.valid_until >= today(), Capacity.state == "review"))
    )
    if waiting:
        query = offers_to_review(actor)
    order = (Capacity.state != "review", Capacity.id)
    return db.paginate(query.order_by(*order), page=page, per_page=PER_PAGE, error_out=False)


def approve(actor: Actor, public_id: str, version: int, checks: str) -> Capacity:
    """A coordinator approves an offer: it is matched from now on.

    Args:
        version: of the offer that the coordinator read.
        checks: which certificates and which police check were shown; kept encrypted.
    Raises:
        AccessDenied: it is the coordinator's own.
        InvalidInput: nothing is said of what was checked.
        NotFound: it is elsewhere.
        StateConflict: it was changed meanwhile, taken back or judged.
    """
    checks = checks.strip()[:1000]
    if not checks:
        message = _("Note which certificates and which police check you saw, or that none is needed and why")
        raise InvalidInput(fields={"checks": message})
    with transaction():
        offer = _to_judge(actor, public_id, version)
        move(
            actor, offer, expect="review", to="offered", action="capacity:approved",
            reviewed_by=actor.key, checks=checks, return_reason=None,
        )  # fmt: skip
    return offer


def send_back_offer(actor: Actor, public_id: str, version: int, reason: str) -> Capacity:
    """A coordinator returns an offer, with the reason that the volunteer reads; one approved before is held too.

    Raises:
        AccessDenied, NotFound, StateConflict: as in `approve`.
        InvalidInput: no reason, or one that tells who somebody is.
    """
    reason = reason_given(reason, _("Say what is wrong and how to mend it"))
    with transaction():
        offer = _to_judge(actor, public_id, version)
        move(
            actor, offer, expect=("review", "offered"), to="returned", action="capacity:returned", reason=reason,
            return_reason=reason, reviewed_by=None,
        )  # fmt: skip
    return offer


def _to_judge(actor: Actor, public_id: str, version: int) -> Capacity:
    offer = get_offer_to_review(actor, public_id, lock=True)
    if offer.owner_id == actor.user_id:
        raise AccessDenied(_("This offer is your own. Another coordinator has to decide about it."))
    if not offer.active:
        raise StateConflict(_("The volunteer took this offer back."))
    if offer.version != version:
        raise StateConflict(_("The offer was edited after you opened it. Read it again before you decide."))
    return offer


@dataclass(frozen=True)
class Seen:
    """Who made an offer and what was noted of it, in the clear; `checks` is empty where nothing was noted."""

    name: str
    email: str
    checks: str


def volunteer_seen(actor: Actor, public_id: str, reason: str) -> Seen:
    """Name and e-mail address of a volunteer, and what a reviewer noted; that it was looked at is recorded.

    Raises:
        NotFound: the offer is elsewhere.
    """
    with transaction() as session:
        offer = get_offer_to_review(actor, public_id)
        owner = session.get_one(User, offer.owner_id)
        person = reveal(actor, owner, ("name_sealed", "email_sealed"), reason)
        checks = reveal(actor, offer, ("checks",), reason)["checks"]
    return Seen(person["name_sealed"], person["email_sealed"], checks)
