"""Sessions end one by one, all at once, and with the account."""

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from sqlalchemy import select, update

from marketplace import audit
from marketplace.accounts import services
from marketplace.accounts.models import User, UserSession
from marketplace.extensions import db
from marketplace.permissions import Role
from marketplace.records import now
from tests.marketplace.accounts.conftest import PASSWORD
from tests.support import world
from tests.support.client import Browser

FORM = {"email": "known@example.org", "password": PASSWORD}


def signed_in(browser: Browser) -> bool:
    return browser.get("/account").status_code == 200


def two_browsers(new_client: Callable[[], Browser]) -> tuple[Browser, Browser]:
    services.register("known@example.org", "某人", PASSWORD)
    first, second = new_client(), new_client()
    for browser in (first, second):
        assert browser.submit("/account/login", FORM).status_code == 302
    return first, second


def test_signing_out_ends_this_session_alone(app: Flask, new_client: Callable[[], Browser]) -> None:
    first, second = two_browsers(new_client)
    assert first.submit("/account/logout").status_code == 302
    assert (signed_in(first), signed_in(second)) == (False, True)


def test_all_sessions_end_at_once(app: Flask, new_client: Callable[[], Browser]) -> None:
    first, second = two_browsers(new_client)
    assert "2" in first.get("/account").get_data(as_text=True)
    answer = first.submit("/account/sessions/end")
    assert (answer.status_code, answer.location) == (303, "/account/login")
    assert (signed_in(first), signed_in(second)) == (False, False)
    assert first.submit("/account/login", FORM).status_code == 302
    assert (signed_in(first), signed_in(second)) == (True, False)


def test_a_changed_password_ends_every_other_session(app: Flask, new_client: Callable[[], Browser]) -> None:
    first, second = two_browsers(new_client)
    new = "another sentence to keep"
    wrong = {"present": "not this password", "password": new, "repeat": new}
    assert first.submit("/account/change", wrong).status_code == 422
    same = {"present": PASSWORD, "password": PASSWORD, "repeat": PASSWORD}
    assert first.submit("/account/change", same).status_code == 422
    assert first.submit("/account/change", wrong | {"present": PASSWORD}).status_code == 303
    assert (signed_in(first), signed_in(second)) == (True, False)
    assert second.submit("/account/login", FORM).status_code == 200
    assert second.submit("/account/login", FORM | {"password": new}).status_code == 302
    user = services.user_by_email("known@example.org")
    assert user is not None
    assert "user:password_set" in [event.action for event in audit.history("user", user.id)]


def test_a_disabled_account_is_out_at_once(app: Flask, new_client: Callable[[], Browser]) -> None:
    first, second = two_browsers(new_client)
    user = services.user_by_email("known@example.org")
    assert user is not None
    administrator = services.actor_of(world.a_user(Role.ADMINISTRATOR))
    services.disable(administrator, user.public_id)
    assert (signed_in(first), signed_in(second)) == (False, False)
    assert first.submit("/account/login", FORM).status_code == 200


def test_no_session_lives_longer_than_a_week(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER))
    assert signed_in(client)
    db.session.execute(update(UserSession).values(started_at=now() - timedelta(days=7, minutes=1)))
    db.session.commit()
    assert not signed_in(client)


def test_the_cookie_s_key_is_not_in_the_database(app: Flask) -> None:
    user = world.a_user()
    key, due = services.begin_session(user.id)
    assert not due
    assert key not in db.session.scalars(select(UserSession.key_digest)).one()
    user = db.session.get_one(User, user.id)
    assert services.user_of_session(user.fs_uniquifier, key) is not None
    assert services.user_of_session(user.fs_uniquifier, "") is None
    another = world.a_user()
    assert services.user_of_session(another.fs_uniquifier, key) is None
