"""Running help whose supplier is gone: who sees it, and how another takes it over in one step."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import events
from marketplace.allocations import services
from marketplace.allocations.models import Allocation
from marketplace.errors import CapacityExhausted, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.notifications.models import Notification
from marketplace.permissions import Actor, Role, system_actor
from marketplace.records import now
from marketplace.transitions import move, transaction
from tests.marketplace.allocations.people import a_coordinator, again, supplier_of
from tests.support import world


def suspend(organization: Any) -> None:
    db.session.rollback()
    with transaction():
        move(system_actor("test"), organization, expect="verified", to="suspended", reason="expired licence")


def handed_over(actor: Actor) -> list[tuple[int, int]]:
    _page, rows = services.to_hand_over(actor)
    return [(item.allocation.id, len(item.reasons)) for item in rows]


def test_running_help_of_a_suspended_organization_is_listed(app: Flask, coordinator: Actor) -> None:
    capacity = world.a_capacity()
    running = world.an_allocation(world.a_need(), capacity, state="accepted")
    world.an_allocation(world.a_need(), capacity, state="delivered")
    world.an_allocation(state="accepted")
    assert handed_over(coordinator) == []
    told: list[int] = []

    def hear(_sender: str, *, row: Any, **_rest: Any) -> None:
        told.append(row.id)

    with events.happened.connected_to(hear, sender="allocation:handover"):
        suspend(capacity.organization)
    assert told == [running.id]
    assert handed_over(coordinator) == [(running.id, 1)]
    assert handed_over(a_coordinator(world.XINGQING)) == []
    assert handed_over(supplier_of(capacity)) == []


def test_coordinators_hear_of_what_is_to_hand_over_of_a_restricted_case_its_team(app: Flask) -> None:
    near = world.a_user(Role.COORDINATOR)
    capacity = world.a_capacity()
    plain = world.an_allocation(world.a_need(), capacity, state="accepted")
    case = world.a_case(restricted=True)
    member = world.a_team_member(case, world.a_user(Role.COORDINATOR, region="640200"), "coordinator").user
    hidden = world.an_allocation(world.a_need(case), capacity, state="accepted")
    plain_id, hidden_id, near_id, member_id = plain.public_id, hidden.public_id, near.id, member.id
    suspend(capacity.organization)
    query = select(Notification.user_id, Notification.record_public_id)
    told = db.session.execute(query.where(Notification.event == "allocation:handover")).all()
    assert {tuple(row) for row in told} == {(near_id, plain_id), (member_id, hidden_id)}


def test_handing_over_tells_who_posted_it_and_the_supplier_before(app: Flask, coordinator: Actor) -> None:
    author, capacity = world.a_user(Role.CASEWORKER), world.a_capacity()
    before = world.a_user(Role.CHARITY, organization=capacity.organization)
    new = world.a_capacity(categories=["S1102", "S1101"])
    supplier = world.a_user(Role.CHARITY, organization=new.organization)
    row = world.an_allocation(world.a_need(author=f"user:{author.id}"), capacity, state="accepted")
    made = services.reassign(coordinator, row.public_id, new.public_id, agreed=True)
    assert (made.fit is not None, "parts" in made.reasons) == (True, True)
    query = select(Notification.user_id, Notification.event)
    told = {tuple(found) for found in db.session.execute(query)}
    assert {(author.id, "allocation:handed_over"), (before.id, "allocation:handed_over")} <= told
    assert {event for user, event in told if user == supplier.id} == {"allocation:agreed"}


def test_a_suspended_organization_is_asked_nothing_more(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation()
    token, _ = services.make_link(coordinator, proposal.public_id)
    suspend(proposal.capacity.organization)
    assert again(proposal).state == "superseded"
    assert services.question(token).state == "over"


def test_what_is_long_late_or_stopped_is_listed_too(app: Flask, coordinator: Actor) -> None:
    late = world.an_allocation(state="delivering", due_on=world.in_days(-8))
    world.an_allocation(state="delivering", due_on=world.in_days(-7))
    stopped = world.an_allocation(state="accepted")
    stopped.capacity.active = False
    db.session.commit()
    assert sorted(handed_over(coordinator)) == sorted([(late.id, 1), (stopped.id, 1)])


def test_another_takes_it_over_in_one_step(app: Flask, coordinator: Actor) -> None:
    need = world.a_need(quantity=3)
    row = world.an_allocation(need, state="accepted", quantity=3)
    taker = world.a_capacity()
    made = services.reassign(coordinator, row.public_id, taker.public_id, agreed=True)
    assert (again(row).state, again(made).state, again(made).quantity) == ("released", "accepted", 3)
    assert (again(need).allocated, again(row).capacity.allocated, again(taker).allocated) == (3, 0, 3)
    assert again(made).reasons["handed_over_from"] == row.organization_id
    assert services.reconcile() == []


def test_what_was_delivered_stays_with_the_first(app: Flask, coordinator: Actor) -> None:
    need = world.a_need(quantity=5)
    row = world.an_allocation(need, state="accepted", quantity=5, accepted_at=now() - timedelta(days=1))
    services.mark_delivered(supplier_of(row.capacity), row.public_id, quantity=2)
    taker = world.a_capacity()
    made = services.reassign(coordinator, row.public_id, taker.public_id, agreed=True)
    assert (again(row).state, again(row).quantity, again(made).quantity) == ("delivered", 2, 3)
    assert (again(need).allocated, again(row).capacity.allocated, again(taker).allocated) == (5, 2, 3)
    assert services.reconcile() == []


def test_without_agreement_it_is_released_and_proposed(app: Flask, coordinator: Actor) -> None:
    row = world.an_allocation(state="accepted")
    taker = world.a_capacity()
    made = services.reassign(coordinator, row.public_id, taker.public_id, agreed=False)
    assert (again(row).state, again(made).state) == ("released", "proposed")
    assert (again(row).need.allocated, again(taker).allocated) == (0, 0)
    assert services.reconcile() == []


def test_a_refusal_changes_nothing(app: Flask, coordinator: Actor) -> None:
    row = world.an_allocation(world.a_need(quantity=4), state="accepted", quantity=4)
    small, far = world.a_capacity(quantity=3), world.a_capacity(regions=[world.XINGQING])
    attempts: list[tuple[Any, str]] = [
        (CapacityExhausted, small.public_id),
        (services.RulesBroken, far.public_id),
        (InvalidInput, row.capacity.public_id),
        (NotFound, "0" * 32),
    ]
    for error, address in attempts:
        with pytest.raises(error):
            services.reassign(coordinator, row.public_id, address, agreed=True)
        assert (again(row).state, again(row).need.allocated, again(row).capacity.allocated) == ("accepted", 4, 4)
    assert len(db.session.scalars(select(Allocation)).all()) == 1
    made = services.reassign(coordinator, row.public_id, far.public_id, agreed=True, despite=True)
    assert again(made).reasons["broken"] == ["region"]
    assert services.reconcile() == []


@pytest.mark.parametrize("state", ["proposed", "delivered", "confirmed"])
def test_only_running_help_is_handed_over(app: Flask, coordinator: Actor, state: str) -> None:
    row = world.an_allocation(state=state)
    for act in (
        lambda: services.find_to_hand_over(coordinator, row.public_id),
        lambda: services.reassign(coordinator, row.public_id, world.a_capacity().public_id, agreed=True),
    ):
        with pytest.raises(StateConflict):
            act()


def test_claims_are_released_not_handed_over(app: Flask, coordinator: Actor, volunteer: Actor) -> None:
    claim = services.claim(volunteer, world.a_wish().public_id)
    with pytest.raises(InvalidInput):
        services.reassign(coordinator, claim.public_id, world.a_capacity().public_id, agreed=True)
    services.release(coordinator, claim.public_id)
    assert again(claim).state == "released"


def test_only_within_the_region(app: Flask) -> None:
    row = world.an_allocation(state="accepted")
    for actor in (a_coordinator(world.XINGQING), supplier_of(row.capacity)):
        with pytest.raises(NotFound):
            services.reassign(actor, row.public_id, world.a_capacity().public_id, agreed=True)
