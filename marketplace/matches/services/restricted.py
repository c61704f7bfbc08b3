"""The restricted run: the needs of one restricted case (R05, R07), matched for its care team alone.

Nothing of it is stored and nobody else is told: a coordinator of the team asks a supplier, then accepts in its name
(`allocations.propose_by_hand`). What is kept is that the team matched the case.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from marketplace import audit
from marketplace.cases.models import Case
from marketplace.cases.services import on_team
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.matches import outcomes, problem
from marketplace.matches.scope import Scope
from marketplace.matches.services.settings import policy_for
from marketplace.matches.solving import match
from marketplace.needs.models import Need
from marketplace.permissions import Actor
from marketplace.projects.models import Capacity
from marketplace.transitions import transaction


@dataclass(frozen=True)
class Pair:
    """Units of a need that a capacity could give, and how well the two fit (0 to 10,000)."""

    need: Need
    capacity: Capacity
    units: int
    fit: int


@dataclass(frozen=True)
class CaseMatch:
    """What a restricted run found.

    Attributes:
        unserved: needs with units that nobody could give, and the reason in words.
        left_out: needs that wait but took no part: no consent to share, or past their last useful day.
    """

    case: Case
    pairs: tuple[Pair, ...]
    unserved: tuple[tuple[Need, int, Any], ...]
    left_out: tuple[Need, ...]


def match_case(actor: Actor, case_id: str) -> CaseMatch:
    """Match the needs of a restricted case with all capacity that ordinary runs would use.

    Raises:
        NotFound: no such case, it is not restricted, or the actor is not of its care team.
    """
    case = db.session.scalar(select(Case).where(Case.public_id == case_id, Case.restricted))
    if case is None or not on_team(actor, case):
        raise NotFound
    key, region = case.id, case.region
    with transaction():
        audit.record(actor, "case:matched", case)
    snapshot = problem.read(Scope(region, case_id=key), policy_for(region, None))
    pairs: tuple[Pair, ...] = ()
    unserved: tuple[tuple[Need, int, Any], ...] = ()
    if snapshot.need_id.size:
        result = match(snapshot)
        rows = zip(result.need, result.offer, result.units, result.fit, strict=True)
        pairs = tuple(
            Pair(
                db.session.get_one(Need, int(snapshot.need_id[need])),
                db.session.get_one(Capacity, int(snapshot.capacity_id[offer])),
                int(units),
                int(fit),
            )
            for need, offer, units, fit in rows
        )
        unserved = tuple(
            (db.session.get_one(Need, need_id), units, outcomes.reason_text(code))
            for need_id, units, code in outcomes.unserved(snapshot, result)
        )
    taking_part = {int(need_id) for need_id in snapshot.need_id}
    waiting = select(Need).where(Need.case_id == key, Need.state == "open", Need.allocated < Need.quantity)
    left_out = tuple(need for need in db.session.scalars(waiting.order_by(Need.id)) if need.id not in taking_part)
    return CaseMatch(db.session.get_one(Case, key), pairs, unserved, left_out)
