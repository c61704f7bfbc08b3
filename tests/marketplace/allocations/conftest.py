"""Fixtures of these tests."""

from tests.marketplace.allocations.engines import postgresql_app, postgresql_cluster, postgresql_url, sqlite_app

__all__ = ["postgresql_app", "postgresql_cluster", "postgresql_url", "sqlite_app"]
