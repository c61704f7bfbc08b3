"""transaction() and move(): the only ways in which a record changes.

Every write is one transaction that holds the write lock from its first statement, and every change
of state is one UPDATE that names the state it expects.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from flask_sqlalchemy.session import Session
from sqlalchemy import inspect, update
from sqlalchemy.orm import scoped_session

from marketplace import audit, events
from marketplace.errors import StateConflict
from marketplace.extensions import db, write_turn
from marketplace.permissions import Actor

log = structlog.get_logger(__name__)

_OPEN = "marketplace.transaction"
_AFTERWARDS = "marketplace.afterwards"


@contextmanager
def transaction() -> Iterator[scoped_session[Session]]:
    """Commit all or nothing; inside another transaction(), a part of it that can fail alone.

    Starts fresh: the request's read is ended first, so rows read before must be read again.
    """
    session = db.session
    if session.info.get(_OPEN):
        waiting = len(session.info[_AFTERWARDS])
        try:
            with session.begin_nested():
                yield session
        except BaseException:
            del session.info[_AFTERWARDS][waiting:]
            session.expire_all()  # rows moved by UPDATE are read again as they are now
            raise
        return
    session.rollback()
    done: list[tuple[object, Callable[[], object]]] = []
    with write_turn():
        session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        session.info[_OPEN] = True
        session.info[_AFTERWARDS] = []
        try:
            yield session
            session.commit()
            done = session.info[_AFTERWARDS]
        except BaseException:
            session.rollback()
            raise
        finally:
            session.info.pop(_OPEN, None)
            session.info.pop(_AFTERWARDS, None)
    for act in dict(done).values():
        _do(act)


@contextmanager
def joined() -> Iterator[scoped_session[Session]]:
    """The transaction() that is open, or one of its own.

    For what changes nothing when it fails: unlike a transaction() inside another, it asks for no savepoint.
    """
    if in_transaction():
        yield db.session
    else:
        with transaction() as session:
            yield session


def in_transaction() -> bool:
    """Whether a transaction() is open."""
    return bool(db.session.info.get(_OPEN))


def afterwards(what: object, act: Callable[[], object]) -> None:
    """Do something once the transaction is committed, and never when it is not; at once where none is open.

    Args:
        what: names the act; of several with one name the last alone is done.
    """
    if in_transaction():
        db.session.info[_AFTERWARDS].append((what, act))
    else:
        act()


def _do(act: Callable[[], object]) -> None:
    try:
        act()
    except Exception as error:  # noqa: BLE001  # the commit is done: nothing after it may undo the answer
        log.warning("left_for_the_sweeper", type=type(error).__name__)


def move(
    actor: Actor,
    row: Any,
    *,
    expect: str | tuple[str, ...],
    to: str,
    action: str | None = None,
    reason: str | None = None,
    **values: Any,
) -> None:
    """Take a record from the state(s) expected to another, or raise; leaves one audit event.

    The model's `__moves__` maps each state to the states it may go to. `events.changed` and `events.happened`
    tell of it.

    Args:
        row: a loaded record; only its key is trusted, its state is checked in the UPDATE.
        values: other columns set in the same statement.
    Raises:
        StateConflict: the record is no longer in an expected state.
        ValueError: the machine has no such move (a programming error).
    """
    model = type(row)
    expected = (expect,) if isinstance(expect, str) else expect
    for state in expected:
        if to not in model.__moves__.get(state, frozenset()):
            raise ValueError(f"{model.__tablename__} has no move from {state} to {to}")
    identity = inspect(row).identity
    if identity is None:
        raise ValueError("a record is stored before it moves")
    before = row.state
    done = db.session.execute(
        update(model)
        .where(model.id == identity[0], model.state.in_(expected))
        .values(state=to, version=model.version + 1, **values)
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
        raise StateConflict(record=model.__tablename__, expected=expected, to=to)
    db.session.expire(row)
    audit.record(
        actor,
        action or f"{model.__tablename__}:{to}",
        row,
        changed=sorted({"state", *values}),
        before=before if before in expected else expected[0],
        after=to,
        reason=reason,
    )
    events.changed.send(model.__tablename__, ids=[identity[0]])
    events.happened.send(action or f"{model.__tablename__}:{to}", row=row, actor=actor)
