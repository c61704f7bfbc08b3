"""Alembic's door into the application's database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, False_, True_

from marketplace.privacy import Encrypted
from marketplace.records import UtcDateTime

migrate = current_app.extensions["migrate"]
database = migrate.db


def drop_empty(_context: object, _revision: object, directives: list[Any]) -> None:
    """No file for a migration that would do nothing."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []


def plain_types(kind: str, item: object, _autogen_context: object) -> str | bool:
    """Migrations name the stored type, so that they outlive the classes of today's code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Encrypted):
        return "sa.String()"
    if kind == "server_default" and isinstance(arg := getattr(item, "arg", None), False_ | True_):
        return f"sa.{str(arg).lower()}()"  # the number that SQLite writes for it is no boolean to PostgreSQL
    return False


def run(connection: Connection) -> None:
    options = {"process_revision_directives": drop_empty, "render_item": plain_types} | migrate.configure_args
    context.configure(connection=connection, target_metadata=database.metadata, **options)
    with context.begin_transaction():
        context.run_migrations()
        if connection.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise RuntimeError(f"the migration would leave rows that point nowhere: {broken[:5]}")


@contextmanager
def free_to_remake_tables(connection: Connection) -> Iterator[None]:
    """SQLite alters a table by making it anew: dropping the old one must not touch the rows that point to it.

    The switch has no effect inside a transaction, so it goes past SQLAlchemy, which would begin one.
    """
    file = connection.connection.dbapi_connection
    if connection.dialect.name != "sqlite" or file is None:
        yield
        return
    file.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        connection.rollback()
        file.execute("PRAGMA foreign_keys=ON")


with database.engine.connect() as connection, free_to_remake_tables(connection):
    run(connection)
