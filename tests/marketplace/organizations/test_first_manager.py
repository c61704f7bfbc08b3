"""The first manager of an organization that nobody answers for, invited by those who verify it."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from marketplace import audit
from marketplace.accounts import services as accounts
from marketplace.accounts.models import AccessLink, User
from marketplace.errors import AccessDenied, InvalidInput, LimitReached, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations import services
from marketplace.organizations.models import Organization
from marketplace.organizations.services.members import MOST_INVITATIONS
from marketplace.permissions import Actor, Role
from marketplace.projects.models import Capacity
from marketplace.records import today
from tests.support import world
from tests.support.client import Browser

PASSWORD = "a sentence is easy to keep"
NEW = {"name": "新负责人", "password": PASSWORD, "repeat": PASSWORD, "undertaking": "y"}


def address(token: str) -> str:
    return f"http://bangnin.example/organizations/join/{token}"


def actor_of(user: User) -> Actor:
    db.session.rollback()
    db.session.expire_all()
    return accounts.actor_of(db.session.get_one(User, user.id))


def officer(region: str = world.DAWUKOU, **values: object) -> Actor:
    return actor_of(world.a_user(Role.OFFICER, region=region, **values))  # type: ignore[arg-type]


def invited(actor: Actor, organization: Organization, email: str = "first@example.org") -> accounts.Sent:
    return services.invite_first_manager(actor, organization.public_id, email, address)


def disable(user: User) -> None:
    db.session.execute(update(User).where(User.id == user.id).values(active=False))
    db.session.commit()


def actions(organization: Organization) -> list[tuple[str, int | None, str | None]]:
    return [(event.action, event.actor_id, event.after) for event in audit.history("organization", organization.id)]


def test_an_officer_of_the_region_invites_the_first_manager(app: Flask) -> None:
    organization = world.an_organization()
    actor = officer()
    sent = invited(actor, organization)
    assert (sent.link.position, sent.link.organization_id, sent.mailed) == ("manager", organization.id, False)
    assert actions(organization) == [("organization:manager_invited", actor.user_id, "manager")]
    (told,) = services.history(actor_of(world.a_user(Role.AUDITOR)), organization)
    assert told.title == "已邀请首位负责人"


def test_those_of_another_region_and_those_who_verify_nothing_may_not(app: Flask) -> None:
    organization = world.an_organization()
    invitation = world.an_invitation(organization)
    for actor in (officer(world.HUINONG), actor_of(world.a_user(Role.COORDINATOR)), actor_of(world.a_user())):
        with pytest.raises(NotFound):
            invited(actor, organization)
        with pytest.raises(NotFound):
            services.take_back_first_invitation(actor, organization.public_id, invitation.public_id)
        assert services.awaited_managers(actor, organization) is None
    assert actions(organization) == []


def test_who_has_a_manager_invites_for_themselves(app: Flask) -> None:
    organization = world.an_organization()
    actor = officer()
    manager = world.a_user(organization=organization)
    invitation = world.an_invitation(organization)
    with pytest.raises(StateConflict) as refused:
        invited(actor, organization)
    assert "请联系负责人" in str(refused.value.message)
    with pytest.raises(StateConflict):
        services.take_back_first_invitation(actor, organization.public_id, invitation.public_id)
    assert services.awaited_managers(actor, organization) is None
    disable(manager)  # an account that ended answers for nothing
    assert services.awaited_managers(actor, organization) == [invitation]
    assert invited(actor, organization).link.position == "manager"


def test_staff_alone_are_no_manager_and_become_one_by_the_link(app: Flask) -> None:
    organization = world.an_organization()
    staff = world.a_user(organization=organization, position="staff")
    sent = invited(officer(), organization)
    services.accept_invitation(actor_of(staff), sent.address.rsplit("/", 1)[1])
    assert actor_of(staff).managed_ids == {organization.id}
    assert [event.action for event in audit.history("user", staff.id)] == ["membership:changed"]


def test_one_address_has_one_invitation_and_few_wait(app: Flask) -> None:
    organization = world.an_organization()
    actor = officer()
    first = invited(actor, organization)
    with pytest.raises(InvalidInput) as refused:
        invited(actor, organization, "FIRST@example.org")
    assert "email" in refused.value.fields
    for _more in range(MOST_INVITATIONS - 1):
        world.an_invitation(organization)
    with pytest.raises(LimitReached):
        invited(actor, organization, "second@example.org")
    services.take_back_first_invitation(actor, organization.public_id, first.link.public_id)
    waiting = services.awaited_managers(actor, organization) or []
    assert (len(waiting), first.link in waiting) == (MOST_INVITATIONS - 1, False)
    assert actions(organization)[-1][0] == "organization:invitation_revoked"
    with pytest.raises(StateConflict):
        services.take_back_first_invitation(actor, organization.public_id, first.link.public_id)
    assert invited(actor, organization).link.id != first.link.id


def test_an_invitation_of_another_organization_is_not_taken_back(app: Flask) -> None:
    elsewhere = world.an_invitation(world.an_organization(region=world.HUINONG))
    with pytest.raises(NotFound):
        services.take_back_first_invitation(officer(), world.an_organization().public_id, elsewhere.public_id)
    assert elsewhere.revoked_at is None


def test_a_suspended_organization_takes_nobody_but_invitations_come_back(app: Flask) -> None:
    for state in ("suspended", "refused"):
        organization = world.an_organization(state=state, refusal_reason="年检未过")
        invitation = world.an_invitation(organization, position="manager")
        actor = officer()
        with pytest.raises(StateConflict):
            invited(actor, organization)
        services.take_back_first_invitation(actor, organization.public_id, invitation.public_id)
        assert services.awaited_managers(actor, organization) == []


def test_whoever_verifies_does_not_become_its_manager(app: Flask) -> None:
    organization = world.an_organization()
    actor = officer(email="officer@example.org")
    with pytest.raises(InvalidInput) as refused:
        invited(actor, organization, " Officer@EXAMPLE.org")
    assert "email" in refused.value.fields
    token = invited(actor, organization).address.rsplit("/", 1)[1]
    with pytest.raises(AccessDenied):  # where no mail is set up they hold the link themselves
        services.accept_invitation(actor, token)
    assert services.invitation(token)[1].id == organization.id  # it still works for whom it is for
    member = actor_of(world.a_user(Role.OFFICER, organization=organization, position="staff"))
    with pytest.raises(AccessDenied):
        invited(member, organization, "second@example.org")
    assert services.awaited_managers(member, organization) is None


def test_the_list_without_a_manager(app: Flask) -> None:
    for state in ("registered", "verified", "suspended", "refused"):
        world.an_organization(name=state, state=state, refusal_reason="年检未过")
    world.an_organization(name="elsewhere", region=world.HUINONG)
    world.a_user(organization=world.an_organization(name="managed"))
    world.a_user(organization=world.an_organization(name="staffed"), position="staff")
    gone = world.a_user(organization=world.an_organization(name="left"))
    disable(gone)
    found = services.listing(officer(), services.Filters(tab="unmanaged"))
    assert {row.name for row in found.items} == {"registered", "verified", "staffed", "left"}
    assert "unmanaged" not in services.tabs(actor_of(world.a_user(Role.COORDINATOR)))


def test_from_the_panel_to_managing(app: Flask, client: Browser, new_client: Callable[[], Browser]) -> None:
    organization = world.an_organization(name="导入的慈善会", imported=True)
    capacity = world.a_capacity(world.a_project(organization), confirmed_on=today() - timedelta(days=60))
    page = f"/organizations/{organization.public_id}"
    client.sign_in(world.a_user(Role.OFFICER, email="officer@example.org"))
    assert page in client.get("/organizations?tab=unmanaged").get_data(as_text=True)
    assert f"{page}/first-manager" in client.get(page).get_data(as_text=True)
    for email in ("", "no address", "officer@example.org"):
        refused = client.submit(f"{page}/first-manager", {"email": email})
        assert (refused.status_code, 'id="email-error"' in refused.get_data(as_text=True)) == (422, True), email
    shown = client.submit(f"{page}/first-manager", {"email": "first@example.org"}).get_data(as_text=True)
    path = re.search(r'value="[^"]*(/organizations/join/[^"]+)"', shown)
    assert path is not None
    again = client.get(page).get_data(as_text=True)
    assert ("/organizations/join/" in again, "f***@example.org" in again) == (False, True)
    assert "first@example.org" not in again
    assert client.submit(path[1]).status_code == 403

    manager = new_client()
    assert "导入的慈善会" in manager.get(path[1]).get_data(as_text=True)
    assert manager.submit(path[1].replace("/organizations/", "/account/"), NEW).status_code == 303
    assert manager.submit(f"{page}/capacity/confirm").status_code == 303
    db.session.rollback()
    assert db.session.get_one(Capacity, capacity.id, populate_existing=True).confirmed_on == today()
    colleague = {"email": "second@example.org", "position": "staff"}
    assert manager.submit(f"{page}/members/invite", colleague).status_code == 200

    assert "first-manager" not in client.get(page).get_data(as_text=True)
    assert page not in client.get("/organizations?tab=unmanaged").get_data(as_text=True)
    assert client.submit(f"{page}/first-manager", {"email": "third@example.org"}).status_code == 409


def test_the_panel_takes_an_invitation_back(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    page = f"/organizations/{organization.public_id}"
    client.sign_in(world.a_user(Role.OFFICER))
    client.submit(f"{page}/first-manager", {"email": "first@example.org"})
    link = db.session.query(AccessLink).one()
    revoke = f"{page}/first-manager/{link.public_id}/revoke"
    assert revoke in client.get(page).get_data(as_text=True)
    assert client.submit(revoke).status_code == 303
    assert revoke not in client.get(page).get_data(as_text=True)
    for reader in (world.a_user(Role.COORDINATOR), world.a_user(Role.VOLUNTEER, region=None)):
        client.sign_in(reader)
        assert "first-manager" not in client.get(page).get_data(as_text=True)
        assert client.submit(f"{page}/first-manager", {"email": "x@example.org"}).status_code == 403
