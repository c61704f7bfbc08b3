"""A way on for sites that published wishes before an impact assessment was asked for (rule P16)."""

from sqlalchemy import select

from marketplace.assessments.services import any_on_record, note_without_officer
from marketplace.needs.models import Need
from marketplace.transitions import transaction


def note_live_channels() -> int:
    """Put provisional assessments on record for the counties where wishes were published before the rule; how many.

    Where any assessment of publishing wishes is on record, the rule was there before, and nothing is done.
    """
    if any_on_record("wishes"):
        return 0
    with transaction() as session:
        published = (Need.kind == "micro_wish", Need.approved_by.is_not(None), Need.internal_only.is_(False))
        places = list(session.scalars(select(Need.region).where(*published).distinct().order_by(Need.region)))
        for place in places:
            note_without_officer("wishes", place, "live_before")
        return len(places)
