"""A claimant is reminded once, a day before a claim's time is over."""

from datetime import timedelta

from sqlalchemy import and_, or_, select, update

from marketplace import events
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.jobs import sweeper
from marketplace.permissions import system_actor
from marketplace.records import now, today
from marketplace.transitions import transaction

REMIND_HOURS = 24
"""So long before its end."""


def remind_claimants() -> int:
    """Emit "claim:due-soon" for claims that end within a day, each once for each end; how many.

    A guest has no address to write to: "claim:guest-due-soon" tells the caseworker, who has the telephone number.
    """
    soon, tomorrow = now() + timedelta(hours=REMIND_HOURS), today() + timedelta(days=1)
    due = and_(
        Allocation.source == "claim",
        Allocation.reminded_at.is_(None),
        or_(
            and_(Allocation.state == "accepted", Allocation.expires_at > now(), Allocation.expires_at <= soon),
            and_(Allocation.state == "delivering", Allocation.due_on >= today(), Allocation.due_on <= tomorrow),
        ),
    )
    reminded = 0
    for key in list(db.session.scalars(select(Allocation.id).where(due).order_by(Allocation.id))):
        with transaction() as session:
            done = session.execute(
                update(Allocation)
                .where(Allocation.id == key, due)
                .values(reminded_at=now())
                .execution_options(synchronize_session=False)
            )
            if done.rowcount == 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
                row = session.get_one(Allocation, key, populate_existing=True)
                name = "claim:due-soon" if row.guest_id is None else "claim:guest-due-soon"
                events.happened.send(name, row=row, actor=system_actor("reminders"))
                reminded += 1
    return reminded


@sweeper
def _remind_every_minute() -> None:
    remind_claimants()
