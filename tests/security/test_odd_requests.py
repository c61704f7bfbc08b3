"""Requests that no page of ours makes are refused in words: never an error of ours, never a step further."""

import pytest
from flask import Flask

from marketplace.permissions import Permission, Role, declared
from tests.support.client import Browser
from tests.support.world import a_user

STAFF = (Role.CASEWORKER, Role.COORDINATOR, Role.OFFICER, Role.VOLUNTEER, Role.CHARITY)


def _lists(app: Flask) -> list[str]:
    """Addresses without a record in them that answer GET, whoever may see them."""
    return sorted(
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments and declared(app)[rule.endpoint] in Permission
    )


@pytest.mark.parametrize("number", ["99999999999999999999999", "9223372036854775807", "-5", "NaN", "٣", ""])
def test_any_page_number_gives_a_page(app: Flask, client: Browser, number: str) -> None:
    client.sign_in(a_user(*STAFF, region="640000"))
    for address in _lists(app):
        answer = client.get(address, query_string={"page": number, "q": "轮椅", "kind": "wish"})
        assert answer.status_code < 500, f"{address}?page={number}"


@pytest.mark.parametrize(
    "address", ["/?q=%00", "/search?q=a%00b", "/needs?%00=1", "/wishes/a%00b", "/cases?number=%00"]
)
def test_nul_characters_are_refused_before_any_database_sees_them(app: Flask, client: Browser, address: str) -> None:
    client.sign_in(a_user(*STAFF, region="640000"))
    assert client.get(address).status_code == 400


def test_nul_characters_in_forms_are_refused(client: Browser) -> None:
    assert client.submit("/account/locale", {"locale": "en\0", "next": "/"}).status_code == 400


def test_json_is_refused_on_every_address_that_takes_forms(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(*STAFF, region="640000"))
    token = client.csrf_token()
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            with app.test_request_context():
                address = app.url_map.bind("localhost").build(rule.endpoint, dict.fromkeys(rule.arguments, "0" * 32))
            answer = client.post(address, json={"region": "640000"}, headers={"X-CSRFToken": token})
            assert answer.status_code == 415, address
