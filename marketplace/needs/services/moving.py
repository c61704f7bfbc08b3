"""A household moves to another county: what it still needs goes along."""

from sqlalchemy import select

from marketplace import audit, events
from marketplace.cases.models import Case
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Actor


@events.moved.connect_via("case")
def take_needs_along(_table: str, *, row: Case, before: str, actor: Actor) -> None:
    """Move the needs of a case that are not closed with it, in the same transaction; their blurred point goes.

    Needs that a caseworker set in another region than the household's stay where they are, and so does what is closed:
    it is the work of the county that did it. Whoever holds rows of these needs hears of it twice, so that rows are
    locked in the order of all who take units: allocations first, then needs, then the trail.
    """
    begun = events.moved.send("needs_of_case", row=row, before=before, actor=actor)
    query = select(Need).where(Need.case_id == row.id, Need.region == before, Need.state != "closed").with_for_update()
    needs = list(db.session.scalars(query.order_by(Need.id)))
    for need in needs:
        need.region, need.latitude, need.longitude = row.region, None, None
        need.version += 1
    db.session.flush()  # the audit event is written after the change it tells of
    keys = [need.id for need in needs]
    for need in needs:
        audit.record(actor, "need:moved", need, changed=["region"], reason=f"from {before}")
    if keys:
        events.changed.send("need", ids=keys)
        for _receiver, go_on in begun:
            go_on(keys)
