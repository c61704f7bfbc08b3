"""Letters and their links: nobody learns who has an account, and a link works once, for one purpose, for a time."""

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from sqlalchemy import update

from marketplace.accounts import services
from marketplace.accounts.models import AccessLink
from marketplace.extensions import db
from marketplace.records import now
from tests.marketplace.accounts.conftest import PASSWORD
from tests.support.client import Browser

Letters = Callable[[], list[tuple[str, str]]]
NEW = {"name": "志愿者", "password": PASSWORD, "repeat": PASSWORD, "undertaking": "y"}


def browser_of(app: Flask) -> Browser:
    browser = app.test_client()
    assert isinstance(browser, Browser)
    return browser


def test_registering_says_the_same_for_every_address(mailing: Flask, letters: Letters) -> None:
    services.register("known@example.org", "某人", PASSWORD)
    browser = browser_of(mailing)
    answers = [
        browser.submit("/account/register", {"email": email}) for email in ("known@example.org", "new@example.org")
    ]
    assert [(answer.status_code, answer.location) for answer in answers] == [(303, "/account/letter-sent")] * 2
    assert answers[0].get_data() == answers[1].get_data()
    (to_known, sign_in), (to_new, link) = letters()
    assert (to_known, sign_in) == ("known@example.org", "/account/login")
    assert to_new == "new@example.org"
    assert link.startswith("/account/register/")


def test_the_link_makes_the_account_once(mailing: Flask, letters: Letters) -> None:
    browser = browser_of(mailing)
    browser.submit("/account/register", {"email": "new@example.org"})
    link = letters()[0][1]
    page = browser.get(link).get_data(as_text=True)
    assert "n***@example.org" in page
    assert "new@example.org" not in page
    assert browser.submit(link, NEW | {"undertaking": ""}).status_code == 422
    assert browser.submit(link, NEW).status_code == 303
    assert "志愿者" in browser.get("/account").get_data(as_text=True)
    assert browser_of(mailing).get(link).status_code == 404
    assert services.user_by_email("new@example.org") is not None


def test_a_stranger_cannot_fill_a_mailbox(mailing: Flask, letters: Letters) -> None:
    browser = browser_of(mailing)
    for _again in range(5):
        assert browser.submit("/account/register", {"email": "Victim@example.org"}).status_code == 303
    assert len(letters()) == 3


def test_a_link_dies_with_time_and_serves_one_purpose(mailing: Flask, letters: Letters) -> None:
    browser = browser_of(mailing)
    browser.submit("/account/register", {"email": "new@example.org"})
    link = letters()[0][1]
    token = link.rsplit("/", 1)[1]
    for other in ("password", "join"):
        assert browser.get(f"/account/{other}/{token}").status_code == 404
    assert browser.get(link[:-1]).status_code == 404
    db.session.execute(update(AccessLink).values(expires_at=now() - timedelta(minutes=1)))
    db.session.commit()
    assert browser.get(link).status_code == 404


def test_a_forgotten_password_is_set_by_letter(mailing: Flask, letters: Letters) -> None:
    user = services.register("known@example.org", "某人", PASSWORD)
    elsewhere = browser_of(mailing).sign_in(user)
    browser = browser_of(mailing)
    for email in ("known@example.org", "nobody@example.org"):
        assert browser.submit("/account/forgotten", {"email": email}).location == "/account/letter-sent"
    (address, link), *others = letters()
    assert (address, others) == ("known@example.org", [])
    new = "another sentence to keep"
    assert browser.submit(link, {"password": new, "repeat": "x" * 12}).status_code == 422
    assert browser.submit(link, {"password": new, "repeat": new}).status_code == 303
    assert browser.submit(link, {"password": new, "repeat": new}).status_code == 404
    assert elsewhere.get("/account").status_code == 302
    assert browser.submit("/account/login", {"email": "known@example.org", "password": new}).status_code == 302


def test_a_newer_password_link_ends_those_before(mailing: Flask, letters: Letters) -> None:
    services.register("known@example.org", "某人", PASSWORD)
    browser = browser_of(mailing)
    for _again in range(2):
        browser.submit("/account/forgotten", {"email": "known@example.org"})
    first, second = [link for _address, link in letters()]
    assert browser.get(first).status_code == 404
    assert browser.get(second).status_code == 200


def test_without_mail_the_pages_say_so(app: Flask, client: Browser) -> None:
    page = client.get("/account/forgotten?lang=en").get_data(as_text=True)
    assert "sends no e-mail" in page
    assert client.submit("/account/forgotten", {"email": "x@example.org"}).status_code == 200
    assert 'name="password"' in client.get("/account/register").get_data(as_text=True)
