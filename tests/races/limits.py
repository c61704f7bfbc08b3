"""Limits and one-time acts beside the numbered invariants, raced in the same form.

A control takes the guard away where the service reads it (a limit that is never reached), and puts the
check-then-act in its place that people write first: what a page showed once, and the press that follows. Each process
reads its page before it first acts, so that the fault does not hang on how the processes' moments fall.
"""

import random
from collections import Counter
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import func, select, update

from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation, FollowUp
from marketplace.allocations.services import groups
from marketplace.errors import MarketplaceError
from marketplace.extensions import db
from marketplace.projects.models import Capacity
from marketplace.projects.services import offers
from marketplace.records import now, today
from tests.races import worlds
from tests.races.controls import write
from tests.races.invariants import Race, events_of, expect
from tests.support import world

UNLIMITED = 1_000_000


class Offers(Race):
    """A volunteer keeps five offers, however many are posted at once."""

    copies_of_each = 32

    def prepare(self) -> None:
        self.actors = [actor_of(person) for person in worlds.volunteers(max(self.number // self.copies_of_each, 1))]
        self.facts = offers.OfferFacts("陪老人看病", ("S1102",), 10, world.DAWUKOU, (world.DAWUKOU,))

    def attempt(self, number: int) -> str:
        return str(offers.post(self.actors[number % len(self.actors)], self.facts).state)

    def faults(self, counted: Counter[str]) -> list[str]:
        kept = db.session.scalars(
            select(func.count()).where(Capacity.owner_id.is_not(None)).group_by(Capacity.owner_id)
        ).all()
        wanted = [offers.MOST_OFFERS] * len(self.actors)
        return [
            *expect("offers of each volunteer", list(kept), wanted),
            *expect("offers in the trail", events_of("capacity:offer_posted"), counted["review"]),
        ]


class Counts:
    """How many rows somebody holds by a page once opened: what came after from others is not on it."""

    def __init__(self) -> None:
        self.seen: dict[int | None, int] = {}

    def of(self, whose: int | None, statement: Any, *, adding: int) -> int:
        """What the page says, to which this process' own are added."""
        if whose not in self.seen:
            self.seen[whose] = db.session.scalar(statement) or 0
        self.seen[whose] += adding
        return self.seen[whose]


class UnguardedOffers(Offers):
    shows = "offers of each volunteer"

    def prepare(self) -> None:
        super().prepare()
        self.page = Counts()

    def attempt(self, number: int) -> str:
        actor = self.actors[number % len(self.actors)]
        held = select(func.count()).where(Capacity.owner_id == actor.user_id)
        if self.page.of(actor.user_id, held, adding=1) > offers.MOST_OFFERS:
            return "LimitReached"
        with patch.object(offers, "MOST_OFFERS", UNLIMITED):
            return super().attempt(number)


class Groups(Race):
    """An organization claims all of a list or none, and holds thirty at most."""

    list_of = 7

    def prepare(self) -> None:
        self.managers = []
        for _place in range(max(self.number // 160, 1)):  # few, so that many press for each
            organization = world.an_organization()
            manager = actor_of(world.a_user(region=None, organization=organization))
            self.managers.append((manager, organization.public_id))
        first = world.a_wish()
        self.wishes = [row.public_id for row in (first, *worlds.copies(first, self.number * 2 - 1))]

    def wanted(self, number: int) -> list[str]:
        return random.Random(number).sample(self.wishes, self.list_of)  # noqa: S311  # a repeatable choice, no secret

    def attempt(self, number: int) -> str:
        manager, organization = self.managers[number % len(self.managers)]
        allocations.claim_together(manager, organization, self.wanted(number))
        return "claimed"

    def faults(self, counted: Counter[str]) -> list[str]:
        claims = db.session.scalar(select(func.count()).select_from(Allocation)) or 0
        held = db.session.scalars(select(func.count()).group_by(Allocation.organization_id).select_from(Allocation))
        most = max(held, default=0)
        return [
            *expect("claims made", claims, self.list_of * counted["claimed"]),
            *expect("claims in the trail", events_of("allocation:claimed"), claims),
            *([f"one organization holds {most}"] if most > groups.GROUP_CLAIMS else []),
            *([] if counted["claimed"] else ["nothing raced"]),
        ]


class UnlimitedGroups(Groups):
    shows = "one organization holds"

    def prepare(self) -> None:
        super().prepare()
        self.page = Counts()

    def attempt(self, number: int) -> str:
        manager, _organization = self.managers[number % len(self.managers)]
        held = select(func.count()).where(Allocation.claimant_id == manager.user_id)
        if self.page.of(manager.user_id, held, adding=self.list_of) > groups.GROUP_CLAIMS:
            return "LimitReached"
        with patch.object(groups, "GROUP_CLAIMS", UNLIMITED):
            return super().attempt(number)


class GroupsOneByOne(Groups):
    """Each wish of a list in a transaction of its own."""

    shows = "claims made"

    def attempt(self, number: int) -> str:
        manager, organization = self.managers[number % len(self.managers)]
        for wish in self.wanted(number):
            try:
                allocations.claim_together(manager, organization, [wish])
            except MarketplaceError:
                return "AlreadyClaimed"
        return "claimed"


class Visits(Race):
    """A visit is recorded once, and plans the next one once."""

    copies_of_each = 32

    def prepare(self) -> None:
        self.actor = actor_of(world.a_user(world.Role.CASEWORKER))
        confirmed = world.an_allocation(state="confirmed", confirmed_at=now())
        first = world.a_visit(confirmed)
        rows = worlds.copies(first, max(self.number // self.copies_of_each, 1) - 1)
        self.visits = [row.public_id for row in (first, *rows)]

    def attempt(self, number: int) -> str:
        allocations.record_visit(
            self.actor, self.visits[number % len(self.visits)], visited_on=today(), outcome="solved",
            next_on=today() + timedelta(days=30),
        )  # fmt: skip
        return "visited"

    def faults(self, counted: Counter[str]) -> list[str]:
        planned = db.session.scalar(select(func.count()).where(FollowUp.visited_on.is_(None)))
        return [
            *expect("visits recorded", counted["visited"], len(self.visits)),
            *expect("next visits", planned, len(self.visits)),
            *expect("visits in the trail", events_of("follow_up:visited"), len(self.visits)),
        ]


class UnguardedVisits(Visits):
    shows = "visits recorded"
    page: set[str] | None = None

    def attempt(self, number: int) -> str:
        address = self.visits[number % len(self.visits)]
        if self.page is None:
            self.page = set(db.session.scalars(select(FollowUp.public_id).where(FollowUp.visited_on.is_(None))))
        if address not in self.page:
            return "StateConflict"
        self.page.remove(address)
        write(update(FollowUp).where(FollowUp.public_id == address).values(visited_on=today(), outcome="solved"))
        return "visited"


class Reminders(Race):
    """A claimant is reminded once, however many workers remind at the same moment."""

    def prepare(self) -> None:
        person = worlds.volunteers(1)[0]
        ends = now() + timedelta(hours=3)
        for _place in range(20):
            world.an_allocation(world.a_wish(), claimant_id=person.id, state="accepted", source="claim",
                                accepted_at=now(), expires_at=ends)  # fmt: skip

    def attempt(self, number: int) -> str:  # noqa: ARG002  # every attempt is the same
        return str(allocations.remind_claimants())

    def faults(self, counted: Counter[str]) -> list[str]:
        return expect("reminders", sum(int(word) * times for word, times in counted.items() if word.isdigit()), 20)


class UnguardedReminders(Reminders):
    """Every worker has looked before any of them writes."""

    shows = "reminders"

    def prepare(self) -> None:
        super().prepare()
        self.due = list(db.session.scalars(select(Allocation.id).where(Allocation.reminded_at.is_(None))))

    def attempt(self, number: int) -> str:  # noqa: ARG002  # every attempt is the same
        due, self.due = self.due, []
        for key in due:
            write(update(Allocation).where(Allocation.id == key).values(reminded_at=now()))
        return str(len(due))


class HandOvers(Race):
    """Running help is handed over once, and its units are never given twice."""

    copies_of_each = 32

    def prepare(self) -> None:
        self.actor = actor_of(world.a_user(world.Role.COORDINATOR))
        number = max(self.number // self.copies_of_each, 1)
        running = [world.an_allocation(state="accepted", accepted_at=now()) for _place in range(number)]
        self.running = [row.public_id for row in running]
        self.others = [world.a_capacity(quantity=number).public_id for _place in range(4)]

    def attempt(self, number: int) -> str:
        other = self.others[number // len(self.running) % len(self.others)]
        allocations.reassign(self.actor, self.running[number % len(self.running)], other, agreed=True, despite=True)
        return "handed over"

    def faults(self, counted: Counter[str]) -> list[str]:
        return [
            *expect("help handed over", counted["handed over"], len(self.running)),
            *expect("releases in the trail", events_of("allocation:released"), len(self.running)),
        ]


class UnguardedHandOvers(HandOvers):
    shows = "help handed over"
    page: set[str] | None = None

    def attempt(self, number: int) -> str:
        address = self.running[number % len(self.running)]
        if self.page is None:
            self.page = set(db.session.scalars(select(Allocation.public_id).where(Allocation.state == "accepted")))
        if address not in self.page:
            return "StateConflict"
        self.page.remove(address)
        write(update(Allocation).where(Allocation.public_id == address).values(state="released"))
        return "handed over"


LIMITS: tuple[type[Race], ...] = (Offers, Groups, Visits, Reminders, HandOvers)
LOOSE: tuple[Any, ...] = (
    UnguardedOffers, UnlimitedGroups, GroupsOneByOne, UnguardedVisits, UnguardedReminders, UnguardedHandOvers,
)  # fmt: skip
