"""The fit of pairs that people make by hand, as a run would score them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from marketplace import events
from marketplace.allocations.services.rules import kilometres
from marketplace.extensions import db
from marketplace.matches import problem
from marketplace.matches.file_codes import code_tables
from marketplace.matches.outcomes import told_parts
from marketplace.matches.services.settings import policy_for
from marketplace.needs.models import Need
from marketplace.projects.models import Capacity
from marketplace.records import today
from matching.eligibility.rules import Candidates
from matching.scoring import PARTS, Earlier, Scorer


@events.asked.connect_via("fits_of_pairs")
def fits_of_pairs(
    _question: str, *, need: Need, capacities: Sequence[Capacity]
) -> dict[int, tuple[int, dict[str, Any]]]:
    """Fit and reasons of a need with each capacity, by its key, whatever hard rules the pair breaks."""
    known = [one for one in capacities if one.categories and one.regions]
    if not known:
        return {}
    words = sorted({*need.requires, *(word for one in known for word in one.qualifications)})
    as_of = np.datetime64(today(), "D")
    helped = [key for _, key in db.session.execute(problem.helped_before([need.case_id]))] if need.case_id else []
    suppliers = [one.organization_id or -(one.owner_id or 0) for one in known]
    columns, offers = problem.need_columns([need], words), problem.offer_columns(known, words)
    scorer = Scorer(
        columns, offers, code_tables(), policy_for(need.region), as_of,
        earlier=Earlier([0] * len(helped), helped, suppliers),
    )  # fmt: skip
    arcs = Candidates(
        need=np.zeros(len(known), np.int32),
        offer=np.arange(len(known), dtype=np.int32),
        metres=np.array([round(kilometres(need, one) * 1000) for one in known], np.int32),
    )
    fit, told = scorer.fit(arcs), scorer.parts(arcs.need, arcs.offer, arcs.metres)
    parts = np.stack([getattr(told, name) for name in PARTS], axis=1).tolist()
    waited = max((today() - need.posted_on).days, 0)
    return {
        one.id: (
            int(fit[place]),
            {"parts": told_parts(parts[place]), "metres": int(arcs.metres[place]), "waiting_days": waited},
        )
        for place, one in enumerate(known)
    }
