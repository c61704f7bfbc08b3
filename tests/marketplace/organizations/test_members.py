"""Members of an organization: managers and staff, invitations, and the manager who always stays."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from marketplace import audit
from marketplace.accounts import services as accounts
from marketplace.accounts.models import AccessLink, User
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations import services
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission, Role, may_reach
from marketplace.records import now
from tests.support import world
from tests.support.client import Browser

PASSWORD = "a sentence is easy to keep"


def address(token: str) -> str:
    return f"http://bangnin.example/organizations/join/{token}"


def actor_of(user: User) -> Actor:
    db.session.rollback()
    db.session.expire_all()
    return accounts.actor_of(db.session.get_one(User, user.id))


def member(organization: Organization, position: str) -> User:
    return world.a_user(organization=organization, position=position)


def invited(organization: Organization, position: str = "staff") -> str:
    """Path of an invitation's link."""
    manager = actor_of(member(organization, "manager"))
    sent = services.invite_member(manager, organization.public_id, "new@example.org", position, address)
    assert not sent.mailed
    return sent.address.removeprefix("http://bangnin.example")


def test_managers_and_staff_hold_different_rights(app: Flask) -> None:
    organization = world.an_organization()
    project = world.a_project(organization)
    manager, staff = (actor_of(member(organization, position)) for position in ("manager", "staff"))
    both = (Permission.ALLOCATION_ANSWER, Permission.ALLOCATION_DELIVER)
    for permission in both:
        assert manager.may(permission)
        assert staff.may(permission)
    for row, permission in (
        (organization, Permission.ORGANIZATION_EDIT),
        (organization, Permission.MEMBER_MANAGE),
        (project, Permission.PROJECT_EDIT),
    ):
        assert may_reach(manager, permission, row)
        assert not may_reach(staff, permission, row)
    assert Role.CHARITY_MANAGER not in staff.roles


def test_staff_read_their_waiting_organization_and_change_nothing(app: Flask, client: Browser) -> None:
    organization = world.an_organization(state="registered")
    draft = world.a_project(organization, state="draft")
    client.sign_in(member(organization, "staff"))
    page = f"/organizations/{organization.public_id}"
    assert client.get(page).status_code == 200
    assert client.get(f"/projects/{draft.public_id}").status_code == 200
    assert client.get(f"{page}/members").status_code == 200
    assert client.get(f"{page}/edit").status_code == 403
    assert client.submit(f"{page}/members/invite", {"email": "x@example.org", "position": "staff"}).status_code == 403


def test_somebody_without_an_account_accepts_an_invitation(app: Flask, client: Browser) -> None:
    organization = world.an_organization(name="助老协会")
    path = invited(organization)
    page = client.get(path).get_data(as_text=True)
    assert "助老协会" in page
    assert client.submit(path).status_code == 401
    new = path.replace("/organizations/join/", "/account/join/")
    assert "n***@example.org" in client.get(new).get_data(as_text=True)
    form = {"name": "新同事", "password": PASSWORD, "repeat": PASSWORD, "undertaking": "y"}
    assert client.submit(new, form).status_code == 303
    assert client.get(f"/organizations/{organization.public_id}/members").status_code == 200
    assert client.get(path).status_code == 404
    assert client.get(new).status_code == 404


def test_somebody_with_an_account_joins_with_it(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    path = invited(organization, "manager")
    user = world.a_user(Role.VOLUNTEER)
    client.sign_in(user)
    assert client.submit(path).status_code == 303
    assert actor_of(user).managed_ids == {organization.id}
    assert client.submit(path).status_code == 404
    actions = [event.action for event in audit.history("user", user.id)]
    assert "membership:created" in actions


def test_a_member_does_not_join_twice(app: Flask) -> None:
    organization = world.an_organization()
    token = invited(organization).rsplit("/", 1)[1]
    with pytest.raises(StateConflict):
        services.accept_invitation(actor_of(member(organization, "staff")), token)
    assert services.invitation(token)[1].id == organization.id  # it still works for whom it is for


def test_an_invited_address_with_an_account_signs_in_first(app: Flask) -> None:
    organization = world.an_organization()
    token = invited(organization).rsplit("/", 1)[1]
    accounts.register("new@example.org", "某人", PASSWORD)
    with pytest.raises(InvalidInput):
        accounts.join_with_new_account(token, "某人", PASSWORD)
    assert services.invitation(token)[1].id == organization.id


def test_an_invitation_is_taken_back_or_grows_old(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    manager = actor_of(member(organization, "manager"))
    key = organization.public_id
    sent = services.invite_member(manager, key, "a@example.org", "staff", address)
    with pytest.raises(InvalidInput):
        services.invite_member(manager, key, "A@example.org", "staff", address)
    services.revoke_invitation(manager, key, sent.link.public_id)
    path = sent.address.removeprefix("http://bangnin.example")
    assert client.get(path).status_code == 404
    with pytest.raises(StateConflict):
        services.revoke_invitation(manager, key, sent.link.public_id)
    again = services.invite_member(manager, key, "a@example.org", "staff", address)
    db.session.execute(update(AccessLink).values(expires_at=now() - timedelta(seconds=1)))
    db.session.commit()
    assert client.get(again.address.removeprefix("http://bangnin.example")).status_code == 404


def test_a_manager_of_another_organization_has_no_say(app: Flask) -> None:
    organization = world.an_organization()
    staff = member(organization, "staff")
    stranger = actor_of(member(world.an_organization(), "manager"))
    invitation = world.an_invitation(organization)
    key = organization.public_id
    for act in (
        lambda: services.invite_member(stranger, key, "x@example.org", "staff", address),
        lambda: services.revoke_invitation(stranger, key, invitation.public_id),
        lambda: services.place_member(stranger, key, staff.public_id, "manager"),
        lambda: services.part_from_member(stranger, key, staff.public_id),
        lambda: services.members(stranger, key),
        lambda: services.leave(stranger, key),
    ):
        with pytest.raises(NotFound):
            act()


def test_the_last_manager_stays(app: Flask) -> None:
    organization = world.an_organization()
    first, staff = member(organization, "manager"), member(organization, "staff")
    actor, key = actor_of(first), organization.public_id
    with pytest.raises(StateConflict):
        services.leave(actor, key)
    with pytest.raises(StateConflict):
        services.place_member(actor, key, first.public_id, "staff")
    services.place_member(actor, key, staff.public_id, "manager")
    services.leave(actor, key)
    assert actor_of(first).organization_ids == frozenset()
    assert actor_of(staff).managed_ids == {organization.id}


def test_a_disabled_manager_does_not_count(app: Flask) -> None:
    organization = world.an_organization()
    first, second = member(organization, "manager"), member(organization, "manager")
    db.session.execute(update(User).where(User.id == second.id).values(active=False))
    db.session.commit()
    with pytest.raises(StateConflict):
        services.leave(actor_of(first), organization.public_id)


def test_the_page_of_members(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    staff = world.a_user(organization=organization, position="staff", name="李员工")
    client.sign_in(member(organization, "manager"))
    page = f"/organizations/{organization.public_id}/members"
    assert "李员工" in client.get(page).get_data(as_text=True)
    assert client.submit(f"{page}/invite", {"email": "no address", "position": "staff"}).status_code == 422
    shown = client.submit(f"{page}/invite", {"email": "new@example.org", "position": "staff"}).get_data(as_text=True)
    assert "/organizations/join/" in shown
    assert "new@example.org" not in client.get(page).get_data(as_text=True)
    link = db.session.query(AccessLink).one()
    revoke = f"/organizations/{organization.public_id}/invitations/{link.public_id}/revoke"
    assert client.submit(revoke).status_code == 303
    assert client.submit(f"{page}/{staff.public_id}/place", {"position": "king"}).status_code == 422
    assert client.submit(f"{page}/{staff.public_id}/place", {"position": "manager"}).status_code == 303
    assert client.submit(f"{page}/{staff.public_id}/remove").status_code == 303
    assert "李员工" not in client.get(page).get_data(as_text=True)
    assert client.submit(f"/organizations/{organization.public_id}/leave").status_code == 409


def test_the_only_manager_is_told_what_to_do_before_leaving(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    manager, staff = member(organization, "manager"), member(organization, "staff")
    page, leave = (f"/organizations/{organization.public_id}/{part}" for part in ("members", "leave"))
    client.sign_in(manager)
    client.submit("/account/locale", {"locale": "en"})
    shown = client.get(page).get_data(as_text=True)
    assert (leave in shown, "make somebody else a manager first" in shown) == (False, True)
    client.submit(f"{page}/{staff.public_id}/place", {"position": "manager"})
    shown = client.get(page).get_data(as_text=True)
    assert (leave in shown, "make somebody else a manager first" in shown) == (True, False)
