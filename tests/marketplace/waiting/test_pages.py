"""The page: who is led to it, and that each of its links opens a list of exactly what it counts."""

import re
from datetime import timedelta

import pytest

from marketplace.accounts.models import User
from marketplace.permissions import Role
from marketplace.records import now, today
from tests.marketplace.matches.run_support import statements
from tests.support import world
from tests.support.client import Browser
from tests.support.held import a_held_need, a_hold, a_release, an_exception
from tests.web.reading import Page

pytestmark = pytest.mark.usefixtures("app")

MOST_STATEMENTS = 12
_LINE = re.compile(r'waiting__label"><a href="([^"]+)">.*?waiting__number">.*?</span>(\d+)', re.DOTALL)


def lines(browser: Browser) -> list[tuple[str, int]]:
    """Address and number of each line of the page."""
    answer = browser.get("/waiting")
    assert answer.status_code == 200
    return [(url.replace("&amp;", "&"), int(number)) for url, number in _LINE.findall(answer.get_data(as_text=True))]


def rows(browser: Browser, address: str) -> int:
    """Rows of the list that an address opens."""
    answer = browser.get(address)
    assert answer.status_code == 200, address
    page = Page(answer.get_data(as_text=True))
    return len(page.all("article", class_="card") if address.startswith("/projects") else page.all("th", scope="row"))


def a_busy_day() -> dict[str, User]:
    """Of every kind two that wait, beside some that the same list shows and that do not; and for whom they wait."""
    organization = world.an_organization()
    people = {
        "officer": world.a_user(Role.OFFICER),
        "coordinator": world.a_user(Role.COORDINATOR, Role.CASEWORKER),
        "caseworker": world.a_user(Role.CASEWORKER, Role.AUDITOR),
        "member": world.a_user(Role.OFFICER, organization=organization),
        "volunteer": world.a_user(Role.VOLUNTEER, region=None),
        "administrator": world.a_user(Role.ADMINISTRATOR, region=None),
    }
    capacity = world.a_capacity(world.a_project(organization), quantity=50)
    gone = world.a_capacity(world.a_project(world.an_organization(state="suspended")))
    held = world.a_capacity(gone.project, title="存着的")
    hold = a_hold(held)
    for number in range(2):
        world.an_organization(state="registered")
        world.a_project(organization, state="submitted")
        world.a_volunteers_offer()
        world.a_capacity(capacity.project, confirmed_on=today() - timedelta(days=40))
        world.an_assessment(world.DAWUKOU, state="draft", edition=number + 2)
        world.a_wish(state="review", approved_by=None)
        world.a_need(urgency="red", posted_on=today() - timedelta(days=20), share_consent_on=None)
        world.an_allocation(None, capacity, expires_at=now() + timedelta(days=2))
        world.an_allocation(None, capacity, state="delivering", due_on=today() + timedelta(days=2))
        world.an_allocation(None, capacity, state="delivered", delivered_at=now())
        world.a_visit(world.an_allocation(None, capacity, state="confirmed"))
        world.an_allocation(None, gone, state="accepted", accepted_at=now())
        world.an_allocation(None, gone)
        an_exception(a_held_need(hold))
        world.a_run(world.XINGQING if number else world.DAWUKOU)
        world.a_run(state="failed")
        for note in (None, "请写明尺码"):
            world.a_need(state="draft", author=f"user:{people['caseworker'].id}", review_note=note)
        invited = world.a_user(Role.OFFICER)
        world.save(world.AccessLink(purpose="password", user_id=invited.id, expires_at=now()))
        for state in ("accepted", "delivering", "delivered"):
            claim = {"expires_at": now() + timedelta(days=1), "due_on": today()}
            world.an_allocation(world.a_wish(), None, claimant_id=people["volunteer"].id, state=state, **claim)
        world.a_wish(state="review", approved_by=None, author=f"user:{people['caseworker'].id}")
    a_release(held)
    world.an_assessment(world.DAWUKOU, valid_until=world.in_days(9))
    world.a_volunteers_offer(people["coordinator"])
    an_exception(a_held_need(hold), asked_by=f"user:{people['coordinator'].id}")
    world.a_visit(world.an_allocation(None, capacity, state="confirmed"), due_on=world.in_days(3))
    return people


@pytest.mark.both_databases
def test_each_line_opens_a_list_of_exactly_what_it_counts(client: Browser) -> None:
    people = a_busy_day()
    opened = set()
    for role, user in people.items():
        client.sign_in(user)
        found = lines(client)
        assert found, role
        for address, number in found:
            assert (role, address, rows(client, address)) == (role, address, number)
            opened.add(address)
    assert len(opened) == 23  # all kinds, and no address for two


def test_the_page_takes_few_statements(client: Browser) -> None:
    people = a_busy_day()
    everything = world.a_user(
        *(role for role in Role if role not in (Role.PUBLIC, Role.CHARITY, Role.CHARITY_MANAGER)),
        organization=world.an_organization(),
    )
    for user in (*people.values(), everything):
        client.sign_in(user)
        client.get("/waiting")  # what is read once and kept
        with statements() as sent:
            assert client.get("/waiting").status_code == 200
        assert len(sent) <= MOST_STATEMENTS, sent


@pytest.mark.parametrize("position", ["manager", "staff"])
def test_confirming_from_the_list_leads_back_to_it(client: Browser, position: str) -> None:
    organization = world.an_organization()
    capacity = world.a_capacity(world.a_project(organization), confirmed_on=None)
    client.sign_in(world.a_user(region=None, organization=organization, position=position))
    ((address, number),) = lines(client)
    assert (number, rows(client, address)) == (1, 1)
    answer = client.submit(f"/capacity/{capacity.public_id}/confirm", {"to_list": "1"})
    assert (answer.status_code, answer.location) == (303, address)
    assert rows(client, address) == 0
    assert lines(client) == []


def test_another_organizations_list_looks_absent(client: Browser) -> None:
    other = world.an_organization()
    client.sign_in(world.a_user(region=None, organization=world.an_organization()))
    assert client.get(f"/organizations/{other.public_id}/capacity/confirm").status_code == 404


def test_a_list_says_that_it_is_filtered_and_leads_to_all_of_it(client: Browser) -> None:
    people = a_busy_day()
    client.sign_in(people["member"])
    filtered = Page(client.get("/allocations?tab=answer&waiting=1").get_data(as_text=True))
    assert len(filtered.all("th", scope="row")) == 2
    assert filtered.all("a", href="/allocations?tab=answer")
    assert filtered.all("input", type="hidden", name="waiting", value="1")  # further filters keep to it
    assert rows(client, "/allocations?tab=answer") == 2 + 2  # an officer also reads what others are asked


def test_an_empty_day_is_friendly_and_says_where_to_go(client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER, region=None))
    page = Page(client.get("/waiting").get_data(as_text=True))
    assert page.one("p", class_="empty-state__title").text == "现在没有待办事项"
    assert page.one("a", class_="btn btn-primary", href="/wishes")
    client.sign_in(world.a_user(Role.CASEWORKER))
    page = Page(client.get("/waiting").get_data(as_text=True))
    assert page.one("p", class_="empty-state__title").text == "现在没有待办事项"
    assert not page.all("a", class_="btn btn-primary", href="/wishes")


def test_the_menu_begins_with_it_for_those_for_whom_something_can_wait(client: Browser) -> None:
    client.sign_in(world.a_user(Role.COORDINATOR))
    links = Page(client.get("/waiting").get_data(as_text=True)).all("a", class_="sections__link")
    assert (links[0]["href"], links[0]["aria-current"]) == ("/waiting", "page")
    client.sign_in(world.a_user(Role.AUDITOR, region=None))
    assert not Page(client.get("/audit").get_data(as_text=True)).all("a", href="/waiting")
    answer = client.get("/waiting")
    assert (answer.status_code, answer.location) == (303, "/")
    assert b"/waiting" not in client.get("/").data


def test_a_stranger_is_asked_to_sign_in(client: Browser) -> None:
    answer = client.get("/waiting")
    assert answer.status_code in (302, 303)
    assert answer.location.startswith("/account/login")
