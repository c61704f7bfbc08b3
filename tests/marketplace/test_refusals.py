"""The page of a refusal: what is wrong, in words that fit, and the way on."""

import re

from flask import Flask

from marketplace.permissions import Role
from tests.support import world
from tests.support.client import Browser

HOST = "http://localhost"


def ways_on(page: str) -> list[str]:
    return re.findall(r'<li><a href="([^"]+)">', page.split('class="error-suggestions"')[1])


def test_who_holds_enough_wishes_is_led_to_them(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER, region=None))
    for _number in range(3):
        client.submit(f"/wishes/{world.a_wish().public_id}/claim")
    page = f"/wishes/{world.a_wish().public_id}"
    answer = client.submit(f"{page}/claim", headers={"Referer": f"{HOST}{page}"})
    assert answer.status_code == 409
    assert ways_on(answer.get_data(as_text=True)) == ["/account/claims", page, "/"]


def test_a_refusal_leads_back_to_our_own_pages_alone(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    client.sign_in(world.a_user(organization=organization, position="manager"))
    client.submit("/account/locale", {"locale": "en"})
    members = f"/organizations/{organization.public_id}/members"
    for referer, back in (
        (f"{HOST}{members}?page=2", [members]),
        (f"https://elsewhere.example{members}", []),
        (f"{HOST}//elsewhere.example/", []),
        ("", []),
    ):
        headers = {"Referer": referer} if referer else {}
        answer = client.submit(f"/organizations/{organization.public_id}/leave", headers=headers)
        page = answer.get_data(as_text=True)
        assert (answer.status_code, ways_on(page)) == (409, [*back, "/"])
        assert "This cannot be done now" in page


def test_what_somebody_else_moved_is_told_as_that(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.CASEWORKER))
    client.submit("/account/locale", {"locale": "en"})
    case = world.a_case()
    form = {"region": case.region, "version": "7"}
    answer = client.submit(f"/cases/{case.public_id}/edit", form)
    assert (answer.status_code, "This has changed meanwhile" in answer.get_data(as_text=True)) == (409, True)
