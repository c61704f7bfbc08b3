"""What leaves the application other than by a page: exported files, results of the console, letters and notices."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

from marketplace.cli import group
from marketplace.commands.files import ENDINGS
from marketplace.exchange import services as exchange
from marketplace.extensions import db
from marketplace.mail import OutboxMessage
from marketplace.notifications.models import Notification
from marketplace.notifications.rules import RULES, text_of
from marketplace.notifications.services import _write, send_digests
from marketplace.permissions import Role
from marketplace.records import now
from marketplace.transitions import transaction
from tests.security.field_walk import World, text_of_bytes

#: (role of the reader, format, what it is, its text)
Telling = tuple[str, str, str, str]


def exported(folder: Path) -> Iterator[Telling]:
    """Every exporter that is registered, in every format; none without rows."""
    for kind in exchange.KINDS:
        for ending in ENDINGS:
            path = folder / f"{kind}{ending}"
            assert exchange.export_file(kind, path) > 0, f"{kind}: the walk has nothing to export"
            yield Role.ADMINISTRATOR, ending[1:], f"marketplace export {kind}", text_of_bytes(path.read_bytes())


def searched(folder: Path) -> Iterator[Telling]:
    """What `marketplace search --json` tells of everything that it finds."""
    db.session.rollback()  # a reader that stays keeps the command from writing
    environment = {"INSTANCE_DIR": str(folder), "SECRET_KEY": "s" * 40, "FIELD_KEYS": "k" * 40}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL", "INDEX_DIR", "MAIL_URL", "BASE_URL"):
            patch.delenv(name, raising=False)
        for words in ("冬衣", "测试"):
            told = CliRunner().invoke(group, ["search", words, "--json", "--limit", "100"], env=environment)
            assert told.exit_code == 0, told.output
            assert json.loads(told.stdout)["results"], words
            yield Role.ADMINISTRATOR, "search json", "marketplace search", told.stdout


def told_of(world: World) -> dict[str, list[Any]]:
    """The planted rows that an event may be about, by the first part of its name."""
    made = world.single.made
    return {
        "allocation": [*world.supplied.values(), *world.claims.values()],
        "backtest": [made("backtest_id")],
        "capacity": [made("capacity_id"), *world.offers.values()],
        "claim": list(world.claims.values()),
        "hold_exception": [made("exception_id")],
        "hold_release": [made("release_id")],
        "match_run": [made("run_id")],
        "need": list(world.needs.values()),
        "organization": [made("organization_id")],
        "project": [made("project_id")],
    }


def noticed(app: Flask, world: World) -> Iterator[Telling]:
    """Every notice of every event to every reader: its letter, and its line in the application."""
    app.extensions["marketplace.mail"].url = urlsplit("smtp://localhost")
    people = {role: user for role, user in world.people.items() if user}
    rows = told_of(world)
    with transaction(), app.test_request_context():
        for event, rule in RULES.items():
            for number, row in enumerate(rows[event.partition(":")[0]]):
                _write(event, rule, [user.id for user in people.values()], row=row, key=f"walk:{event}:{number}")
    digest: Any = send_digests  # a sweeper takes nothing, for a type checker
    digest((now() + timedelta(days=1)).replace(hour=12))
    app.extensions["marketplace.mail"].url = None
    roles = {user.email: role for role, user in people.items()}
    letters = db.session.execute(select(OutboxMessage)).scalars().all()
    assert {roles[letter.address.plain()] for letter in letters} == set(people)
    for letter in letters:
        assert letter.body is not None
        yield roles[letter.address.plain()], "letter", "outbox", f"{letter.subject}\n{letter.body.plain()}"
    written = db.session.execute(select(Notification.event)).scalars().all()
    assert set(RULES) <= set(written)
    for role, user in people.items():
        lines = db.session.scalars(select(Notification).where(Notification.user_id == user.id)).all()
        told = [f"{text_of(line.event, line.about, line.count)} {line.record_type} {line.key}" for line in lines]
        yield role, "notice", "/account/notifications", "\n".join(told)
    db.session.rollback()
