"""transaction() and move(): all or nothing, the state expected, one event a move, no lock errors."""

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text

from marketplace import audit, events
from marketplace.errors import StateConflict
from marketplace.extensions import db, wal_is_safe
from marketplace.needs.models import Need
from marketplace.permissions import system_actor
from marketplace.transitions import move, transaction
from tests.support.world import a_need

ACTOR = system_actor("test")


def _close(need: Need) -> None:
    with transaction():
        move(ACTOR, need, expect="open", to="closed", closing="withdrawn", reason="test")


def test_a_move_changes_the_state_and_version_and_leaves_one_event(app: Flask) -> None:
    need = a_need()
    seen: list[tuple[str, list[int]]] = []

    def note(table: str, ids: list[int]) -> None:
        seen.append((table, ids))

    events.changed.connect(note)
    _close(need)
    assert (need.state, need.closing, need.version) == ("closed", "withdrawn", 2)
    (event,) = audit.history("need", need.id)
    assert (event.action, event.before, event.after) == ("need:closed", "open", "closed")
    assert seen == [("need", [need.id])]


def test_a_move_from_another_state_is_refused_and_leaves_nothing(app: Flask) -> None:
    need = a_need()
    _close(need)
    with pytest.raises(StateConflict):
        _close(need)
    assert len(audit.history("need", need.id)) == 1


def test_a_move_that_the_machine_does_not_have_is_a_programming_error(app: Flask) -> None:
    need = a_need()
    with pytest.raises(ValueError, match="no move from open to draft"), transaction():
        move(ACTOR, need, expect="open", to="draft")


def test_inside_another_a_transaction_joins_it(app: Flask) -> None:
    need = a_need()

    def outer() -> None:
        with transaction():
            _close(need)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        outer()
    db.session.expire_all()
    assert need.state == "open"


def _in_threads(app: Flask, number: int, work: Callable[[], None]) -> list[BaseException]:
    """Runs work in threads with application contexts of their own, released together; their errors."""
    barrier = threading.Barrier(number)
    errors: list[BaseException] = []

    def run() -> None:
        with app.app_context():
            barrier.wait()
            try:
                work()
            except BaseException as error:  # noqa: BLE001  # whatever it is, the test must see it
                errors.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_of_many_at_once_one_moves_and_the_others_are_told(app: Flask) -> None:
    key = a_need().id
    errors = _in_threads(app, 8, lambda: _close(db.session.get_one(Need, key)))
    assert [type(error) for error in errors] == [StateConflict] * 7
    assert audit.verify() == []


def test_without_the_write_lock_the_same_race_fails(app: Flask) -> None:
    """The negative control: a read before a plain BEGIN's write is refused by SQLite as busy."""
    key = a_need().id

    def unguarded() -> None:
        db.session.execute(text("SELECT version FROM need")).all()
        barrier.wait(timeout=5)
        db.session.execute(text(f"UPDATE need SET version = version + 1 WHERE id = {key}"))
        db.session.commit()

    barrier = threading.Barrier(4)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=200")
    errors = _in_threads(app, 4, unguarded)
    assert any("locked" in str(error) for error in errors)


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 45, 0), False), ((3, 50, 6), False),
        ((3, 50, 7), True), ((3, 51, 0), False), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 53, 0), True),
        ((4, 0, 0), True),
    ],
)  # fmt: skip
def test_wal_is_used_only_where_it_is_free_of_the_reset_fault(version: tuple[int, ...], safe: bool) -> None:
    assert wal_is_safe(version) is safe


def test_a_connection_has_foreign_keys_and_the_gated_journal(lasting: None, app: Flask) -> None:
    import sqlite3

    run = db.session.connection().exec_driver_sql
    assert run("PRAGMA foreign_keys").scalar() == 1
    assert run("PRAGMA synchronous").scalar() == 2
    expected = "wal" if wal_is_safe(sqlite3.sqlite_version_info) else "delete"
    assert run("PRAGMA journal_mode").scalar() == expected
