"""The same application on PostgreSQL and on Redis."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade

from marketplace import audit, create_app, jobs
from marketplace.accounts import services as accounts
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.demo.accounts import Account, Accounts
from marketplace.demo.generate import DIRECTORY
from marketplace.demo.load import load, make_anew, may_load
from marketplace.errors import AlreadyClaimed
from marketplace.exchange import services
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import ANYONE, Actor, Role, system_actor
from marketplace.search import services as search
from tests.conftest import settings_in
from tests.support.commands import marketplace
from tests.support.world import a_user, a_wish

IMPORT = system_actor("import")


@pytest.fixture
def on_postgresql(postgresql_url: str, tmp_path: Path) -> Iterator[Flask]:
    app = create_app(settings_in(tmp_path, DATABASE_URL=postgresql_url), TESTING=True, RATELIMIT_ENABLED=False)
    with app.app_context():
        upgrade()
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.mark.postgresql
def test_import_export_and_search_on_postgresql(on_postgresql: Flask, tmp_path: Path) -> None:
    for kind, count in (("capacity", 160), ("needs", 767)):
        outcome = services.import_file(IMPORT, kind, DIRECTORY / f"{kind}.csv")
        assert (outcome.new, outcome.changed) == (count, 0)
        services.export_file(kind, tmp_path / f"{kind}.csv")
        outcome = services.import_file(IMPORT, kind, tmp_path / f"{kind}.csv")
        assert (outcome.new, outcome.changed, outcome.unchanged) == (0, 0, count)
    assert search.catch_up() > 0
    assert search.find(IMPORT, "轮椅", kinds=("need",))[0].total > 0
    assert audit.verify() == []


@pytest.mark.postgresql
def test_two_claims_of_one_wish_on_postgresql(on_postgresql: Flask) -> None:
    wish_id = a_wish().public_id
    actors = [accounts.actor_of(a_user(Role.VOLUNTEER)) for _place in range(2)]
    db.session.remove()
    together, told = threading.Barrier(2), []

    def press(actor: Actor) -> None:
        with on_postgresql.app_context():
            together.wait()
            try:
                allocations.claim(actor, wish_id)
            except AlreadyClaimed:
                told.append("taken")
            else:
                told.append("claimed")

    threads = [threading.Thread(target=press, args=(actor,)) for actor in actors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(told) == ["claimed", "taken"]
    assert db.session.scalar(db.select(Need.allocated).where(Need.public_id == wish_id)) == 1
    assert db.session.scalar(db.select(db.func.count()).select_from(Allocation)) == 1


@pytest.mark.postgresql
def test_a_demo_is_made_anew_on_postgresql(on_postgresql: Flask) -> None:
    for _time in range(2):
        assert may_load()
        make_anew()
        load(lambda _done, _total: None, Accounts([Account(Role.VOLUNTEER, 1)]))
    assert search.rebuild() > 0
    assert search.find(ANYONE, "武帮您")
    assert audit.verify() == []


@pytest.mark.postgresql
def test_an_installation_on_postgresql_and_redis(postgresql_url: str, redis_url: str, tmp_path: Path) -> None:
    servers = {"DATABASE_URL": postgresql_url, "REDIS_URL": redis_url}
    for arguments in (
        ("init",),
        ("import", "capacity", DIRECTORY / "capacity.csv"),
        ("import", "needs", DIRECTORY / "needs.csv"),
        ("run", "--json"),
        ("search", "轮椅", "--json"),
        ("audit", "verify"),
        ("doctor",),
    ):
        result = marketplace(tmp_path, *arguments, **servers)
        assert result.returncode == 0, (arguments, result.stdout, result.stderr)
    refused = marketplace(tmp_path, "demo", "--no-serve", **servers)
    assert refused.returncode == 2
    assert not list(tmp_path.glob("*.db"))


def test_jobs_over_redis(redis_url: str, migrated: Path, tmp_path: Path) -> None:
    (tmp_path / "bangnin.db").write_bytes(migrated.read_bytes())
    app = create_app(settings_in(tmp_path, REDIS_URL=redis_url), TESTING=True)
    queue = app.extensions["marketplace.queue"]
    with app.app_context():
        search.events.changed.send("need", ids=[a_wish(title="一盏台灯").id])
        db.session.commit()
        assert queue.pending_count() == 1
        db.session.remove()
        assert jobs.work_off(app) == 1
        assert [results.kind for results in search.find(ANYONE, "台灯")] == ["wish"]
        db.session.remove()
        db.engine.dispose()
    assert not (tmp_path / "queue.db").exists()
    queue.storage.conn.close()
    queue.storage.pool.disconnect()
