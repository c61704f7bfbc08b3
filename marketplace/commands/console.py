"""What the commands share: their language, their application, progress on stderr, exit codes."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import click
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask_migrate import upgrade
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from sqlalchemy import inspect
from sqlalchemy.exc import OperationalError

from marketplace import create_app
from marketplace.errors import InvalidInput, MarketplaceError
from marketplace.extensions import db
from marketplace.settings import SettingsError, locale_of

WRONG_INPUT, FAILED = 2, 1
Told = Callable[[int, int], None]


def language() -> str:
    """zh or en, from DEFAULT_LOCALE: commands speak before there is an application."""
    return "en" if locale_of(os.environ.get("DEFAULT_LOCALE")).startswith("en") else "zh"


def say(zh: str, en: str) -> str:
    """The text in the language of the command line."""
    return en if language() == "en" else zh


def talk(zh: str, en: str) -> None:
    """Tell the person at the terminal something; data alone goes to stdout."""
    click.echo(say(zh, en), err=True)


def stop(code: int, zh: str, en: str) -> NoReturn:
    """End the command with a message on stderr."""
    talk(zh, en)
    sys.exit(code)


@contextmanager
def application() -> Iterator[Flask]:
    """The instance's application, its context open; known errors become a message and an exit code."""
    try:
        app = create_app()
    except SettingsError as error:
        stop(FAILED, f"设置有误：{error}", f"A setting is wrong: {error}")
    with app.app_context():
        try:
            yield app
        except MarketplaceError as error:
            fields = getattr(error, "fields", {})
            text = "; ".join(str(message) for message in fields.values()) or str(error)
            stop(WRONG_INPUT if isinstance(error, InvalidInput) else FAILED, text, text)
        except TimeoutError as error:
            stop(FAILED, f"等待超时，请稍后再试：{error}", f"Waited too long; try again later: {error}")
        except OperationalError as error:
            # The driver's own words only: the statement's values may be personal.
            stop(FAILED, f"数据库无法使用：{error.orig}", f"The database cannot be used: {error.orig}")
        finally:
            db.session.remove()
            db.engine.dispose()


def database_state() -> str:
    """empty, foreign (tables that are none of ours), behind (migrations wait), or current."""
    tables = set(inspect(db.engine).get_table_names())
    if not tables:
        return "empty"
    if "alembic_version" not in tables:
        return "foreign"
    with db.engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None and tables == {"alembic_version"}:
        return "empty"
    return "current" if revision == newest_revision() else "behind"


def newest_revision() -> str | None:
    """The revision that the code of today asks for."""
    return ScriptDirectory(str(current_app.extensions["migrate"].directory)).get_current_head()


def need_database() -> None:
    """Make the tables of an empty database; stop where migrations wait or the database is not ours."""
    state = database_state()
    if state == "empty":
        upgrade()
    elif state == "behind":
        stop(
            FAILED,
            "数据库版本落后；请先运行 marketplace upgrade",
            "The database is behind; run marketplace upgrade first",
        )
    elif state == "foreign":
        stop(
            FAILED,
            "这个数据库属于别的程序；请检查 DATABASE_URL",
            "This database is another program's; check DATABASE_URL",
        )


@contextmanager
def progress_bar(zh: str, en: str) -> Iterator[Told]:
    """A bar on stderr; what it yields takes how much of how much is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(say(zh, en), total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=max(total, 1))

        yield told


def index_changes() -> None:
    """Bring the search index up to the database, as every command that writes does before it ends."""
    from marketplace.search import services as search

    with progress_bar("更新检索索引", "Updating the search index") as told:
        search.catch_up(told)
        told(1, 1)
