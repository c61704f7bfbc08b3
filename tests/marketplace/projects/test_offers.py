"""Volunteers' own offers: posted, reviewed, matched like any capacity, answered on the volunteer's own page."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.errors import AccessDenied, InvalidInput, LimitReached, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches.scope import Scope, capacities_in
from marketplace.permissions import Actor, Role
from marketplace.projects import services
from marketplace.projects.models import Capacity
from marketplace.projects.services.recurring import last_day
from marketplace.records import today
from tests.marketplace.projects.people import member_of
from tests.support import world

FACTS = services.OfferFacts("上门理发", ("S0103",), 8, world.DAWUKOU, (world.DAWUKOU,))


def volunteer() -> Actor:
    return actor_of(world.a_user(Role.VOLUNTEER, region=None))


def coordinator(region: str = world.DAWUKOU) -> Actor:
    return actor_of(world.a_user(Role.COORDINATOR, region=region))


def stored(offer: Capacity) -> Capacity:
    db.session.expire_all()
    return db.session.get_one(Capacity, offer.id)


def an_offer(facts: services.OfferFacts = FACTS, *, approved: bool = True) -> tuple[Actor, Capacity]:
    owner = volunteer()
    offer = services.post(owner, facts)
    if approved:
        services.approve(coordinator(), offer.public_id, stored(offer).version, "已看身份证明与无犯罪记录证明")
    return owner, stored(offer)


def matched() -> set[int]:
    return set(db.session.scalars(capacities_in(Scope("640000")).with_only_columns(Capacity.id)))


def test_an_offer_is_matched_once_a_coordinator_approved_it(either_app: Flask) -> None:
    owner, offer = an_offer(approved=False)
    assert (offer.state, offer.owner_id, offer.organization_id, offer.project_id) == (
        "review", owner.user_id, None, None,
    )  # fmt: skip
    assert (offer.quantity, offer.valid_until) == (8, last_day(today()))
    assert matched() == set()
    reader = coordinator()
    assert [row.id for row in services.review_queue(reader).items] == [offer.id]
    services.approve(reader, offer.public_id, offer.version, "已看无犯罪记录证明")
    assert matched() == {offer.id}
    assert (stored(offer).reviewed_by, str(offer.checks)) == (reader.key, "******")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "找李建国 13912345678"}, "title"),
        ({"title": "只帮本地户籍老人"}, "title"),
        ({"categories": ()}, "categories"),
        ({"regions": ()}, "regions"),
        ({"hours": 0}, "hours"),
        ({"hours": 201}, "hours"),
        ({"home": "640200"}, "home"),
        ({"home": ""}, "home"),
        ({"radius_km": -1.0}, "radius_km"),
        ({"qualifications": ("Q-KING",)}, "qualifications"),
        ({"groups": ("G-NONLOCAL",)}, "groups"),
    ],
)
def test_an_offer_names_the_field_that_is_wrong(app: Flask, change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        services.post(volunteer(), replace(FACTS, **change))
    assert set(refused.value.fields) == {field}


def test_only_volunteers_post_and_only_so_many(app: Flask) -> None:
    with pytest.raises(AccessDenied):
        services.post(coordinator(), FACTS)
    owner = volunteer()
    for _ in range(5):
        services.post(owner, FACTS)
    with pytest.raises(LimitReached):
        services.post(owner, FACTS)


def test_what_was_approved_is_read_again_when_it_changes(app: Flask) -> None:
    owner, offer = an_offer()
    services.edit_offer(owner, offer.public_id, offer.version, replace(FACTS, hours=12, regions=("640200",)))
    assert (stored(offer).state, offer.quantity) == ("offered", 12)
    assert offer.recurrence is not None
    assert offer.recurrence.quantity == 12
    services.edit_offer(owner, offer.public_id, offer.version, replace(FACTS, categories=("S0401",)))
    assert (stored(offer).state, offer.reviewed_by) == ("review", None)
    assert matched() == set()


def test_an_offer_keeps_what_is_promised_and_its_version(app: Flask) -> None:
    owner, offer = an_offer()
    services.take(offer.id, 5)
    version = stored(offer).version
    with pytest.raises(InvalidInput) as refused:
        services.edit_offer(owner, offer.public_id, version, replace(FACTS, hours=4))
    assert set(refused.value.fields) == {"hours"}
    with pytest.raises(StateConflict):
        services.edit_offer(owner, offer.public_id, version - 1, FACTS)


def test_a_coordinator_of_elsewhere_and_another_volunteer_find_nothing(app: Flask) -> None:
    _, offer = an_offer(approved=False)
    elsewhere, other = coordinator(world.XINGQING), volunteer()
    assert services.review_queue(elsewhere).items == []
    for act in (
        lambda: services.approve(elsewhere, offer.public_id, offer.version, "x"),
        lambda: services.send_back_offer(elsewhere, offer.public_id, offer.version, "请补充证明"),
        lambda: services.volunteer_seen(elsewhere, offer.public_id, "review"),
        lambda: services.edit_offer(other, offer.public_id, offer.version, FACTS),
        lambda: services.take_back(other, offer.public_id),
        lambda: services.confirm_offer(other, offer.public_id),
    ):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(NotFound):  # an organization's capacity is no volunteer's offer
        services.get_offer_to_review(coordinator(), world.a_capacity().public_id)


def test_nobody_approves_their_own_offer_or_one_that_changed(app: Flask) -> None:
    both = actor_of(world.a_user(Role.VOLUNTEER, Role.COORDINATOR))
    own = stored(services.post(both, FACTS))
    with pytest.raises(AccessDenied):
        services.approve(both, own.public_id, own.version, "x")
    with pytest.raises(StateConflict):
        services.approve(coordinator(), own.public_id, own.version - 1, "x")
    with pytest.raises(InvalidInput):
        services.approve(coordinator(), own.public_id, own.version, " ")
    services.take_back(both, own.public_id)
    with pytest.raises(StateConflict):
        services.approve(coordinator(), own.public_id, stored(own).version, "x")


def test_a_returned_offer_says_why_and_comes_back(app: Flask) -> None:
    owner, offer = an_offer(approved=False)
    services.send_back_offer(coordinator(), offer.public_id, offer.version, "请补充理发师证书")
    assert (stored(offer).state, offer.return_reason) == ("returned", "请补充理发师证书")
    services.edit_offer(owner, offer.public_id, offer.version, FACTS)
    assert (stored(offer).state, offer.return_reason) == ("review", None)


def test_a_months_hours_are_renewed_while_the_offer_stands(either_app: Flask) -> None:
    owner, _ = an_offer()
    _, waiting = an_offer(approved=False)
    nxt = last_day(today()) + timedelta(days=1)
    assert services.renew(nxt) == 1
    rows = list(db.session.scalars(select(Capacity).where(Capacity.owner_id == owner.user_id).order_by(Capacity.id)))
    assert [(row.quantity, row.state, row.reviewed_by is None) for row in rows] == [
        (8, "offered", False), (8, "offered", False),
    ]  # fmt: skip
    assert rows[1].checks is not None
    services.take_back(owner, rows[1].public_id)
    assert services.renew(last_day(nxt) + timedelta(days=1)) == 0
    assert stored(waiting).month == today().replace(day=1)


def propose(offer: Capacity, **values: Any) -> Allocation:
    need = world.a_need(category="S0103", kind="service", unit="次")
    given = {"organization_id": None, "claimant_id": offer.owner_id} | values
    return world.an_allocation(need, offer, **given)


def test_the_volunteer_alone_accepts_or_declines_what_is_proposed(either_app: Flask) -> None:
    owner, offer = an_offer()
    first, second = propose(offer), propose(offer)
    stranger, member = volunteer(), member_of(world.an_organization())
    for other in (stranger, member):
        with pytest.raises(NotFound):
            allocations.accept(other, first.public_id)
    allocations.accept(owner, first.public_id)
    allocations.decline(owner, second.public_id, "timing")
    db.session.expire_all()
    assert (first.state, second.state, offer.allocated) == ("accepted", "declined", 1)
    assert allocations.reconcile() == []


def test_nothing_is_accepted_of_an_offer_that_is_read_again(app: Flask) -> None:
    owner, offer = an_offer()
    proposal = propose(offer)
    services.edit_offer(owner, offer.public_id, stored(offer).version, replace(FACTS, title="理发与修面"))
    with pytest.raises(StateConflict):
        allocations.accept(owner, proposal.public_id)
    services.send_back_offer(coordinator(), offer.public_id, stored(offer).version, "请补充证明")
    db.session.expire_all()
    assert proposal.state == "superseded"
