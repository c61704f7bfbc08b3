"""Requests about kept units: who may ask and decide, what a grant does, and what ends a request."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.allocations.models import Allocation
from marketplace.errors import CapacityExhausted, InvalidInput, MarketplaceError, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches.foresight.releases import released_capacities
from marketplace.matches.holds import services
from marketplace.matches.holds.models import HoldException, HoldRelease, RunHold
from marketplace.matches.holds.services.lapsing import end_lapsed_requests
from marketplace.matches.models import RunOutcome
from marketplace.needs.models import Need
from marketplace.permissions import Role
from marketplace.projects.models import Capacity
from marketplace.records import today
from tests.marketplace.holds.conftest import Scene
from tests.support import world
from tests.support.held import a_held_need, a_hold, a_release, an_exception

WHY = "家里没有取暖"


def again(row: Any) -> Any:
    db.session.rollback()
    return db.session.get(type(row), row.id, populate_existing=True)


def asked(scene: Scene) -> str:
    return services.ask_exception(scene.caseworker, scene.need.public_id, WHY).public_id


def to_release(scene: Scene) -> str:
    return services.ask_release(scene.supplier, scene.hold.capacity.public_id, WHY).public_id


def test_an_exception_is_proposed_by_hand_with_its_reason_on_record(scene: Scene) -> None:
    key = asked(scene)
    row = services.grant_exception(scene.coordinator, key, scene.hold.capacity.public_id, 1, "孩子生病")
    made = db.session.get_one(Allocation, row.allocation_id)
    assert (made.source, made.state, made.quantity) == ("manual", "proposed", 1)
    assert (made.need_id, made.capacity_id) == (scene.need.id, scene.hold.capacity_id)
    trail = audit.history("hold_exception", row.id)
    assert [(event.action, event.reason) for event in trail] == [
        ("hold_exception:requested", WHY),
        ("hold_exception:granted", "孩子生病"),
    ]
    assert {event.chain for event in trail} == {scene.need.region}


def test_a_release_keeps_nothing_of_it_up_to_its_day(scene: Scene) -> None:
    capacity = scene.hold.capacity
    row = services.grant_release(scene.coordinator, to_release(scene), world.in_days(5), "人手这周空闲")
    assert services.held_units([capacity]) == {}
    assert released_capacities(world.in_days(5)) == {capacity.id}
    assert released_capacities(world.in_days(6)) == set()
    assert [event.after for event in audit.history("hold_release", row.id)] == ["requested", "granted"]


def test_a_volunteer_may_ask_for_their_own_offer(app: Flask) -> None:
    owner = world.a_user(Role.VOLUNTEER, region=None)
    offer = world.a_volunteers_offer(owner, state="offered", reviewed_by="user:1")
    a_hold(offer)
    row = services.ask_release(actor_of(owner), offer.public_id, WHY)
    assert (row.owner_id, row.organization_id, row.units) == (owner.id, None, 2)
    with pytest.raises(NotFound):
        services.withdraw_release(actor_of(world.a_user(Role.VOLUNTEER, region=None)), row.public_id)
    assert again(services.withdraw_release(actor_of(owner), row.public_id)).state == "withdrawn"


def test_requests_are_of_those_whose_they_are(scene: Scene) -> None:
    stranger = actor_of(world.a_user(region=None, organization=world.an_organization()))
    elsewhere = actor_of(world.a_user(Role.COORDINATOR, region="640502"))
    neighbour = actor_of(world.a_user(Role.CASEWORKER, region="640502"))
    exception, release = asked(scene), to_release(scene)
    refused: list[Callable[[], Any]] = [
        lambda: services.ask_release(stranger, scene.hold.capacity.public_id, WHY),
        lambda: services.withdraw_release(stranger, release),
        lambda: services.ask_exception(neighbour, scene.need.public_id, WHY),
        lambda: services.withdraw_exception(neighbour, exception),
        lambda: services.grant_exception(elsewhere, exception, scene.hold.capacity.public_id, 1, WHY),
        lambda: services.refuse_exception(scene.caseworker, exception, WHY),
        lambda: services.grant_release(elsewhere, release, today(), WHY),
        lambda: services.refuse_release(scene.supplier, release, WHY),
    ]
    for act in refused:
        with pytest.raises(NotFound):
            act()


def test_nobody_decides_about_what_they_asked_for(scene: Scene) -> None:
    user = world.a_user(Role.CASEWORKER, Role.COORDINATOR)
    both = actor_of(user)
    key = services.ask_exception(both, scene.need.public_id, WHY).public_id
    with pytest.raises(StateConflict, match="须由他人决定"):
        services.grant_exception(both, key, scene.hold.capacity.public_id, 1, WHY)
    db.session.rollback()
    row = services.refuse_exception(scene.coordinator, key, WHY)
    with pytest.raises(IntegrityError, match="four_eyes"):
        db.session.execute(update(HoldException).where(HoldException.id == row.id).values(decided_by=both.key))
    db.session.rollback()


def test_a_request_is_asked_once_and_decided_once(scene: Scene) -> None:
    exception, release = asked(scene), to_release(scene)
    for act in (lambda: asked(scene), lambda: to_release(scene)):
        with pytest.raises(StateConflict, match="已经申请过"):
            act()
    services.grant_exception(scene.coordinator, exception, scene.hold.capacity.public_id, 1, WHY)
    services.refuse_release(scene.coordinator, release, WHY)
    late: list[Callable[[], Any]] = [
        lambda: services.grant_exception(scene.coordinator, exception, scene.hold.capacity.public_id, 1, WHY),
        lambda: services.withdraw_exception(scene.caseworker, exception),
        lambda: services.grant_release(scene.coordinator, release, today(), WHY),
        lambda: services.withdraw_release(scene.supplier, release),
    ]
    for act in late:
        with pytest.raises(StateConflict, match="申请已"):
            act()
    db.session.rollback()
    assert db.session.query(Allocation).count() == 1


def newer_run(scene: Scene) -> None:
    world.a_run(scene.need.region)


def given_away(scene: Scene) -> None:
    db.session.execute(update(Capacity).values(allocated=Capacity.quantity))
    db.session.commit()


def withdrawn(scene: Scene) -> None:
    db.session.execute(update(Capacity).values(active=False))
    db.session.commit()


def released(scene: Scene) -> None:
    services.grant_release(scene.coordinator, to_release(scene), today(), WHY)


def day_passed(scene: Scene) -> None:
    """No run has looked since, and what was looked ahead to is over."""
    outcome = db.session.query(RunOutcome).one()
    outcome.details = {"kept": {**outcome.details["kept"], "until": str(world.in_days(-1))}}
    db.session.execute(update(RunHold).values(until=world.in_days(-1)))
    db.session.commit()


def need_closed(scene: Scene) -> None:
    db.session.execute(update(Need).where(Need.id == scene.need.id).values(state="closed", closing="withdrawn"))
    db.session.commit()


@pytest.mark.parametrize("change", [newer_run, given_away, withdrawn, released, day_passed, need_closed])
def test_what_is_kept_no_longer_is_not_granted_and_its_request_ends(
    scene: Scene, change: Callable[[Scene], None]
) -> None:
    key = asked(scene)
    change(scene)
    with pytest.raises(StateConflict):
        services.grant_exception(scene.coordinator, key, scene.hold.capacity.public_id, 1, WHY)
    db.session.rollback()
    assert db.session.query(Allocation).count() == 0
    assert services.held_need(db.session.get_one(Need, scene.need.id)) is None
    end_lapsed_requests()
    assert db.session.query(HoldException).one().state == "lapsed"


def test_a_release_of_what_is_kept_no_longer_is_not_granted(scene: Scene) -> None:
    key = to_release(scene)
    newer_run(scene)
    with pytest.raises(StateConflict, match="已没有为以后保留"):
        services.grant_release(scene.coordinator, key, today(), WHY)
    db.session.rollback()
    end_lapsed_requests()
    assert db.session.query(HoldRelease).one().state == "lapsed"


def test_requests_stay_while_something_is_kept(scene: Scene) -> None:
    exception, release = asked(scene), to_release(scene)
    world.a_run("640502")
    world.a_run(scene.need.region, trial=True)
    world.a_run(scene.need.region, state="failed")
    world.a_run(scene.need.region, alliance_id=world.an_alliance().id)
    end_lapsed_requests()
    assert services.find_exception(scene.coordinator, exception).state == "requested"
    assert services.find_release(scene.coordinator, release).state == "requested"


def test_nothing_is_asked_where_nothing_is_kept(scene: Scene) -> None:
    other = world.a_need()
    with pytest.raises(StateConflict):
        services.ask_exception(scene.caseworker, other.public_id, WHY)
    with pytest.raises(NotFound):
        services.ask_release(scene.supplier, world.a_capacity().public_id, WHY)
    newer_run(scene)
    with pytest.raises(StateConflict):
        services.ask_release(scene.supplier, scene.hold.capacity.public_id, WHY)


def test_a_case_that_was_restricted_since_is_told_to_nobody(scene: Scene) -> None:
    key = asked(scene)
    need = db.session.get_one(Need, scene.need.id)
    assert need.case
    need.case.restricted = True
    db.session.commit()
    assert services.held_need(need) is None
    assert services.queue(scene.coordinator, "exceptions").total == 0
    with pytest.raises(NotFound):
        services.find_exception(scene.coordinator, key)


def test_a_grant_says_what_is_wrong(scene: Scene) -> None:
    key, kept = asked(scene), scene.hold.capacity.public_id
    for chosen, quantity, reason, field in (
        (world.a_capacity().public_id, 1, WHY, "capacity"),
        (kept, 0, WHY, "quantity"),
        (kept, 1, " ", "reason"),
        (kept, 1, "电话13900001234", "reason"),
    ):
        with pytest.raises(InvalidInput) as refused:
            services.grant_exception(scene.coordinator, key, chosen, quantity, reason)
        assert list(refused.value.fields) == [field]
    release = to_release(scene)
    for day in (world.in_days(-1), world.in_days(400)):
        with pytest.raises(InvalidInput):
            services.grant_release(scene.coordinator, release, day, WHY)


def test_the_queue_holds_what_waits_and_then_what_was_decided(scene: Scene) -> None:
    key = asked(scene)
    to_release(scene)
    elsewhere = a_hold(world.a_capacity(world.a_project(world.an_organization(region="640502"))))
    an_exception(a_held_need(elsewhere, world.a_need(world.a_case("640502"), urgency="blue")))
    a_release(elsewhere.capacity)
    for kind in services.KINDS:
        assert services.queue(scene.coordinator, kind).total == 1
    services.refuse_exception(scene.coordinator, key, WHY)
    assert services.queue(scene.coordinator, "exceptions").total == 0
    assert [row.public_id for row in services.queue(scene.coordinator, "exceptions", decided=True).items] == [key]


def test_a_need_gets_no_more_than_there_is_and_all_of_it_where_whole(scene: Scene) -> None:
    whole = a_held_need(scene.hold, world.a_need(urgency="blue", quantity=2, whole=True))
    many = a_held_need(scene.hold, world.a_need(urgency="blue", quantity=20))
    kept = scene.hold.capacity.public_id
    one, other = (services.ask_exception(scene.caseworker, need.public_id, WHY).public_id for need in (whole, many))
    with pytest.raises(InvalidInput):
        services.grant_exception(scene.coordinator, one, kept, 1, WHY)
    services.grant_exception(scene.coordinator, one, kept, 2, WHY)
    with pytest.raises(CapacityExhausted):
        services.grant_exception(scene.coordinator, other, kept, 11, WHY)
    assert services.find_exception(scene.coordinator, other).state == "requested"


def test_only_coordinators_decide(scene: Scene) -> None:
    key = asked(scene)
    for role in (Role.OFFICER, Role.AUDITOR, Role.CASEWORKER):
        with pytest.raises(MarketplaceError):
            services.refuse_exception(actor_of(world.a_user(role)), key, WHY)
