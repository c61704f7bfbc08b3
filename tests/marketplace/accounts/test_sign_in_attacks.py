"""What outsiders try at the door: guessing past the limit, a cookie that outlasts the session, a way out."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, update

from marketplace import create_app
from marketplace.accounts import services
from marketplace.accounts.models import Membership, User, UserRole
from marketplace.extensions import db
from marketplace.permissions import Role
from tests.conftest import settings_in
from tests.support import world
from tests.support.client import Browser

PASSWORD = "a sentence is easy to keep"


@pytest.fixture
def limited(migrated: Path, tmp_path: Path) -> Iterator[Browser]:
    """A browser of an application that counts tries, with the account known@example.org."""
    shutil.copy(migrated, tmp_path / "bangnin.db")
    app = create_app(settings_in(tmp_path), TESTING=True, RATELIMIT_ENABLED=True)
    app.test_client_class = Browser
    with app.app_context():
        services.register("known@example.org", "某人", PASSWORD)
        browser = app.test_client()
        assert isinstance(browser, Browser)
        yield browser
        db.session.remove()
        db.engine.dispose()


def _guess(browser: Browser, email: str, token: str) -> int:
    form = {"email": email, "password": "wrong password!", "csrf_token": token}
    return browser.post("/account/login", data=form).status_code


def test_tries_count_for_the_account_however_its_address_is_written(limited: Browser) -> None:
    token = limited.csrf_token("/account/login")
    spellings = ("known@example.org", " KNOWN@Example.org ", "known@ｅxample.org", "known@example。org")
    tries = [_guess(limited, spelling, token) for spelling in spellings for _ in range(3)]
    assert tries == [200] * 10 + [429] * 2
    assert _guess(limited, "other@example.org", token) == 200


def test_whoever_guesses_at_many_accounts_waits(limited: Browser) -> None:
    token = limited.csrf_token("/account/login")
    tries = [_guess(limited, f"account{number}@example.org", token) for number in range(32)]
    assert tries == [200] * 30 + [429] * 2
    assert _guess(limited, "known@example.org", token) == 429


def test_registering_and_changing_are_limited(limited: Browser) -> None:
    token = limited.csrf_token("/account/register")
    answers = [limited.post("/account/register", data={"csrf_token": token}).status_code for _try in range(12)]
    assert answers == [422] * 10 + [429] * 2
    limited.submit("/account/login", {"email": "known@example.org", "password": PASSWORD})
    wrong = {"present": "not the password", "password": "x" * 12, "repeat": "x" * 12}
    answers = [limited.submit("/account/change", wrong).status_code for _try in range(12)]
    assert answers == [422] * 10 + [429] * 2


def test_probing_for_accounts_by_registering_does_not_pay(limited: Browser) -> None:
    token = limited.csrf_token("/account/register")
    form = {"name": "某人", "password": PASSWORD, "repeat": PASSWORD, "undertaking": "y", "csrf_token": token}

    def register(email: str) -> int:
        return limited.post("/account/register", data=form | {"email": email}).status_code

    assert [register("known@example.org") for _try in range(6)] == [409] * 5 + [429]
    assert register("new@example.org") == 429  # the answer is the same for every address from here on


@pytest.mark.parametrize("body", [{"email": "known@example.org", "password": PASSWORD}, [1], "text"])
def test_nobody_signs_in_past_the_form(app: Flask, client: Browser, body: object) -> None:
    services.register("known@example.org", "某人", PASSWORD)
    answer = client.post("/account/login", json=body, headers={"X-CSRFToken": client.csrf_token("/account/login")})
    assert answer.status_code == 415
    assert client.get("/account").status_code == 302


def test_no_cookie_outlasts_the_session(app: Flask, client: Browser) -> None:
    services.register("known@example.org", "某人", PASSWORD)
    answer = client.submit("/account/login", {"email": "known@example.org", "password": PASSWORD, "remember": "y"})
    assert answer.status_code == 302
    assert "remember_token" not in str(answer.headers)
    assert client.get_cookie("remember_token") is None


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "/\t/evil.example", "/\\evil.example", "/\r/evil.example", "https://evil.example"]
)
def test_the_language_switch_never_leads_to_another_site(client: Browser, elsewhere: str) -> None:
    assert client.submit("/account/locale", {"locale": "en", "next": elsewhere}).location == "/"


def test_the_language_switch_leads_back_with_the_filters_kept(client: Browser) -> None:
    address = "/search?q=%E8%BD%AE%E6%A4%85&kind=wish"
    assert client.submit("/account/locale", {"locale": "en", "next": address}).location == address


def test_a_copied_session_ends_with_signing_out(app: Flask, client: Browser, new_client: Callable[[], Browser]) -> None:
    services.register("known@example.org", "某人", PASSWORD)
    form = {"email": "known@example.org", "password": PASSWORD}
    client.submit("/account/login", form)
    copied = client.get_cookie("bangnin")
    assert copied is not None
    thief = new_client()
    thief.set_cookie("bangnin", copied.value)
    assert thief.get("/account").status_code == 200
    client.submit("/account/logout")
    assert thief.get("/account").status_code == 302
    assert client.submit("/account/login", form).status_code == 302
    assert client.get("/account").status_code == 200


def test_what_is_taken_away_counts_from_the_next_request(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    user = world.a_user(Role.CASEWORKER, organization=organization)
    client.sign_in(user)
    assert client.get("/cases").status_code == client.get("/projects/new").status_code == 200
    db.session.execute(delete(Membership).where(Membership.user_id == user.id))
    db.session.commit()
    assert client.get("/projects/new").status_code == 403
    db.session.execute(delete(UserRole).where(UserRole.user_id == user.id))
    db.session.commit()
    assert client.get("/cases").status_code == 403
    db.session.execute(update(User).where(User.id == user.id).values(active=False))
    db.session.commit()
    assert client.get("/account").status_code == 302
