"""Needs, capacities and allocations against a model of them: any order of moves, allowed and not, on both databases.

The counters always add up, every refusal is one that the model foretells, and a tour reaches every transition.
"""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select, update

from marketplace.allocations import services
from marketplace.allocations.models import Allocation
from marketplace.audit import AuditEvent
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import system_actor
from marketplace.projects.models import Capacity
from marketplace.records import now
from tests.marketplace.allocations.engines import postgresql_app, postgresql_cluster, postgresql_url, sqlite_app
from tests.properties.lifecycle_model import HOLDS_NEED, LIVE, Row
from tests.properties.lifecycle_moves import CapacityMoves, NeedMoves, attempt
from tests.support import world

__all__ = ["postgresql_app", "postgresql_cluster", "postgresql_url", "sqlite_app"]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def app(request: pytest.FixtureRequest) -> Any:
    """The application over each of the two engines."""
    return request.getfixturevalue("sqlite_app" if request.param == "sqlite" else "postgresql_app")


class Lifecycle(NeedMoves, CapacityMoves):
    """Drives the services and the model side by side over a small world."""

    def pick(self, number: int) -> tuple[int, Row, str]:
        key = sorted(self.model.rows)[number % len(self.model.rows)]
        address = db.session.get_one(Allocation, key).public_id
        db.session.rollback()
        return key, self.model.rows[key], address

    @rule(need=st.integers(0, 1), capacity=st.integers(0, 2), quantity=st.integers(1, 3), by_run=st.booleans())
    def propose(self, need: int, capacity: int, quantity: int, by_run: bool) -> None:
        need_id, _need, _address = self.need_at(need)
        capacity_id, _capacity, _address = self.capacity_at(capacity)
        source = "run" if by_run else "manual"
        row = {
            "need_id": need_id, "capacity_id": capacity_id, **self.suppliers[capacity_id],
            "region": self.regions[need_id], "wish": False, "quantity": quantity, "fit": 5000, "reasons": {},
        }  # fmt: skip
        (key,) = services.propose(system_actor("test"), [row], run_id=None, source=source)
        db.session.rollback()
        self.model.rows[key] = Row(need_id, ("capacity", capacity_id), quantity, "proposed", source)

    @rule()
    def a_new_run(self) -> None:
        services.supersede(system_actor("test"), world.DAWUKOU)
        db.session.rollback()
        for row in self.model.rows.values():
            if row.state == "proposed" and row.source == "run":
                row.state = "superseded"

    @rule(volunteer=st.integers(0, 1), wish=st.integers(2, 5))
    def claim(self, volunteer: int, wish: int) -> None:
        actor = self.volunteers[volunteer]
        need_id, need, address = self.need_at(wish)
        assert actor.user_id is not None
        own = any(
            row.need == need_id and row.supplier == ("volunteer", actor.user_id) and row.state in LIVE
            for row in self.model.rows.values()
        )
        free = self.model.given(need_id) == 0 and self.model.live_claims(actor.user_id) < services.LIVE_CLAIMS
        key = attempt(lambda: services.claim(actor, address).id, need.open and (own or free))
        if key is not None and not own:
            self.model.rows[key] = Row(need_id, ("volunteer", actor.user_id), 1, "accepted", "claim")

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99), less=st.integers(0, 1))
    def accept(self, number: int, less: int) -> None:
        """All of a proposal, or one unit less, whose rest is declined."""
        _key, row, address = self.pick(number)
        if row.supplier[0] == "volunteer":
            return
        taken = max(row.quantity - less, 1)
        rest = row.quantity - taken
        expected = row.state == "proposed" and self.model.fits(row.need, row.supplier[1], taken)
        if attempt(lambda: services.accept(self.actor_for(row), address, taken), expected):
            row.state, row.quantity = "accepted", taken
            if rest:
                self.model.rows[self._newest()] = Row(row.need, row.supplier, rest, "declined", row.source)

    @staticmethod
    def _newest() -> int:
        key = db.session.scalar(select(func.max(Allocation.id)))
        db.session.rollback()
        assert key is not None
        return int(key)

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99), taker=st.integers(0, 2), agreed=st.booleans())
    def hand_over(self, number: int, taker: int, agreed: bool) -> None:
        _key, row, address = self.pick(number)
        capacity_id, capacity, capacity_address = self.capacity_at(taker)
        rest = row.quantity - row.delivered
        expected = (
            row.supplier[0] == "capacity"
            and row.supplier[1] != capacity_id
            and row.state in ("accepted", "delivering")
            and not self.model.asked(row.need, capacity_id)
            and capacity.active
            and capacity.state == "offered"
            and self.model.spent(capacity_id) + rest <= capacity.quantity
        )
        made = attempt(
            lambda: services.reassign(self.coordinator, address, capacity_address, agreed=agreed, despite=True).id,
            expected,
        )
        if made is not None:
            returned = self._newest_before(made) if row.delivered else made
            self._returned(row, returned, "released")
            self.model.rows[made] = Row(row.need, ("capacity", capacity_id), rest, "accepted" if agreed else "proposed")

    @staticmethod
    def _newest_before(made: int) -> int:
        key = db.session.scalar(select(func.max(Allocation.id)).where(Allocation.id < made))
        db.session.rollback()
        assert key is not None
        return int(key)

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def decline(self, number: int) -> None:
        _key, row, address = self.pick(number)
        if row.supplier[0] == "volunteer":
            return
        if attempt(lambda: services.decline(self.actor_for(row), address, "timing"), row.state == "proposed"):
            row.state = "declined"

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def start(self, number: int) -> None:
        _key, row, address = self.pick(number)
        act = lambda: services.start_delivery(self.actor_for(row), address, world.in_days(3))  # noqa: E731  # one line
        if attempt(act, row.state == "accepted"):
            row.state, row.day_set = "delivering", True

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99), quantity=st.integers(1, 3))
    def deliver(self, number: int, quantity: int) -> None:
        _key, row, address = self.pick(number)
        left = row.quantity - row.delivered
        expected = row.state in ("accepted", "delivering") and quantity <= left
        if attempt(lambda: services.mark_delivered(self.actor_for(row), address, quantity=quantity), expected):
            row.delivered += quantity
            row.state = "delivered" if row.delivered == row.quantity else "delivering"

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def release(self, number: int) -> None:
        _key, row, address = self.pick(number)
        expected = row.state in ("accepted", "delivering")
        key = attempt(lambda: services.release(self.actor_for(row), address, "timing").id, expected)
        if key is not None:
            self._returned(row, key, "released")

    def _returned(self, row: Row, key: int, state: str) -> None:
        if row.delivered == 0:
            row.state = state
            return
        self.model.rows[key] = Row(row.need, row.supplier, row.quantity - row.delivered, state, row.source)
        row.quantity, row.state = row.delivered, "delivered"

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def confirm(self, number: int) -> None:
        _key, row, address = self.pick(number)
        if attempt(lambda: services.confirm(self.caseworker, address, 4), row.state == "delivered"):
            row.state = "confirmed"
            need = self.model.needs[row.need]
            if self.model.confirmed(row.need) == need.quantity:
                need.state, need.closing = "closed", "fulfilled"

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def dispute(self, number: int) -> None:
        _key, row, address = self.pick(number)
        if attempt(lambda: services.dispute(self.caseworker, address, "数量不符"), row.state == "delivered"):
            row.state, row.delivered, row.day_set = "delivering", 0, False

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def reopen(self, number: int) -> None:
        _key, row, address = self.pick(number)
        if attempt(lambda: services.reopen(self.caseworker, address, "不合用"), row.state == "confirmed"):
            row.state = "reopened"
            need = self.model.needs[row.need]
            if need.open or need.closing == "fulfilled":
                need.state, need.closing = "open", None

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def let_time_pass(self, number: int) -> None:
        """The time of one allocation is over; proposals for needs that are closed end with it."""
        key, row, _address = self.pick(number)
        late = {"expires_at": now() - timedelta(days=1)}
        db.session.execute(update(Allocation).where(Allocation.id == key).values(**late))
        if row.day_set:
            db.session.execute(update(Allocation).where(Allocation.id == key).values(due_on=world.in_days(-4)))
        db.session.commit()
        over = [
            other
            for place, other in self.model.rows.items()
            if (other.state == "proposed" and (place == key or self.model.needs[other.need].state == "closed"))
            or (place == key and other.supplier[0] == "volunteer" and other.state == "accepted")
            or (place == key and other.supplier[0] == "volunteer" and other.state == "delivering" and other.day_set)
        ]
        assert services.expire_overdue() == len(over)
        db.session.rollback()
        for other in over:
            other.state = "expired"
        if row.state not in ("proposed", "accepted", "expired"):
            row.day_set = row.day_set and row.state == "delivering"

    @invariant()
    def the_rows_are_as_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        db.session.rollback()
        stored = db.session.scalars(select(Allocation).where(Allocation.need_id.in_(self.model.needs))).all()
        assert {row.id: (row.state, row.quantity) for row in stored} == {
            key: (row.state, row.quantity) for key, row in self.model.rows.items()
        }
        assert {row.id: row.delivered_quantity for row in stored if row.state in HOLDS_NEED} == {
            key: row.delivered for key, row in self.model.rows.items() if row.state in HOLDS_NEED
        }

    @invariant()
    def the_counters_add_up(self) -> None:
        if not hasattr(self, "model"):
            return
        for need in db.session.scalars(select(Need).where(Need.id.in_(self.model.needs))):
            told = self.model.needs[need.id]
            assert need.allocated == self.model.given(need.id) <= need.quantity
            assert (need.state, need.closing) == (told.state, told.closing)
        for capacity in db.session.scalars(select(Capacity).where(Capacity.id.in_(self.model.capacities))):
            offered = self.model.capacities[capacity.id]
            assert capacity.allocated == self.model.spent(capacity.id) <= capacity.quantity == offered.quantity
            assert (capacity.state, capacity.active) == (offered.state, offered.active)
        assert services.reconcile() == []
        db.session.rollback()


def test_any_order_of_moves_keeps_the_books(app: Flask) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # hypothesis does not annotate it
        Lifecycle,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )


def transitions_seen(table: str) -> set[tuple[str, str]]:
    """Moves from one state to another that the trail of this database holds."""
    query = select(AuditEvent.before, AuditEvent.after).where(
        AuditEvent.record_type == table, AuditEvent.before.is_not(None), AuditEvent.after.is_not(None)
    )
    return {(before, after) for before, after in db.session.execute(query) if before != after}


def all_transitions(model: Any) -> set[tuple[str, str]]:
    return {(before, after) for before, goals in model.__moves__.items() for after in goals}


class Tour:
    """Plays a list of moves, with every invariant looked at after each."""

    def __init__(self) -> None:
        self.machine = Lifecycle()
        self.machine.a_small_world([3, 3, 3, 3, 3])

    def play(self, *moves: tuple[str, dict[str, Any]]) -> None:
        for name, values in moves:
            getattr(self.machine, name)(**values)
            self.machine.the_rows_are_as_the_model_says()
            self.machine.the_counters_add_up()

    @property
    def last(self) -> int:
        """Place of the newest allocation."""
        return len(self.machine.model.rows) - 1


def test_a_tour_reaches_every_transition(app: Flask) -> None:
    tour = Tour()
    at = lambda **values: {"number": tour.last, **values}  # noqa: E731  # where the tour stands
    proposal = ("propose", {"need": 0, "capacity": 0, "quantity": 1, "by_run": True})
    wish = {"volunteer": 0, "wish": 2}
    # Needs: every way of a draft, of what is reviewed, of what is open.
    tour.play(("send", {"number": 1}), ("withdraw", {"number": 1}), ("open_again", {"number": 1}))
    tour.play(("send", {"number": 5}), ("send_back", {"number": 5}), ("send", {"number": 5}))
    tour.play(("approve", {"number": 5}), ("rewrite", {"number": 5, "words": "一双35码棉鞋"}))
    tour.play(("withdraw", {"number": 5}))
    # Capacity: a volunteer's offer is returned, mended, approved, changed.
    tour.play(("return_offer", {}), ("rewrite_offer", {"hours": 3, "words": "上门剪发"}), ("approve_offer", {}))
    tour.play(("rewrite_offer", {"hours": 3, "words": "上门理发"}), ("approve_offer", {}), ("return_offer", {}))
    # Proposals: declined, superseded, expired, accepted and released.
    tour.play(proposal)
    tour.play(("decline", at()), proposal)
    tour.play(("a_new_run", {}), proposal)
    tour.play(("let_time_pass", at()), proposal)
    tour.play(("accept", at(less=0)), ("release", at()))
    # Claims: delivered at once and confirmed; lapsed before and after a day was set.
    tour.play(("claim", wish))
    tour.play(("let_time_pass", at()), ("claim", wish))
    tour.play(("start", at()), ("let_time_pass", at()), ("claim", wish))
    tour.play(("start", at()), ("release", at()), ("claim", wish))
    tour.play(("deliver", at(quantity=1)), ("dispute", at()), ("deliver", at(quantity=1)), ("confirm", at()))
    tour.play(("reopen", at()))
    for table, model in (("need", Need), ("capacity", Capacity), ("allocation", Allocation)):
        missing = all_transitions(model) - transitions_seen(table)
        if table == "need":  # a draft may be withdrawn, too: the last draft of this world
            tour.play(("rewrite", {"number": 3, "words": "一双36码棉鞋"}), ("send_back", {"number": 3}))
            tour.play(("withdraw", {"number": 3}))
            missing = all_transitions(model) - transitions_seen(table)
        assert missing == set(), (table, missing)
