"""Follow-up visits: planned with the confirmation, recorded once, and what a failed help leads to."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.allocations.models import Allocation, FollowUp
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, Role
from marketplace.records import now, today
from tests.marketplace.allocations.people import again
from tests.support import world


@pytest.fixture
def visit(app: Flask, caseworker: Actor) -> FollowUp:
    """A visit due today, to help that was confirmed 30 days ago."""
    row = world.an_allocation(world.a_need(quantity=1), state="delivered")
    services.confirm(caseworker, row.public_id, 4)
    db.session.execute(update(Allocation).values(confirmed_at=now() - timedelta(days=30)))
    db.session.execute(update(FollowUp).values(due_on=today()))
    db.session.commit()
    found: FollowUp = db.session.scalars(select(FollowUp)).one()
    return found


def record(actor: Actor, visit: FollowUp, **values: Any) -> FollowUp:
    given: dict[str, Any] = {"visited_on": today(), "outcome": "solved"}
    return services.record_visit(actor, visit.public_id, **(given | values))


def test_confirming_plans_the_first_visit(app: Flask, caseworker: Actor, volunteer: Actor) -> None:
    services.confirm(caseworker, world.an_allocation(state="delivered").public_id)
    claim = services.claim(volunteer, world.a_wish().public_id)
    services.mark_delivered(volunteer, claim.public_id)
    services.confirm(caseworker, claim.public_id)
    planned = db.session.scalars(select(FollowUp)).all()
    assert [row.due_on for row in planned] == [today() + timedelta(days=30)]
    assert services.due_visits(caseworker).total == 0
    assert services.due_visits(caseworker, all_planned=True).total == 1


def test_due_visits_are_listed_in_the_region(visit: FollowUp, caseworker: Actor, coordinator: Actor) -> None:
    assert [row.id for row in services.due_visits(caseworker).items] == [visit.id]
    elsewhere = actor_of(world.a_user(Role.CASEWORKER, region=world.XINGQING))
    for actor in (elsewhere, coordinator):
        assert services.due_visits(actor).total == 0
        with pytest.raises(NotFound):
            record(actor, visit)


def test_a_visit_is_recorded_once(visit: FollowUp, caseworker: Actor) -> None:
    record(caseworker, visit, satisfaction=5, note="金丝雀细节不可外传", next_on=world.in_days(60))
    found = again(visit)
    assert (found.outcome, found.satisfaction, found.visited_by) == ("solved", 5, caseworker.key)
    stored = db.session.execute(text("SELECT note FROM follow_up WHERE note IS NOT NULL")).scalar_one()
    assert "金丝雀" not in stored
    assert str(found.note) == "******"
    with pytest.raises(StateConflict):
        record(caseworker, visit)
    due = [row.due_on for row in services.due_visits(caseworker, all_planned=True).items]
    assert due == [world.in_days(60)]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("visited_on", {"visited_on": world.in_days(1)}),
        ("visited_on", {"visited_on": world.in_days(-31)}),
        ("outcome", {"outcome": "fine"}),
        ("satisfaction", {"satisfaction": 6}),
        ("note", {"note": "长" * 1001}),
        ("next_on", {"next_on": world.in_days(-1)}),
        ("open_again", {"open_again": True}),
    ],
)
def test_what_cannot_be_is_told(visit: FollowUp, caseworker: Actor, name: str, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        record(caseworker, visit, **values)
    assert set(refused.value.fields) == {name}
    assert again(visit).visited_on is None


@pytest.mark.parametrize("outcome", ["not", "worse"])
def test_failed_help_opens_the_need_again(visit: FollowUp, caseworker: Actor, outcome: str) -> None:
    record(caseworker, visit, outcome=outcome, open_again=True)
    row = again(visit).allocation
    assert (row.state, row.need.state, row.need.allocated, row.capacity.allocated) == ("reopened", "open", 0, 1)
    assert services.due_visits(caseworker, all_planned=True).total == 0
    assert services.reconcile() == []
    with pytest.raises(StateConflict):
        services.plan_visit(caseworker, row.public_id, world.in_days(5))


def test_nobody_visits_their_own_help(visit: FollowUp) -> None:
    both = actor_of(world.a_user(Role.CASEWORKER, organization=visit.allocation.capacity.organization))
    with pytest.raises(AccessDenied):
        record(both, visit)
    assert again(visit).visited_on is None


def test_one_more_visit_is_planned(visit: FollowUp, caseworker: Actor) -> None:
    address = visit.allocation.public_id
    services.plan_visit(caseworker, address, world.in_days(7))
    assert services.due_visits(caseworker, all_planned=True).total == 2
    for day in (None, world.in_days(-1), world.in_days(400)):
        with pytest.raises(InvalidInput):
            services.plan_visit(caseworker, address, day)


def test_visits_to_a_restricted_case_are_its_care_teams(visit: FollowUp, caseworker: Actor) -> None:
    visit.allocation.need.case.restricted = True
    db.session.commit()
    assert services.find_visit(caseworker, visit.public_id).id == visit.id
