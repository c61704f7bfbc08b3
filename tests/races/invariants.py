"""The rules that must hold however many act at once, by their numbers in docs/security.md.

Each class makes its world, does the attempt of a number, and afterwards tells what is not as it must be.
"""

import random
from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

from flask import Flask, redirect, request
from sqlalchemy import func, select, update

from marketplace import audit, events, idempotency, mail, regions
from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.audit import AuditEvent
from marketplace.extensions import db
from marketplace.mail import OutboxMessage
from marketplace.needs.models import Need
from marketplace.notifications.models import Notification
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, system_actor
from marketplace.projects.models import Capacity
from marketplace.records import now
from marketplace.transitions import move, transaction
from tests.races import worlds
from tests.support import world

ROBOT = system_actor("race")


class Undone(Exception):
    """Raised inside a transaction so that nothing of it may stay."""


class Race(ABC):
    """One invariant under many hands."""

    #: Attempts of the full form.
    attempts = 10_000

    def __init__(self, app: Flask, attempts: int | None = None) -> None:
        self.app = app
        self.number = attempts or self.attempts
        with app.app_context():
            self.prepare()
            db.session.commit()

    @abstractmethod
    def prepare(self) -> None:
        """Make the world of the race."""

    @abstractmethod
    def attempt(self, number: int) -> str:
        """Try once; what came of it."""

    @abstractmethod
    def faults(self, counted: Counter[str]) -> list[str]:
        """What is not as it must be."""

    def check(self, counted: Counter[str]) -> list[str]:
        """All faults: of this rule, of the audit trail, and of the counters."""
        with self.app.app_context():
            db.session.remove()
            found = [word for word in counted if word.startswith("broken")]
            return [*found, *self.faults(counted), *audit.verify(), *allocations.reconcile()]


def events_of(*actions: str) -> int:
    return db.session.scalar(select(func.count()).where(AuditEvent.action.in_(actions))) or 0


def expect(what: str, found: object, wanted: object) -> list[str]:
    return [] if found == wanted else [f"{what}: {found}, not {wanted}"]


class Capacities(Race):
    """I1: what is given of a capacity is at most what it has, and its counter says so."""

    def prepare(self) -> None:
        places = 10
        self.units = max(self.number // 100, 1)
        first = world.a_capacity(quantity=self.units)
        self.member = world.a_user(region=None, organization=first.organization)
        self.actor = actor_of(self.member)
        offers = [first, *worlds.copies(first, places - 1)]
        wanted = world.a_need(quantity=1)
        needs = [wanted, *worlds.copies(wanted, self.number - 1)]
        proposal = world.an_allocation(wanted, first)
        rows = worlds.copies(
            proposal,
            self.number - 1,
            need_id=lambda place: needs[place + 1].id,
            capacity_id=lambda place: offers[(place + 1) % places].id,
        )
        self.offers = [offer.id for offer in offers]
        self.proposals = [row.public_id for row in (proposal, *rows)]

    def attempt(self, number: int) -> str:
        return str(allocations.accept(self.actor, self.proposals[number]).state)

    def faults(self, counted: Counter[str]) -> list[str]:
        given = db.session.scalars(select(Capacity.allocated).where(Capacity.id.in_(self.offers))).all()
        wanted = self.units * len(self.offers)
        own = Need.id.in_(select(Allocation.need_id).where(Allocation.capacity_id.in_(self.offers)))
        return [
            *expect("units given of each capacity", sorted(set(given)), [self.units]),
            *expect("attempts that were granted", counted["accepted"], wanted),
            *expect("units of needs counted", db.session.scalar(select(func.sum(Need.allocated)).where(own)), wanted),
            *expect("acceptances in the trail", events_of("allocation:accepted"), wanted),
        ]


class Claims(Race):
    """I2: one live claim a wish, three a volunteer."""

    def prepare(self) -> None:
        side = max(round(self.number**0.5), 1)
        self.number = side * side
        self.people = worlds.volunteers(side)
        self.actors = [actor_of(person) for person in self.people]
        first = world.a_wish()
        rows = [first, *worlds.copies(first, side - 1)]
        self.rows, self.wishes = [row.id for row in rows], [row.public_id for row in rows]

    def attempt(self, number: int) -> str:
        actor, wish = self.actors[number % len(self.actors)], self.wishes[number // len(self.actors)]
        return str(allocations.claim(actor, wish).state)

    def faults(self, counted: Counter[str]) -> list[str]:
        own = Allocation.need_id.in_(self.rows)
        most = max(db.session.scalars(select(func.count()).where(own).group_by(Allocation.claimant_id)), default=0)
        claimed = db.session.scalar(select(func.count()).where(own))
        return [
            *expect("wishes claimed", claimed, len(self.wishes)),
            *expect("claims granted", counted["accepted"], len(self.wishes)),
            *expect("claims in the trail", events_of("allocation:claimed"), len(self.wishes)),
            *([f"one volunteer holds {most}"] if most > 3 else []),
        ]


class Trail(Race):
    """I3: every change of state has one event in an unbroken chain, and what was undone has none."""

    actions: tuple[str, ...] = ("organization:raced",)
    outcomes: tuple[str, ...] = ("moved", "undone", "StateConflict")

    def prepare(self) -> None:
        first = world.an_organization()
        counties = [county.code for county in regions.counties()]
        rows = worlds.copies(first, 219, region=lambda place: counties[place % len(counties)])
        self.rows = [row.id for row in (first, *rows)]
        self.addresses = [row.public_id for row in (first, *rows)]

    def attempt(self, number: int) -> str:
        choice = random.Random(number)  # noqa: S311  # a repeatable choice, no secret
        state, to = choice.choice((("verified", "suspended"), ("suspended", "verified")))
        undo = choice.random() < 0.3
        try:
            with transaction() as session:
                row = session.get_one(Organization, choice.choice(self.rows), populate_existing=True)
                move(ROBOT, row, expect=state, to=to, action="organization:raced")
                if undo:
                    raise Undone
        except Undone:
            return "undone"
        return "moved"

    def faults(self, counted: Counter[str]) -> list[str]:
        own = Organization.id.in_(self.rows)
        versions = db.session.scalar(select(func.sum(Organization.version - 1)).where(own))
        return [
            *expect("changes in the trail", events_of(*self.actions), counted["moved"]),
            *expect("changes in the records", versions, counted["moved"]),
            *([] if all(counted[word] for word in self.outcomes) else ["nothing raced"]),
        ]


class Repeats(Race):
    """I5: a request sent twenty times has one effect, and every sender reads the same answer."""

    copies_of_each = 20

    def prepare(self) -> None:
        self.actor = actor_of(world.a_user(world.Role.VOLUNTEER))
        self.counter = world.a_capacity(quantity=1).id

    def attempt(self, number: int) -> str:
        key = f"key-{number // self.copies_of_each}"
        with self.app.test_request_context("/", method="POST"):
            answer = idempotency.once(self.actor, key, f"digest of {key}", lambda: self._effect(key))
        return "answered" if (answer.status_code, answer.location) == (303, f"/{key}") else "wrong answer"

    def _effect(self, key: str) -> Any:
        if not request:
            raise RuntimeError("a request is on its way")
        with transaction() as session:
            session.execute(update(Capacity).where(Capacity.id == self.counter).values(quantity=Capacity.quantity + 1))
            return redirect(f"/{key}", 303)

    def effects(self) -> int:
        return (db.session.scalar(select(Capacity.quantity).where(Capacity.id == self.counter)) or 0) - 1

    def faults(self, counted: Counter[str]) -> list[str]:
        keys = -(-self.number // self.copies_of_each)
        return [
            *expect("effects", self.effects(), keys),
            *expect("answers", dict(counted), {"answered": self.number}),
        ]


class States(Race):
    """I7: only the moves that exist, each from the state it names, none lost."""

    actions: tuple[str, ...] = ("need:raced",)

    def prepare(self) -> None:
        case = world.a_case()
        first = world.a_need(case)
        rows = worlds.copies(first, max(self.number // 50, 1) - 1)
        self.rows = [row.id for row in (first, *rows)]
        self.addresses = [row.public_id for row in (first, *rows)]
        self.moves = sorted(
            (state, to) for state, many in Need.__moves__.items() for to in many if "review" not in (state, to)
        )

    def attempt(self, number: int) -> str:
        choice = random.Random(number)  # noqa: S311  # a repeatable choice, no secret
        state, to = choice.choice(self.moves)
        values = {"closing": "withdrawn" if to == "closed" else None}
        with transaction() as session:
            row = session.get_one(Need, choice.choice(self.rows), populate_existing=True)
            move(ROBOT, row, expect=state, to=to, action="need:raced", **values)
        return "moved"

    def faults(self, counted: Counter[str]) -> list[str]:
        found: list[str] = []
        query = select(AuditEvent).where(AuditEvent.action.in_(self.actions)).order_by(AuditEvent.id)
        states: dict[int, str] = dict.fromkeys(self.rows, "open")
        for event in db.session.scalars(query):
            if states[event.record_id] != event.before:
                found.append(f"need {event.record_id} went from {event.before}, but was {states[event.record_id]}")
            states[event.record_id] = str(event.after)
        ends: dict[int, str] = {row.id: row.state for row in db.session.execute(select(Need.id, Need.state))}
        versions = db.session.scalar(select(func.sum(Need.version - 1)).where(Need.id.in_(self.rows)))
        return [
            *found[:5],
            *expect("states at the end", [key for key in self.rows if ends[key] != states[key]], []),
            *expect("changes in the records", versions, counted["moved"]),
            *expect("changes in the trail", events_of(*self.actions), counted["moved"]),
        ]


class Notices(Race):
    """I10: a notice and its letter exist once for what happened, and never for what was undone."""

    copies_of_each = 20
    state = "verified"

    def prepare(self) -> None:
        first = world.an_organization(state=self.state)
        keys = -(-self.number // self.copies_of_each)
        rows = [first, *worlds.copies(first, keys - 1)]
        self.rows, self.addresses = [row.id for row in rows], [row.public_id for row in rows]
        user = world.a_user(organization=first)
        self.user, membership, roles = user.id, user.memberships[0], list(user.roles)
        users = worlds.copies(user, keys - 1)
        for other in users:
            other.roles = list(roles)
        self.users = [user.id, *(other.id for other in users)]
        worlds.copies(
            membership,
            keys - 1,
            organization_id=lambda place: self.rows[place + 1],
            user_id=lambda place: users[place].id,
        )

    def attempt(self, number: int) -> str:
        place, copy = divmod(number, self.copies_of_each)
        undo = place % 4 == 0 or copy % 2 == 0  # of every fourth organization nothing ever happens
        try:
            with transaction() as session:
                row = session.get_one(Organization, self.rows[place])
                events.happened.send("organization:verified", row=row, actor=ROBOT)
                if undo:
                    raise Undone
        except Undone:
            return "undone"
        return "told"

    def faults(self, counted: Counter[str]) -> list[str]:
        wanted = sum(place % 4 != 0 for place in range(len(self.rows)))
        sent = db.session.scalars(select(OutboxMessage.key).where(OutboxMessage.key.startswith("notice:")))
        letters = sum(int(key.split(":")[1]) in self.users for key in sent)
        told = db.session.scalar(select(func.count()).where(Notification.user_id.in_(self.users)))
        return [
            *expect("notices", told, wanted),
            *expect("letters", letters, wanted if mail.is_configured() else 0),
            *([] if counted["told"] and counted["undone"] else ["nothing raced"]),
        ]


class Expiry(Race):
    """I11: a claim is delivered or it lapses, never both."""

    def prepare(self) -> None:
        claims = max(self.number // 5, 1)
        self.person = worlds.volunteers(1)[0]
        self.actor: Actor = actor_of(self.person)
        first = world.a_wish()
        wishes = [first, *worlds.copies(first, claims - 1)]
        claim = world.an_allocation(first, claimant_id=self.actor.user_id, expires_at=now(), accepted_at=now())
        rows = worlds.copies(claim, claims - 1, need_id=lambda place: wishes[place + 1].id)
        db.session.execute(
            update(Need).where(Need.id.in_(select(Allocation.need_id).where(self._own))).values(allocated=1)
        )
        db.session.commit()
        self.claims = [row.public_id for row in (claim, *rows)]

    @property
    def _own(self) -> Any:
        return Allocation.claimant_id == self.actor.user_id

    def attempt(self, number: int) -> str:
        claim, copy = divmod(number, 5)
        if copy < 4:
            return self.deliver(self.claims[claim % len(self.claims)])
        return "swept" if allocations.expire_overdue(limit=2) else "nothing to sweep"

    def deliver(self, claim: str) -> str:
        return str(allocations.mark_delivered(self.actor, claim).state)

    def faults(self, counted: Counter[str]) -> list[str]:
        query = select(Allocation.state, func.count()).where(self._own).group_by(Allocation.state)
        states: dict[str, int] = {state: number for state, number in db.session.execute(query)}  # noqa: C416  # rows
        delivered, lapsed = states.pop("delivered", 0), states.pop("expired", 0)
        return [
            *expect("claims that are neither", states, {}),
            *expect("claims in all", delivered + lapsed, len(self.claims)),
            *expect("deliveries granted", counted["delivered"], delivered),
            *expect("deliveries in the trail", events_of("allocation:delivered"), delivered),
            *expect("lapses in the trail", events_of("allocation:expired"), lapsed),
            *([] if delivered and lapsed else ["one side won every time"]),
        ]


RACES: tuple[type[Race], ...] = (Capacities, Claims, Trail, Repeats, States, Notices, Expiry)
