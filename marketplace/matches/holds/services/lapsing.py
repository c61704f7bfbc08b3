"""Requests about what is kept no longer: they end by themselves, so that nobody decides about nothing."""

from typing import Any

from sqlalchemy import select

from marketplace import jobs
from marketplace.errors import StateConflict
from marketplace.extensions import db
from marketplace.matches.holds.models import HoldException, HoldRelease
from marketplace.matches.holds.services.current import held_need, held_units
from marketplace.permissions import system_actor
from marketplace.transitions import move, transaction

BATCH = 200


@jobs.sweeper
def end_lapsed_requests() -> None:
    """End requests whose need has help or whose units are kept no longer."""
    models: tuple[Any, ...] = (HoldException, HoldRelease)
    for model in models:
        waiting = select(model).where(model.state == "requested").order_by(model.id).limit(BATCH)
        over = [row.id for row in db.session.scalars(waiting) if not _still_kept(row)]
        db.session.rollback()
        for key in over:
            _end(model, key)


def _still_kept(row: Any) -> bool:
    if isinstance(row, HoldException):
        return held_need(row.need) is not None
    return row.capacity_id in held_units([row.capacity])


def _end(model: Any, key: int) -> None:
    try:
        with transaction() as session:
            row = session.get_one(model, key, populate_existing=True)
            if row.state == "requested" and not _still_kept(row):
                move(system_actor("holds"), row, expect="requested", to="lapsed")
    except StateConflict:  # somebody decided at the same moment
        return
