"""Security headers on every answer; forms of other sites and without a token are refused."""

import pytest
from flask import Flask

from marketplace.permissions import Role
from tests.support.client import Browser
from tests.support.world import a_user


@pytest.mark.parametrize("path", ["/", "/account/login", "/nowhere", "/healthz", "/account"])
def test_every_answer_carries_the_headers(client: Browser, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in headers["Cache-Control"]


def test_static_files_may_be_kept(client: Browser) -> None:
    answer = client.get("/static/css/app.css", buffered=True)
    assert answer.status_code == 200
    answer.close()
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def _unsafe_routes(app: Flask) -> list[str]:
    found = []
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            values = dict.fromkeys(rule.arguments, "0" * 32)
            with app.test_request_context():
                found.append(app.url_map.bind("localhost").build(rule.endpoint, values, method="POST"))
    return found


def test_a_post_without_a_token_is_refused_on_every_route(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(*[role for role in Role if role is not Role.PUBLIC], region="640000"))
    routes = _unsafe_routes(app)
    assert len(routes) > 5
    for path in routes:
        status = client.post(path).status_code
        assert 400 <= status < 500, (path, status)


def test_a_post_from_another_site_is_refused_on_every_route(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(*[role for role in Role if role is not Role.PUBLIC], region="640000"))
    token = client.csrf_token()
    for path in _unsafe_routes(app):
        for origin in ("https://evil.example", "null"):
            answer = client.post(path, data={"csrf_token": token}, headers={"Origin": origin})
            assert 400 <= answer.status_code < 500, (path, answer.status_code)


def test_an_absent_origin_with_a_valid_token_is_fine(client: Browser) -> None:
    assert client.submit("/account/locale", {"locale": "en"}).status_code == 303


def test_the_own_origin_is_fine(client: Browser) -> None:
    own = {"Origin": "http://localhost"}
    assert client.submit("/account/locale", {"locale": "en"}, headers=own).status_code == 303


def test_the_session_cookie_is_hidden_from_scripts(client: Browser) -> None:
    cookie = client.get("/account/login").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_production_cookie_is_secure_and_bound_to_its_host(tmp_path: object) -> None:
    from pathlib import Path

    from marketplace import create_app
    from tests.conftest import settings_in

    app = create_app(settings_in(Path(str(tmp_path)), BASE_URL="https://bangnin.example"))
    assert app.config["SESSION_COOKIE_NAME"] == "__Host-bangnin"
    assert app.config["SESSION_COOKIE_SECURE"] is True
