"""transaction() and move(): the only ways in which a record changes.

Every write is one transaction that holds the write lock from its first statement, and every change
of state is one UPDATE that names the state it expects.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask_sqlalchemy.session import Session
from sqlalchemy import inspect, update
from sqlalchemy.orm import scoped_session

from marketplace import audit, events
from marketplace.errors import StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor

_OPEN = "marketplace.transaction"


@contextmanager
def transaction() -> Iterator[scoped_session[Session]]:
    """Commit all or nothing; inside another transaction(), join it.

    Starts fresh: the request's read is ended first, so rows read before must be read again.
    """
    session = db.session
    if session.info.get(_OPEN):
        yield session
        return
    session.rollback()
    session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
    session.info[_OPEN] = True
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop(_OPEN, None)


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

    The model's `__moves__` maps each state to the states it may go to. `events.changed` and `events.happened` tell of it.

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
