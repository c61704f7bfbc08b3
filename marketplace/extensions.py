"""Extensions without an application, and how a database connection is opened."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from flask_babel import Babel
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.pagination import Pagination, SelectPagination
from flask_wtf import CSRFProtect
from sqlalchemy import Connection, Engine, MetaData, Select, Table, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase

try:
    import fcntl
except ImportError:  # not on Windows, where few write at once
    fcntl = None  # type: ignore[assignment]

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Typed models; constraint names follow one convention so that migrations can name them."""

    metadata = MetaData(naming_convention=NAMING)


class ListPage(SelectPagination):
    """A page of a list of records, however long the list is.

    The keys of the page are found first, by the narrow columns of an index, and whole rows are read for these alone.
    Counting ends at MOST: nobody leafs through more, and the reader is told to narrow the list down.
    """

    MOST = 10_000

    def _query_items(self) -> list[Any]:
        query, session = self._query_args["select"], self._query_args["session"]
        key = _key_of(query)
        if key is None:
            return super()._query_items()
        keys = list(session.scalars(_keys_alone(query, key).limit(self.per_page).offset(self._query_offset)))
        if not keys:
            return []
        return list(session.execute(query.where(key.in_(keys))).unique().scalars())

    def _query_count(self) -> int:
        query, session = self._query_args["select"], self._query_args["session"]
        key = _key_of(query)
        if key is None:
            return super()._query_count()
        some = _keys_alone(query, key).order_by(None).limit(self.MOST).subquery()
        return int(session.scalar(select(func.count()).select_from(some)) or 0)


def _key_of(query: Select[Any]) -> Any:
    """The key of the one kind of record that a query selects; None for anything else."""
    entities = [description["entity"] for description in query.column_descriptions]
    if len(entities) != 1 or entities[0] is None or query.column_descriptions[0]["expr"] is not entities[0]:
        return None
    return getattr(entities[0], "id", None)


def _keys_alone(query: Select[Any], key: Any) -> Select[Any]:
    keys = query.with_only_columns(key, maintain_column_froms=True)
    keys._with_options = ()  # how to load relations of a row says nothing about its key
    return keys


class Database(SQLAlchemy):
    """SQLAlchemy whose page numbers come from addresses, which anybody may write."""

    LAST_PAGE = 1_000_000

    def paginate(self, select: Select[Any], *, page: int | None = None, **options: Any) -> Pagination:
        """As in the library; a number past any list is the last page of none, not an offset that no database takes."""
        page = None if page is None else min(page, self.LAST_PAGE)
        return ListPage(select=select, session=self.session(), page=page, **options)


db = Database(model_class=Base, session_options={"expire_on_commit": False})
if TYPE_CHECKING:
    Model = Base  # Flask-SQLAlchemy makes its base at run time; checkers read the one it is made from
else:
    Model = db.Model
migrate = Migrate(
    render_as_batch=True,
    compare_type=True,
    # Rules in CHECK are compared by name: a rule that changes takes a new name.
    autogenerate_plugins=["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
)
csrf = CSRFProtect()
babel = Babel()
limiter = Limiter(get_remote_address)


def table_of(model: type[Base]) -> Table:
    """The table behind a model, for bulk statements."""
    return cast("Table", model.__table__)


def insert_once(model: type[Base], values: Mapping[str, Any]) -> bool:
    """Insert a row unless a unique rule says that it is there; whether it is new.

    On PostgreSQL a rival that is inserting the same is waited for.
    """
    dialect = postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite
    table = table_of(model)
    # The row that comes back tells: a row count is not known for every driver.
    return (
        db.session.execute(
            dialect.insert(table).values(**values).on_conflict_do_nothing().returning(*table.primary_key)
        ).first()
        is not None
    )


def wal_is_safe(version: tuple[int, ...]) -> bool:
    """Whether this SQLite is free of the WAL-reset fault.

    Fixed in 3.51.3 and back-ported to 3.50.7 and 3.44.6 (sqlite.org/wal.html#walresetbug).
    """
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


@contextmanager
def write_turn() -> Iterator[None]:
    """Wait for one's turn to write, where the database is a SQLite file.

    SQLite's own waiting asks again after ever longer pauses, so that among many writers some wait for half a
    minute and then fail. A lock on a file beside the database queues them, and wakes them, in the kernel.
    """
    path = db.engine.url.database if db.engine.dialect.name == "sqlite" else None
    if fcntl is None or not path or path == ":memory:":
        yield
        return
    with Path(f"{path}.turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield  # closing the file ends the turn


@event.listens_for(Engine, "connect")
def _open_sqlite(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # BEGIN is ours: see _begin_sqlite
    for pragma in (
        "foreign_keys=ON",
        "busy_timeout=20000",
        f"journal_mode={'WAL' if wal_is_safe(sqlite3.sqlite_version_info) else 'DELETE'}",
        "synchronous=FULL",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    """Writers take the write lock at once: SQLite cannot turn a stale read into a write."""
    if connection.dialect.name == "sqlite":
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")
