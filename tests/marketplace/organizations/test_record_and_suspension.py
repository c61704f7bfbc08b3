"""What an organization's profile tells of its work, and what a suspension stops."""

from datetime import timedelta

import pytest
from flask import Flask

from marketplace import events
from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Delivery
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.matches.scope import Scope, capacities_in
from marketplace.organizations import services
from marketplace.organizations.models import Organization
from marketplace.organizations.services.track_record import TrackRecord, told
from marketplace.permissions import Actor, Role
from marketplace.projects.models import Capacity
from marketplace.records import now, today
from tests.support import world
from tests.support.client import Browser


def officer() -> Actor:
    return actor_of(world.a_user(Role.OFFICER))


def deliver(capacity: Capacity, *, late: bool, satisfaction: int | None, state: str = "confirmed") -> None:
    allocation = world.an_allocation(
        world.a_need(), capacity, state=state, due_on=today(), satisfaction=satisfaction, delivered_at=now()
    )
    day = today() + timedelta(days=1) if late else today()
    world.save(Delivery(allocation_id=allocation.id, delivered_on=day, quantity=1))


def test_a_profile_tells_what_was_delivered(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    capacity = world.a_capacity(world.a_project(organization), quantity=100)
    for late in (False, False, False, True):
        deliver(capacity, late=late, satisfaction=5)
    few = services.track_record(organization.id)
    assert (few.delivered_told, few.on_time_percent, few.satisfaction_mean) == ("<5", None, None)
    page = client.get(f"/organizations/{organization.public_id}?lang=en").get_data(as_text=True)
    assert "&lt;5" in page
    assert "75%" not in page
    deliver(capacity, late=False, satisfaction=3, state="delivered")
    deliver(capacity, late=False, satisfaction=1, state="reopened")  # help that failed is none
    world.an_allocation(world.a_need(), capacity, state="accepted")
    record = services.track_record(organization.id)
    assert record == TrackRecord(delivered=5, dated=5, on_time=4, rated=5, satisfaction=23)
    page = client.get(f"/organizations/{organization.public_id}?lang=en").get_data(as_text=True)
    assert "80%" in page
    assert "4.6 of 5" in page
    assert services.track_record(world.an_organization().id) == TrackRecord()


@pytest.mark.parametrize(("count", "words"), [(0, "0"), (1, "<5"), (4, "<5"), (5, "5"), (1200, "1200")])
def test_small_counts_are_not_told(count: int, words: str) -> None:
    assert told(count) == words


def test_a_suspension_stops_new_work_and_tells_of_the_rest(app: Flask) -> None:
    organization = world.an_organization()
    capacity = world.a_capacity(world.a_project(organization), quantity=10)
    member = actor_of(world.a_user(organization=organization))
    proposal = world.an_allocation(world.a_need(), capacity)
    running = world.an_allocation(world.a_need(), capacity, state="accepted")
    coordinator = actor_of(world.a_user(Role.COORDINATOR))
    assert db.session.scalars(capacities_in(Scope(world.DAWUKOU))).all()
    heard: list[tuple[str, int]] = []

    def listen(name: str, row: Organization, actor: Actor) -> None:
        heard.append((name, row.id))

    with events.happened.connected_to(listen, sender="organization:suspended"):
        services.suspend(officer(), organization.public_id, "年检未通过，暂停服务")
    assert heard == [("organization:suspended", organization.id)]
    assert db.session.scalars(capacities_in(Scope(world.DAWUKOU))).all() == []
    with pytest.raises(StateConflict):
        allocations.accept(member, proposal.public_id)
    _page, waiting = allocations.to_hand_over(coordinator)
    assert [item.allocation.id for item in waiting] == [running.id]


@pytest.mark.parametrize("reason", ["联系人电话13912345678不通", "身份证640202199001011234不符", "请加微信号abc12345"])
def test_an_officer_s_reason_tells_of_nobody(app: Flask, client: Browser, reason: str) -> None:
    organization = world.an_organization(state="registered")
    with pytest.raises(InvalidInput) as refused:
        services.refuse(officer(), organization.public_id, 1, reason)
    assert set(refused.value.fields) == {"reason"}
    client.sign_in(world.a_user(Role.OFFICER))
    page = f"/organizations/{organization.public_id}"
    answer = client.submit(f"{page}/refuse", {"version": 1, "reason": reason})
    assert answer.status_code == 422
    assert 'id="reason-refuse-error"' in answer.get_data(as_text=True)
    services.refuse(officer(), organization.public_id, 1, "执照地址与登记地不符，请上传年检页；不得要求本地户籍")
