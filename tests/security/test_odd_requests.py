"""Requests that no page of ours makes are refused in words: never an error of ours, never a step further."""

import unicodedata

import pytest
from flask import Flask

from marketplace.extensions import db
from marketplace.permissions import Permission, Role, declared
from marketplace.records import now, today
from marketplace.screening import screen
from tests.support import world
from tests.support.client import Browser

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
    client.sign_in(world.a_user(*STAFF, region="640000"))
    for address in _lists(app):
        answer = client.get(address, query_string={"page": number, "q": "轮椅", "kind": "wish"})
        assert answer.status_code < 500, f"{address}?page={number}"


@pytest.mark.parametrize(
    "address", ["/?q=%00", "/search?q=a%00b", "/needs?%00=1", "/wishes/a%00b", "/cases?number=%00"]
)
def test_nul_characters_are_refused_before_any_database_sees_them(app: Flask, client: Browser, address: str) -> None:
    client.sign_in(world.a_user(*STAFF, region="640000"))
    assert client.get(address).status_code == 400


def test_nul_characters_in_forms_are_refused(client: Browser) -> None:
    assert client.submit("/account/locale", {"locale": "en\0", "next": "/"}).status_code == 400


def test_json_is_refused_on_every_address_that_takes_forms(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(*STAFF, region="640000"))
    token = client.csrf_token()
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            with app.test_request_context():
                address = app.url_map.bind("localhost").build(rule.endpoint, dict.fromkeys(rule.arguments, "0" * 32))
            answer = client.post(address, json={"region": "640000"}, headers={"X-CSRFToken": token})
            assert answer.status_code == 415, address


#: Nobody sees these: directions of writing, joiners, selectors, fillers, combining marks, breaks.
UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u180e\u200b\u200e\u202a\u202d\u2028"
    "\u2060\u2064\u2066\u2069\u20e3\u2800\u3164\ufe0f\ufeff\U000e0020\t"
)


@pytest.mark.parametrize("sign", UNSEEN, ids=lambda sign: f"U+{ord(sign):04X}")
def test_what_nobody_sees_hides_neither_number_nor_name(sign: str) -> None:
    for text, kind in (("13800138000", "mobile"), ("640202199001011232", "id_number")):
        assert kind in {found.kind for found in screen(sign.join(text))}, text
    if unicodedata.category(sign) in ("Cf", "Mn", "Me"):
        assert {"school"} == {found.kind for found in screen(sign.join("大武口区第三小学"))}
        assert {"name"} == {found.kind for found in screen(sign.join("送给金阿依莎"), names=["金阿依莎"])}


def test_a_text_that_is_shown_backwards_is_not_published(client: Browser) -> None:
    """Written from its end under an override of direction, a number is none until it is shown."""
    wish = world.a_wish(title="一双\u202e00083100831", state="review", approved_by=None)
    client.sign_in(world.a_user(Role.CASEWORKER))
    client.submit(f"/needs/{wish.public_id}/approve", {"judged": "y"})
    db.session.refresh(wish)
    assert wish.state == "review"


@pytest.mark.parametrize("version", ["9" * 30, str(2**63), "-1", "0", "2"])
def test_a_version_that_no_record_has_is_a_conflict(app: Flask, client: Browser, version: str) -> None:
    case, project = world.a_case(), world.a_project()
    capacity, organization = world.a_capacity(project), project.organization
    need = world.a_need(case, state="draft")
    client.sign_in(world.a_user(*STAFF, organization=organization))
    shared = {"region": world.DAWUKOU, "quantity": "5", "title": "冬衣", "version": version}
    edits = {
        f"/cases/{case.public_id}/edit": {"opened_on": "2026-01-05"},
        f"/cases/{case.public_id}/people/{case.people[0].public_id}/edit": {"tier": "T-NONE"},
        f"/needs/{need.public_id}/edit": {"kind": "goods", "category": "S1102", "urgency": "red"},
        f"/projects/{project.public_id}/edit": {"funding": "charity"},
        f"/capacity/{capacity.public_id}/edit": {"categories": "S1102", "regions": world.DAWUKOU},
        f"/organizations/{organization.public_id}/edit": {"name": "测试", "kind": "charity"},
    }
    for address, values in edits.items():
        answer = client.submit(address, shared | values)
        assert answer.status_code == 409, f"{address}: {answer.status_code}"


@pytest.mark.parametrize("amount", ["sNaN", "NaN", "-sNaN", "Infinity", "-1", "1e999"])
def test_an_amount_that_is_no_number_is_refused_in_words(app: Flask, client: Browser, amount: str) -> None:
    capacity = world.a_capacity()
    allocation = world.an_allocation(capacity=capacity, state="accepted", accepted_at=now())
    client.sign_in(world.a_user(*STAFF, organization=capacity.organization))
    need = {"kind": "goods", "category": "S1102", "urgency": "red", "region": world.DAWUKOU, "title": "两套冬衣"}
    assert client.submit("/needs/new", need | {"quantity": "1", "value": amount, "send": "1"}).status_code == 422
    delivery = {"delivered_on": today().isoformat(), "quantity": "1", "people_served": "1", "value_yuan": amount}
    assert client.submit(f"/allocations/{allocation.public_id}/delivered", delivery).status_code == 422
