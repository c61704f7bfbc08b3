"""Many at once on both database engines: cards, collection days, signed links, hand-over, visits, parts."""

import threading
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import func, select, update

from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.allocations.models import Allocation, AnswerLink, FollowUp, GuestClaimant
from marketplace.errors import MarketplaceError
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Role
from marketplace.projects.models import Capacity
from marketplace.records import now, today
from tests.marketplace.allocations.people import a_coordinator, again, supplier_of
from tests.marketplace.allocations.test_races import app, at_once  # noqa: F401  # the fixture over both engines
from tests.support import world


def done(results: list[Any]) -> list[Any]:
    return [result for result in results if not isinstance(result, MarketplaceError)]


def count(*conditions: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(*conditions)) or 0


def test_one_card_and_eight_numbers(app: Flask) -> None:  # noqa: F811  # the fixture
    wish = world.a_wish()
    address, code = wish.public_id, services.card_code(wish)
    acts = [lambda number=number: services.claim_with_card(address, code, f"1390000000{number}") for number in range(8)]
    assert len(done(at_once(app, acts))) == 1
    assert count(Allocation.state == "accepted") == 1
    assert services.reconcile() == []


def test_one_number_and_eight_cards(app: Flask) -> None:  # noqa: F811  # the fixture
    wishes = [world.a_wish() for _ in range(8)]
    asked = [(wish.public_id, services.card_code(wish)) for wish in wishes]
    acts = [
        lambda address=address, code=code: services.claim_with_card(address, code, "13900000000")
        for address, code in asked
    ]
    assert len(done(at_once(app, acts))) == services.LIVE_CLAIMS
    assert count(GuestClaimant.id.is_not(None)) == 1
    assert count(Allocation.state == "accepted") == services.LIVE_CLAIMS
    assert services.reconcile() == []


def test_groups_and_volunteers_want_the_same_wishes(app: Flask) -> None:  # noqa: F811  # the fixture
    """All or none for each group, one taker a wish, and no deadlock whatever the order in which they choose."""
    wishes = [world.a_wish().public_id for _ in range(6)]
    acts: list[Any] = []
    for number in range(4):
        organization = world.an_organization()
        manager = actor_of(world.a_user(region=None, organization=organization))
        chosen = wishes if number % 2 else wishes[::-1]
        acts.append(
            lambda manager=manager, key=organization.public_id, chosen=chosen: (
                services.claim_together(manager, key, chosen)[0].organization_id
            )
        )
    for wish in wishes[:4]:
        volunteer = actor_of(world.a_user(Role.VOLUNTEER))
        acts.append(lambda volunteer=volunteer, wish=wish: services.claim(volunteer, wish).id)
    at_once(app, acts)
    db.session.rollback()
    held = db.session.execute(
        select(Allocation.organization_id, func.count())
        .where(Allocation.state == "accepted", Allocation.organization_id.is_not(None))
        .group_by(Allocation.organization_id)
    ).all()
    assert [number for _key, number in held] in ([], [6])
    assert max(db.session.scalars(select(Need.allocated))) == 1
    assert services.reconcile() == []


def test_the_limit_of_a_group_holds_when_its_managers_press_at_once(app: Flask) -> None:  # noqa: F811  # the fixture
    organization = world.an_organization()
    managers = [actor_of(world.a_user(region=None, organization=organization)) for _ in range(4)]
    case = world.a_case()
    shares = [[world.a_wish(case).public_id for _ in range(10)] for _ in managers]
    key = organization.public_id
    acts = [
        lambda manager=manager, share=share: len(services.claim_together(manager, key, share))
        for manager, share in zip(managers, shares, strict=True)
    ]
    assert done(at_once(app, acts)) == [10, 10, 10]
    assert count(Allocation.organization_id == organization.id) == services.GROUP_CLAIMS


def test_a_link_pressed_eight_times_answers_once(app: Flask) -> None:  # noqa: F811  # the fixture
    proposal = world.an_allocation()
    token, _ = services.make_link(a_coordinator(), proposal.public_id)
    acts: list[Any] = [lambda: services.answer_yes(token), lambda: services.answer_no(token, "timing")] * 4
    assert len(done(at_once(app, acts))) == 1
    assert count(AnswerLink.used_at.is_not(None)) == 1
    assert again(proposal).state in ("accepted", "declined")
    assert services.reconcile() == []


def test_the_account_and_the_link_answer_once_between_them(app: Flask) -> None:  # noqa: F811  # the fixture
    proposal = world.an_allocation(world.a_need(quantity=4), quantity=4)
    token, _ = services.make_link(a_coordinator(), proposal.public_id)
    supplier, address = supplier_of(proposal.capacity), proposal.public_id
    acts: list[Any] = [
        lambda: services.answer_yes(token, 1),
        lambda: services.accept(supplier, address, 2).id,
        lambda: services.decline(supplier, address, "timing").id,
    ] * 2
    assert len(done(at_once(app, acts))) == 1
    assert services.reconcile() == []


def test_help_is_handed_over_to_one(app: Flask) -> None:  # noqa: F811  # the fixture
    """Coordinators hand over while the supplier delivers: the units go to one of them, and are counted once."""
    row = world.an_allocation(world.a_need(quantity=3), state="accepted", quantity=3, accepted_at=now())
    takers = [world.a_capacity(quantity=3).public_id for _ in range(4)]
    coordinator, supplier, address = a_coordinator(), supplier_of(row.capacity), row.public_id
    acts: list[Any] = [
        lambda taker=taker: services.reassign(coordinator, address, taker, agreed=True).id for taker in takers
    ]
    acts += [lambda: services.mark_delivered(supplier, address).id] * 2
    assert len(done(at_once(app, acts))) == 1
    assert again(row).need.allocated == 3
    assert services.reconcile() == []


def test_two_capacities_taking_over_from_each_other_do_not_lock_up(app: Flask) -> None:  # noqa: F811  # the fixture
    one, other = world.a_capacity(quantity=10), world.a_capacity(quantity=10)
    case = world.a_case()
    acts: list[Any] = []
    coordinator = a_coordinator()
    for number in range(8):
        giver, taker = (one, other) if number % 2 else (other, one)
        row = world.an_allocation(world.a_need(case), giver, state="accepted")
        acts.append(
            lambda address=row.public_id, key=taker.public_id: (
                services.reassign(coordinator, address, key, agreed=True).id
            )
        )
    assert len(done(at_once(app, acts))) == 8
    db.session.rollback()
    assert sorted(db.session.scalars(select(Capacity.allocated))) == [4, 4]
    assert services.reconcile() == []


def test_confirming_while_others_accept_does_not_lock_up(app: Flask) -> None:  # noqa: F811  # the fixture
    need = world.a_need(quantity=8)
    caseworker = actor_of(world.a_user(Role.CASEWORKER))
    acts: list[Any] = []
    for _ in range(4):
        delivered, proposal = world.an_allocation(need, state="delivered"), world.an_allocation(need)
        supplier = supplier_of(proposal.capacity)
        acts.append(lambda address=delivered.public_id: services.confirm(caseworker, address).id)
        acts.append(lambda actor=supplier, address=proposal.public_id: services.accept(actor, address).id)
    assert len(done(at_once(app, acts))) == 8
    assert again(need).allocated == 8
    assert services.reconcile() == []


def test_accepting_in_the_suppliers_name_while_suppliers_accept_does_not_lock_up(app: Flask) -> None:  # noqa: F811  # the fixture
    capacity, case = world.a_capacity(quantity=8), world.a_case()
    coordinator, supplier, offered = a_coordinator(), supplier_of(capacity), capacity.public_id
    acts: list[Any] = []
    for _ in range(4):
        need, proposal = world.a_need(case).public_id, world.an_allocation(world.a_need(case), capacity)
        acts.append(lambda need=need: services.propose_by_hand(coordinator, need, offered, 1, agreed=True).id)
        acts.append(lambda address=proposal.public_id: services.accept(supplier, address).id)
    assert len(done(at_once(app, acts))) == 8
    assert again(capacity).allocated == 8
    assert services.reconcile() == []


def test_a_visit_recorded_by_four_is_recorded_once(app: Flask) -> None:  # noqa: F811  # the fixture
    caseworker = actor_of(world.a_user(Role.CASEWORKER))
    row = world.an_allocation(world.a_need(quantity=1), state="delivered")
    services.confirm(caseworker, row.public_id)
    visit = db.session.scalars(select(FollowUp)).one().public_id
    acts = [
        lambda: services.record_visit(caseworker, visit, visited_on=today(), outcome="not", open_again=True).outcome
    ] * 4
    assert done(at_once(app, acts)) == ["not"]
    assert again(row).state == "reopened"
    assert services.reconcile() == []


def test_reminders_by_two_workers_are_sent_once(app: Flask) -> None:  # noqa: F811  # the fixture
    volunteer = actor_of(world.a_user(Role.VOLUNTEER))
    for _ in range(3):
        services.claim(volunteer, world.a_wish().public_id)
    db.session.execute(update(Allocation).values(expires_at=now() + timedelta(hours=2)))
    db.session.commit()
    assert sum(at_once(app, [services.remind_claimants] * 4)) == 3


def _use_without_guard(link_id: int, everyone_has_read: threading.Barrier) -> bool:
    """A check-then-act version of using a link: reads that it is unused, and writes when all have read it."""
    unused = db.session.get_one(AnswerLink, link_id).used_at is None
    db.session.rollback()
    everyone_has_read.wait()
    if unused:
        db.session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        db.session.execute(update(AnswerLink).where(AnswerLink.id == link_id).values(used_at=now()))
        db.session.commit()
    return unused


def test_the_race_would_catch_a_link_without_its_guard(app: Flask) -> None:  # noqa: F811  # the fixture
    """Negative control: check-then-act answers as often as it is pressed."""
    proposal = world.an_allocation()
    services.make_link(a_coordinator(), proposal.public_id)
    link_id = db.session.scalars(select(AnswerLink.id)).one()
    gate = threading.Barrier(4)
    assert at_once(app, [lambda: _use_without_guard(link_id, gate)] * 4) == [True] * 4


def _claim_without_lock(user_id: int, wish_id: int, everyone_has_counted: threading.Barrier) -> bool:
    """Counting a guest's or group's claims without holding the row that serialises them."""
    held = db.session.scalar(select(func.count()).where(Allocation.claimant_id == user_id)) or 0
    db.session.rollback()
    everyone_has_counted.wait()
    if held >= services.LIVE_CLAIMS:
        return False
    db.session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
    wish = db.session.get_one(Need, wish_id)
    wish.allocated = 1
    db.session.add(
        Allocation(
            need_id=wish_id, claimant_id=user_id, region=wish.region, wish=True, quantity=1, source="claim",
            state="accepted",
        )
    )  # fmt: skip
    db.session.commit()
    return True


def test_the_race_would_catch_a_limit_without_its_lock(app: Flask) -> None:  # noqa: F811  # the fixture
    """Negative control: eight at once count nothing yet, and hold eight."""
    user, wishes = world.a_user(Role.VOLUNTEER).id, [world.a_wish().id for _ in range(8)]
    gate = threading.Barrier(8)
    acts = [lambda wish=wish: _claim_without_lock(user, wish, gate) for wish in wishes]
    assert at_once(app, acts) == [True] * 8
    assert count(Allocation.claimant_id == user) > services.LIVE_CLAIMS
