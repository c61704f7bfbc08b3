"""Many at once on both database engines: never more is given than there is."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.allocations.models import Allocation
from marketplace.errors import AlreadyClaimed, MarketplaceError
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Role
from marketplace.projects.models import Capacity
from tests.support import world


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
)
def app(request: pytest.FixtureRequest) -> Any:
    """The application over each of the two engines."""
    return request.getfixturevalue("sqlite_app" if request.param == "sqlite" else "postgresql_app")


def at_once(app: Flask, acts: list[Callable[[], Any]]) -> list[Any]:
    """Run each in a thread with a connection of its own, all let go at the same moment; results or errors."""
    db.session.rollback()
    results: list[Any] = [None] * len(acts)
    gate = threading.Barrier(len(acts))

    def run(place: int) -> None:
        with app.app_context():
            gate.wait()
            try:
                results[place] = acts[place]()
            except MarketplaceError as error:
                results[place] = error
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_sixteen_volunteers_want_one_wish(app: Flask) -> None:
    wish = world.a_wish()
    actors = [actor_of(world.a_user(Role.VOLUNTEER)) for _ in range(16)]
    address = wish.public_id
    results = at_once(app, [lambda actor=actor: services.claim(actor, address).claimant_id for actor in actors])
    winners = [result for result in results if isinstance(result, int)]
    assert len(winners) == 1
    assert [type(result) for result in results if not isinstance(result, int)] == [AlreadyClaimed] * 15
    rows = db.session.scalars(select(Allocation).where(Allocation.need_id == wish.id)).all()
    assert [(row.state, row.claimant_id) for row in rows] == [("accepted", winners[0])]
    assert services.reconcile() == []


def test_one_volunteer_wants_eight_wishes_at_once(app: Flask) -> None:
    actor = actor_of(world.a_user(Role.VOLUNTEER))
    addresses = [world.a_wish().public_id for _ in range(8)]
    at_once(app, [lambda address=address: services.claim(actor, address) for address in addresses])
    assert services.claims_of(actor).total == services.LIVE_CLAIMS
    assert services.reconcile() == []


def _forty_proposals() -> tuple[Capacity, Any, list[str]]:
    capacity = world.a_capacity(quantity=30)
    actor = actor_of(world.a_user(region=None, organization=capacity.organization))
    case = world.a_case()
    return capacity, actor, [world.an_allocation(world.a_need(case), capacity).public_id for _ in range(40)]


def test_forty_proposals_for_thirty_units(app: Flask) -> None:
    capacity, actor, addresses = _forty_proposals()
    shares = [addresses[start::8] for start in range(8)]
    summaries = at_once(app, [lambda share=share: services.accept_all(actor, share) for share in shares])
    assert sum(summary.done for summary in summaries) == 30
    assert sum(len(summary.refused) for summary in summaries) == 10
    db.session.rollback()
    assert db.session.get_one(Capacity, capacity.id, populate_existing=True).allocated == 30
    assert db.session.scalar(select(func.count()).where(Allocation.state == "accepted")) == 30
    assert services.reconcile() == []


def test_one_need_is_not_given_twice_by_two_suppliers(app: Flask) -> None:
    need = world.a_need(quantity=3)
    proposals = [world.an_allocation(need, quantity=2) for _ in range(4)]
    acts = []
    for row in proposals:
        actor = actor_of(world.a_user(region=None, organization=row.capacity.organization))
        acts.append(lambda actor=actor, address=row.public_id: services.accept(actor, address).id)
    results = at_once(app, acts)
    assert sum(isinstance(result, int) for result in results) == 1
    db.session.rollback()
    assert db.session.get_one(Need, need.id, populate_existing=True).allocated == 2
    assert services.reconcile() == []


def test_releasing_and_delivering_at_once_does_one(app: Flask) -> None:
    row = world.an_allocation(state="accepted")
    actor = actor_of(world.a_user(region=None, organization=row.capacity.organization))
    address = row.public_id
    results = at_once(
        app,
        [lambda: services.release(actor, address).id, lambda: services.mark_delivered(actor, address).id] * 4,
    )
    assert sum(isinstance(result, int) for result in results) == 1
    assert services.reconcile() == []


def _unguarded(address: str, everyone_has_read: threading.Barrier) -> bool:
    """A check-then-act version of accept: reads the counter, and writes what it read when all have read it."""
    row = db.session.scalars(select(Allocation).where(Allocation.public_id == address)).one()
    capacity = db.session.get_one(Capacity, row.capacity_id)
    row_id, capacity_id, held, free = row.id, capacity.id, capacity.allocated, capacity.free
    db.session.rollback()
    everyone_has_read.wait()
    if free < 1:
        return False
    db.session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
    db.session.get_one(Capacity, capacity_id).allocated = held + 1
    db.session.get_one(Allocation, row_id).state = "accepted"
    db.session.commit()
    return True


def test_the_race_would_catch_a_version_without_guards(app: Flask) -> None:
    """Negative control: the same race over check-then-act gives out more than there is, and `reconcile` says so."""
    capacity = world.a_capacity(quantity=1)
    case = world.a_case()
    addresses = [world.an_allocation(world.a_need(case), capacity).public_id for _ in range(4)]
    gate = threading.Barrier(4)
    results = at_once(app, [lambda address=address: _unguarded(address, gate) for address in addresses])
    assert results == [True] * 4
    db.session.rollback()
    faults = services.reconcile()
    assert f"capacity {capacity.id}: its counters say 1 and 0 fen, its allocations 4 and 0" in faults


def test_the_database_itself_refuses_a_second_taker(app: Flask) -> None:
    wish = world.a_wish()
    world.an_allocation(wish, claimant_id=world.a_user(Role.VOLUNTEER).id)
    second = world.a_user(Role.VOLUNTEER).id
    with pytest.raises(IntegrityError):
        world.save(
            Allocation(
                need_id=wish.id, claimant_id=second, region=wish.region, wish=True, quantity=1, source="claim",
                state="accepted",
            )
        )  # fmt: skip
    db.session.rollback()
