"""Forms and heads of requests that nobody's browser sends: other hosts, other methods, other names, far too much."""

import re
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import String, select

from marketplace.extensions import db
from marketplace.mail import OutboxMessage
from marketplace.permissions import Role
from tests.support.client import Browser
from tests.support.world import a_user, a_wish

PASSWORD = "long enough 4 you"
ELSEWHERE = (
    "https://evil.example/", "///evil.example", "/\\evil.example", "/\t/evil.example", "http://localhost@evil.example",
)  # fmt: skip


def _here(location: str) -> bool:
    """Whether a browser stays on this site: tabs and line ends go, and a backslash is a slash."""
    read = re.sub(r"[\t\r\n]", "", location).strip().replace("\\", "/")
    parts = urlsplit(read)
    return parts.scheme in ("", "http") and parts.netloc in ("", "localhost") and not read.startswith("//")


@pytest.mark.parametrize("address", ELSEWHERE)
def test_no_address_in_a_request_leads_to_another_site(app: Flask, client: Browser, address: str) -> None:
    """T25: the language switch, signing in, and the way back after it."""
    assert _here(client.submit("/account/locale", {"locale": "en", "next": address}).location)
    user = a_user(Role.VOLUNTEER, region=None)
    with app.test_request_context():
        from flask_security.utils import hash_password

        user.password = hash_password(PASSWORD)
    db.session.commit()
    form = {"email": user.email, "password": PASSWORD, "next": address}
    answer = client.submit("/account/login", form, query_string={"next": address})
    assert answer.status_code in (200, 302, 303)  # or the form again
    assert _here(answer.location or "/")


def test_a_long_way_back_breaks_no_request_that_is_remembered(client: Browser) -> None:
    """What is kept of an answer has a length that a database holds to."""
    form = {"locale": "en", "next": "/" + "a" * 3000, "idempotency_key": "long"}
    assert client.submit("/account/locale", form).status_code == 303
    assert _longer_than_their_columns() == []


def test_a_forged_host_enters_no_link_that_is_sent(app: Flask, client: Browser) -> None:
    user = a_user(Role.CASEWORKER)
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    app.extensions["marketplace.mail"].url = urlsplit("smtp://localhost")
    app.config["WTF_CSRF_ENABLED"] = False  # the browser of the test keeps the cookie for its own host
    answer = client.post("/account/forgotten", data={"email": user.email}, headers=forged)
    app.extensions["marketplace.mail"].url = None
    assert answer.status_code < 400
    (letter,) = db.session.scalars(select(OutboxMessage)).all()
    assert letter.body is not None
    assert "/account/password/" in letter.body.plain()
    assert "evil" not in letter.body.plain()
    page = client.get("/wishes", headers=forged)
    assert "evil.example" not in page.get_data(as_text=True) + str(page.headers)


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_get_stays_a_get_whatever_it_says_of_itself(client: Browser, name: str) -> None:
    wish = a_wish()
    client.sign_in(a_user(Role.VOLUNTEER))
    token = client.csrf_token()
    query, address = {"_method": "POST", "csrf_token": token}, f"/wishes/{wish.public_id}/claim"
    for method in ("GET", "HEAD"):
        answer = client.open(
            f"/wishes/{wish.public_id}/claim", method=method, query_string=query, headers={name: "POST"}
        )
        assert answer.status_code == 405
    for method in ("PUT", "PATCH", "DELETE", "TRACE"):
        assert client.open(address, method=method, headers={name: "POST"}).status_code in (
            400,
            405,
        )
    db.session.refresh(wish)
    assert wish.allocated == 0


def _longer_than_their_columns() -> list[str]:
    """Columns with a text that PostgreSQL would refuse with an error; SQLite takes any length."""
    found = []
    for table in db.metadata.sorted_tables:
        for column in table.columns:
            most = column.type.length if isinstance(column.type, String) else None
            if most and any(
                len(str(value)) > most for value in db.session.scalars(select(column)) if value is not None
            ):
                found.append(str(column))
    db.session.rollback()
    return found
