"""Answers under a signed link: one proposal, once, for a while, and nothing of a person."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from marketplace import audit, signing
from marketplace.allocations import services
from marketplace.allocations.models import AnswerLink
from marketplace.allocations.services.links import PURPOSE
from marketplace.errors import NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, system_actor
from marketplace.records import now
from tests.marketplace.allocations.people import a_coordinator, again, supplier_of, withdraw_share_consent
from tests.support import world


def the_link(proposal: Any) -> AnswerLink:
    db.session.rollback()
    return db.session.scalars(select(AnswerLink).where(AnswerLink.allocation_id == proposal.id)).one()


def test_a_link_accepts_once(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation()
    token, sent = services.make_link(coordinator, proposal.public_id)
    assert not sent
    assert services.question(token).state == "open"
    services.answer_yes(token)
    assert (again(proposal).state, again(proposal).capacity.allocated) == ("accepted", 1)
    assert (services.question(token).state, services.question(token).answer) == ("answered", "accepted")
    for act in (lambda: services.answer_yes(token), lambda: services.answer_no(token, "timing")):
        with pytest.raises(StateConflict):
            act()
    assert services.reconcile() == []
    event = db.session.scalars(select(audit.AuditEvent).where(audit.AuditEvent.action == "allocation:accepted")).one()
    assert (event.actor_id, event.actor_role) == (None, "signed_link")


def test_a_link_declines_and_the_next_run_respects_it(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation()
    token, _sent = services.make_link(coordinator, proposal.public_id)
    services.answer_no(token, "too_far")
    assert again(proposal).decline_reason == "too_far"
    assert services.declined_pairs() == {(proposal.need_id, proposal.capacity_id)}
    assert services.question(token).answer == "declined"


def test_a_link_accepts_a_part(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation(world.a_need(quantity=4), quantity=4)
    token, _sent = services.make_link(coordinator, proposal.public_id)
    services.answer_yes(token, 1, "no_capacity")
    assert (again(proposal).state, again(proposal).quantity) == ("accepted", 1)


def test_an_answer_that_is_refused_leaves_the_link_alive(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation(quantity=2)
    token, _sent = services.make_link(coordinator, proposal.public_id)
    proposal.capacity.quantity = 1
    db.session.commit()
    with pytest.raises(StateConflict):
        services.answer_yes(token)
    assert the_link(proposal).used_at is None
    services.answer_no(token, "no_capacity")
    assert the_link(proposal).used_at is not None


def test_a_newer_link_ends_the_older(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation()
    old, _ = services.make_link(coordinator, proposal.public_id)
    new, _ = services.make_link(coordinator, proposal.public_id)
    assert services.question(old).state == "over"
    with pytest.raises(StateConflict):
        services.answer_yes(old)
    services.answer_yes(new)
    assert again(proposal).state == "accepted"


def test_a_link_ends_with_its_time(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation(expires_at=now() + timedelta(days=2))
    token, _ = services.make_link(coordinator, proposal.public_id)
    assert the_link(proposal).expires_at == again(proposal).expires_at
    db.session.execute(update(AnswerLink).values(expires_at=now() - timedelta(seconds=1)))
    db.session.commit()
    assert services.question(token).state == "over"
    with pytest.raises(StateConflict):
        services.answer_yes(token)
    assert again(proposal).state == "proposed"


def test_a_superseding_run_revokes_links(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation()
    token, _ = services.make_link(coordinator, proposal.public_id)
    db.session.rollback()
    services.supersede(system_actor("test"), world.DAWUKOU)
    assert the_link(proposal).revoked_at is not None
    with pytest.raises(StateConflict):
        services.answer_yes(token)


def test_a_supplier_without_an_account_says_that_it_is_done(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation(world.a_need(quantity=4), quantity=4)
    token, _ = services.make_link(coordinator, proposal.public_id)
    with pytest.raises(StateConflict):
        services.answer_done(token)
    services.answer_yes(token, 3)
    assert (services.question(token).left, services.question(token).delivered) == (3, False)
    services.answer_done(token)
    assert (again(proposal).state, again(proposal).delivered_quantity) == ("delivered", 3)
    told = services.question(token)
    assert (told.answer, told.left, told.delivered) == ("accepted", 0, True)
    with pytest.raises(StateConflict):
        services.answer_done(token)


def test_what_was_accepted_in_another_way_is_not_delivered_under_a_link(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation()
    token, _ = services.make_link(coordinator, proposal.public_id)
    services.accept(supplier_of(proposal.capacity), proposal.public_id)
    assert services.question(token).left == 0
    with pytest.raises(StateConflict):
        services.answer_done(token)
    assert again(proposal).state == "accepted"


def test_an_answer_ends_with_the_link_and_the_delivery_does_not(
    app: Flask, coordinator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted, open_one = world.an_allocation(), world.an_allocation()
    told, untold = (services.make_link(coordinator, one.public_id)[0] for one in (accepted, open_one))
    services.answer_yes(told)
    monkeypatch.setattr("marketplace.allocations.services.links.LINK_DAYS", -1)
    with pytest.raises(NotFound, match=r"link|链接"):
        services.question(untold)
    services.answer_done(told)
    assert again(accepted).state == "delivered"


@pytest.mark.parametrize("purpose", ["guest.claim", "account.invitation"])
def test_a_token_for_another_purpose_opens_nothing(app: Flask, coordinator: Actor, purpose: str) -> None:
    proposal = world.an_allocation()
    services.make_link(coordinator, proposal.public_id)
    foreign = signing.sign(purpose, the_link(proposal).public_id)
    assert signing.read(PURPOSE, foreign, seconds=60) is None
    for token in (foreign, "", "x.y.z", signing.sign(PURPOSE, "0" * 32)):
        with pytest.raises(NotFound):
            services.question(token)
        with pytest.raises(NotFound):
            services.answer_yes(token)
    assert again(proposal).state == "proposed"


def test_a_token_too_old_opens_nothing(app: Flask) -> None:
    token = signing.sign("test", "text")
    assert signing.read("test", token, seconds=60) == "text"
    assert signing.read("test", token, seconds=-1) is None


def test_links_are_made_for_the_region_only(app: Flask) -> None:
    proposal = world.an_allocation()
    for actor in (a_coordinator(world.XINGQING), supplier_of(proposal.capacity)):
        with pytest.raises(NotFound):
            services.make_link(actor, proposal.public_id)


def test_answered_proposals_get_no_link(app: Flask, coordinator: Actor) -> None:
    with pytest.raises(StateConflict):
        services.make_link(coordinator, world.an_allocation(state="accepted").public_id)


def test_a_question_shows_a_white_list(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation()
    token, _ = services.make_link(coordinator, proposal.public_id)
    asked = dataclasses.asdict(services.question(token))
    assert set(asked) == {
        "reference", "title", "category", "region", "quantity", "unit", "deadline", "capacity_title",
        "organization_id", "expires_at", "state", "answer", "divisible", "left", "delivered",
    }  # fmt: skip
    assert not any(secret in str(asked) for secret in world.CANARIES.values())


def test_a_household_that_takes_back_its_consent_is_asked_for_no_more(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation()
    token, _ = services.make_link(coordinator, proposal.public_id)
    withdraw_share_consent(again(proposal))
    db.session.commit()
    with pytest.raises(NotFound):
        services.question(token)
    with pytest.raises(StateConflict):
        services.answer_yes(token)
    assert again(proposal).state == "proposed"
