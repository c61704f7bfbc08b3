"""Applications over each database engine, for what depends on how they lock."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from marketplace import create_app
from marketplace.extensions import db
from tests.conftest import app as sqlite_application
from tests.conftest import settings_in
from tests.support.servers import postgresql_cluster, postgresql_url

__all__ = ["postgresql_app", "postgresql_cluster", "postgresql_url", "sqlite_app"]

sqlite_app = sqlite_application


@pytest.fixture
def postgresql_app(tmp_path: Path, migrated_postgresql_url: str) -> Iterator[Flask]:
    """An application over an empty PostgreSQL database."""
    settings = settings_in(tmp_path, DATABASE_URL=migrated_postgresql_url)
    application = create_app(settings, TESTING=True, RATELIMIT_ENABLED=False)
    with application.app_context():
        yield application
        db.session.remove()
        db.engine.dispose()
