"""Pages about kept units: what each reader is told, what is kept from them, and the way of a request through them."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.matches.holds.models import HoldException, HoldRelease, RunHold
from marketplace.needs.models import Need
from marketplace.notifications.models import Notification
from marketplace.permissions import Role
from tests.support import world
from tests.support.client import Browser
from tests.support.held import a_held_need, a_hold, a_release

WHY = "家里没有取暖"


@pytest.fixture
def hold(app: Flask) -> RunHold:
    return a_hold()


@pytest.fixture
def need(hold: RunHold) -> Need:
    return a_held_need(hold, world.a_need(urgency="blue", quantity=1, title="一床棉被"))


@pytest.fixture
def caseworker(app: Flask, new_client: Callable[[], Browser]) -> Browser:
    return new_client().sign_in(world.a_user(Role.CASEWORKER))


@pytest.fixture
def coordinator(app: Flask, new_client: Callable[[], Browser]) -> Browser:
    return new_client().sign_in(world.a_user(Role.COORDINATOR))


@pytest.fixture
def member(hold: RunHold, new_client: Callable[[], Browser]) -> Browser:
    return new_client().sign_in(world.a_user(region=None, organization=hold.capacity.organization, position="staff"))


def supplier_of(hold: RunHold) -> str:
    assert hold.capacity.organization
    return hold.capacity.organization.name


def project_of(hold: RunHold) -> str:
    assert hold.capacity.project
    return hold.capacity.project.public_id


def read(browser: Browser, address: str, status: int = 200) -> str:
    """A page in English, as its source texts are."""
    with browser.session_transaction() as session:
        session["locale"] = "en"
    answer = browser.get(address)
    assert answer.status_code == status, address
    return answer.get_data(as_text=True)


def told(topic: str) -> list[tuple[str, str]]:
    """Events and links of the notices about a topic."""
    db.session.rollback()
    query = select(Notification.event, Notification.record_type).where(Notification.topic == topic)
    return [(event, kind) for event, kind in db.session.execute(query.order_by(Notification.id))]


def test_a_need_tells_counts_and_nobodys_name(
    need: Need, hold: RunHold, caseworker: Browser, coordinator: Browser
) -> None:
    page = read(caseworker, f"/needs/{need.public_id}")
    assert "about 3 units that more urgent needs are expected to take" in page
    assert "if about 2 units fewer were asked for" in page
    assert supplier_of(hold) not in page
    assert hold.capacity.title not in page
    assert f"/needs/{need.public_id}/exception" in page
    assert f"/needs/{need.public_id}/exception" not in read(coordinator, f"/needs/{need.public_id}")
    other = world.a_need(title="另一项")
    assert "kept for later" not in read(caseworker, f"/needs/{other.public_id}")


def test_an_exception_goes_from_the_caseworker_to_the_supplier(
    need: Need, hold: RunHold, caseworker: Browser, coordinator: Browser, member: Browser
) -> None:
    address = f"/needs/{need.public_id}/exception"
    read(caseworker, address)
    assert caseworker.submit(address, {"reason": ""}).status_code == 422
    refused = caseworker.submit(address, {"reason": "联系13900001234"})
    assert refused.status_code == 422
    assert caseworker.submit(address, {"reason": WHY}).status_code == 303
    assert caseworker.submit(address, {"reason": WHY}).status_code == 409
    assert told("reviews") == [("hold_exception:requested", "hold_exception")]
    row = db.session.scalars(select(HoldException)).one()
    assert WHY in read(coordinator, "/holds")
    page = read(coordinator, f"/holds/exceptions/{row.public_id}")
    assert supplier_of(hold) in page
    assert "about Red: urgent 2, Yellow: soon 1" in page
    grant = {"capacity": hold.capacity.public_id, "quantity": 1, "reason": ""}
    assert coordinator.submit(f"/holds/exceptions/{row.public_id}/grant", grant).status_code == 422
    done = coordinator.submit(f"/holds/exceptions/{row.public_id}/grant", grant | {"reason": "孩子生病"})
    assert done.status_code == 303
    again = coordinator.submit(f"/holds/exceptions/{row.public_id}/grant", grant | {"reason": "孩子生病"})
    assert again.status_code == 409
    assert told("needs") == [("hold_exception:granted", "need")]
    assert "一床棉被" in read(member, "/allocations")
    proposal = db.session.scalars(select(Allocation)).one()
    read(member, f"/allocations/{proposal.public_id}")
    assert "孩子生病" in read(caseworker, f"/needs/{need.public_id}")
    world.a_run(need.region)  # looks again, and keeps nothing from it any more
    page = read(caseworker, f"/needs/{need.public_id}")
    assert "孩子生病" in page
    assert "Free units are kept for later" not in page


def test_a_release_goes_from_the_supplier_to_the_coordinator_and_back(
    need: Need, hold: RunHold, coordinator: Browser, member: Browser
) -> None:
    address = f"/capacity/{hold.capacity.public_id}/held"
    assert address in read(member, f"/projects/{project_of(hold)}")
    page = read(member, address)
    assert "about Red: urgent 2, Yellow: soon 1" in page
    for whose in (need.title, need.reference, need.public_id):
        assert whose not in page
    assert member.submit(address, {"reason": WHY}).status_code == 303
    row = db.session.scalars(select(HoldRelease)).one()
    assert WHY in read(coordinator, "/holds?kind=releases")
    read(coordinator, f"/holds/releases/{row.public_id}")
    grant = f"/holds/releases/{row.public_id}/grant"
    assert coordinator.submit(grant, {"reason": "可以", "until": ""}).status_code == 422
    assert coordinator.submit(grant, {"reason": "可以", "until": "2020-01-01"}).status_code == 422
    done = coordinator.submit(grant, {"reason": "可以", "until": world.in_days(3).isoformat()})
    assert done.status_code == 303
    assert told("capacity") == [("hold_release:granted", "capacity")]
    page = read(member, address)
    assert "Nothing of it is kept for later up to" in page
    assert "可以" in page
    notice = db.session.scalars(select(Notification).where(Notification.topic == "capacity")).one()
    opened = member.submit(f"/account/notifications/{notice.public_id}/open", {})
    assert opened.headers["Location"].endswith(address)


def test_who_may_neither_ask_nor_decide_sees_no_page(
    need: Need, hold: RunHold, new_client: Callable[[], Browser], caseworker: Browser, member: Browser
) -> None:
    asked = a_release(hold.capacity)
    stranger = new_client().sign_in(world.a_user(region=None, organization=world.an_organization()))
    read(stranger, f"/capacity/{hold.capacity.public_id}/held", 404)
    read(caseworker, f"/capacity/{hold.capacity.public_id}/held", 403)
    read(member, f"/needs/{need.public_id}/exception", 403)
    for browser in (caseworker, member):
        read(browser, f"/holds/releases/{asked.public_id}", 403)
    visitor = read(new_client(), f"/projects/{project_of(hold)}")
    assert "Kept for later" not in visitor


def test_a_refusal_is_read_by_who_asked(hold: RunHold, coordinator: Browser, member: Browser) -> None:
    member.submit(f"/capacity/{hold.capacity.public_id}/held", {"reason": WHY})
    row = db.session.scalars(select(HoldRelease)).one()
    refuse = f"/holds/releases/{row.public_id}/refuse"
    assert coordinator.submit(refuse, {"reason": ""}).status_code == 422
    assert coordinator.submit(refuse, {"reason": "本周还有急需"}).status_code == 303
    assert "本周还有急需" in read(member, f"/capacity/{hold.capacity.public_id}/held")
    assert WHY in read(coordinator, "/holds?kind=releases&decided=1")


def test_a_run_tells_the_same_words_in_its_list(need: Need, hold: RunHold, coordinator: Browser) -> None:
    hold.run.summary = {
        "needs": 1, "units": 1, "served": dict.fromkeys(("red", "yellow", "blue"), 0),
        "unserved": {"red": 0, "yellow": 0, "blue": 1}, "proposals": 0, "candidates": 1, "status": "optimal",
        "seconds": {}, "stale": {"needs": 0, "capacities": 0}, "unserved_by_reason": {"held": 1}, "fit": 0,
        "as_of": "2027-01-01", "digest": "",
    }  # fmt: skip
    hold.run.digest = "0" * 64
    db.session.commit()
    page = read(coordinator, f"/runs/{hold.run.public_id}?view=unserved")
    assert "about 3 units that more urgent needs are expected to take" in page


def test_a_notice_of_a_request_opens_its_page(hold: RunHold, coordinator: Browser, member: Browser) -> None:
    member.submit(f"/capacity/{hold.capacity.public_id}/held", {"reason": WHY})
    row = db.session.scalars(select(HoldRelease)).one()
    notice = db.session.scalars(select(Notification).where(Notification.topic == "reviews")).one()
    opened = coordinator.submit(f"/account/notifications/{notice.public_id}/open", {})
    assert opened.headers["Location"].endswith(f"/holds/releases/{row.public_id}")
