"""E-mail about notices: as each chose, once, and with no more than a sentence."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select, update

from marketplace import create_app, mail
from marketplace.accounts.models import User
from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.errors import InvalidInput
from marketplace.extensions import db
from marketplace.mail import OutboxMessage
from marketplace.notifications import services
from marketplace.notifications.models import Notification
from marketplace.permissions import Role, system_actor
from marketplace.records import LOCAL_TIME, now
from marketplace.transitions import move, transaction
from tests.conftest import settings_in
from tests.support import world


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Flask]:
    made = create_app(settings_in(tmp_path, MAIL_URL="smtp://127.0.0.1:1"))
    with made.app_context():
        upgrade()
        yield made
        db.session.remove()
        db.engine.dispose()


def happen(author: User) -> None:
    allocation = world.an_allocation(world.a_need(author=f"user:{author.id}"))
    with transaction():
        move(system_actor("test"), allocation, expect="proposed", to="accepted")


def letters() -> list[OutboxMessage]:
    db.session.rollback()
    return list(db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


def test_who_sent_a_link_hears_that_its_letter_did_not_arrive(site: Flask) -> None:
    coordinator = world.a_user(Role.COORDINATOR)
    answered, waiting = world.an_allocation(), world.an_allocation()
    reference = waiting.need.reference
    for proposal in (answered, waiting):
        token, sent = allocations.make_link(
            actor_of(coordinator), proposal.public_id, send_to="shop@example.org", letter=lambda token: ("Help?", token)
        )
        assert sent
        if proposal is answered:
            allocations.answer_no(token, "timing")
    with transaction() as session:
        session.execute(update(OutboxMessage).values(attempts=len(mail.WAITS), due_at=now()))
    mail.deliver()
    assert {letter.state for letter in letters() if letter.key.startswith("answer-link:")} == {"failed"}
    told = db.session.execute(
        select(Notification.event, Notification.about, Notification.record_public_id).where(
            Notification.user_id == coordinator.id, Notification.event == "allocation:link_failed"
        )
    ).all()
    assert [tuple(row) for row in told] == [("allocation:link_failed", reference, waiting.public_id)]


def today_at(hour: int) -> datetime:
    return now().astimezone(LOCAL_TIME).replace(hour=hour, minute=1)


def yesterday() -> None:
    with transaction() as session:
        session.execute(update(Notification).values(created_at=now() - timedelta(days=1, hours=1)))


@pytest.fixture
def author(site: Flask) -> User:
    return world.a_user(Role.CASEWORKER)


def test_at_once_means_one_letter_a_notice(author: User) -> None:
    services.choose(actor_of(author), {"deliveries": "at_once"})
    happen(author)
    (letter,) = letters()
    assert letter.body is not None
    assert "/account/notifications" in letter.body.plain()
    assert letter.address.plain() == author.email


def test_never_means_no_letter(author: User) -> None:
    services.choose(actor_of(author), {"deliveries": "never"})
    happen(author)
    yesterday()
    services.send_digests(today_at(services.DIGEST_HOUR))
    assert letters() == []


def test_the_day_is_gathered_in_one_letter(author: User) -> None:
    for _index in range(3):
        happen(author)
    yesterday()
    services.send_digests(today_at(services.DIGEST_HOUR))
    services.send_digests(today_at(services.DIGEST_HOUR))
    (letter,) = letters()
    assert letter.body is not None
    assert letter.body.plain().count("接受") + letter.body.plain().count("accepted") == 3


def test_before_the_hour_no_digest_goes_out(author: User) -> None:
    happen(author)
    yesterday()
    services.send_digests(today_at(services.DIGEST_HOUR - 1))
    assert letters() == []


def test_what_was_read_meanwhile_is_not_mailed(author: User) -> None:
    happen(author)
    yesterday()
    services.mark_all_read(actor_of(author))
    services.send_digests(today_at(services.DIGEST_HOUR))
    assert letters() == []


def test_a_letter_is_in_the_readers_language(site: Flask) -> None:
    reader = world.a_user(Role.CASEWORKER, locale="en")
    services.choose(actor_of(reader), {"deliveries": "at_once"})
    happen(reader)
    assert letters()[0].subject == "Bangnin: news for you"


def test_only_known_answers_are_kept(author: User) -> None:
    with pytest.raises(InvalidInput):
        services.choose(actor_of(author), {"deliveries": "hourly"})
    assert services.choices(actor_of(author))["deliveries"] == "daily"


def test_old_read_notices_go(author: User) -> None:
    happen(author)
    happen(author)
    (first, _second) = db.session.scalars(select(Notification).order_by(Notification.id))
    services.mark_read(actor_of(author), first.public_id)
    with transaction() as session:
        session.execute(
            update(Notification).where(Notification.id == first.id).values(read_at=now() - services.KEPT * 2)
        )
    services.forget_old()
    assert len(list(db.session.scalars(select(Notification)))) == 1
