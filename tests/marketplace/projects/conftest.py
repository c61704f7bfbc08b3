"""Fixtures of these tests: the application over each of the two engines, for what depends on how they lock."""

from typing import Any

import pytest
from flask import Flask

from tests.marketplace.allocations.engines import postgresql_app, postgresql_cluster, postgresql_url, sqlite_app

__all__ = ["postgresql_app", "postgresql_cluster", "postgresql_url", "sqlite_app"]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def either_app(request: pytest.FixtureRequest) -> Any:
    """The application over SQLite, then over PostgreSQL."""
    application: Flask = request.getfixturevalue("sqlite_app" if request.param == "sqlite" else "postgresql_app")
    return application
