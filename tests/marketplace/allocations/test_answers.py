"""A supplier's answers: what accepting takes, checks anew and refuses."""

from typing import Any

import pytest
from flask import Flask

from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.errors import (
    CapacityExhausted,
    InvalidInput,
    NotFound,
    StateConflict,
)
from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.permissions import Actor, Role
from tests.marketplace.allocations.people import again, supplier_of, withdraw_share_consent
from tests.support import world

pytestmark = pytest.mark.both_databases


def test_proposals_for_a_closed_need_end(volunteer: Actor) -> None:
    proposal = world.an_allocation()
    needs.withdraw(actor_of(world.a_user(Role.CASEWORKER)), proposal.need.public_id, "not_needed")
    assert services.expire_overdue() == 1
    assert again(proposal).state == "expired"


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


CHANGES: dict[str, Any] = {
    "need closed": lambda row: (setattr(row.need, "closing", "withdrawn"), setattr(row.need, "state", "closed")),
    "need due": lambda row: setattr(row.need, "deadline", world.in_days(-1)),
    "need taken": lambda row: setattr(row.need, "quantity", 1),
    "no consent": lambda row: setattr(row.need, "share_consent_on", None),
    "consent withdrawn": withdraw_share_consent,
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
