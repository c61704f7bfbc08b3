"""Proposals of a run: written all at once, ended by the next run of the same scope."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select, update

from marketplace import audit, events
from marketplace.allocations.models import Allocation, AnswerLink
from marketplace.extensions import db
from marketplace.permissions import Actor, within
from marketplace.records import now
from marketplace.transitions import transaction

ANSWER_DAYS = 14
"""A proposal that nobody answers lapses after this."""
DECLINE_DAYS = 30
"""A pair that a supplier declined is left out of runs for so long."""


def supersede(actor: Actor, region: str, organization_ids: Iterable[int] | None = None) -> int:
    """End the open proposals of earlier runs for needs of a region, inside the caller's transaction().

    Args:
        organization_ids: only those to these suppliers; all when None.
    """
    open_ones = select(Allocation.id, Allocation.region).where(
        Allocation.state == "proposed",
        Allocation.source == "run",
        within(Allocation.region, region),
    )
    if organization_ids is not None:
        open_ones = open_ones.where(Allocation.organization_id.in_(list(organization_ids)))
    with transaction() as session:
        rows = [(key, place) for key, place in session.execute(open_ones.with_for_update())]
        if not rows:
            return 0
        session.execute(
            update(Allocation)
            .where(Allocation.id.in_(open_ones.with_only_columns(Allocation.id)))
            .values(state="superseded", version=Allocation.version + 1, expires_at=None)
            .execution_options(synchronize_session=False)
        )
        session.execute(
            update(AnswerLink)
            .where(
                AnswerLink.allocation_id.in_(
                    select(Allocation.id).where(Allocation.state == "superseded", Allocation.source == "run")
                ),
                AnswerLink.used_at.is_(None),
                AnswerLink.revoked_at.is_(None),
            )
            .values(revoked_at=now(), version=AnswerLink.version + 1)
            .execution_options(synchronize_session=False)
        )
        session.expire_all()
        audit.record_many(
            actor,
            "allocation:superseded",
            "allocation",
            rows,
            changed=["state"],
            before="proposed",
            after="superseded",
        )
        events.changed.send("allocation", ids=[key for key, _ in rows])
        return len(rows)


def propose(
    actor: Actor, rows: Iterable[Mapping[str, Any]], *, run_id: int | None, source: str = "run", ask: bool = True
) -> list[int]:
    """Write proposals, inside the caller's transaction(); they hold nothing until a supplier accepts.

    Emits "allocation:proposed" for each that no run makes.

    Args:
        rows: need_id, capacity_id, organization_id, claimant_id, region, wish, quantity, fit and reasons of each.
        ask: the suppliers are to answer; not where they have said yes already.
    Returns:
        Their keys.
    """
    ends = now() + timedelta(days=ANSWER_DAYS)
    given = [{**row, "run_id": run_id, "source": source, "state": "proposed", "expires_at": ends} for row in rows]
    if not given:
        return []
    with transaction() as session:
        made = session.execute(insert(Allocation).returning(Allocation.id, Allocation.region), given).all()
        audit.record_many(
            actor,
            "allocation:proposed",
            "allocation",
            [(row.id, row.region) for row in made],
            changed=["state"],
            after="proposed",
        )
        events.changed.send("allocation", ids=[row.id for row in made])
        if ask and run_id is None:  # of a run its suppliers are told once, when it is done
            for row in made:
                proposal = session.get_one(Allocation, row.id)
                events.happened.send("allocation:proposed", row=proposal, actor=actor)
        return [row.id for row in made]


def declined_pairs(need_id: int | None = None) -> set[tuple[int, int]]:
    """Pairs of need and capacity that suppliers declined lately: of one need, or of all."""
    since = now() - timedelta(days=DECLINE_DAYS)
    query = select(Allocation.need_id, Allocation.capacity_id).where(
        Allocation.state == "declined", Allocation.capacity_id.is_not(None), _ended_since(since)
    )
    if need_id is not None:
        query = query.where(Allocation.need_id == need_id)
    return {(need, capacity) for need, capacity in db.session.execute(query) if capacity is not None}


def _ended_since(moment: Any) -> Any:
    # The audit trail says when it was declined; the trail's moments are ISO text in UTC, which sorts as time.
    declined = select(audit.AuditEvent.record_id).where(
        audit.AuditEvent.record_type == "allocation",
        audit.AuditEvent.action == "allocation:declined",
        audit.AuditEvent.occurred_at >= moment.isoformat(timespec="milliseconds"),
    )
    return Allocation.id.in_(declined)
