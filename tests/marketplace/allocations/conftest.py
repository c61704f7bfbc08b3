"""Fixtures of these tests."""

import pytest
from flask import Flask

from marketplace.accounts.services import actor_of
from marketplace.permissions import Actor, Role
from tests.marketplace.allocations.engines import postgresql_app, postgresql_cluster, postgresql_url, sqlite_app
from tests.marketplace.allocations.people import a_coordinator, a_volunteer
from tests.support import world

__all__ = ["postgresql_app", "postgresql_cluster", "postgresql_url", "sqlite_app"]


@pytest.fixture
def volunteer(app: Flask) -> Actor:
    return a_volunteer()


@pytest.fixture
def caseworker(app: Flask) -> Actor:
    return actor_of(world.a_user(Role.CASEWORKER))


@pytest.fixture
def coordinator(app: Flask) -> Actor:
    return a_coordinator()
