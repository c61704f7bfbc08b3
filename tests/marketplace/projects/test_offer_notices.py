"""What people are told of volunteers' offers and of capacity that nobody confirmed."""

from collections.abc import Callable
from datetime import timedelta

from flask import Flask

from marketplace.accounts.services import actor_of
from marketplace.extensions import db
from marketplace.notifications.models import Notification
from marketplace.permissions import Role
from marketplace.projects import services
from marketplace.projects.models import Capacity
from marketplace.records import today
from tests.marketplace.projects.test_offers import FACTS
from tests.support import world
from tests.support.client import Browser

NOTICES = "/account/notifications"


def test_a_coordinator_and_then_the_volunteer_are_told(
    app: Flask, client: Browser, new_client: Callable[[], Browser]
) -> None:
    volunteer, coordinator = world.a_user(Role.VOLUNTEER, region=None), world.a_user(Role.COORDINATOR)
    offer = services.post(actor_of(volunteer), FACTS)
    public_id = offer.public_id
    client.sign_in(volunteer)
    reader = new_client().sign_in(coordinator)
    assert f"/offers/{public_id}" in _opened(reader)
    version = db.session.get_one(Capacity, offer.id).version
    services.approve(actor_of(coordinator), public_id, version, "已看证明")
    assert _opened(client).endswith("/account/offers")


def test_a_stale_offer_is_asked_of_its_volunteer(app: Flask, client: Browser) -> None:
    volunteer = world.a_user(Role.VOLUNTEER, region=None)
    world.a_volunteers_offer(
        volunteer, state="offered", reviewed_by="user:0", confirmed_on=today() - timedelta(days=40)
    )
    assert services.ask() == 1
    assert services.ask(today() + timedelta(days=31)) == 1
    assert db.session.query(Notification).count() == 2  # each month's question is news
    client.sign_in(volunteer)
    assert _opened(client).endswith("/account/offers")


def _opened(browser: Browser) -> str:
    """Where the newest notice leads."""
    text = browser.get(NOTICES).get_data(as_text=True)
    assert "上门理发" in text
    start = text.index("/open", text.index('class="notices"'))
    address = text[text.rindex('"', 0, start) + 1 : start + len("/open")]
    return browser.submit(address).location or ""
