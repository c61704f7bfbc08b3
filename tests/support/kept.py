"""What is the same for every application of a test session is worked out once.

Each test has an application and a database of its own. To build addresses from 200 rules, to translate templates
and to compile statements takes far longer than most tests do; the outcome depends on the code alone.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from marketplace.app import Application

_compiled: dict[tuple[Any, ...], dict[str, Any]] = {}
_builders: dict[tuple[Any, ...], Callable[..., tuple[str, str]]] = {}


class KeptRule(Rule):
    """A rule of addresses; two with the same text are read once, and build addresses by the same function."""

    def _text(self) -> tuple[Any, ...]:
        defaults = tuple(sorted((self.defaults or {}).items()))
        return self.rule, self.subdomain, self.host, self.merge_slashes, self.strict_slashes, self.is_leaf, defaults

    def compile(self) -> None:
        kept = _compiled.get(self._text())
        if kept is None:
            super().compile()
            read = {name: getattr(self, name) for name in ("_parts", "_trace", "_converters", "arguments")}
            _compiled[self._text()] = read
            return
        vars(self).update(kept)
        self._build = self._compile_builder(False).__get__(self, None)
        self._build_unknown = self._compile_builder(True).__get__(self, None)

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (*self._text(), append_unknown)
        if key not in _builders:
            _builders[key] = super()._compile_builder(append_unknown)
        return _builders[key]


class KeptTemplates(BytecodeCache):
    """Translated templates, by name and digest of their source."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key, bucket.checksum] = bucket.code


class _Alike:
    """A dialect that equals every other of its kind, so that their engines share compiled statements."""

    _statements: LRUCache[Any, Any]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine._compiled_cache = cls._statements


class KeptSQLite(_Alike, SQLiteDialect_pysqlite):
    """SQLite as in the library."""

    supports_statement_cache = True
    _statements = LRUCache(1500)


class KeptPostgreSQL(_Alike, PGDialect_psycopg):
    """PostgreSQL through psycopg as in the library."""

    supports_statement_cache = True
    _statements = LRUCache(1500)


#: Whether commits wait for the disk, as on a site. Tests do not survive a loss of power, so theirs need not.
waits_for_disk = False


def keep() -> None:
    """Have every application that this process makes share what is kept."""
    Application.url_rule_class = KeptRule
    Application.jinja_options = {**Application.jinja_options, "bytecode_cache": KeptTemplates()}
    registry.register("sqlite", __name__, "KeptSQLite")
    registry.register("postgresql.psycopg", __name__, "KeptPostgreSQL")
    event.listen(Engine, "connect", _do_not_wait)


def _do_not_wait(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection) and not waits_for_disk:
        connection.execute("PRAGMA synchronous=OFF").close()
