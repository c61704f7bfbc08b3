"""A caseworker thanks whoever made a wish come true, in words that tell nothing of the family."""

from flask_babel import lazy_gettext as _
from sqlalchemy import update

from marketplace import audit, events
from marketplace.allocations.models import Allocation
from marketplace.allocations.services.deliveries import told
from marketplace.allocations.services.rows import load
from marketplace.errors import StateConflict
from marketplace.permissions import Actor, Permission
from marketplace.transitions import transaction


def thank(actor: Actor, public_id: str, text: str) -> Allocation:
    """Write the note that the claimant reads with the claim; a later one replaces it.

    Raises:
        InvalidInput: it is empty, or could tell who somebody is.
        NotFound: not within the actor's reach.
        StateConflict: it is no claim, or not confirmed.
    """
    with transaction() as session:
        claim = load(actor, Permission.ALLOCATION_CONFIRM, public_id, lock=True)
        if claim.source != "claim" or claim.state != "confirmed":
            raise StateConflict(_("Thanks follow a claim that was confirmed."))
        note = told(text, claim, field="thanks")
        session.execute(
            update(Allocation)
            .where(Allocation.id == claim.id)
            .values(thanks=note, version=Allocation.version + 1)
            .execution_options(synchronize_session=False)
        )
        session.expire(claim)
        audit.record(actor, "allocation:thanked", claim, changed=["thanks"])
        events.happened.send("claim:thanked", row=claim, actor=actor)
        return claim
