"""Registration, sign-in, language."""

import re

from flask import Flask

from marketplace.accounts import services
from marketplace.accounts.models import User
from marketplace.extensions import db
from marketplace.permissions import Role
from tests.support.client import Browser

#: Signed tokens, which hold the time they were made.
TOKEN = re.compile(r'(?:content|value)="[\w-]+\.[\w-]+\.[\w-]+"')
PASSWORD = "a sentence is easy to keep"


def test_a_volunteer_registers_signs_out_and_signs_in_again(client: Browser) -> None:
    form = {"email": "v@example.org", "name": "志愿者", "password": PASSWORD, "repeat": PASSWORD, "undertaking": "y"}
    assert client.submit("/account/register", form).status_code == 303
    assert client.get("/account").status_code == 200
    assert client.submit("/account/logout").status_code == 302
    assert client.get("/account").status_code == 302
    signed_in = client.submit("/account/login", {"email": "V@example.org", "password": PASSWORD})
    assert signed_in.status_code == 302
    assert "志愿者" in client.get("/account").get_data(as_text=True)


def test_signing_in_leads_to_what_waits_unless_a_page_was_asked_for(client: Browser) -> None:
    form = {"email": "v@example.org", "password": PASSWORD}
    services.register(form["email"], "志愿者", PASSWORD)
    assert client.submit("/account/login", form).location == "/waiting"
    client.submit("/account/logout")
    assert client.submit("/account/login?next=/wishes", form).location == "/wishes"


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(app: Flask, client: Browser) -> None:
    services.register("known@example.org", "某人", PASSWORD)
    token = client.csrf_token("/account/login")
    answers = [
        client.post("/account/login", data={"email": email, "password": "wrong password!", "csrf_token": token})
        for email in ("known@example.org", "nobody@example.org")
    ]
    texts = [
        TOKEN.sub("", answer.get_data(as_text=True)).replace("known@example", "nobody@example") for answer in answers
    ]
    assert texts[0] == texts[1]
    assert answers[0].status_code == 200


def test_an_address_registers_once(app: Flask, client: Browser) -> None:
    services.register("twice@example.org", "某人", PASSWORD)
    form = {"email": "TWICE@example.org", "name": "别人", "password": PASSWORD, "repeat": PASSWORD, "undertaking": "y"}
    assert client.submit("/account/register", form).status_code == 409


def test_e_mail_and_name_are_encrypted_at_rest(app: Flask) -> None:
    user = services.register("secret-bird@example.org", "不可见的名字", PASSWORD)
    row = db.session.connection().exec_driver_sql("SELECT * FROM user WHERE id = ?", (user.id,)).one()
    stored = " ".join(str(value) for value in row)
    assert "secret-bird" not in stored
    assert "不可见的名字" not in stored
    assert services.user_by_email(" Secret-Bird@example.org ").id == user.id  # type: ignore[union-attr]


def test_the_language_switch_stays_and_leads_back_to_a_local_page_only(client: Browser) -> None:
    assert 'lang="zh-Hans-CN"' in client.get("/").get_data(as_text=True)
    answer = client.submit("/account/locale", {"locale": "en", "next": "https://evil.example/"})
    assert answer.location == "/"
    assert '<html lang="en"' in client.get("/").get_data(as_text=True)


def test_roles_become_an_actor(app: Flask) -> None:
    user = services.register("w@example.org", "某人", PASSWORD)
    actor = services.actor_of(app.extensions["security"].datastore.find_user(email="w@example.org"))
    assert actor.user_id == user.id
    assert actor.roles == {Role.PUBLIC, Role.VOLUNTEER}
    assert isinstance(user, User)


def test_an_address_is_one_account_however_it_is_written(app: Flask) -> None:
    user = services.register("wide@ｅｘａｍｐｌｅ.org", "某人", PASSWORD)
    for written in ("wide@example.org", "WIDE@EXAMPLE.ORG", " wide@example.org "):
        found = services.user_by_email(written)
        assert found is not None
        assert found.id == user.id
