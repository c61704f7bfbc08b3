"""From acceptance to the closed loop, and what becomes of the counters."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.allocations.wording import event_line
from marketplace.errors import (
    AccessDenied,
    InvalidInput,
    NotFound,
    StateConflict,
)
from marketplace.extensions import db
from marketplace.permissions import Actor, Role
from marketplace.records import now, today
from tests.marketplace.allocations.people import a_volunteer, again, supplier_of
from tests.support import world

pytestmark = pytest.mark.both_databases


def test_part_deliveries_split_when_the_rest_is_released(app: Flask, caseworker: Actor) -> None:
    need = world.a_need(quantity=5)
    proposal = world.an_allocation(need, quantity=5)
    supplier = supplier_of(proposal.capacity)
    services.accept(supplier, proposal.public_id)
    services.mark_delivered(supplier, proposal.public_id, quantity=2)
    assert again(proposal).state == "delivering"
    with pytest.raises(InvalidInput):
        services.mark_delivered(supplier, proposal.public_id, quantity=4)
    returned = services.release(supplier, proposal.public_id, "no_capacity")
    assert (again(returned).state, again(returned).quantity) == ("released", 3)
    assert (again(proposal).state, again(proposal).quantity) == ("delivered", 2)
    assert (again(need).allocated, again(proposal.capacity).allocated) == (2, 2)
    assert services.reconcile() == []
    services.confirm(caseworker, proposal.public_id)
    assert again(need).state == "open"


def test_a_need_closes_with_its_last_unit(app: Flask, caseworker: Actor) -> None:
    need = world.a_need(quantity=3)
    rows = [world.an_allocation(need, quantity=quantity) for quantity in (1, 2)]
    for number, row in enumerate(rows):
        assert again(need).state == "open"
        supplier = supplier_of(row.capacity)
        services.accept(supplier, row.public_id)
        services.mark_delivered(supplier, row.public_id)
        services.confirm(caseworker, row.public_id, number + 1)
    assert again(need).closing == "fulfilled"
    assert services.reconcile() == []


def test_disputed_help_is_delivered_again(app: Flask, caseworker: Actor) -> None:
    proposal = world.an_allocation()
    supplier = supplier_of(proposal.capacity)
    services.accept(supplier, proposal.public_id)
    services.mark_delivered(supplier, proposal.public_id)
    with pytest.raises(InvalidInput):
        services.dispute(caseworker, proposal.public_id, " ")
    services.dispute(caseworker, proposal.public_id, "数量不符")
    assert again(proposal).state == "delivering"
    services.mark_delivered(supplier, proposal.public_id)
    assert again(proposal).state == "delivered"
    assert [row.disputed for row in again(proposal).deliveries] == [True, False]


def test_failed_help_opens_the_need_and_stays_spent(app: Flask, caseworker: Actor) -> None:
    proposal = world.an_allocation(world.a_need(quantity=1))
    supplier = supplier_of(proposal.capacity)
    services.accept(supplier, proposal.public_id)
    services.mark_delivered(supplier, proposal.public_id)
    services.confirm(caseworker, proposal.public_id)
    services.reopen(caseworker, proposal.public_id, "轮椅不合用")
    row = again(proposal)
    assert (row.state, row.need.state, row.need.allocated, row.capacity.allocated) == ("reopened", "open", 0, 1)
    assert services.reconcile() == []


def test_nobody_confirms_their_own_help(app: Flask) -> None:
    proposal = world.an_allocation()
    supplier = supplier_of(proposal.capacity)
    both = actor_of(world.a_user(Role.CASEWORKER, organization=proposal.capacity.organization))
    services.accept(supplier, proposal.public_id)
    services.mark_delivered(supplier, proposal.public_id)
    with pytest.raises(NotFound):
        services.confirm(supplier, proposal.public_id)
    for act in (
        lambda: services.confirm(both, proposal.public_id),
        lambda: services.dispute(both, proposal.public_id, "没收到"),
    ):
        with pytest.raises(AccessDenied):
            act()
    with pytest.raises(NotFound):
        services.confirm(actor_of(world.a_user(Role.CASEWORKER, region=world.XINGQING)), proposal.public_id)


def test_reconcile_names_what_differs(app: Flask) -> None:
    row = world.an_allocation(state="accepted", quantity=2)
    assert services.reconcile() == []
    row.need.allocated, row.capacity.allocated = 1, 3
    db.session.commit()
    assert services.reconcile() == [
        f"need {row.need_id}: its counter says 1, its allocations 2",
        f"capacity {row.capacity_id}: its counters say 3 and 0 fen, its allocations 2 and 0",
    ]


@pytest.mark.parametrize(
    "reason", ["打电话10012345678没人接", "13812345678没人接", "不在640202199001011234", "没送到南街12号楼3单元"]
)
def test_a_dispute_tells_nobody_who_somebody_is(app: Flask, caseworker: Actor, reason: str) -> None:
    disputed, failed = world.an_allocation(state="delivered"), world.an_allocation(state="confirmed")
    with pytest.raises(InvalidInput):
        services.dispute(caseworker, disputed.public_id, reason)
    with pytest.raises(InvalidInput):
        services.reopen(caseworker, failed.public_id, reason)
    assert (again(disputed).state, again(failed).state) == ("delivered", "confirmed")
    assert db.session.scalars(select(audit.AuditEvent).where(audit.AuditEvent.reason.is_not(None))).all() == []


def test_more_people_than_live_here_are_not_served(app: Flask) -> None:
    allocation = world.an_allocation(state="accepted", accepted_at=now())
    with pytest.raises(InvalidInput):
        services.mark_delivered(supplier_of(allocation.capacity), allocation.public_id, people_served=10**30)


def test_the_day_of_delivery_can_be_put_off(app: Flask) -> None:
    allocation = world.an_allocation(world.a_need(quantity=3), quantity=3, state="accepted")
    actor = supplier_of(allocation.capacity)
    first, later = today() + timedelta(days=2), today() + timedelta(days=9)
    services.start_delivery(actor, allocation.public_id, first)
    with pytest.raises(InvalidInput):
        services.start_delivery(actor, allocation.public_id, today() - timedelta(days=1))
    assert again(allocation).due_on == first
    services.start_delivery(actor, allocation.public_id, later)
    assert (again(allocation).due_on, again(allocation).state) == (later, "delivering")
    newest = audit.history("allocation", allocation.id)[-1]
    assert (newest.action, newest.fields) == ("allocation:day_changed", ["due_on"])


def test_a_volunteer_does_not_put_off_the_day_of_a_claim(app: Flask) -> None:
    volunteer = a_volunteer()
    claimed = services.claim(volunteer, world.a_wish().public_id)
    services.start_delivery(volunteer, claimed.public_id, today())
    with pytest.raises(StateConflict):
        services.start_delivery(volunteer, claimed.public_id, today() + timedelta(days=3))
    assert again(claimed).due_on == today()


def test_a_first_part_sets_no_day_and_the_history_says_none(app: Flask) -> None:
    allocation = world.an_allocation(world.a_need(quantity=3), quantity=3, state="accepted")
    actor = supplier_of(allocation.capacity)
    services.mark_delivered(actor, allocation.public_id, quantity=1)
    with app.test_request_context(headers={"Accept-Language": "zh-CN"}):
        titles = [event_line(event).title for event in audit.history("allocation", allocation.id)]
    assert "开始分批送达" in titles
    assert "已设定送达日期" not in titles
    services.start_delivery(actor, allocation.public_id, today())
    assert again(allocation).due_on == today()
