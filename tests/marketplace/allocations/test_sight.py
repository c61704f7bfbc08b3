"""Who sees proposals and contacts of restricted cases, and of those whose consent has ended."""

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.cases.models import CareTeamMember
from marketplace.cases.services import withdraw_consent
from marketplace.errors import (
    NotFound,
    StateConflict,
)
from marketplace.extensions import db
from marketplace.permissions import Actor, Role
from tests.marketplace.allocations.people import again, supplier_of, withdraw_share_consent
from tests.support import world


def test_a_proposal_for_a_restricted_case_is_seen_by_nobody(app: Flask, caseworker: Actor) -> None:
    proposal = world.an_allocation()
    proposal.need.case.restricted = True
    db.session.commit()
    for actor in (supplier_of(proposal.capacity), caseworker):
        with pytest.raises(NotFound):
            services.find(actor, proposal.public_id)
        assert services.inbox(actor, "answer").total == 0
        assert services.of_need(actor, proposal.need) == []


def test_the_contact_is_open_from_acceptance_to_delivery(app: Flask, volunteer: Actor) -> None:
    proposal = world.an_allocation()
    supplier = supplier_of(proposal.capacity)
    with pytest.raises(StateConflict):
        services.reveal_contact(supplier, proposal.public_id, "arrange")
    services.accept(supplier, proposal.public_id)
    shown = services.reveal_contact(supplier, proposal.public_id, "arrange")
    assert shown == {name: world.CANARIES[name] for name in ("name", "phone", "address", "details")}
    assert {"person:reveal", "need:reveal", "allocation:reveal"} <= set(
        db.session.scalars(select(audit.AuditEvent.action))
    )
    with pytest.raises(NotFound):
        services.reveal_contact(supplier_of(world.a_capacity()), proposal.public_id, "arrange")
    services.mark_delivered(supplier, proposal.public_id)
    with pytest.raises(StateConflict):
        services.reveal_contact(supplier, proposal.public_id, "arrange")


def test_no_contact_without_consent_and_none_for_volunteers(app: Flask, volunteer: Actor) -> None:
    claimed = services.claim(volunteer, world.a_wish().public_id)
    with pytest.raises(NotFound):
        services.reveal_contact(volunteer, claimed.public_id, "arrange")
    proposal = world.an_allocation()
    supplier = supplier_of(proposal.capacity)
    services.accept(supplier, proposal.public_id)
    withdraw_share_consent(again(proposal))
    db.session.commit()
    with pytest.raises(StateConflict):
        services.reveal_contact(supplier, proposal.public_id, "arrange")


def test_help_for_a_restricted_case_is_seen_by_its_care_team_and_by_who_brings_it(
    app: Flask, caseworker: Actor, volunteer: Actor
) -> None:
    proposal = world.an_allocation()
    supplier = supplier_of(proposal.capacity)
    services.accept(supplier, proposal.public_id)
    claimed = services.claim(volunteer, world.a_wish().public_id)
    for row in (again(proposal), again(claimed)):
        row.need.case.restricted = True
        db.session.commit()
    outsiders = [actor_of(world.a_user(role)) for role in (Role.COORDINATOR, Role.AUDITOR, Role.ADMINISTRATOR)]
    for reader in outsiders:
        assert services.inbox(reader, "running").total == 0
        assert services.inbox_counts(reader)["running"] == 0
        assert services.of_need(reader, again(proposal).need) == []
        with pytest.raises(NotFound):
            services.find(reader, proposal.public_id)
    with pytest.raises(NotFound):
        services.release(outsiders[0], proposal.public_id)
    assert services.inbox(caseworker, "running").total == 2
    assert services.find(supplier, proposal.public_id).state == "accepted"
    assert services.find_to_deliver(volunteer, claimed.public_id).state == "accepted"


def test_a_proposal_without_consent_to_share_shows_nothing_any_more(app: Flask, caseworker: Actor) -> None:
    proposal = world.an_allocation()
    supplier = supplier_of(proposal.capacity)
    assert services.find(supplier, proposal.public_id).id == proposal.id
    assert services.inbox_counts(supplier)["answer"] == 1
    case = proposal.need.case
    consent = next(consent for consent in case.consents if consent.purpose == "share")
    withdraw_consent(caseworker, case.public_id, consent.public_id)
    assert services.inbox(supplier, "answer").total == services.inbox_counts(supplier)["answer"] == 0
    with pytest.raises(NotFound):
        services.find(supplier, proposal.public_id)
    with pytest.raises(StateConflict):
        services.accept(supplier, proposal.public_id)


def test_once_its_leads_are_named_help_for_a_restricted_case_is_theirs_alone(app: Flask, caseworker: Actor) -> None:
    row = world.an_allocation(state="delivered")
    row.need.case.restricted = True
    other = actor_of(world.a_user(Role.CASEWORKER))
    officer = actor_of(world.a_user(Role.OFFICER))
    for actor in (caseworker, other, officer):
        assert services.find(actor, row.public_id).id == row.id
    for actor, position in ((caseworker, "social_worker"), (officer, "officer")):
        world.save(CareTeamMember(case_id=row.need.case_id, user_id=actor.user_id, position=position))
    assert services.inbox(officer, "confirm").total == 1
    assert services.inbox(other, "confirm").total == 0
    with pytest.raises(NotFound):
        services.confirm(other, row.public_id)
    services.confirm(caseworker, row.public_id)
    assert services.due_visits(other, all_planned=True).total == 0
    assert services.due_visits(caseworker, all_planned=True).total == 1
