"""Staff accounts: made by an administrator, changed by another, never one's own."""

import pytest
from flask import Flask

from marketplace import audit
from marketplace.accounts import services
from marketplace.accounts.models import User
from marketplace.errors import AccessDenied, InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.mail import OutboxMessage
from marketplace.permissions import Actor, Role
from marketplace.records import now
from tests.marketplace.accounts.conftest import PASSWORD
from tests.support import world
from tests.support.client import Browser


def administrator() -> Actor:
    return services.actor_of(world.a_user(Role.ADMINISTRATOR, region="640000"))


def stored(user: User) -> User:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get_one(User, user.id)


def address(token: str) -> str:
    return f"http://bangnin.example/account/password/{token}"


def test_a_new_account_starts_with_a_link(app: Flask, client: Browser) -> None:
    actor = administrator()
    sent = services.create_account(actor, "new@example.org", "新社工", ["caseworker"], world.DAWUKOU, address)
    assert not sent.mailed
    path = sent.address.removeprefix("http://bangnin.example")
    assert client.submit(path, {"password": PASSWORD, "repeat": PASSWORD}).status_code == 303
    assert client.submit("/account/login", {"email": "new@example.org", "password": PASSWORD}).status_code == 302
    assert client.get("/cases").status_code == 200
    with pytest.raises(InvalidInput):
        services.create_account(actor, "NEW@example.org", "别人", ["caseworker"], world.DAWUKOU, address)


def test_only_an_administrator_makes_accounts(app: Flask) -> None:
    for role in (Role.OFFICER, Role.AUDITOR, Role.COORDINATOR, Role.VOLUNTEER):
        actor = services.actor_of(world.a_user(role))
        with pytest.raises(AccessDenied):
            services.create_account(actor, "x@example.org", "某", ["auditor"], None, address)


@pytest.mark.parametrize(
    ("roles", "region", "field"),
    [
        (["public"], None, "roles"),
        (["charity"], None, "roles"),
        (["god"], None, "roles"),
        ([], None, "roles"),
        (["officer"], None, "region"),
        (["officer"], "110000", "region"),
    ],
)
def test_roles_and_regions_are_those_of_the_list(app: Flask, roles: list[str], region: str | None, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        services.create_account(administrator(), "x@example.org", "某", roles, region, address)
    assert set(refused.value.fields) == {field}


def test_nobody_changes_their_own_rights(app: Flask) -> None:
    user = world.a_user(Role.ADMINISTRATOR)
    world.a_user(Role.ADMINISTRATOR)
    actor = services.actor_of(user)
    for act in (
        lambda: services.change_rights(actor, user.public_id, ["administrator", "officer"], world.DAWUKOU),
        lambda: services.disable(actor, user.public_id),
        lambda: services.reset_second_factor(actor, user.public_id),
        lambda: services.new_password_link(actor, user.public_id, address),
    ):
        with pytest.raises(AccessDenied):
            act()
    assert [row.name for row in stored(user).roles] == ["administrator"]


def test_a_change_of_rights_counts_at_once_and_is_on_record(app: Flask, client: Browser) -> None:
    user = world.a_user(Role.CASEWORKER)
    client.sign_in(user)
    assert client.get("/cases").status_code == 200
    services.change_rights(administrator(), user.public_id, ["auditor"], None)
    assert client.get("/cases").status_code == 403
    event = audit.history("user", user.id)[-1]
    assert (event.action, event.reason) == ("user:rights_changed", "caseworker (640202) → auditor (-)")


def test_an_administrator_always_stays(app: Flask) -> None:
    first, second = (world.a_user(Role.ADMINISTRATOR) for _number in range(2))
    actor = services.actor_of(first)
    services.disable(actor, second.public_id)
    other = services.actor_of(stored(second))
    with pytest.raises(StateConflict):
        services.disable(other, first.public_id)
    with pytest.raises(StateConflict):
        services.change_rights(other, first.public_id, ["auditor"], None)
    services.enable(actor, second.public_id)
    services.change_rights(other, first.public_id, ["auditor"], None)
    assert [row.name for row in stored(first).roles] == ["auditor"]


def test_the_pages_of_staff_accounts(app: Flask, client: Browser) -> None:
    colleague = world.a_user(Role.CASEWORKER, name="王小社", email="colleague@example.org")
    world.a_user(Role.VOLUNTEER, name="志愿者甲", email="volunteer@example.org")
    client.sign_in(world.a_user(Role.ADMINISTRATOR))
    listing = client.get("/account/staff").get_data(as_text=True)
    assert "王小社" in listing
    assert "志愿者甲" not in listing
    assert "colleague@example.org" not in listing
    assert "王小社" not in client.get("/account/staff?role=auditor").get_data(as_text=True)
    assert "王小社" not in client.get(f"/account/staff?region={world.HUINONG}").get_data(as_text=True)
    found = client.submit("/account/staff/find", {"email": "Volunteer@example.org"})
    assert "志愿者甲" in found.get_data(as_text=True)
    page = f"/account/staff/{colleague.public_id}"
    assert client.submit(page, {"roles": ["officer"], "region": ""}).status_code == 422
    assert client.submit(page, {"roles": ["officer"], "region": world.HUINONG}).status_code == 303
    assert [row.name for row in stored(colleague).roles] == ["officer"]
    told = "社工 (石嘴山市大武口区) → 民政干部 (石嘴山市惠农区)"
    assert told in client.get(page).get_data(as_text=True)
    assert client.submit(f"{page}/disable").status_code == 303
    assert stored(colleague).active is False
    assert client.submit(f"{page}/password-link").status_code == 409
    assert client.submit(f"{page}/enable").status_code == 303
    link = client.submit(f"{page}/password-link")
    assert link.status_code == 200
    assert "/account/password/" in link.get_data(as_text=True)
    form = {"email": "fresh@example.org", "name": "新人", "roles": ["coordinator"], "region": world.DAWUKOU}
    assert client.submit("/account/staff/new", form | {"email": "bad"}).status_code == 422
    assert "/account/password/" in client.submit("/account/staff/new", form).get_data(as_text=True)
    assert client.submit("/account/staff/new", form).status_code == 422


def test_administrators_read_how_many_letters_did_not_arrive(client: Browser) -> None:
    client.sign_in(world.a_user(Role.ADMINISTRATOR, region="640000"))
    assert "封邮件未能送达" not in client.get("/account/staff").get_data(as_text=True)
    for key, state in (("a", "failed"), ("b", "failed"), ("c", "queued")):
        world.save(
            OutboxMessage(key=key, address="a@b.example", subject="s", body="t", state=state, attempts=8, due_at=now())
        )
    assert "最近 30 天有 2 封邮件未能送达" in client.get("/account/staff").get_data(as_text=True)
