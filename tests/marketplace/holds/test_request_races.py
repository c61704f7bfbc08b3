"""Many decide at once, on both database engines: one decision, one proposal, and no deadlock."""

import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.errors import MarketplaceError
from marketplace.extensions import db
from marketplace.matches.holds import services
from marketplace.matches.holds.models import HoldException, HoldRelease
from marketplace.matches.holds.services.lapsing import end_lapsed_requests
from marketplace.permissions import Role
from tests.marketplace.allocations.test_races import app, at_once  # noqa: F401  # the fixture over both engines
from tests.marketplace.holds.conftest import Scene
from tests.support import world
from tests.support.held import a_held_need, a_release, an_exception

WHY = "家里没有取暖"


def done(results: list[Any]) -> list[Any]:
    return [result for result in results if not isinstance(result, MarketplaceError)]


def count(*conditions: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(*conditions)) or 0


def test_an_exception_is_decided_once(app: Flask, scene: Scene) -> None:  # noqa: F811  # the fixture
    key = services.ask_exception(scene.caseworker, scene.need.public_id, WHY).public_id
    kept = scene.hold.capacity.public_id
    others = [actor_of(world.a_user(Role.COORDINATOR)) for _ in range(3)]
    acts: list[Any] = [lambda other=other: services.grant_exception(other, key, kept, 1, WHY).id for other in others]
    acts += [
        lambda: services.refuse_exception(scene.coordinator, key, WHY).id,
        lambda: services.withdraw_exception(scene.caseworker, key).id,
    ]
    assert len(done(at_once(app, acts))) == 1
    granted = count(HoldException.state == "granted")
    assert count(Allocation.source == "manual") == granted
    assert count(HoldException.state == "requested") == 0
    assert allocations.reconcile() == []


def test_asking_eight_times_asks_once(app: Flask, scene: Scene) -> None:  # noqa: F811  # the fixture
    need, capacity = scene.need.public_id, scene.hold.capacity.public_id
    acts: list[Any] = [
        lambda: services.ask_exception(scene.caseworker, need, WHY).id,
        lambda: services.ask_release(scene.supplier, capacity, WHY).id,
    ] * 4
    assert len(done(at_once(app, acts))) == 2
    assert (count(HoldException.id.is_not(None)), count(HoldRelease.id.is_not(None))) == (1, 1)


def test_grants_beside_proposals_by_hand_do_not_lock_up(app: Flask, scene: Scene) -> None:  # noqa: F811  # the fixture
    """Several needs want the same kept units while others take the same needs by hand and requests lapse."""
    kept = scene.hold.capacity.public_id
    other = world.a_capacity().public_id
    acts: list[Any] = []
    for _ in range(4):
        need = a_held_need(scene.hold, world.a_need(urgency="blue", quantity=2))
        key, address = an_exception(need).public_id, need.public_id
        acts.append(lambda key=key: services.grant_exception(scene.coordinator, key, kept, 1, WHY).state)
        acts.append(
            lambda address=address: allocations.propose_by_hand(scene.coordinator, address, other, 1, agreed=True).state
        )
    acts.append(end_lapsed_requests)
    results = done(at_once(app, acts))
    assert len(results) == 9
    assert allocations.reconcile() == []


def _grant_without_guard(key: int, everyone_has_read: threading.Barrier) -> bool:
    """A check-then-act version of granting: reads that it waits, and writes when all have read it."""
    waits = db.session.get_one(HoldRelease, key).state == "requested"
    db.session.rollback()
    everyone_has_read.wait()
    if waits:
        db.session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        values = {"state": "granted", "answer": WHY, "decided_by": "user:9", "until": world.in_days(1)}
        db.session.execute(update(HoldRelease).where(HoldRelease.id == key).values(**values))
        db.session.commit()
    return waits


def test_the_race_would_catch_a_grant_without_its_guard(app: Flask, scene: Scene) -> None:  # noqa: F811  # the fixture
    """Negative control: check-then-act grants as often as it is pressed; the services grant once."""
    row = services.ask_release(scene.supplier, scene.hold.capacity.public_id, WHY)
    key, address = row.id, row.public_id
    gate = threading.Barrier(4)
    assert at_once(app, [lambda: _grant_without_guard(key, gate)] * 4) == [True] * 4
    values: dict[str, Any] = {"answer": None, "decided_by": None, "until": None}
    db.session.execute(update(HoldRelease).values(state="requested", **values))
    db.session.commit()
    acts = [lambda: services.grant_release(scene.coordinator, address, world.in_days(1), WHY).id] * 4
    assert len(done(at_once(app, acts))) == 1


@pytest.mark.parametrize("model", [HoldException, HoldRelease])
def test_the_database_knows_the_rules_too(app: Flask, scene: Scene, model: Any) -> None:  # noqa: F811  # the fixture
    """Negative controls of each rule: a second open request, a grant without its proposal or day, without a reason."""
    first = an_exception(scene.need) if model is HoldException else a_release(scene.hold.capacity)
    decided = {"decided_by": "user:9", "answer": WHY}
    for values, rule in (
        ({"state": "granted", **decided}, "granted_"),
        ({"state": "refused", "answer": WHY}, "decided_by_somebody"),
        ({"state": "refused", "decided_by": "user:9"}, "decided_with_reason"),
        ({"state": "refused", **decided, "decided_by": first.asked_by}, "four_eyes"),
        ({"state": "lost"}, "state_known"),
    ):
        with pytest.raises(IntegrityError, match=rule):
            db.session.execute(update(model).values(**values))
        db.session.rollback()
    with pytest.raises(IntegrityError):
        _ = an_exception(scene.need) if model is HoldException else a_release(scene.hold.capacity)
    db.session.rollback()
