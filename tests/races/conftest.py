"""An application over each database engine, without the canary scan: processes are forked from it."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import pytest
from flask import Flask

from marketplace import create_app
from marketplace.extensions import db
from tests.conftest import settings_in

#: With `--dist loadgroup` one worker races on each: SQLite's writers take turns, and leave a processor to PostgreSQL.
ENGINES = [
    pytest.param("sqlite", marks=pytest.mark.xdist_group("sqlite")),
    pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.xdist_group("postgresql")]),
]


@pytest.fixture(params=ENGINES)
def racing_app(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> Iterator[Flask]:
    """An application over an empty database; letters are written down, and nobody sends them."""
    environ = {"MAIL_URL": "smtp://127.0.0.1:1"}
    if request.param == "sqlite":
        copy(migrated, tmp_path / "bangnin.db")
    else:
        environ["DATABASE_URL"] = request.getfixturevalue("migrated_postgresql_url")
    app = create_app(settings_in(tmp_path, **environ), TESTING=True, RATELIMIT_ENABLED=False)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
