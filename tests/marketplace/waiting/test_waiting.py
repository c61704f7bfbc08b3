"""What waits for whom: one's own rows and no others, and the list behind each link holds exactly what is counted."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from marketplace.accounts.services import actor_of
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import ANYONE, Actor, Role
from marketplace.records import now, today
from marketplace.waiting import services
from tests.support import world
from tests.support.held import a_held_need, a_hold, a_release, an_exception

pytestmark = pytest.mark.usefixtures("app")


def counted(actor: Actor) -> dict[str, int]:
    return {entry.code: entry.number for entry in services.waiting(actor)}


def entry(actor: Actor, code: str) -> services.Entry:
    return next(found for found in services.waiting(actor) if found.code == code)


def staff(role: Role, region: str | None = world.DAWUKOU, **values: Any) -> Actor:
    return actor_of(world.a_user(role, region=region, **values))


def days_ago(number: int) -> date:
    return today() - timedelta(days=number)


def a_draft(author: str, **values: Any) -> Need:
    return world.a_need(state="draft", author=author, **values)


def test_an_officer_is_told_of_what_the_region_waits_for() -> None:
    officer = staff(Role.OFFICER)
    for region in (world.DAWUKOU, world.HUINONG):
        world.an_organization(region=region, state="registered")
        world.a_project(world.an_organization(region=region), state="submitted")
        world.a_volunteers_offer(region=region)
        world.an_assessment(region, state="draft")
        world.a_wish(world.a_case(region), state="review", approved_by=None)
    assert counted(officer) == dict.fromkeys(
        ("organizations", "projects", "offers", "assessment_drafts", "wishes"), 1
    )  # the supplier of another county, and its projects, wait for others
    assert counted(staff(Role.OFFICER, "640000")) == dict.fromkeys(
        ("organizations", "projects", "offers", "assessment_drafts", "wishes"), 2
    )


@pytest.mark.parametrize("role", [Role.OFFICER, Role.COORDINATOR, Role.CASEWORKER])
def test_nobody_is_told_to_review_what_they_wrote(role: Role) -> None:
    reviewer = staff(role)
    world.a_wish(state="review", approved_by=None, author=reviewer.key)
    assert "wishes" not in counted(reviewer)
    world.a_wish(state="review", approved_by=None, posted_on=days_ago(9))
    assert (entry(reviewer, "wishes").number, entry(reviewer, "wishes").since) == (1, days_ago(9))


def test_an_own_offer_and_an_own_request_wait_for_somebody_else() -> None:
    user = world.a_user(Role.COORDINATOR, Role.VOLUNTEER, Role.CASEWORKER)
    coordinator = actor_of(user)
    world.a_volunteers_offer(user)
    hold = a_hold()
    an_exception(a_held_need(hold), asked_by=coordinator.key)
    a_release(hold.capacity, asked_by=coordinator.key)
    assert not {"offers", "exceptions", "releases"} & set(counted(coordinator))
    assert counted(staff(Role.COORDINATOR)) == {"offers": 1, "exceptions": 1, "releases": 1}


def test_a_coordinator_is_told_of_requests_and_of_help_whose_supplier_is_gone() -> None:
    coordinator, elsewhere = staff(Role.COORDINATOR), staff(Role.COORDINATOR, world.HUINONG)
    hold = a_hold()
    an_exception(a_held_need(hold))
    a_release(hold.capacity)
    gone = world.a_capacity(world.a_project(world.an_organization(state="suspended")))
    world.an_allocation(None, gone, state="accepted", accepted_at=now() - timedelta(days=4))
    assert counted(coordinator) == {"exceptions": 1, "releases": 1, "handover": 1}
    assert entry(coordinator, "handover").since == days_ago(4)
    assert counted(elsewhere) == {}


def test_a_red_need_is_told_of_after_seven_days_while_nobody_serves_it() -> None:
    officer = staff(Role.OFFICER)
    case = world.a_case()
    red = {"urgency": "red", "quantity": 1}
    world.a_need(case, posted_on=days_ago(8), **red)
    world.a_need(case, posted_on=days_ago(7), **red)  # seven days are not more than seven
    world.a_need(case, posted_on=days_ago(30), urgency="yellow")
    world.a_need(case, posted_on=days_ago(30), state="closed", closing="withdrawn", **red)
    world.an_allocation(world.a_need(case, posted_on=days_ago(30), **red), state="accepted", accepted_at=now())
    assert (entry(officer, "urgent_needs").number, entry(officer, "urgent_needs").since) == (1, days_ago(8))
    assert "urgent_needs" not in counted(staff(Role.OFFICER, world.HUINONG))
    assert "urgent_needs" not in counted(staff(Role.AUDITOR, None))


def test_a_failed_run_waits_until_a_later_one_of_its_scope_is_done() -> None:
    coordinator = staff(Role.COORDINATOR)
    alliance = world.an_alliance()
    world.a_run(state="failed", failure="lost")
    world.a_run(state="failed", trial=True)
    world.a_run(state="failed", case_id=world.a_case(restricted=True).id)
    world.a_run(world.HUINONG, state="failed")
    world.a_run(alliance_id=alliance.id)  # of another scope
    assert counted(coordinator) == {"failed_runs": 1}
    world.a_run(trial=True)
    assert counted(coordinator) == {"failed_runs": 1}
    world.a_run()
    assert counted(coordinator) == {}


def test_assessments_wait_for_a_signature_and_before_they_end() -> None:
    officer = staff(Role.OFFICER)
    world.an_assessment(world.DAWUKOU, state="draft", valid_until=days_ago(1))  # can be signed no more
    world.an_assessment(world.DAWUKOU, valid_until=world.in_days(30))
    world.an_assessment(world.DAWUKOU, channel="sources", valid_until=world.in_days(31))
    world.an_assessment(world.HUINONG, valid_until=days_ago(1))
    found = entry(officer, "assessment_reviews")
    assert (found.number, found.until, found.overdue) == (1, world.in_days(30), False)
    assert counted(staff(Role.COORDINATOR)) == {}  # who reads assessments does not sign them
    assert entry(staff(Role.OFFICER, world.HUINONG), "assessment_reviews").overdue


def test_a_member_is_told_of_proposals_deliveries_and_unconfirmed_capacity() -> None:
    organization, other = world.an_organization(), world.an_organization()
    capacity, foreign = (
        world.a_capacity(world.a_project(of), confirmed_on=days_ago(40)) for of in (organization, other)
    )
    member = actor_of(world.a_user(region=None, organization=organization, position="staff"))
    soon, later = now() + timedelta(days=1), now() + timedelta(days=3)
    world.an_allocation(None, capacity, expires_at=later)
    world.an_allocation(None, capacity, expires_at=soon)
    world.an_allocation(world.a_need(share_consent_on=None), capacity)  # nobody can accept it
    world.an_allocation(None, foreign, expires_at=now())
    world.an_allocation(None, capacity, state="delivering", due_on=days_ago(1))
    world.an_allocation(None, capacity, state="accepted", accepted_at=now())
    world.an_allocation(None, capacity, state="delivered", delivered_at=now())
    world.an_allocation(None, foreign, state="delivering", due_on=days_ago(9))
    assert counted(member) == {"answers": 2, "deliveries": 2, "capacity": 1}
    assert (entry(member, "answers").until, entry(member, "answers").overdue) == (soon, False)
    assert (entry(member, "deliveries").until, entry(member, "deliveries").overdue) == (days_ago(1), True)
    unconfirmed = entry(member, "capacity")
    assert (unconfirmed.organization, unconfirmed.since) == (organization, days_ago(40))


def test_a_member_of_two_organizations_has_a_line_for_each() -> None:
    user = world.a_user(region=None, organization=world.an_organization(name="甲"))
    second = world.an_organization(name="乙")
    db.session.add(world.Membership(user_id=user.id, organization_id=second.id, position="manager"))
    db.session.commit()
    db.session.refresh(user)
    for membership in user.memberships:
        organization = db.session.get(world.Organization, membership.organization_id)
        world.a_capacity(world.a_project(organization), confirmed_on=None)
    found = services.waiting(actor_of(user))
    assert [(one.code, one.number, one.since) for one in found] == [("capacity", 1, None)] * 2
    assert {one.organization.name for one in found if one.organization} == {"甲", "乙"}


def test_a_caseworker_is_told_of_deliveries_visits_own_drafts_and_missing_consents() -> None:
    caseworker, elsewhere = staff(Role.CASEWORKER), staff(Role.CASEWORKER, world.HUINONG)
    capacity = world.a_capacity()
    world.an_allocation(None, capacity, state="delivered", delivered_at=now() - timedelta(days=2))
    confirmed = world.an_allocation(None, capacity, state="confirmed")
    world.a_visit(confirmed, due_on=days_ago(3))
    world.a_visit(confirmed, due_on=world.in_days(1))
    a_draft(caseworker.key)
    a_draft(caseworker.key, review_note="请写明尺码")
    a_draft("user:0")
    world.a_need(share_consent_on=None, posted_on=days_ago(5))
    world.a_need(share_consent_on=None, state="closed", closing="withdrawn")
    assert counted(caseworker) == dict.fromkeys(("confirmations", "visits", "drafts", "sent_back", "consents"), 1)
    assert (entry(caseworker, "visits").until, entry(caseworker, "visits").overdue) == (days_ago(3), True)
    assert entry(caseworker, "consents").since == days_ago(5)
    assert counted(elsewhere) == {}


def test_a_draft_that_was_put_away_waits_no_more() -> None:
    caseworker = staff(Role.CASEWORKER)
    a_draft(caseworker.key, discarded_at=now())
    assert counted(caseworker) == {}


def test_whoever_gave_the_help_is_not_asked_to_confirm_it() -> None:
    organization = world.an_organization()
    user = world.a_user(Role.CASEWORKER, organization=organization)
    capacity = world.a_capacity(world.a_project(organization))
    world.an_allocation(None, capacity, state="delivered", delivered_at=now())
    claim = {"state": "delivered", "delivered_at": now()}
    world.an_allocation(world.a_wish(), None, claimant_id=user.id, **claim)
    assert "confirmations" not in counted(actor_of(user))
    world.an_allocation(world.a_wish(), None, claimant_id=world.a_user(Role.VOLUNTEER).id, **claim)
    assert counted(actor_of(user))["confirmations"] == 1
    assert counted(staff(Role.CASEWORKER))["confirmations"] == 3


def test_needs_of_restricted_cases_are_counted_for_nobody() -> None:
    case = world.a_case(restricted=True)
    world.a_need(case, urgency="red", posted_on=days_ago(30), share_consent_on=None)
    world.an_allocation(world.a_need(case))
    world.a_wish(case, state="review", approved_by=None)
    for role in (Role.OFFICER, Role.COORDINATOR, Role.CASEWORKER):
        assert counted(staff(role)) == {}


def test_a_volunteer_is_told_of_live_claims_with_their_end_and_of_photos() -> None:
    user, other = (world.a_user(Role.VOLUNTEER, region=None) for _ in range(2))
    volunteer = actor_of(user)
    end = now() + timedelta(hours=5)

    def claim(claimant: Any, **values: Any) -> Allocation:
        return world.an_allocation(world.a_wish(), None, claimant_id=claimant.id, **values)

    claim(user, state="accepted", expires_at=end)
    claim(user, state="delivering", due_on=world.in_days(2))
    shown = claim(user, state="delivered", delivered_at=now())
    claim(user, state="confirmed")
    claim(other, state="accepted", expires_at=now())
    assert counted(volunteer) == {"claims_held": 1, "claims_due": 1, "photos": 1}
    assert (entry(volunteer, "claims_held").until, entry(volunteer, "claims_due").until) == (end, world.in_days(2))
    world.a_photo(shown)
    assert counted(volunteer) == {"claims_held": 1, "claims_due": 1}


def test_a_volunteer_answers_proposals_for_an_own_offer() -> None:
    user = world.a_user(Role.VOLUNTEER, region=None)
    offer = world.a_volunteers_offer(user, state="offered", reviewed_by="user:1")
    world.an_allocation(None, offer, claimant_id=user.id, state="proposed", source="run")
    world.an_allocation(None, offer, claimant_id=user.id, state="delivering", source="run", due_on=today())
    assert counted(actor_of(user)) == {"answers": 1, "deliveries": 1}
    assert counted(staff(Role.VOLUNTEER, None)) == {}


def test_an_administrator_is_told_of_colleagues_who_have_not_signed_in() -> None:
    administrator = staff(Role.ADMINISTRATOR, None)
    link = {"purpose": "password", "expires_at": now()}
    invited, joined, disabled = (world.a_user(Role.OFFICER) for _ in range(3))
    world.save(*(world.AccessLink(user_id=user.id, **link) for user in (invited, joined, disabled)))
    joined.signed_in_at, disabled.active = now(), False
    forgetful = world.a_user(Role.VOLUNTEER)
    world.save(world.AccessLink(user_id=forgetful.id, **link))
    assert counted(administrator) == {"invited": 1}
    assert entry(administrator, "invited").since == today()


def test_nothing_can_wait_for_the_public_nor_for_an_auditor() -> None:
    auditor = staff(Role.AUDITOR, None)
    world.a_run(state="failed")
    world.an_organization(state="registered")
    for actor in (ANYONE, auditor):
        assert not services.could_wait(actor)
        assert services.waiting(actor) == []
    for role in (Role.VOLUNTEER, Role.CASEWORKER, Role.COORDINATOR, Role.OFFICER, Role.ADMINISTRATOR):
        assert services.could_wait(staff(role))
    assert services.could_wait(actor_of(world.a_user(region=None, organization=world.an_organization())))


def test_counting_ends_where_the_lists_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST", 2)
    caseworker = staff(Role.CASEWORKER)
    for age in (3, 5, 9):
        a_draft(caseworker.key, posted_on=days_ago(age))
    assert (entry(caseworker, "drafts").number, entry(caseworker, "drafts").since) == (2, days_ago(9))


def test_the_moments_are_the_same_after_a_change() -> None:
    """A draft that is sent waits for somebody else from then on."""
    caseworker, colleague = staff(Role.CASEWORKER), staff(Role.CASEWORKER)
    draft = a_draft(caseworker.key, kind="micro_wish", quantity=1)
    assert (counted(caseworker), counted(colleague)) == ({"drafts": 1}, {})
    db.session.execute(update(Need).where(Need.id == draft.id).values(state="review"))
    assert (counted(caseworker), counted(colleague)) == ({}, {"wishes": 1})
