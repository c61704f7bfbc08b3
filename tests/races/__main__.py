"""The long form of the races: python -m tests.races [--seeds N] [--attempts N] [--kills N] [--engine NAME].

Every invariant on the service layer and through live HTTP against two servers, and kills under load, for several
seeds on both database engines. Prints one line each, and ends with 1 at the first fault.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select

from marketplace import audit, create_app
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.settings import Settings
from tests.conftest import settings_in
from tests.races.crowd import race
from tests.races.guards import GUARDS
from tests.races.invariants import RACES, Capacities
from tests.races.kills import kill_under_load
from tests.races.limits import LIMITS
from tests.races.web import PRESSED, two_servers
from tests.support.servers import a_postgresql_cluster, an_empty_database


@contextmanager
def site(engine: str, cluster: str) -> Iterator[tuple[Flask, Path]]:
    """An application over a new database."""
    with tempfile.TemporaryDirectory(prefix="bangnin-races-") as folder:
        environ = {"MAIL_URL": "smtp://127.0.0.1:1"}
        with an_empty_database(cluster) as url:
            if engine == "postgresql":
                environ["DATABASE_URL"] = url
            app = create_app(settings_in(Path(folder), **environ), TESTING=True, RATELIMIT_ENABLED=False)
            with app.app_context():
                upgrade()
                db.engine.dispose()
            yield app, Path(folder)
            with app.app_context():
                db.session.remove()
                db.engine.dispose()


def told(what: str, began: float, faults: list[str]) -> bool:
    print(f"{'fault' if faults else 'holds':6} {what:40} {time.monotonic() - began:7.1f} s", *faults[:5], flush=True)  # noqa: T201  # a command's output
    return not faults


def run(engine: str, cluster: str, seed: int, attempts: int, kills: int) -> Iterator[bool]:
    """Everything once with one seed; whether each part held."""
    for invariant in RACES:
        with site(engine, cluster) as (app, _folder):
            began = time.monotonic()
            held = invariant(app, attempts)
            faults = held.check(race(app, held.attempt, held.number, seed=seed))
            yield told(f"{engine}, seed {seed}, {invariant.__name__}", began, faults)
    for limit in (*LIMITS, *GUARDS):
        with site(engine, cluster) as (app, _folder):
            began = time.monotonic()
            held = limit(app, min(attempts, 1_000))
            faults = held.check(race(app, held.attempt, held.number, seed=seed, ahead=0))
            yield told(f"{engine}, seed {seed}, {limit.__name__}", began, faults)
    for pressed in PRESSED:
        with site(engine, cluster) as (app, _folder):
            began = time.monotonic()
            settings: Settings = app.extensions["marketplace.settings"]
            with two_servers(settings) as ports:
                held = pressed(app, ports, attempts)
                faults = held.check(race(app, held.attempt, held.number, seed=seed))
            yield told(f"{engine}, seed {seed}, {pressed.__name__} over HTTP", began, faults)
    with site(engine, cluster) as (app, folder):
        began = time.monotonic()
        held = Capacities(app, attempts)
        answered = kill_under_load(app, held, folder, kills=kills, seed=seed)
        with app.app_context():
            done = db.session.scalars(select(Allocation.public_id).where(Allocation.state == "accepted")).all()
            lost = {held.proposals[number] for number in answered} - set(done)
            faults = [*(f"lost: {address}" for address in lost), *audit.verify(), *allocations.reconcile()]
        yield told(f"{engine}, seed {seed}, {kills} kills", began, faults)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--attempts", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=400)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), action="append")
    asked = parser.parse_args()
    with a_postgresql_cluster() as cluster:
        for seed in range(1, asked.seeds + 1):
            for engine in asked.engine or ("sqlite", "postgresql"):
                if not all(run(engine, cluster, seed, asked.attempts, asked.kills)):
                    return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
