"""Who is told that a need is free again: suppliers that were asked before, or that the run found to be next best."""

from sqlalchemy import select

from marketplace import events
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.projects.models import Capacity


def tell_free_again(ended: Allocation) -> None:
    """Emit "need:free-again" for the need of an allocation that was declined, released or expired.

    The event carries `organization_ids`: organizations with an open proposal for the need, and those of the
    alternatives that the run named, without the one that gave it up.
    """
    need = db.session.get_one(Need, ended.need_id)
    if need.state != "open":
        return
    asked = select(Allocation.organization_id).where(
        Allocation.need_id == ended.need_id, Allocation.state == "proposed", Allocation.organization_id.is_not(None)
    )
    named = {item["capacity"] for item in (ended.reasons or {}).get("alternatives", ())}
    next_best = select(Capacity.organization_id).where(
        Capacity.id.in_(named), Capacity.active, Capacity.organization_id.is_not(None)
    )
    found = {*db.session.scalars(asked), *db.session.scalars(next_best)} - {ended.organization_id}
    events.happened.send("need:free-again", row=need, organization_ids=sorted(key for key in found if key is not None))
