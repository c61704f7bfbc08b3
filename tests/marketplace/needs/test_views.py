"""Pages of needs and wishes as each role meets them."""

import re
from collections.abc import Callable

from flask import Flask

from marketplace.cases import services as cases
from marketplace.extensions import db
from marketplace.needs import services
from marketplace.needs.models import Need
from marketplace.permissions import Role, system_actor
from marketplace.records import today
from tests.support.canary import CanaryWatch
from tests.support.client import Browser
from tests.support.world import (
    CANARIES,
    DAWUKOU,
    HUINONG,
    a_case,
    a_need,
    a_user,
    a_wish,
    an_allocation,
)

WISH_LINK = re.compile(r'href="(/wishes/[^"]+)"')
CLAIM_FORM = re.compile(r'<form[^>]*action="([^"]*claim[^"]*)"')
FORM = {
    "kind": "micro_wish", "category": "S1102", "title": "一双34码棉鞋", "quantity": "1", "urgency": "blue",
    "region": DAWUKOU, "value": "120", "details": CANARIES["details"],
}  # fmt: skip


def text_of(client: Browser, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, path
    return answer.get_data(as_text=True)


def test_a_wish_s_way_from_form_to_board(app: Flask, client: Browser, new_client: Callable[[], Browser]) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    case = a_case()
    page = text_of(client, f"/needs/new?case={case.public_id}")
    assert case.number in page
    assert "hukou" not in page.lower()
    answer = client.submit("/needs/new", {**FORM, "case": case.public_id, "send": "1"})
    assert answer.status_code == 303
    wish = db.session.query(Need).one()
    assert (wish.state, wish.value_fen, wish.case_id) == ("review", 12_000, case.id)
    assert client.get(f"/wishes/{wish.public_id}").status_code == 404
    assert client.submit(f"/needs/{wish.public_id}/approve").status_code == 409
    reviewer = new_client().sign_in(a_user(Role.COORDINATOR))
    assert wish.title in text_of(reviewer, "/needs?state=review")
    assert reviewer.submit(f"/needs/{wish.public_id}/approve").status_code == 303
    assert wish.title in text_of(new_client(), "/wishes")


def test_a_draft_is_saved_edited_and_sent(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    assert client.submit("/needs/new", FORM).status_code == 303
    need = db.session.query(Need).one()
    assert need.state == "draft"
    assert CANARIES["details"] not in text_of(client, f"/needs/{need.public_id}/edit")
    changed = {**FORM, "title": "一双35码棉鞋", "details": "", "version": str(need.version)}
    assert client.submit(f"/needs/{need.public_id}/edit", changed).status_code == 303
    assert client.submit(f"/needs/{need.public_id}/edit", changed).status_code == 409
    assert client.submit(f"/needs/{need.public_id}/send").status_code == 303
    db.session.expire_all()
    assert (need.state, need.title, need.details.plain()) == ("review", "一双35码棉鞋", CANARIES["details"])


def test_a_refused_form_says_what_to_take_out_and_keeps_what_was_written(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    form = {**FORM, "details": "周末送", "send": "1"}
    answer = client.submit("/needs/new", {**form, "title": "送到3号楼的棉鞋", "value": "501"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "“3号楼”" in page
    assert "501" in page
    assert db.session.query(Need).count() == 0
    answer = client.submit("/needs/new", {**form, "value": "501"})
    assert answer.status_code == 422
    assert 'id="value-error"' in answer.get_data(as_text=True)


def test_review_withdrawal_and_reopening_by_hand(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.OFFICER))
    wish = a_wish(state="review", approved_by=None, author="user:999")
    assert client.submit(f"/needs/{wish.public_id}/send-back", {"note": ""}).status_code == 422
    assert client.submit(f"/needs/{wish.public_id}/send-back", {"note": "请写明尺码"}).status_code == 303
    assert "请写明尺码" in text_of(client, f"/needs/{wish.public_id}")
    need = a_need()
    assert client.submit(f"/needs/{need.public_id}/withdraw").status_code == 303
    assert need.state == "open"
    assert client.submit(f"/needs/{need.public_id}/withdraw", {"reason": "duplicate"}).status_code == 303
    assert client.submit(f"/needs/{need.public_id}/reopen", {"note": ""}).status_code == 422
    assert client.submit(f"/needs/{need.public_id}/reopen", {"note": "仍然需要"}).status_code == 303
    db.session.expire_all()
    assert need.state == "open"


def test_a_need_without_consent_says_that_it_stays_out_of_runs(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    need = a_need(share_consent_on=None)
    assert f"/cases/{need.case.public_id}/consents/new?purpose=share" in text_of(client, f"/needs/{need.public_id}")


def test_details_are_shown_once_for_a_reason(app: Flask, client: Browser, canary: CanaryWatch) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    need = a_need()
    assert CANARIES["details"] not in text_of(client, f"/needs/{need.public_id}")
    assert client.submit(f"/needs/{need.public_id}/reveal").status_code == 303
    canary.allow("needs.reveal")
    answer = client.submit(f"/needs/{need.public_id}/reveal", {"reason": "delivery"})
    assert CANARIES["details"] in answer.get_data(as_text=True)
    assert client.get(f"/needs/{need.public_id}/reveal").status_code == 405


def test_foreign_needs_look_absent(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    need = a_need(a_case(HUINONG))
    for path in ("", "/edit"):
        assert client.get(f"/needs/{need.public_id}{path}").status_code == 404
    for action in ("send", "approve", "send-back", "withdraw", "reopen", "reveal"):
        answer = client.submit(f"/needs/{need.public_id}/{action}", {"reason": "mistake", "note": "理由"})
        assert answer.status_code == 404, action


def test_the_list_has_pages_and_an_empty_state(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    assert "empty-state" in text_of(client, "/needs")
    for number in range(21):
        a_need(title=f"第{number}套冬衣")
    assert "/needs?kind=goods&amp;page=2" in text_of(client, "/needs?kind=goods")
    assert "aria-current" in text_of(client, "/needs?page=2")
    assert "empty-state" in text_of(client, "/needs?region=nonsense&page=99")


def test_a_volunteer_finds_one_claim_form_and_a_stranger_the_way_to_sign_in(
    app: Flask, client: Browser, new_client: Callable[[], Browser]
) -> None:
    wish = a_wish()
    a_wish()
    address = f"/wishes/{wish.public_id}"
    volunteer = client.sign_in(a_user(Role.VOLUNTEER, region=None))
    assert CLAIM_FORM.findall(text_of(volunteer, address)) == [f"{address}/claim"]
    stranger = text_of(new_client(), address)
    assert CLAIM_FORM.findall(stranger) == []
    assert f"/account/login?next={address}" in stranger.replace("%2F", "/")
    caseworker = new_client().sign_in(a_user(Role.CASEWORKER))
    assert CLAIM_FORM.findall(text_of(caseworker, address)) == []


def test_a_claimed_wish_offers_no_claim_but_similar_ones(app: Flask, client: Browser) -> None:
    wish, other = a_wish(), a_wish()
    services.take(wish.id, 1)
    client.sign_in(a_user(Role.VOLUNTEER, region=None))
    page = text_of(client, f"/wishes/{wish.public_id}")
    assert CLAIM_FORM.findall(page) == []
    assert WISH_LINK.findall(page) == [f"/wishes/{other.public_id}"]


def test_the_claimant_sees_their_own_claim_even_when_the_wish_left_the_board(
    app: Flask, client: Browser, new_client: Callable[[], Browser]
) -> None:
    user = a_user(Role.VOLUNTEER, region=None)
    wish = a_wish()
    an_allocation(wish, None, claimant_id=user.id, state="confirmed")
    services.close_fulfilled(system_actor("test"), wish)
    assert "/account/claims" in text_of(client.sign_in(user), f"/wishes/{wish.public_id}")
    text_of(new_client().sign_in(a_user(Role.VOLUNTEER, region=None)), f"/wishes/{wish.public_id}", 404)
    text_of(new_client(), f"/wishes/{wish.public_id}", 404)


def test_below_wishes_one_segment_is_a_wish_linked_without_a_query(app: Flask, client: Browser) -> None:
    taken = a_wish()
    services.take(taken.id, 1)
    for _place in range(21):
        a_wish()
    links = WISH_LINK.findall(text_of(client, "/wishes"))
    assert len(links) == len(set(links)) == 20
    assert all(re.fullmatch(r"/wishes/[0-9a-f]{32}", link) for link in links)
    assert f"/wishes/{taken.public_id}" not in links
    assert f"/wishes/{taken.public_id}" in WISH_LINK.findall(text_of(client, "/wishes?page=2"))
    text_of(client, "/wishes/new", 404)


def test_the_board_of_a_restricted_case_is_empty_everywhere(app: Flask, client: Browser) -> None:
    case = a_case()
    wish = a_wish(case)
    assert wish.title in text_of(client, "/")
    cases.restrict(system_actor("test"), case.public_id, True, "R05")
    for path in ("/", "/wishes", f"/wishes?county={DAWUKOU}", "/wishes?category=S1102"):
        assert wish.title not in text_of(client, path)
    text_of(client, f"/wishes/{wish.public_id}", 404)


def test_odd_filters_do_no_harm(app: Flask, client: Browser) -> None:
    a_wish()
    for query in ("price=abc", "price=" + "9" * 30, "county=%25", "category=%27", "page=-1", "page=x", "price=²"):
        text_of(client, f"/wishes?{query}")


def test_public_pages_tell_nothing_internal(app: Flask, client: Browser) -> None:
    """Not the colour, not the case, not the exact price, not the exact day, not the recognition."""
    wish = a_wish(groups=["T-DIBAO", "G-ILL"], value_fen=12_345, urgency="red")
    page = text_of(client, f"/wishes/{wish.public_id}") + text_of(client, "/wishes") + text_of(client, "/")
    for told in ("123.45", wish.case.number, "低保", "重病", "badge-urgency", str(wish.case.public_id), "T-DIBAO"):
        assert told not in page


def test_page_links_keep_filters_and_nothing_else_of_the_address(app: Flask, client: Browser) -> None:
    for _place in range(21):
        a_wish()
    page = text_of(client, "/wishes?category=S1102&_external=1&_scheme=javascript&_anchor=x&spam=1")
    assert 'href="/wishes?category=S1102&amp;page=2"' in page
    assert "spam" not in page.split("<main")[1]


def test_the_price_filter_takes_bands_alone(client: Browser) -> None:
    wish = a_wish(value_fen=12_345)
    for price, shown in (("12344", True), ("12346", True), ("10000", False), ("20000", True)):
        page = client.get(f"/wishes?price={price}").get_data(as_text=True)
        assert (wish.title in page) is shown, price


def test_a_wish_without_consent_to_publish_says_so_before_anybody_approves(
    app: Flask, client: Browser, new_client: Callable[[], Browser]
) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    client.submit("/account/locale", {"locale": "en"})
    case = a_case()
    for consent in case.consents:
        cases.withdraw_consent(system_actor("test"), case.public_id, consent.public_id)
    person = case.people[0].public_id
    client.submit("/needs/new", {**FORM, "case": case.public_id, "person": person, "send": "1"})
    wish = f"/needs/{db.session.query(Need).one().public_id}"
    page = text_of(client, wish)
    assert "nobody can approve it" in page
    assert f"/cases/{case.public_id}/consents/new?purpose=publish&amp;person={person}" in page
    reviewer = new_client().sign_in(a_user(Role.COORDINATOR))
    assert f"{wish}/approve" in text_of(reviewer, wish)
    assert "btn-success" not in text_of(reviewer, wish)
    given = cases.ConsentGiven("publish", "self", today(), refusal_offered=True)
    cases.give_consent(system_actor("test"), case.public_id, given)
    assert "btn-success" in text_of(reviewer, wish)
    assert "nobody can approve it" not in text_of(client, wish)
