"""The pages of notices."""

from flask import Flask

from marketplace.extensions import db
from marketplace.notifications.models import Notification
from marketplace.permissions import Role, system_actor
from marketplace.transitions import move, transaction
from tests.support import world
from tests.support.client import Browser


def a_notice(client: Browser) -> Notification:
    author = world.a_user(Role.CASEWORKER)
    allocation = world.an_allocation(world.a_need(author=f"user:{author.id}"))
    with transaction():
        move(system_actor("test"), allocation, expect="proposed", to="accepted")
    client.sign_in(author)
    notice: Notification = db.session.query(Notification).one()
    return notice


def test_the_bell_counts_news_on_every_page(app: Flask, client: Browser) -> None:
    a_notice(client)
    assert "bar-count" in client.get("/account").text


def test_opening_a_notice_leads_to_its_record_and_reads_it(app: Flask, client: Browser) -> None:
    notice = a_notice(client)
    answer = client.submit(f"/account/notifications/{notice.public_id}/open")
    assert answer.status_code == 303
    assert notice.record_public_id in answer.headers["Location"]
    assert "bar-count" not in client.get("/account").text


def test_all_are_read_with_one_press(app: Flask, client: Browser) -> None:
    a_notice(client)
    assert client.submit("/account/notifications/read").status_code == 303
    assert "notice--news" not in client.get("/account/notifications").text
    assert "notice--news" not in client.get("/account/notifications?unread=1").text


def test_an_empty_list_says_so(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER))
    assert "empty-state" in client.get("/account/notifications").text


def test_choices_are_kept(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER))
    page = client.get("/account/notifications/choices")
    assert page.status_code == 200
    topics = ("proposals", "deliveries", "claims", "reviews", "needs", "runs", "organization", "capacity")
    answer = client.submit("/account/notifications/choices", dict.fromkeys(topics, "never"))
    assert answer.status_code == 303
    assert client.get("/account/notifications/choices").text.count("selected") == len(topics)
    assert client.submit("/account/notifications/choices", dict.fromkeys(topics, "x")).status_code == 422
