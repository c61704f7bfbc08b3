"""Fixtures: a migrated database for each test, an application over it, people signed in."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade

from marketplace import create_app
from marketplace.extensions import db
from marketplace.settings import Settings, load
from tests.support import kept
from tests.support.canary import CanaryWatch
from tests.support.client import Browser
from tests.support.world import an_assessment

kept.keep()


def settings_in(folder: Path, **environ: str) -> Settings:
    """Settings of an instance of its own."""
    return load({"INSTANCE_DIR": str(folder), "SECRET_KEY": "s" * 40, "FIELD_KEYS": "k" * 40, **environ})


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


@pytest.fixture
def app(migrated: Path, tmp_path: Path) -> Iterator[Flask]:
    """An application over an empty database, watched by the canary scan."""
    shutil.copy(migrated, tmp_path / "bangnin.db")
    settings = settings_in(tmp_path)
    app = create_app(settings, TESTING=True, RATELIMIT_ENABLED=False)
    app.test_client_class = Browser
    watch = CanaryWatch(app, settings.index_dir)
    app.extensions["tests.canary"] = watch
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
    assert watch.close_and_report() == []


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
