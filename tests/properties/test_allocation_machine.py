"""The life-cycle against a model of it: any order of moves, allowed and not, and the counters always add up."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import update

from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.allocations.models import Allocation
from marketplace.errors import MarketplaceError
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Role, system_actor
from marketplace.projects.models import Capacity
from marketplace.records import now
from tests.support import world

HOLDS_NEED = {"accepted", "delivering", "delivered", "confirmed"}
HOLDS_CAPACITY = HOLDS_NEED | {"reopened"}
LIVE = {"accepted", "delivering", "delivered"}


@dataclass
class Row:
    """What the model knows of an allocation."""

    need: int
    supplier: tuple[str, int]
    quantity: int
    state: str
    delivered: int = 0


@dataclass
class Model:
    """The life-cycle in plain Python: quantities, states and nothing else."""

    needs: dict[int, int] = field(default_factory=dict)
    open: dict[int, bool] = field(default_factory=dict)
    capacities: dict[int, int] = field(default_factory=dict)
    rows: dict[int, Row] = field(default_factory=dict)

    def given(self, need: int) -> int:
        return sum(row.quantity for row in self.rows.values() if row.need == need and row.state in HOLDS_NEED)

    def spent(self, capacity: int) -> int:
        return sum(
            row.quantity
            for row in self.rows.values()
            if row.supplier == ("capacity", capacity) and row.state in HOLDS_CAPACITY
        )

    def confirmed(self, need: int) -> int:
        return sum(row.quantity for row in self.rows.values() if row.need == need and row.state == "confirmed")

    def live_claims(self, volunteer: int) -> int:
        return sum(row.supplier == ("volunteer", volunteer) and row.state in LIVE for row in self.rows.values())


class Lifecycle(RuleBasedStateMachine):
    """Drives the services and the model side by side over a few needs, wishes, capacities and people."""

    @initialize(quantities=st.lists(st.integers(1, 3), min_size=5, max_size=5))
    def a_small_world(self, quantities: list[int]) -> None:
        self.model = Model()
        case = world.a_case()
        needs = [world.a_need(case, quantity=quantity) for quantity in quantities[:2]]
        needs += [world.a_wish(case) for _ in range(4)]
        self.wishes = {need.id: need.public_id for need in needs[2:]}
        self.regions = {need.id: need.region for need in needs}
        for need in needs:
            self.model.needs[need.id], self.model.open[need.id] = need.quantity, True
        self.suppliers: dict[int, Actor] = {}
        self.organizations: dict[int, int] = {}
        for quantity in quantities[2:4]:
            capacity = world.a_capacity(quantity=quantity)
            self.model.capacities[capacity.id] = quantity
            self.organizations[capacity.id] = capacity.organization_id
            self.suppliers[capacity.id] = actor_of(world.a_user(region=None, organization=capacity.organization))
        self.volunteers = [actor_of(world.a_user(Role.VOLUNTEER)) for _ in range(2)]
        self.caseworker = actor_of(world.a_user(Role.CASEWORKER))
        db.session.rollback()

    def _actor(self, row: Row) -> Actor:
        kind, key = row.supplier
        return self.suppliers[key] if kind == "capacity" else next(v for v in self.volunteers if v.user_id == key)

    def _pick(self, number: int) -> tuple[int, Row, str]:
        key = sorted(self.model.rows)[number % len(self.model.rows)]
        address = db.session.get_one(Allocation, key).public_id
        db.session.rollback()
        return key, self.model.rows[key], address

    @staticmethod
    def _try(act: Any, expected: bool) -> Any:
        """Do it; it must succeed exactly where the model says so."""
        refusal = None
        try:
            result = act()
        except MarketplaceError as error:
            refusal = error
        finally:
            db.session.rollback()
        if refusal is not None:
            assert not expected, f"refused: {refusal!r}"
            return None
        assert expected, "done, though the model refuses it"
        return result

    @rule(need=st.integers(0, 1), capacity=st.integers(0, 1), quantity=st.integers(1, 3))
    def propose(self, need: int, capacity: int, quantity: int) -> None:
        need_id, capacity_id = sorted(self.model.needs)[need], sorted(self.model.capacities)[capacity]
        row = {
            "need_id": need_id, "capacity_id": capacity_id, "organization_id": self.organizations[capacity_id],
            "region": self.regions[need_id], "wish": False, "quantity": quantity, "fit": 5000, "reasons": {},
        }  # fmt: skip
        services.propose(system_actor("test"), [row], run_id=None, source="manual")
        key = max(db.session.scalars(db.select(Allocation.id)))
        db.session.rollback()
        self.model.rows[key] = Row(need_id, ("capacity", capacity_id), quantity, "proposed")

    @rule(volunteer=st.integers(0, 1), wish=st.integers(0, 3))
    def claim(self, volunteer: int, wish: int) -> None:
        actor = self.volunteers[volunteer]
        need_id = sorted(self.wishes)[wish]
        assert actor.user_id is not None
        own = any(
            row.need == need_id and row.supplier == ("volunteer", actor.user_id) and row.state in LIVE
            for row in self.model.rows.values()
        )
        free = self.model.given(need_id) == 0 and self.model.live_claims(actor.user_id) < services.LIVE_CLAIMS
        expected = self.model.open[need_id] and (own or free)
        key = self._try(lambda: services.claim(actor, self.wishes[need_id]).id, expected)
        if key is not None and not own:
            self.model.rows[key] = Row(need_id, ("volunteer", actor.user_id), 1, "accepted")

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def accept(self, number: int) -> None:
        _key, row, address = self._pick(number)
        if row.supplier[0] == "volunteer":
            return
        capacity = row.supplier[1]
        fits = (
            self.model.given(row.need) + row.quantity <= self.model.needs[row.need]
            and self.model.spent(capacity) + row.quantity <= self.model.capacities[capacity]
        )
        expected = row.state == "proposed" and self.model.open[row.need] and fits
        if self._try(lambda: services.accept(self._actor(row), address), expected):
            row.state = "accepted"

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def decline(self, number: int) -> None:
        _key, row, address = self._pick(number)
        if row.supplier[0] == "volunteer":
            return
        if self._try(lambda: services.decline(self._actor(row), address, "timing"), row.state == "proposed"):
            row.state = "declined"

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def start(self, number: int) -> None:
        _key, row, address = self._pick(number)
        act = lambda: services.start_delivery(self._actor(row), address, world.in_days(3))  # noqa: E731  # one line
        if self._try(act, row.state == "accepted"):
            row.state = "delivering"

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99), quantity=st.integers(1, 3))
    def deliver(self, number: int, quantity: int) -> None:
        _key, row, address = self._pick(number)
        left = row.quantity - row.delivered
        expected = row.state in ("accepted", "delivering") and quantity <= left
        if self._try(lambda: services.mark_delivered(self._actor(row), address, quantity=quantity), expected):
            row.delivered += quantity
            row.state = "delivered" if row.delivered == row.quantity else "delivering"

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def release(self, number: int) -> None:
        _key, row, address = self._pick(number)
        expected = row.state in ("accepted", "delivering")
        key = self._try(lambda: services.release(self._actor(row), address, "timing").id, expected)
        if key is not None:
            self._returned(row, key, "released")

    def _returned(self, row: Row, key: int, state: str) -> None:
        if row.delivered == 0:
            row.state = state
            return
        self.model.rows[key] = Row(row.need, row.supplier, row.quantity - row.delivered, state)
        row.quantity, row.state = row.delivered, "delivered"

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def confirm(self, number: int) -> None:
        _key, row, address = self._pick(number)
        if self._try(lambda: services.confirm(self.caseworker, address, 4), row.state == "delivered"):
            row.state = "confirmed"
            if self.model.confirmed(row.need) == self.model.needs[row.need]:
                self.model.open[row.need] = False

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def dispute(self, number: int) -> None:
        _key, row, address = self._pick(number)
        if self._try(lambda: services.dispute(self.caseworker, address, "数量不符"), row.state == "delivered"):
            row.state, row.delivered = "delivering", 0

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def reopen(self, number: int) -> None:
        _key, row, address = self._pick(number)
        if self._try(lambda: services.reopen(self.caseworker, address, "不合用"), row.state == "confirmed"):
            row.state = "reopened"
            self.model.open[row.need] = True

    @precondition(lambda self: self.model.rows)
    @rule(number=st.integers(0, 99))
    def let_time_pass(self, number: int) -> None:
        key, row, _address = self._pick(number)
        db.session.execute(update(Allocation).where(Allocation.id == key).values(expires_at=now() - timedelta(days=1)))
        db.session.commit()
        lapses = row.state == "proposed" or (row.state == "accepted" and row.supplier[0] == "volunteer")
        assert services.expire_overdue() == int(lapses)
        db.session.rollback()
        if lapses:
            row.state = "expired"

    @invariant()
    def the_rows_are_as_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        db.session.rollback()
        stored = db.session.scalars(db.select(Allocation).where(Allocation.need_id.in_(self.model.needs))).all()
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
        for need in db.session.scalars(db.select(Need).where(Need.id.in_(self.model.needs))):
            assert need.allocated == self.model.given(need.id) <= need.quantity
            assert (need.state == "open") == self.model.open[need.id]
        for capacity in db.session.scalars(db.select(Capacity).where(Capacity.id.in_(self.model.capacities))):
            assert capacity.allocated == self.model.spent(capacity.id) <= capacity.quantity
        assert services.reconcile() == []
        db.session.rollback()


def test_any_order_of_moves_keeps_the_books(app: Flask) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # hypothesis does not annotate it
        Lifecycle,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )
