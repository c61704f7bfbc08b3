"""An application that sends letters, and what it wrote."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import create_app
from marketplace.extensions import db
from marketplace.mail import OutboxMessage
from tests.conftest import settings_in
from tests.support.client import Browser

PASSWORD = "a sentence is easy to keep"
_LINK = re.compile(r"https?://[^\s。，]+")


@pytest.fixture
def mailing(migrated: Path, tmp_path: Path) -> Iterator[Flask]:
    """An application with a mail server set, whose letters stay in the outbox."""
    shutil.copy(migrated, tmp_path / "bangnin.db")
    settings = settings_in(tmp_path, MAIL_URL="smtp://127.0.0.1:9")
    app = create_app(settings, TESTING=True, RATELIMIT_ENABLED=False)
    app.test_client_class = Browser
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def letters(mailing: Flask) -> Callable[[], list[tuple[str, str]]]:
    """Reads the outbox: (address, path of the link in it) of each letter, oldest first; no path for no link."""

    def read() -> list[tuple[str, str]]:
        db.session.rollback()
        found = []
        for message in db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)):
            assert message.body is not None
            link = _LINK.search(message.body.plain())
            assert link is not None
            found.append((message.address.plain(), "/" + link.group().split("/", 3)[3].rstrip(".")))
        db.session.rollback()  # a read that stays open keeps others from writing
        return found

    return read
