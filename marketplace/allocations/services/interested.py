"""Who is told that a need is free again: suppliers that are asked about it and have not answered."""

from sqlalchemy import select

from marketplace import events
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Actor


def tell_free_again(actor: Actor, ended: Allocation) -> None:
    """Emit "allocation:free-again" for each open proposal of other suppliers for the need of an allocation that was
    declined, released or expired, inside the caller's transaction()."""
    if db.session.get_one(Need, ended.need_id).state != "open":
        return
    waiting = select(Allocation).where(Allocation.need_id == ended.need_id, Allocation.state == "proposed")
    for proposal in db.session.scalars(waiting.order_by(Allocation.id)):
        own = (proposal.organization_id, proposal.claimant_id) == (ended.organization_id, ended.claimant_id)
        if not own:
            events.happened.send("allocation:free-again", row=proposal, actor=actor)
