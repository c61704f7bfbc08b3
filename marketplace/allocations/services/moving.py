"""A household moves to another county: help under way goes along, and what suppliers were asked ends.

A supplier of the old county may not serve the new one, so open proposals are superseded and the next run looks anew.
What was accepted stays agreed, with its supplier: staff of the new county see it from now on, those of the old one
no longer, and both are told.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Select, select

from marketplace import audit, events
from marketplace.allocations.models import LIVE, Allocation
from marketplace.allocations.services.links import revoke_links
from marketplace.cases.models import Case
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Actor
from marketplace.transitions import move


@events.moved.connect_via("needs_of_case")
def hold_allocations(_what: str, *, row: Case, before: str, actor: Actor) -> Callable[[Sequence[int]], None]:
    """Lock the open allocations of a case that moves; gives what is to be done once its needs have moved."""
    needs = select(Need.id).where(Need.case_id == row.id, Need.region == before)
    db.session.execute(_open(needs).with_only_columns(Allocation.id).with_for_update(of=Allocation))
    return partial(_take_along, actor, row.region, before)


def _open(needs: Any) -> Select[Any]:
    query = select(Allocation).where(Allocation.need_id.in_(needs), Allocation.state.in_(("proposed", *LIVE)))
    return query.order_by(Allocation.id).execution_options(populate_existing=True)


def _take_along(actor: Actor, region: str, before: str, need_ids: Sequence[int]) -> None:
    rows = list(db.session.scalars(_open(need_ids)))
    asked = [row for row in rows if row.state == "proposed"]
    revoke_links([row.id for row in asked])
    for row in rows:
        row.region = region
        row.reasons = {**row.reasons, "moved_from": before}
    db.session.flush()  # the audit events are written after the change they tell of
    for row in rows:
        if row.state == "proposed":
            move(actor, row, expect="proposed", to="superseded", reason="moved", expires_at=None)
            continue
        row.version += 1
        db.session.flush()  # as above
        audit.record(actor, "allocation:moved", row, changed=["region"], reason=f"from {before}")
        events.changed.send("allocation", ids=[row.id])
        events.happened.send("allocation:moved", row=row, actor=actor)
        events.happened.send("allocation:moved_away", row=row, actor=actor)
