"""A household moves to another county: what it still needs goes along."""

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from marketplace import audit, events
from marketplace.cases.models import Case
from marketplace.errors import InvalidInput
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Actor

_SHOWN = 5


@events.moved.connect_via("case")
def take_needs_along(_table: str, *, row: Case, before: str, actor: Actor) -> None:
    """Move the needs of a case that are not closed with it, in the same transaction; their blurred point goes.

    Needs that a caseworker set in another region than the household's stay where they are.

    Raises:
        InvalidInput: help for some is on its way from where the household lives now; the message names them.
    """
    query = select(Need).where(Need.case_id == row.id, Need.region == before, Need.state != "closed").with_for_update()
    needs = list(db.session.scalars(query.order_by(Need.id)))
    served = [need.reference for need in needs if need.allocated]
    if served:
        told = ", ".join(served[:_SHOWN]) + ("…" if len(served) > _SHOWN else "")
        message = _("Help is on its way for %(needs)s. Wait for it or end it, then move the case.", needs=told)
        raise InvalidInput(fields={"region": message})
    for need in needs:
        need.region, need.latitude, need.longitude = row.region, None, None
        need.version += 1
    db.session.flush()  # the audit event is written after the change it tells of
    for need in needs:
        audit.record(actor, "need:moved", need, changed=["region"], reason=f"from {before}")
    if needs:
        events.changed.send("need", ids=[need.id for need in needs])
