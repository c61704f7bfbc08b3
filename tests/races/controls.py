"""The same races without the guard: each must fail, or the race would not see a missing guard.

A control replaces one guard by the check-then-act that people write first. Reads end before the write begins, as
they would in two requests: inside one write transaction SQLite itself would hide the fault.
"""

import uuid
from collections import Counter
from typing import Any, Protocol

from sqlalchemy import insert, select, update

from marketplace.allocations.models import Allocation
from marketplace.extensions import db, table_of
from marketplace.idempotency import IdempotentRequest
from marketplace.needs.models import Need
from marketplace.notifications.models import Notification
from marketplace.organizations.models import Organization
from marketplace.projects.models import Capacity
from marketplace.records import now
from tests.races import invariants


def write(*statements: Any) -> None:
    """Write without naming what was read before; retried as long as another writes."""
    db.session.rollback()
    db.session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
    for statement in statements:
        db.session.execute(statement)
    db.session.commit()


class UnguardedCapacities(invariants.Capacities):
    shows = "attempts that were granted"

    def attempt(self, number: int) -> str:
        row = db.session.scalars(select(Allocation).where(Allocation.public_id == self.proposals[number])).one()
        key, need, capacity = row.id, row.need_id, row.capacity_id
        held, has = db.session.execute(
            select(Capacity.allocated, Capacity.quantity).where(Capacity.id == capacity)
        ).one()
        if held >= has:
            return "CapacityExhausted"
        write(
            update(Capacity).where(Capacity.id == capacity).values(allocated=held + 1),
            update(Need).where(Need.id == need).values(allocated=1),
            update(Allocation).where(Allocation.id == key).values(state="accepted"),
        )
        return "accepted"


class UnguardedClaims(invariants.Claims):
    """A wish is read as free and then taken; rows are no wishes to the unique index."""

    shows = "claims granted"

    def attempt(self, number: int) -> str:
        actor, wish = self.actors[number % len(self.actors)], self.wishes[number // len(self.actors)]
        row = db.session.execute(select(Need.id, Need.allocated, Need.region).where(Need.public_id == wish)).one()
        if row.allocated:
            return "AlreadyClaimed"
        claim = {
            "need_id": row.id, "claimant_id": actor.user_id, "region": row.region, "wish": False, "quantity": 1,
            "source": "claim", "state": "accepted", "public_id": uuid.uuid4().hex, "reasons": {}, "version": 1,
            "imported": False, "created_at": now(),
        }  # fmt: skip
        write(update(Need).where(Need.id == row.id).values(allocated=1), insert(table_of(Allocation)).values(**claim))
        return "accepted"


class UnguardedTrail(invariants.Trail):
    """The change and its event are two transactions, and some are undone between them."""

    shows = "changes in the trail"

    def attempt(self, number: int) -> str:
        key = self.rows[number % len(self.rows)]
        write(update(Organization).where(Organization.id == key).values(version=Organization.version + 1))
        if number % 3 == 0:
            return "undone"
        return "moved" if number % 3 == 1 else "StateConflict"


class UnguardedRepeats(invariants.Repeats):
    """The key is looked up, the effect follows, and the key is written last."""

    shows = "effects"

    def attempt(self, number: int) -> str:
        key = f"key-{number // self.copies_of_each}"
        if db.session.scalar(select(IdempotentRequest.id).where(IdempotentRequest.key == key).limit(1)) is None:
            row = {
                "actor": uuid.uuid4().hex,
                "key": key,
                "digest": "",
                "status": 303,
                "location": "",
                "created_at": now(),
            }
            write(
                update(Capacity).where(Capacity.id == self.counter).values(quantity=Capacity.quantity + 1),
                insert(table_of(IdempotentRequest)).values(**row),
            )
        return "answered"


class UnguardedStates(invariants.States):
    """The state is read and compared in Python, and the UPDATE names the row alone."""

    shows = "changes in the records"

    def attempt(self, number: int) -> str:
        key = self.rows[number % len(self.rows)]
        row = db.session.execute(select(Need.state, Need.version).where(Need.id == key)).one()
        if row.state != "open":
            return "StateConflict"
        write(update(Need).where(Need.id == key).values(state="draft", version=row.version + 1))
        return "moved"


class UnguardedNotices(invariants.Notices):
    """The notice is written at once, whatever becomes of what it tells."""

    shows = "notices"

    def attempt(self, number: int) -> str:
        place, copy = divmod(number, self.copies_of_each)
        row = {
            "public_id": uuid.uuid4().hex, "user_id": self.user, "key": uuid.uuid4().hex, "topic": "organization",
            "event": "organization:verified", "record_type": "organization", "record_public_id": "", "about": "",
            "count": 1, "created_at": now(), "mail": "none",
        }  # fmt: skip
        write(insert(table_of(Notification)).values(**row))
        return "undone" if place % 4 == 0 or copy % 2 == 0 else "told"


class UnguardedExpiry(invariants.Expiry):
    """Who delivers and who sweeps both read the claim as running, and both write."""

    shows = "deliveries granted"

    def attempt(self, number: int) -> str:
        claim, copy = divmod(number, 5)
        address = self.claims[claim % len(self.claims)]
        row = db.session.execute(select(Allocation.id, Allocation.state).where(Allocation.public_id == address)).one()
        if row.state != "accepted" and copy:
            return "StateConflict"
        state = "expired" if copy == 4 else "delivered"
        write(update(Allocation).where(Allocation.id == row.id).values(state=state))
        return "swept" if copy == 4 else "delivered"


class Control(Protocol):
    """A race whose guard is off, and the fault that shows it."""

    shows: str
    number: int

    def attempt(self, number: int) -> str: ...
    def check(self, counted: Counter[str]) -> list[str]: ...


CONTROLS: tuple[Any, ...] = (
    UnguardedCapacities, UnguardedClaims, UnguardedTrail, UnguardedRepeats, UnguardedStates, UnguardedNotices,
    UnguardedExpiry,
)  # fmt: skip


def caught(control: Control, counted: Counter[str]) -> bool:
    """Whether the race sees the very fault that the missing guard makes."""
    return any(fault.startswith(control.shows) for fault in control.check(counted))
