"""The demo world into the database: everything of `marketplace/data/demo`, its days moved to today.

Only an empty instance, or one that is marked as a demo, takes it; a demo is made anew from the ground.
"""

import csv
from collections.abc import Callable
from datetime import date

from flask_migrate import upgrade
from sqlalchemy import MetaData, inspect, text

from marketplace.accounts.services import mark_demo_instance
from marketplace.assessments.services import note_without_officer
from marketplace.demo.accounts import Accounts, make_accounts
from marketplace.demo.further import make_further
from marketplace.demo.generate import AS_OF, DATE_COLUMNS, DIRECTORY
from marketplace.demo.packages import make_packages
from marketplace.demo.past import make_past
from marketplace.demo.world import MAKERS, Row, World
from marketplace.extensions import db
from marketplace.permissions import system_actor
from marketplace.records import today
from marketplace.regions import NINGXIA
from marketplace.transitions import transaction

#: Tables whose rows make an instance somebody's own.
_TELLING = ("user", "organization", "case", "need")
Told = Callable[[int, int], None]


def may_load() -> bool:
    """Whether the database is empty or marked as a demo; it is only read."""
    tables = set(inspect(db.engine).get_table_names())
    if not tables:
        return True
    if "alembic_version" not in tables:
        return False
    with db.engine.connect() as connection:
        if "instance_fact" in tables:
            marked = connection.execute(text("SELECT 1 FROM instance_fact WHERE key = 'demo'")).first()
            if marked is not None:
                return True
        quote = connection.dialect.identifier_preparer.quote
        return not any(
            connection.execute(text(f"SELECT 1 FROM {quote(name)} LIMIT 1")).first()  # noqa: S608  # names are ours
            for name in _TELLING
            if name in tables
        )


def make_anew() -> None:
    """Drop every table and make them again, empty. Call it only where `may_load`."""
    db.session.remove()
    found = MetaData()
    found.reflect(db.engine)
    found.drop_all(db.engine)
    if db.engine.dialect.name == "postgresql":
        with db.engine.begin() as connection:
            connection.execute(text("DROP FUNCTION IF EXISTS audit_event_is_append_only CASCADE"))
    upgrade()


def load(told: Told, accounts: Accounts | None = None) -> Accounts:
    """Fill a new database with the demo world and its accounts.

    Args:
        told: hears how many tables of how many are loaded.
        accounts: who may sign in; the demo's usual accounts when None.
    """
    world = World(day=today(), actor=system_actor("demo"))
    accounts = accounts or make_accounts()  # hashing passwords is slow on purpose: not while the write lock is held
    with transaction() as session:
        accounts.store()
        for count, (name, make) in enumerate(MAKERS.items()):
            told(count, len(MAKERS))
            make(world, _rows(name, world.day))
            session.flush()
        accounts.join_organizations()
        make_packages(world.actor, world.alliances)
        make_further(world, accounts)
        make_past(world)
        note_without_officer("wishes", NINGXIA, "demo")
        world.record()
        mark_demo_instance()
    told(len(MAKERS), len(MAKERS))
    return accounts


def _rows(name: str, day: date) -> list[Row]:
    """Rows of a table, its moving dates shifted so that the world stands on `day`."""
    shift = day - AS_OF
    with (DIRECTORY / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for column in DATE_COLUMNS.get(name, ()):
            if row[column]:
                row[column] = (date.fromisoformat(row[column]) + shift).isoformat()
    return rows
