"""A coordinator proposes by hand: suggestions, warnings of broken rules, and what is refused outright."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import audit
from marketplace.allocations import services
from marketplace.allocations.models import Allocation
from marketplace.allocations.services.rules import RULES
from marketplace.allocations.wording import fit_reasons
from marketplace.cases.models import CareTeamMember
from marketplace.errors import CapacityExhausted, InvalidInput, MarketplaceError, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches.services import run_now
from marketplace.permissions import Actor, system_actor
from marketplace.transitions import move, transaction
from tests.marketplace.allocations.people import a_coordinator, again, supplier_of
from tests.support import world

BREAKING: dict[str, dict[str, Any]] = {
    "category": {"categories": ["S0101"]},
    "region": {"regions": [world.XINGQING]},
    "distance": {"regions": [world.DAWUKOU], "latitude": 37.0, "longitude": 105.0, "radius_km": 5},
    "group": {"groups": ["G-ELDALONE"]},
    "dates": {"valid_from": world.in_days(2)},
    "confirmation": {"confirmed_on": world.in_days(-61)},
    "batch": {"minimum_batch": 5},
}


def test_the_best_are_suggested_first(app: Flask) -> None:
    need = world.a_need()
    wide = world.a_capacity(categories=["S11", "S1102", "S01"])
    narrow = world.a_capacity()
    stale = world.a_capacity(confirmed_on=world.in_days(-100))
    world.a_capacity(regions=[world.XINGQING])
    world.a_capacity(quantity=0)
    world.a_capacity(world.a_project(state="paused"))
    world.a_capacity(world.a_project(world.an_organization(state="suspended")))
    found = services.suggestions(need)
    assert [item.capacity.id for item in found] == [narrow.id, wide.id, stale.id]
    assert [item.broken for item in found] == [[], [], ["confirmation"]]


def test_others_are_found_by_name(app: Flask) -> None:
    need = world.a_need()
    far = world.a_capacity(regions=[world.XINGQING], title="兴庆冬衣")
    assert services.suggestions(need) == []
    assert [item.capacity.id for item in services.suggestions(need, name="兴庆")] == [far.id]


@pytest.mark.parametrize("rule", list(BREAKING))
def test_a_broken_rule_is_warned_of_and_may_be_broken_knowingly(app: Flask, coordinator: Actor, rule: str) -> None:
    need, capacity = world.a_need(groups=["G-HARDCHILD"]), world.a_capacity(**BREAKING[rule])
    needed, given = need.public_id, capacity.public_id
    if rule == "dates":  # what is not offered today is refused, as accepting it would be
        with pytest.raises(StateConflict):
            services.propose_by_hand(coordinator, needed, given, 1, despite=True)
        return
    with pytest.raises(services.RulesBroken) as warned:
        services.propose_by_hand(coordinator, needed, given, 1)
    assert warned.value.codes == [rule]
    assert services.rule_texts(warned.value.codes) == [RULES[rule]]
    assert db.session.scalars(select(Allocation)).all() == []
    made = services.propose_by_hand(coordinator, needed, given, 1, despite=True)
    assert (made.state, made.source, made.reasons["broken"]) == ("proposed", "manual", [rule])
    assert again(capacity).allocated == 0


def test_a_missing_qualification_is_a_broken_rule(app: Flask, coordinator: Actor) -> None:
    need, capacity = world.a_need(requires=["Q-NURSE"]), world.a_capacity()
    with pytest.raises(services.RulesBroken) as warned:
        services.propose_by_hand(coordinator, need.public_id, capacity.public_id, 1)
    assert warned.value.codes == ["qualification"]


def test_a_recent_refusal_is_a_broken_rule(app: Flask, coordinator: Actor) -> None:
    proposal = world.an_allocation()
    services.decline(supplier_of(proposal.capacity), proposal.public_id, "too_far")
    with pytest.raises(services.RulesBroken) as warned:
        services.propose_by_hand(coordinator, proposal.need.public_id, proposal.capacity.public_id, 1)
    assert warned.value.codes == ["declined"]


def test_the_supplier_answers_a_proposal_by_hand_like_any(app: Flask, coordinator: Actor) -> None:
    need, capacity = world.a_need(), world.a_capacity()
    made = services.propose_by_hand(coordinator, need.public_id, capacity.public_id, 2)
    assert again(need).allocated == 0
    with pytest.raises(StateConflict):
        services.propose_by_hand(coordinator, need.public_id, capacity.public_id, 1)
    services.accept(supplier_of(capacity), made.public_id)
    assert (again(need).allocated, again(capacity).allocated) == (2, 2)
    assert services.reconcile() == []


def test_a_proposal_by_hand_tells_fit_distance_reasons_and_alternatives(app: Flask, coordinator: Actor) -> None:
    need, capacity, other = world.a_need(), world.a_capacity(), world.a_capacity(categories=["S1102", "S1101"])
    shown = {item.capacity.id: item for item in services.suggestions(need)}
    made = services.propose_by_hand(coordinator, need.public_id, capacity.public_id, 2)
    assert made.fit == shown[capacity.id].fit > (shown[other.id].fit or 0) > 0
    assert set(made.reasons["parts"]) == {"closeness", "specialisation", "group_fit", "waiting"}
    assert made.reasons["alternatives"] == [{"capacity": other.id, "fit": shown[other.id].fit, "metres": 0}]
    effect = services.effect(made)
    assert effect is not None
    assert (effect.free_after, effect.left_open) == (8, 0)
    assert ("tool" in {icon for icon, _sentence, _points in fit_reasons(made)}) is True


def test_the_fit_is_what_a_run_gives_the_pair(app: Flask, coordinator: Actor) -> None:
    need, capacity = world.a_need(groups=["G-ELDALONE"]), world.a_capacity(groups=["G-ELDALONE"])
    made = services.propose_by_hand(coordinator, need.public_id, capacity.public_id, 2)
    with transaction():
        move(coordinator, made, expect="proposed", to="superseded")
    run_now(system_actor("test"), world.DAWUKOU)
    by_run = db.session.scalars(select(Allocation).where(Allocation.source == "run")).one()
    assert (made.fit, made.reasons["parts"]) == (by_run.fit, by_run.reasons["parts"])


def test_who_agreed_is_accepted_in_its_name_and_that_is_recorded(app: Flask, coordinator: Actor) -> None:
    need, capacity = world.a_need(), world.a_capacity()
    made = services.propose_by_hand(coordinator, need.public_id, capacity.public_id, 2, agreed=True)
    assert (again(made).state, again(capacity).allocated) == ("accepted", 2)
    actions = [event.action for event in services.events_of(made)]
    assert actions == ["allocation:accepted", "allocation:agreed", "allocation:proposed"]
    event = db.session.scalars(select(audit.AuditEvent).where(audit.AuditEvent.action == "allocation:agreed")).one()
    assert event.actor_id == coordinator.user_id


REFUSED: dict[str, Any] = {
    "closed need": (lambda need, _: (setattr(need, "closing", "withdrawn"), setattr(need, "state", "closed"))),
    "no consent": lambda need, _: setattr(need, "share_consent_on", None),
    "restricted": lambda need, _: setattr(need.case, "restricted", True),
    "capacity withdrawn": lambda _, capacity: setattr(capacity, "active", False),
    "project paused": lambda _, capacity: setattr(capacity.project, "state", "paused"),
    "organization suspended": lambda _, capacity: setattr(capacity.organization, "state", "suspended"),
    "no units": lambda _, capacity: setattr(capacity, "quantity", 1),
}


@pytest.mark.parametrize("change", list(REFUSED))
def test_what_could_not_be_accepted_is_not_proposed(app: Flask, coordinator: Actor, change: str) -> None:
    need, capacity = world.a_need(), world.a_capacity()
    REFUSED[change](need, capacity)
    db.session.commit()
    with pytest.raises((StateConflict, NotFound, CapacityExhausted)):
        services.propose_by_hand(coordinator, need.public_id, capacity.public_id, 2, despite=True)
    db.session.rollback()
    assert db.session.scalars(select(Allocation)).all() == []


def test_only_needs_of_the_region_and_only_by_coordinators(app: Flask) -> None:
    need, capacity = world.a_need(), world.a_capacity()
    for actor in (a_coordinator(world.XINGQING), supplier_of(capacity)):
        with pytest.raises(NotFound):
            services.propose_by_hand(actor, need.public_id, capacity.public_id, 1)


@pytest.mark.parametrize("quantity", [0, -1, 3, 10**9])
def test_the_quantity_lies_within_the_need(app: Flask, coordinator: Actor, quantity: int) -> None:
    with pytest.raises(InvalidInput):
        services.propose_by_hand(
            coordinator, world.a_need().public_id, world.a_capacity().public_id, quantity, despite=True
        )


def test_what_others_took_meanwhile_is_not_proposed(app: Flask, coordinator: Actor) -> None:
    need = world.a_need()
    world.an_allocation(need, state="accepted")
    with pytest.raises(MarketplaceError):
        services.propose_by_hand(coordinator, need.public_id, world.a_capacity().public_id, 2)
    assert services.propose_by_hand(coordinator, need.public_id, world.a_capacity().public_id, 1).quantity == 1


def test_the_care_team_of_a_restricted_case_accepts_in_the_suppliers_name(app: Flask, coordinator: Actor) -> None:
    need, capacity = world.a_need(), world.a_capacity()
    need.case.restricted = True
    assert coordinator.user_id is not None
    world.save(CareTeamMember(case_id=need.case_id, user_id=coordinator.user_id, position="coordinator"))
    address, supplier = need.public_id, supplier_of(capacity)
    with pytest.raises(NotFound):
        services.propose_by_hand(a_coordinator(), address, capacity.public_id, 2, agreed=True)
    with pytest.raises(InvalidInput) as refused:
        services.propose_by_hand(coordinator, address, capacity.public_id, 2)
    assert set(refused.value.fields) == {"agreed"}
    made = services.propose_by_hand(coordinator, address, capacity.public_id, 2, agreed=True)
    assert (again(made).state, again(need).allocated) == ("accepted", 2)
    for actor in (coordinator, supplier):
        assert services.find(actor, made.public_id).id == made.id
    for outsider in (a_coordinator(), supplier_of(world.a_capacity())):
        assert services.inbox(outsider, "running").total == 0
        with pytest.raises(NotFound):
            services.find(outsider, made.public_id)
    assert "allocation:agreed" in [event.action for event in services.events_of(made)]
    assert services.reconcile() == []
