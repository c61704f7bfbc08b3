"""A volunteer's claim: one press, three at a time, 72 hours."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.allocations.models import Allocation
from marketplace.errors import (
    AlreadyClaimed,
    InvalidInput,
    LimitReached,
    NotFound,
)
from marketplace.extensions import db
from marketplace.permissions import Actor, Role
from marketplace.records import now
from tests.marketplace.allocations.people import again
from tests.support import world

pytestmark = pytest.mark.both_databases


def test_claiming_takes_the_wish_for_72_hours(volunteer: Actor) -> None:
    wish = world.a_wish()
    claimed = services.claim(volunteer, wish.public_id)
    assert (claimed.state, claimed.source, claimed.quantity) == ("accepted", "claim", 1)
    assert claimed.expires_at is not None
    assert timedelta(hours=71) < claimed.expires_at - now() <= timedelta(hours=72)
    assert again(wish).allocated == 1
    assert [event.action for event in services.events_of(claimed)] == ["allocation:claimed"]
    assert services.reconcile() == []


def test_a_second_press_gives_the_first_claim(volunteer: Actor) -> None:
    wish = world.a_wish()
    assert services.claim(volunteer, wish.public_id).id == services.claim(volunteer, wish.public_id).id
    assert again(wish).allocated == 1


def test_who_is_second_is_told(app: Flask, volunteer: Actor) -> None:
    wish = world.a_wish()
    services.claim(volunteer, wish.public_id)
    with pytest.raises(AlreadyClaimed):
        services.claim(actor_of(world.a_user(Role.VOLUNTEER)), wish.public_id)


@pytest.mark.parametrize("values", [{"state": "review"}, {"state": "draft"}, {"deadline": world.in_days(-1)}])
def test_only_public_wishes_can_be_claimed(volunteer: Actor, values: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        services.claim(volunteer, world.a_wish(**values).public_id)


def test_needs_and_restricted_wishes_cannot_be_claimed(volunteer: Actor) -> None:
    for need in (world.a_need(), world.a_wish(world.a_case(restricted=True))):
        with pytest.raises(NotFound):
            services.claim(volunteer, need.public_id)


def test_three_live_claims_are_the_most(volunteer: Actor) -> None:
    wishes = [world.a_wish() for _ in range(4)]
    claims = [services.claim(volunteer, wish.public_id) for wish in wishes[:3]]
    with pytest.raises(LimitReached):
        services.claim(volunteer, wishes[3].public_id)
    services.release(volunteer, claims[0].public_id)
    assert services.claim(volunteer, wishes[3].public_id).state == "accepted"


def test_released_wishes_are_free_at_once(volunteer: Actor) -> None:
    wish = world.a_wish()
    claimed = services.claim(volunteer, wish.public_id)
    services.release(volunteer, claimed.public_id)
    assert again(wish).allocated == 0
    assert again(claimed).state == "released"
    assert services.claim(actor_of(world.a_user(Role.VOLUNTEER)), wish.public_id).state == "accepted"
    assert services.reconcile() == []


def test_a_claim_of_another_is_not_found(volunteer: Actor) -> None:
    claimed = services.claim(actor_of(world.a_user(Role.VOLUNTEER)), world.a_wish().public_id)
    for act in (services.release, services.mark_delivered):
        with pytest.raises(NotFound):
            act(volunteer, claimed.public_id)


def test_overdue_claims_lapse_and_return_the_wish(volunteer: Actor) -> None:
    wish, kept = world.a_wish(), world.a_wish()
    lapsed = services.claim(volunteer, wish.public_id)
    services.claim(volunteer, kept.public_id)
    db.session.execute(update(Allocation).where(Allocation.id == lapsed.id).values(expires_at=now() - timedelta(1)))
    db.session.commit()
    assert services.expire_overdue() == 1
    assert again(lapsed).state == "expired"
    assert (again(wish).allocated, again(kept).allocated) == (0, 1)
    assert services.expire_overdue() == 0
    assert services.reconcile() == []


def test_nobody_is_asked_about_a_wish_that_another_has_taken(volunteer: Actor) -> None:
    wish = world.a_wish()
    proposal = world.an_allocation(wish, world.a_capacity(), wish=True)
    supplier = actor_of(world.a_user(region=None, organization=proposal.capacity.organization))
    assert services.inbox_counts(supplier)["answer"] == 1
    claimed = services.claim(volunteer, wish.public_id)
    assert services.inbox_counts(supplier)["answer"] == 0
    services.release(volunteer, claimed.public_id)
    assert [row.id for row in services.inbox(supplier, "answer").items] == [proposal.id]
    assert services.expire_overdue() == 0


def test_setting_a_day_replaces_the_hold(volunteer: Actor) -> None:
    claimed = services.claim(volunteer, world.a_wish().public_id)
    services.start_delivery(volunteer, claimed.public_id, world.in_days(5))
    row = again(claimed)
    assert (row.state, row.due_on, row.expires_at) == ("delivering", world.in_days(5), None)
    assert services.expire_overdue() == 0
    db.session.execute(update(Allocation).where(Allocation.id == row.id).values(due_on=world.in_days(-4)))
    db.session.commit()
    assert services.expire_overdue() == 1


@pytest.mark.parametrize("days", [-1, 16])
def test_the_day_lies_within_reach(volunteer: Actor, days: int) -> None:
    claimed = services.claim(volunteer, world.a_wish().public_id)
    with pytest.raises(InvalidInput):
        services.start_delivery(volunteer, claimed.public_id, world.in_days(days))


def test_a_wish_comes_true(volunteer: Actor, caseworker: Actor) -> None:
    wish = world.a_wish()
    claimed = services.claim(volunteer, wish.public_id)
    services.mark_delivered(volunteer, claimed.public_id)
    services.confirm(caseworker, claimed.public_id, 5)
    assert (again(wish).state, again(wish).closing) == ("closed", "fulfilled")
    assert again(claimed).satisfaction == 5
    assert services.fulfilled_wishes(volunteer) == 1
    assert services.reconcile() == []


def test_a_claimant_learns_no_colour_of_a_wish(volunteer: Actor, caseworker: Actor) -> None:
    for colour in ("blue", "red"):
        services.claim(volunteer, world.a_wish(urgency=colour).public_id)
    assert [row.need.urgency for row in services.inbox(volunteer, "running").items] == ["blue", "red"]
    assert services.inbox(volunteer, "running", urgency="red").total == 0
    assert [row.need.urgency for row in services.inbox(caseworker, "running").items] == ["red", "blue"]
