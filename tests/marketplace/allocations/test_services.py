"""Rules of the one life-cycle: who may do what when, and what becomes of the counters."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.allocations.models import Allocation
from marketplace.cases.models import Consent
from marketplace.cases.services import withdraw_consent
from marketplace.errors import (
    AccessDenied,
    AlreadyClaimed,
    CapacityExhausted,
    InvalidInput,
    LimitReached,
    NotFound,
    StateConflict,
)
from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.permissions import Actor, Role
from marketplace.records import now, today
from tests.support import world


@pytest.fixture
def volunteer(app: Flask) -> Actor:
    return actor_of(world.a_user(Role.VOLUNTEER, region=None))


@pytest.fixture
def caseworker(app: Flask) -> Actor:
    return actor_of(world.a_user(Role.CASEWORKER))


def supplier_of(capacity: Any) -> Actor:
    return actor_of(world.a_user(region=None, organization=capacity.organization))


def again(row: Any) -> Any:
    db.session.rollback()
    return db.session.get(type(row), row.id, populate_existing=True)


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


def test_proposals_for_a_closed_need_end(volunteer: Actor) -> None:
    proposal = world.an_allocation()
    needs.withdraw(actor_of(world.a_user(Role.CASEWORKER)), proposal.need.public_id, "not_needed")
    assert services.expire_overdue() == 1
    assert again(proposal).state == "expired"


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


def test_accepting_takes_both_counters(app: Flask) -> None:
    proposal = world.an_allocation(quantity=2)
    services.accept(supplier_of(proposal.capacity), proposal.public_id)
    row = again(proposal)
    assert (row.state, row.need.allocated, row.capacity.allocated) == ("accepted", 2, 2)
    assert services.reconcile() == []
    with pytest.raises(StateConflict):
        services.accept(supplier_of(proposal.capacity), proposal.public_id)


def test_a_proposal_to_another_organization_is_not_found(app: Flask) -> None:
    proposal = world.an_allocation()
    other = supplier_of(world.a_capacity())
    for act in (services.accept, services.find):
        with pytest.raises(NotFound):
            act(other, proposal.public_id)
    with pytest.raises(NotFound):
        services.decline(other, proposal.public_id, "timing")


def _withdraw_consent(proposal: Allocation) -> None:
    consent = db.session.scalars(select(Consent).where(Consent.case_id == proposal.need.case_id)).first()
    assert consent is not None
    consent.withdrawn_on = today()


CHANGES: dict[str, Any] = {
    "need closed": lambda row: (setattr(row.need, "closing", "withdrawn"), setattr(row.need, "state", "closed")),
    "need due": lambda row: setattr(row.need, "deadline", world.in_days(-1)),
    "need taken": lambda row: setattr(row.need, "quantity", 1),
    "no consent": lambda row: setattr(row.need, "share_consent_on", None),
    "consent withdrawn": _withdraw_consent,
    "capacity withdrawn": lambda row: setattr(row.capacity, "active", False),
    "capacity over": lambda row: setattr(row.capacity, "valid_until", world.in_days(-1)),
    "capacity later": lambda row: setattr(row.capacity, "valid_from", world.in_days(1)),
    "capacity small": lambda row: setattr(row.capacity, "quantity", 1),
    "project paused": lambda row: setattr(row.capacity.project, "state", "paused"),
    "organization suspended": lambda row: setattr(row.capacity.organization, "state", "suspended"),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_accepting_checks_everything_anew(app: Flask, change: str) -> None:
    proposal = world.an_allocation(quantity=2)
    CHANGES[change](proposal)
    db.session.commit()
    with pytest.raises(StateConflict):
        services.accept(supplier_of(proposal.capacity), proposal.public_id)
    row = again(proposal)
    assert (row.state, row.need.allocated, row.capacity.allocated) == ("proposed", 0, 0)


def test_a_proposal_for_a_restricted_case_is_seen_by_nobody(app: Flask, caseworker: Actor) -> None:
    proposal = world.an_allocation()
    proposal.need.case.restricted = True
    db.session.commit()
    for actor in (supplier_of(proposal.capacity), caseworker):
        with pytest.raises(NotFound):
            services.find(actor, proposal.public_id)
        assert services.inbox(actor, "answer").total == 0
        assert services.of_need(actor, proposal.need) == []


def test_the_budget_is_a_limit_too(app: Flask) -> None:
    capacity = world.a_capacity(budget_fen=1500, unit_cost_fen=1000)
    proposals = [world.an_allocation(world.a_need(), capacity) for _ in range(2)]
    supplier = supplier_of(capacity)
    services.accept(supplier, proposals[0].public_id)
    with pytest.raises(CapacityExhausted):
        services.accept(supplier, proposals[1].public_id)
    assert again(capacity).committed_fen == 1000
    assert services.reconcile() == []


def test_a_selection_is_answered_one_by_one(app: Flask) -> None:
    capacity = world.a_capacity(quantity=2)
    proposals = [world.an_allocation(world.a_need(), capacity) for _ in range(3)]
    foreign = world.an_allocation()
    summary = services.accept_all(supplier_of(capacity), [row.public_id for row in [*proposals, foreign]])
    assert summary.done == 2
    assert [reference for reference, _ in summary.refused] == [proposals[2].need.reference, ""]
    assert again(capacity).allocated == 2
    assert services.reconcile() == []


def test_declined_pairs_are_remembered_for_30_days(app: Flask) -> None:
    proposal = world.an_allocation()
    supplier = supplier_of(proposal.capacity)
    with pytest.raises(InvalidInput):
        services.decline(supplier, proposal.public_id, "because")
    services.decline(supplier, proposal.public_id, "too_far")
    assert again(proposal).decline_reason == "too_far"
    assert services.declined_pairs() == {(proposal.need_id, proposal.capacity_id)}


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
    _withdraw_consent(again(proposal))
    db.session.commit()
    with pytest.raises(StateConflict):
        services.reveal_contact(supplier, proposal.public_id, "arrange")


def test_reconcile_names_what_differs(app: Flask) -> None:
    row = world.an_allocation(state="accepted", quantity=2)
    assert services.reconcile() == []
    row.need.allocated, row.capacity.allocated = 1, 3
    db.session.commit()
    assert services.reconcile() == [
        f"need {row.need_id}: its counter says 1, its allocations 2",
        f"capacity {row.capacity_id}: its counters say 3 and 0 fen, its allocations 2 and 0",
    ]


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
