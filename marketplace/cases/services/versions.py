"""The guard against lost updates: an edit names the version it was made on."""

from typing import Any

from sqlalchemy import update

from marketplace.errors import StateConflict
from marketplace.extensions import db


def expect_version(row: Any, version: int) -> None:
    """Take the next version of a row, inside the caller's transaction, before its columns are set.

    Raises:
        StateConflict: somebody saved the row since the form was opened.
    """
    model = type(row)
    done = db.session.execute(
        update(model)
        .where(model.id == row.id, model.version == version)
        .values(version=version + 1)
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
        raise StateConflict
    db.session.expire(row, ["version"])
