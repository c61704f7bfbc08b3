"""A household that moves to another county takes along what it still needs."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.cases import services as cases
from marketplace.cases.models import Case
from marketplace.errors import NotFound, StateConflict
from marketplace.extensions import db
from marketplace.needs import services
from marketplace.notifications.models import Notification
from marketplace.permissions import Actor, Role
from tests.marketplace.needs.people import an_entry, staff
from tests.support.world import (
    DAWUKOU,
    HUINONG,
    XINGQING,
    a_capacity,
    a_case,
    a_case_proposal,
    a_need,
    a_team_member,
    a_user,
    a_wish,
    an_allocation,
)

pytestmark = [pytest.mark.usefixtures("english"), pytest.mark.both_databases]
PREFECTURE = "640200"


def move_to(case: Case, region: str) -> None:
    cases.edit_case(staff(region=PREFECTURE), case.public_id, cases.CaseEntry(region), case.version)


def test_what_waits_goes_along_and_what_is_closed_stays(app: Flask) -> None:
    case = a_case()
    need, wish = a_need(case, latitude=39.02, longitude=106.37), a_wish(case)
    draft = services.save_draft(staff(), an_entry(category="S0301"), case.public_id)
    closed, elsewhere = a_need(case, state="closed", closing="fulfilled"), a_need(case, region=XINGQING)
    move_to(case, HUINONG)
    assert {row.region for row in (need, wish, draft)} == {HUINONG}
    assert (need.latitude, closed.region, elsewhere.region) == (None, DAWUKOU, XINGQING)
    moved = audit.history("need", need.id)[-1]
    assert (moved.action, moved.chain, moved.reason) == ("need:moved", HUINONG, f"from {DAWUKOU}")
    assert audit.verify() == []


def test_help_under_way_goes_along_and_what_suppliers_were_asked_ends(app: Flask) -> None:
    case = a_case()
    author, old, new = a_user(Role.CASEWORKER), a_user(Role.COORDINATOR), a_user(Role.COORDINATOR, region=HUINONG)
    capacity = a_capacity()
    supplier = a_user(Role.CHARITY, organization=capacity.organization)
    need = a_need(case, author=f"user:{author.id}", quantity=4)
    accepted, asked = an_allocation(need, capacity, state="accepted"), an_allocation(need, a_capacity())
    closed = an_allocation(a_need(case, state="closed", closing="fulfilled"), capacity, state="confirmed")
    token, _sent = allocations.make_link(actor_of(old), asked.public_id)
    move_to(case, HUINONG)
    for row in (accepted, asked, closed):
        db.session.refresh(row)
    assert (accepted.region, accepted.state, accepted.quantity) == (HUINONG, "accepted", 1)
    assert (asked.state, closed.region, need.region) == ("superseded", DAWUKOU, HUINONG)
    with pytest.raises(NotFound):
        allocations.find(actor_of(old), accepted.public_id)
    with pytest.raises(NotFound):
        cases.load_case(actor_of(author), case.public_id)
    assert allocations.find(actor_of(new), accepted.public_id).id == accepted.id
    assert cases.load_case(staff(region=HUINONG), case.public_id).id == case.id
    assert allocations.question(token).state == "over"
    told = {tuple(row) for row in db.session.execute(select(Notification.user_id, Notification.event))}
    assert told == {
        (author.id, "allocation:moved"), (supplier.id, "allocation:moved"), (new.id, "allocation:moved"),
        (old.id, "allocation:moved_away"),
    }  # fmt: skip
    event = audit.history("allocation", accepted.id)[-1]
    assert (event.action, event.chain, event.reason) == ("allocation:moved", HUINONG, f"from {DAWUKOU}")
    assert (allocations.reconcile(), audit.verify()) == ([], [])


def test_the_team_of_the_old_county_leaves_a_restricted_case_that_moves(app: Flask) -> None:
    case = a_case(restricted=True)
    lead, officer = a_team_member(case, position="social_worker").user, a_user(Role.OFFICER, region=PREFECTURE)
    a_team_member(case, officer, "officer")
    helper = a_team_member(case).user
    proposal = a_case_proposal(a_need(case), a_capacity())
    mover = actor_of_prefecture(case)
    cases.edit_case(mover, case.public_id, cases.CaseEntry(HUINONG), case.version)
    db.session.expire_all()
    assert {member.user_id for member in case.team} == {officer.id, helper.id, mover.user_id}
    assert proposal.state == "superseded"
    with pytest.raises(NotFound):
        cases.load_case(actor_of(lead), case.public_id)
    assert cases.load_case(staff(region=HUINONG), case.public_id).id == case.id  # a lead is free: to be taken on


def actor_of_prefecture(case: Case) -> Actor:
    """A caseworker of the prefecture on the team of a case."""
    return actor_of(a_team_member(case, a_user(Role.CASEWORKER, region=PREFECTURE)).user)


def test_an_edit_that_moves_nobody_touches_no_need(app: Flask) -> None:
    case = a_case()
    need = a_need(case)
    services.take(need.id, 1)
    version = need.version
    move_to(case, DAWUKOU)
    assert need.version == version


def test_a_need_taken_while_its_household_moves_is_in_one_county_with_its_counter(app: Flask) -> None:
    case, actor = a_case(), staff(region=PREFECTURE)
    need = a_need(case, quantity=1)
    case_id, need_id, version = case.public_id, need.id, case.version
    db.session.rollback()

    def move() -> bool:
        with app.app_context():
            cases.edit_case(actor, case_id, cases.CaseEntry(HUINONG), version)
            return True

    def take() -> bool:
        with app.app_context():
            try:
                services.take(need_id, 1)
            except StateConflict:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        moved, taken = pool.submit(move), pool.submit(take)
    assert (moved.result(), taken.result()) == (True, True)
    db.session.expire_all()
    assert (need.region, case.region, need.allocated) == (HUINONG, HUINONG, 1)
