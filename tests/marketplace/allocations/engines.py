"""Applications over each database engine, for what depends on how they lock."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade

from marketplace import create_app
from marketplace.extensions import db
from tests.conftest import app as sqlite_application
from tests.conftest import settings_in
from tests.support.servers import postgresql_cluster, postgresql_url

__all__ = ["postgresql_app", "postgresql_cluster", "postgresql_url", "sqlite_app"]

sqlite_app = sqlite_application


@pytest.fixture
def postgresql_app(tmp_path: Path, postgresql_url: str) -> Iterator[Flask]:
    """An application over an empty PostgreSQL database."""
    application = create_app(settings_in(tmp_path, DATABASE_URL=postgresql_url), TESTING=True, RATELIMIT_ENABLED=False)
    with application.app_context():
        upgrade()
        yield application
        db.session.remove()
        db.engine.dispose()
