"""Pages for people without an account: a supplier's link, a wish card, a guest's claim; and photos as files."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from marketplace import create_app
from marketplace.allocations import services
from marketplace.extensions import db
from marketplace.permissions import Role
from tests.conftest import settings_in
from tests.marketplace.allocations.people import a_coordinator, again
from tests.marketplace.allocations.test_evidence import a_photo
from tests.support import world
from tests.support.client import Browser


def test_a_coordinator_makes_a_link_that_answers(client: Browser, new_client: Callable[[], Browser]) -> None:
    proposal = world.an_allocation(world.a_need(quantity=3), quantity=3)
    client.sign_in(world.a_user(Role.COORDINATOR))
    page = client.submit(f"/allocations/{proposal.public_id}/link", {"send_to": ""})
    found = re.search(r'href="http://127\.0\.0\.1:8000(/answers/[^"]+)"', page.get_data(as_text=True))
    assert found
    supplier, address = new_client(), found.group(1)
    shown = supplier.get(address)
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["Referrer-Policy"] in ("no-referrer", "same-origin", "strict-origin-when-cross-origin")
    assert supplier.post(f"{address}/accept").status_code == 400  # no token of a form
    assert again(proposal).state == "proposed"
    assert supplier.submit(f"{address}/decline", {"reason": "because"}).status_code == 422
    assert supplier.submit(f"{address}/accept", {"quantity": "7", "rest_reason": "timing"}).status_code == 422
    answer = supplier.submit(f"{address}/accept", {"quantity": "2", "rest_reason": "timing"})
    assert (answer.status_code, answer.location) == (303, address)
    assert (again(proposal).state, again(proposal).quantity) == ("accepted", 2)
    assert supplier.submit(f"{address}/accept").status_code == 409
    assert supplier.get(address).status_code == 200


def test_a_link_declines(client: Browser) -> None:
    proposal = world.an_allocation()
    token, _ = services.make_link(a_coordinator(), proposal.public_id)
    db.session.rollback()
    assert client.submit(f"/answers/{token}/decline", {"reason": "too_far"}).status_code == 303
    assert again(proposal).state == "declined"


@pytest.mark.parametrize("token", ["x", "a.b.c", "Ingi.awYduA.rq6ihM-i6rG7f5yp_OfMQUKZd1dNrZ6M2yUsIHmYv_4"])
def test_made_up_addresses_open_nothing(client: Browser, token: str) -> None:
    for address in (f"/answers/{token}", f"/claims/{token}"):
        assert client.get(address).status_code == 404
    for address in (f"/answers/{token}/accept", f"/answers/{token}/decline", f"/claims/{token}/give-back"):
        assert client.submit(address, {"reason": "timing"}).status_code == 404


def test_a_card_is_claimed_without_an_account(client: Browser) -> None:
    wish = world.a_wish()
    address = f"/cards/{wish.public_id}"
    page = client.get(address).get_data(as_text=True)
    assert len(re.findall(r"<form[^>]+action=\"/cards/", page)) == 1
    code = services.card_code(wish)
    db.session.rollback()
    assert client.submit(address, {"code": "AAAAAAAA", "phone": "13912345678"}).status_code == 422
    assert client.submit(address, {"code": code, "phone": "12"}).status_code == 422
    answer = client.submit(address, {"code": code, "phone": "13912345678"})
    assert answer.status_code == 303
    own = client.get(answer.location).get_data(as_text=True)
    assert wish.title in own
    assert "13912345678" not in own
    photo = {"photo": (a_photo(), "IMG_0001.jpg")}
    token = {"csrf_token": client.csrf_token()}
    handed_in = client.post(f"{answer.location}/evidence", data={**photo, **token}, content_type="multipart/form-data")
    assert handed_in.status_code == 303
    assert client.submit(f"{answer.location}/evidence").status_code == 422
    assert client.submit(f"{answer.location}/done").location == answer.location
    assert client.submit(f"{answer.location}/give-back").status_code == 409
    assert again(wish).allocated == 1


def test_a_guest_gives_back(client: Browser) -> None:
    wish = world.a_wish()
    token = services.claim_with_card(wish.public_id, services.card_code(wish), "13912345678")
    db.session.rollback()
    form = client.get(f"/claims/{token}").get_data(as_text=True).split(f'action="/claims/{token}/give-back"')[1]
    assert "data-confirm" in form.split(">")[0]  # the card's code is worth nothing afterwards
    assert client.submit(f"/claims/{token}/give-back").status_code == 303
    assert again(wish).allocated == 0
    assert client.get(f"/claims/{token}").status_code == 200


def test_a_caseworker_asks_for_a_guests_number(client: Browser) -> None:
    wish = world.a_wish()
    token = services.claim_with_card(wish.public_id, services.card_code(wish), "13912345678")
    claim = services.guest_claim(token)
    client.sign_in(world.a_user(Role.CASEWORKER))
    address = f"/allocations/{claim.public_id}"
    assert "13912345678" not in client.get(address).get_data(as_text=True)
    assert "13912345678" in client.submit(f"{address}/reveal-guest", {"reason": "arrange"}).get_data(as_text=True)
    assert client.submit(f"{address}/reveal-guest", {"reason": "because"}).status_code == 422


def test_wrong_codes_are_counted(app: Flask, tmp_path: pytest.TempPathFactory) -> None:
    wish = world.a_wish()
    address = wish.public_id
    code = services.card_code(wish)
    db.session.rollback()
    limited = create_app(app.extensions["marketplace.settings"], TESTING=True, RATELIMIT_ENABLED=True)
    limited.test_client_class = Browser
    browser = limited.test_client()
    assert isinstance(browser, Browser)
    wrong = [
        browser.submit(f"/cards/{address}", {"code": "AAAAAAAA", "phone": "13912345678"}).status_code for _ in range(11)
    ]
    assert wrong == [422] * 10 + [429]
    assert browser.submit(f"/cards/{address}", {"code": code, "phone": "13912345678"}).status_code == 429
    assert again(wish).allocated == 0


def test_a_photo_is_an_attachment_for_those_who_may_see_it(client: Browser, new_client: Callable[[], Browser]) -> None:
    proposal = world.an_allocation(state="accepted")
    supplier = client.sign_in(world.a_user(region=None, organization=proposal.capacity.organization))
    address = f"/allocations/{proposal.public_id}"
    form = {"photo": (a_photo(), "<b>身份证.jpg"), "csrf_token": supplier.csrf_token()}
    sent = supplier.post(f"{address}/evidence", data=form, content_type="multipart/form-data")
    assert sent.status_code == 303
    page = supplier.get(address).get_data(as_text=True)
    assert "身份证" not in page
    found = re.search(rf'src="({address}/evidence/\w+)"', page)
    assert found
    photo = supplier.get(found.group(1))
    assert photo.headers["Content-Disposition"].startswith("attachment; filename=")
    assert (photo.mimetype, photo.headers["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert b"CANARYCAM" not in photo.data
    stranger = new_client().sign_in(world.a_user(region=None, organization=world.an_organization()))
    assert stranger.get(found.group(1)).status_code == 404
    assert new_client().get(found.group(1), headers={"Accept": "application/json"}).status_code == 401
    assert supplier.submit(f"{found.group(1)}/remove").status_code == 303
    assert supplier.get(found.group(1)).status_code == 404


def test_the_link_goes_by_mail_where_mail_is_set_up(app: Flask, tmp_path: object) -> None:
    from marketplace.mail import OutboxMessage

    assert db.session.query(OutboxMessage).count() == 0
    proposal = world.an_allocation()
    db.session.rollback()
    settings = settings_in(app.extensions["marketplace.settings"].instance_dir, MAIL_URL="smtp://127.0.0.1:9")
    with create_app(settings, TESTING=True, RATELIMIT_ENABLED=False).app_context():
        letter = lambda token: ("A request", f"http://x/answers/{token}")  # noqa: E731  # one line
        _token, sent = services.make_link(
            a_coordinator(), proposal.public_id, send_to="shop@example.org", letter=letter
        )
        assert sent
        (message,) = db.session.query(OutboxMessage).all()
        assert str(message.address) == "s***@example.org"
        assert "answers" not in str(message.body)
        db.session.remove()
