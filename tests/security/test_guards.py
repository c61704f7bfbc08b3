"""One test for each guard that nothing else holds: break the guard, and its test fails.

What is tried here is what a signed-in person could send by hand; the pages offer none of it.
"""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import privacy, signing
from marketplace.accounts import services as accounts
from marketplace.accounts.models import Membership, User
from marketplace.allocations.models import Allocation, AnswerLink
from marketplace.allocations.services import claim_together
from marketplace.cases.models import TEAM_LEADS
from marketplace.errors import AccessDenied
from marketplace.extensions import db
from marketplace.matches.services.settings import check_region
from marketplace.organizations.models import Organization
from marketplace.permissions import Permission, Role, may_reach
from marketplace.records import now, today
from tests.support.canary import CanaryWatch
from tests.support.client import Browser
from tests.support.world import (
    DAWUKOU,
    HUINONG,
    a_capacity,
    a_case,
    a_document,
    a_need,
    a_photo,
    a_project,
    a_team_member,
    a_user,
    a_wish,
    an_allocation,
    an_organization,
    in_days,
    save,
)


def _state(row: Any) -> str:
    state: str = db.session.get_one(type(row), row.id, populate_existing=True).state
    db.session.rollback()
    return state


@pytest.fixture
def both(app: Flask) -> tuple[User, Organization, Organization]:
    """Somebody who manages one organization and is staff of another."""
    managed, served = an_organization(), an_organization()
    person = a_user(organization=managed)
    save(Membership(user_id=person.id, organization_id=served.id, position="staff"))
    db.session.refresh(person)
    return person, managed, served


def test_a_manager_of_one_organization_manages_no_other(
    client: Browser, both: tuple[User, Organization, Organization]
) -> None:
    person, managed, served = both
    actor = accounts.actor_of(person)
    assert may_reach(actor, Permission.ORGANIZATION_EDIT, managed)
    assert not may_reach(actor, Permission.ORGANIZATION_EDIT, served)
    project = a_project(served)
    client.sign_in(person)
    assert client.get(f"/organizations/{managed.public_id}/edit").status_code == 200
    for address in (f"/organizations/{served.public_id}/edit", f"/projects/{project.public_id}/edit"):
        assert client.get(address).status_code == 404, address
    assert (
        client.submit(
            f"/organizations/{served.public_id}/members/invite", {"email": "a@b.example", "position": "staff"}
        ).status_code
        == 404
    )


def test_staff_claim_no_wish_for_their_organization(
    client: Browser, both: tuple[User, Organization, Organization]
) -> None:
    person, managed, served = both
    wish, another = a_wish(), a_wish()
    client.sign_in(person)
    form = {"organization": served.public_id, "wish": wish.public_id}
    assert client.submit("/collection-days", form).status_code in (403, 422)
    with pytest.raises(AccessDenied):  # whatever a form offers
        claim_together(accounts.actor_of(person), served.public_id, [wish.public_id])
    assert db.session.scalar(select(Allocation)) is None
    form = {"organization": managed.public_id, "wish": another.public_id}
    assert client.submit("/collection-days", form).status_code == 303


@pytest.mark.parametrize("role", [Role.CASEWORKER, Role.COORDINATOR, Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR])
def test_needs_and_help_of_a_restricted_case_open_for_its_team_alone(client: Browser, role: Role) -> None:
    case = a_case(restricted=True)
    need = a_need(case)
    helped = an_allocation(a_need(case), a_capacity(), state="accepted")
    for position in TEAM_LEADS:
        a_team_member(case, position=position)
    pages = [f"/needs/{need.public_id}", f"/allocations/{helped.public_id}"]
    member = a_user(role)
    for person, status in ((a_user(role), 404), (member, 200)):
        if person is member:
            a_team_member(case, member)
        client.sign_in(person)
        assert [client.get(page).status_code for page in pages] == [status, status], role


def test_a_token_for_another_purpose_opens_nothing(client: Browser) -> None:
    """Though what it names is there, and lives."""
    proposal = an_allocation()
    link: Any = save(AnswerLink(allocation_id=proposal.id, expires_at=now() + (in_days(3) - today())))
    for purpose in ("guest.claim", "account.password", "allocation.answers", ""):
        token = signing.sign(purpose, link.public_id)
        assert client.get(f"/answers/{token}").status_code == 404, purpose
        assert client.submit(f"/answers/{token}/accept").status_code == 404, purpose
    assert _state(proposal) == "proposed"
    assert client.get(f"/answers/{signing.sign('allocation.answer', link.public_id)}").status_code == 200


def test_a_photo_opens_with_its_own_allocation_alone(client: Browser) -> None:
    capacity = a_capacity()
    own = an_allocation(a_need(), capacity, state="accepted")
    photo, foreign = a_photo(own), a_photo(an_allocation(state="accepted"))
    client.sign_in(a_user(organization=capacity.organization))
    folder = f"/allocations/{own.public_id}/evidence"
    assert client.get(f"{folder}/{photo.public_id}").status_code == 200
    assert client.get(f"{folder}/{foreign.public_id}").status_code == 404


def test_a_document_and_a_member_are_reached_through_their_own_organization_alone(client: Browser) -> None:
    own, other = an_organization(), an_organization()
    document, foreign = a_document(own), a_document(other)
    member = a_user(organization=other)
    save(Membership(user_id=a_user().id, organization_id=other.id, position="manager"))
    client.sign_in(a_user(organization=own))
    folder = f"/organizations/{own.public_id}"
    assert client.get(f"{folder}/documents/{document.public_id}").status_code == 200
    assert client.get(f"{folder}/documents/{foreign.public_id}").status_code == 404
    for action in ("remove", "place"):
        answer = client.submit(f"{folder}/members/{member.public_id}/{action}", {"position": "staff"})
        assert answer.status_code == 404, action
    positions = select(Membership.position).where(Membership.user_id == member.id)
    assert db.session.scalars(positions).all() == ["manager"]


def test_a_consent_and_a_teammate_are_reached_through_their_own_case_alone(client: Browser) -> None:
    own, other = a_case(), a_case(HUINONG)
    consent, teammate = other.consents[0], a_team_member(other)
    client.sign_in(a_user(Role.CASEWORKER, Role.OFFICER))
    for address in (f"consents/{consent.public_id}/withdraw", f"team/{teammate.public_id}/remove"):
        assert client.submit(f"/cases/{own.public_id}/{address}").status_code == 404, address
    db.session.refresh(consent)
    assert consent.withdrawn_on is None


def test_nobody_judges_what_is_their_own(client: Browser) -> None:
    """Four eyes: the author of a wish, an officer's own organization, whoever gave the help, one's own rights."""
    organization = an_organization(state="registered")
    supplier = an_organization()
    judge = a_user(Role.CASEWORKER, Role.OFFICER, organization=organization)
    save(Membership(user_id=judge.id, organization_id=supplier.id, position="staff"))
    wish = a_wish(state="review", approved_by=None, author=f"user:{judge.id}")
    given = an_allocation(a_need(), a_capacity(a_project(supplier)), state="delivered")
    client.sign_in(judge)
    assert client.submit(f"/needs/{wish.public_id}/approve", {"judged": "y"}).status_code in (303, 409)
    verify = client.submit(f"/organizations/{organization.public_id}/verify", {"version": organization.version})
    assert verify.status_code == 403
    assert client.submit(f"/allocations/{given.public_id}/confirm").status_code == 403
    assert (_state(wish), _state(organization), _state(given)) == ("review", "registered", "delivered")
    administrator = a_user(Role.ADMINISTRATOR)
    a_user(Role.ADMINISTRATOR)
    client.sign_in(administrator)
    form = {"roles": ["administrator", "officer"], "region": DAWUKOU, "version": administrator.version}
    for action in ("", "/disable"):
        assert client.submit(f"/account/staff/{administrator.public_id}{action}", form).status_code == 403, action
    db.session.refresh(administrator)
    assert [row.name for row in administrator.roles] == ["administrator"]
    assert administrator.active


def test_a_copied_cookie_ends_with_the_session_it_was_copied_from(client: Browser, new_client: type[Browser]) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    with client.session_transaction() as session:
        copied = dict(session)
    thief = new_client()
    with thief.session_transaction() as session:
        session.update(copied)
    assert thief.get("/cases").status_code == 200
    client.submit("/account/logout")
    assert thief.get("/cases").location.startswith("/account/login")


@pytest.mark.parametrize(
    ("state", "shared", "status"),
    [("accepted", True, 200), ("delivered", True, 409), ("confirmed", True, 409), ("accepted", False, 409)],
)
def test_contacts_are_open_for_the_step_and_while_the_consent_lives(
    client: Browser, canary: CanaryWatch, state: str, shared: bool, status: int
) -> None:
    canary.allow("allocations.reveal")
    capacity = a_capacity()
    case = a_case()
    allocation = an_allocation(a_need(case), capacity, state=state)
    if not shared:
        case.consents[0].withdrawn_on = today()
        db.session.commit()
    client.sign_in(a_user(organization=capacity.organization))
    answer = client.submit(f"/allocations/{allocation.public_id}/reveal", {"reason": "deliver"})
    assert answer.status_code == status


def test_masks_leave_what_tells_nobody() -> None:
    assert privacy.mask_phone("13800138000") == "138****8000"
    assert privacy.mask_id_number("640202199001011234") == "640***********1234"
    assert privacy.mask_name("金阿依莎") == "金**"
    assert privacy.mask_email("somebody@example.org") == "s***@example.org"
    assert privacy.mask_all("任何") == "******"


def test_a_county_ends_where_the_next_one_begins(app: Flask) -> None:
    """Also of the same prefecture, for buttons as for rows, and for runs whatever a form offers."""
    coordinator = accounts.actor_of(a_user(Role.COORDINATOR))
    need, other = a_need(), a_need(a_case(HUINONG))
    assert may_reach(coordinator, Permission.NEED_REVIEW, need)
    assert not may_reach(coordinator, Permission.NEED_REVIEW, other)
    check_region(coordinator, DAWUKOU)
    for region in (HUINONG, "640200", "640000"):
        with pytest.raises(AccessDenied):
            check_region(coordinator, region)
