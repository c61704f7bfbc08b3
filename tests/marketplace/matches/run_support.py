"""What several tests of runs look at."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from sqlalchemy import Engine, event, select

from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.matches import problem
from marketplace.matches.scope import Scope
from marketplace.matches.snapshot import Snapshot
from marketplace.permissions import system_actor
from matching import Policy
from tests.support import world

SYSTEM = system_actor("test")


def snapshot(region: str = world.DAWUKOU, alliance_id: int | None = None) -> Snapshot:
    return problem.read(Scope(region, alliance_id), Policy())


def again(row: Any) -> Any:
    db.session.rollback()
    return db.session.get(type(row), row.id, populate_existing=True)


def solvers() -> set[int]:
    """Solving processes of this test process."""
    found = set()
    for child in psutil.Process().children():
        try:
            if "spawn_main" in str(child.cmdline()):
                found.add(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found


def proposals() -> list[Allocation]:
    db.session.rollback()
    return list(db.session.scalars(select(Allocation).where(Allocation.state == "proposed").order_by(Allocation.id)))


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)
