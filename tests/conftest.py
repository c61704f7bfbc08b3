"""Fixtures: a migrated database for each test, an application over it, people signed in."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade

from marketplace import create_app
from marketplace.extensions import db
from tests.support import kept
from tests.support.canary import CanaryWatch
from tests.support.client import Browser
from tests.support.instances import settings_in
from tests.support.servers import migrated_postgresql_url, postgresql_cluster, postgresql_url
from tests.support.world import an_assessment

__all__ = ["migrated_postgresql_url", "postgresql_cluster", "postgresql_url", "settings_in"]

kept.keep()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with every migration applied and nothing in it."""
    folder = tmp_path_factory.mktemp("migrated")
    app = create_app(settings_in(folder))
    with app.app_context():
        upgrade()
        an_assessment()  # publishing wishes is assessed in the whole region, unless a test says otherwise
        db.session.remove()
        db.engine.dispose()
    return folder / "bangnin.db"


@pytest.fixture
def lasting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits wait for the disk in this test, as they do on a site."""
    monkeypatch.setattr(kept, "waits_for_disk", True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked `both_databases` run over SQLite and over PostgreSQL."""
    if metafunc.definition.get_closest_marker("both_databases") and "app" in metafunc.fixturenames:
        databases = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
        metafunc.parametrize("database", databases, indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest, migrated: Path, tmp_path: Path) -> dict[str, str]:
    """Environment that names an empty database; the instance's own SQLite file where nothing else is asked for."""
    if getattr(request, "param", "sqlite") == "postgresql":
        return {"DATABASE_URL": request.getfixturevalue("migrated_postgresql_url")}
    shutil.copy(migrated, tmp_path / "bangnin.db")
    return {}


@pytest.fixture
def app(database: dict[str, str], tmp_path: Path) -> Iterator[Flask]:
    """An application over an empty database, watched by the canary scan."""
    settings = settings_in(tmp_path, **database)
    app = create_app(settings, TESTING=True, RATELIMIT_ENABLED=False)
    app.test_client_class = Browser
    watch = CanaryWatch(app, settings.instance_dir)
    app.extensions["tests.canary"] = watch
    with app.app_context():
        yield app
        db.session.remove()
        found = watch.close_and_report()
        db.session.remove()
        db.engine.dispose()
    assert found == []


@pytest.fixture
def canary(app: Flask) -> CanaryWatch:
    watch: CanaryWatch = app.extensions["tests.canary"]
    return watch


@pytest.fixture
def client(app: Flask) -> Browser:
    browser = app.test_client()
    assert isinstance(browser, Browser)
    return browser


@pytest.fixture
def new_client(app: Flask) -> Callable[[], Browser]:
    """Makes further browsers, each with cookies of its own."""
    return app.test_client  # type: ignore[return-value]  # test_client_class is Browser
