"""The outbox against a real SMTP server: nothing lost, nothing sent twice, nothing after a rollback."""

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select, update

from marketplace import create_app, jobs, mail
from marketplace.extensions import db
from marketplace.mail import OutboxMessage
from marketplace.records import now
from marketplace.settings import SettingsError, load
from marketplace.transitions import transaction
from tests.conftest import settings_in
from tests.support.servers import free_port


class Postbox:
    """Keeps what arrives; refuses readers whose address begins with a number as the server's answer."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []

    async def handle_RCPT(  # noqa: N802  # the name aiosmtpd calls
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address.split("@")[0] in ("550", "450"):
            return f"{address.split('@')[0]} not now"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # as above
        self.letters.append(cast("EmailMessage", message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def postbox() -> Iterator[tuple[Postbox, int]]:
    box = Postbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True)
    controller.start()
    yield box, controller.port
    controller.stop()


@pytest.fixture
def site(tmp_path: Path, postbox: tuple[Postbox, int]) -> Iterator[Flask]:
    made = create_app(settings_in(tmp_path, MAIL_URL=f"smtp://127.0.0.1:{postbox[1]}?from=help@example.org"))
    with made.app_context():
        upgrade()
        yield made
        db.session.remove()
        db.engine.dispose()


def post(key: str = "a", address: str = "wang@example.org") -> bool:
    with transaction():
        return mail.post(address, "新的匹配建议", "请登录后查看。\nhttp://127.0.0.1:8000/allocations", key=key)


def only_message() -> OutboxMessage:
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(OutboxMessage)).one()


def test_a_message_goes_out_after_the_commit(site: Flask, postbox: tuple[Postbox, int]) -> None:
    assert post()
    assert postbox[0].letters == []
    jobs.work_off(site)
    (letter,) = postbox[0].letters
    assert letter["Subject"] == "新的匹配建议"
    assert letter["From"] == "help@example.org"
    assert letter["To"] == "wang@example.org"
    assert letter.get_content().startswith("请登录后查看。")
    assert only_message().state == "sent"
    assert only_message().body is None


def test_a_rollback_sends_nothing(site: Flask, postbox: tuple[Postbox, int]) -> None:
    def post_and_fail() -> None:
        with transaction():
            assert mail.post("wang@example.org", "s", "b", key="a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        post_and_fail()
    jobs.work_off(site)
    assert mail.deliver() == 0
    assert postbox[0].letters == []


def test_one_key_is_one_message(site: Flask, postbox: tuple[Postbox, int]) -> None:
    assert post("same")
    assert not post("same")
    jobs.work_off(site)
    mail.deliver()
    assert len(postbox[0].letters) == 1


def test_outside_a_transaction_nothing_is_posted(site: Flask) -> None:
    with site.app_context(), pytest.raises(RuntimeError):
        mail.post("wang@example.org", "s", "b", key="a")


def test_the_address_and_the_text_are_stored_encrypted(site: Flask) -> None:
    post()
    raw = db.session.connection().exec_driver_sql("SELECT * FROM outbox_message").one()
    assert not any("wang" in str(value) or "登录" in str(value) for value in raw)


def test_a_lost_sender_leaves_the_message_to_another_with_the_same_id(
    site: Flask, postbox: tuple[Postbox, int]
) -> None:
    post()
    message = db.session.scalars(select(OutboxMessage)).one()
    server: mail.Server = site.extensions["marketplace.mail"]
    first_id = server.letter(message)["Message-ID"]
    with transaction() as session:
        session.execute(update(OutboxMessage).values(state="sending", taken_at=now() - timedelta(minutes=5)))
    assert mail.deliver() == 0, "its sender may yet live"
    with transaction() as session:
        session.execute(update(OutboxMessage).values(taken_at=now() - timedelta(minutes=11)))
    assert mail.deliver() == 1
    assert postbox[0].letters[0]["Message-ID"] == first_id


@pytest.mark.parametrize(("address", "state"), [("550@example.org", "failed"), ("450@example.org", "queued")])
def test_a_refused_address_fails_and_a_busy_one_waits(site: Flask, address: str, state: str) -> None:
    post(address=address)
    post("b")
    assert mail.deliver() == 1, "another reader's message is not held up"
    db.session.rollback()
    message = db.session.scalars(select(OutboxMessage).where(OutboxMessage.key == "a")).one()
    assert message.state == state
    assert message.failure == "SMTPRecipientsRefused"
    assert mail.undelivered() == (1 if state == "failed" else 0)
    if state == "queued":
        assert message.due_at > now()


def test_an_old_failure_is_counted_no_more(site: Flask) -> None:
    post(address="550@example.org")
    mail.deliver()
    with transaction() as session:
        session.execute(update(OutboxMessage).values(due_at=now() - timedelta(days=31)))
    assert (only_message().state, mail.undelivered()) == ("failed", 0)


def test_an_unreachable_server_loses_nothing(tmp_path: Path) -> None:
    site = create_app(settings_in(tmp_path, MAIL_URL="smtp://127.0.0.1:1"))
    with site.app_context():
        upgrade()
        post()
        assert mail.deliver() == 0
        message = only_message()
        assert (message.state, message.attempts) == ("queued", 1)
        with transaction() as session:
            session.execute(update(OutboxMessage).values(attempts=len(mail.WAITS), due_at=now()))
        mail.deliver()
        assert only_message().state == "failed"
        db.session.remove()
        db.engine.dispose()


def test_without_a_server_nothing_is_written_down(app: Flask) -> None:
    assert not mail.is_configured()
    with app.app_context():
        assert not post()
        assert db.session.scalars(select(OutboxMessage)).all() == []


def test_a_subject_cannot_add_headers(site: Flask, postbox: tuple[Postbox, int]) -> None:
    with transaction():
        mail.post("wang@example.org", "Hello\r\nBcc: everyone@example.org", "b", key="a")
    jobs.work_off(site)
    (letter,) = postbox[0].letters
    assert letter["Bcc"] is None


@pytest.mark.parametrize("url", ["http://mail.example.org", "smtp://"])
def test_a_wrong_address_of_the_server_is_told_at_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="MAIL_URL"):
        mail.Server(load({"INSTANCE_DIR": str(tmp_path), "MAIL_URL": url}))
