"""What a run would take and what it would leave out, and why, with the first records of each reason."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, not_, select
from sqlalchemy.orm import joinedload

from marketplace.allocations import services as allocations
from marketplace.allocations.services.rows import restricted_need, share_consent_lives
from marketplace.extensions import db
from marketplace.matches.scope import (
    Scope,
    candidate_capacities,
    open_needs,
    past_due,
    serves,
    shown_need,
    why_capacity_is_left_out,
)
from marketplace.needs.models import URGENCIES, Need
from marketplace.projects.models import Capacity

SHOWN = 10
"""So many records of each kind that a run leaves out are named."""

TAKEN = "taken"
NEED_REASONS = ("consent", "deadline", "restricted")
"""Why a need stays out of an ordinary run."""


@dataclass
class LeftOut:
    """Records that a run leaves out for one reason: how many, and the first of them."""

    number: int = 0
    first: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Preview:
    """What a run would take, and what it would leave out and why.

    Attributes:
        needs, capacities: how many records take part.
        units: outstanding units by urgency.
        free: free units of capacity.
        needs_left_out, capacities_left_out: by reason code; needs of restricted cases only for who may see them.
        declined: pairs that suppliers declined lately.
    """

    needs: int
    units: dict[str, int]
    capacities: int
    free: int
    needs_left_out: dict[str, LeftOut]
    capacities_left_out: dict[str, LeftOut]
    declined: int


def preview(scope: Scope, *, known: ColumnElement[bool] | None = None) -> Preview:
    """Count what a run over a scope would take and leave out.

    Args:
        known: restricted cases that the reader may know of, as a condition on `Case`; None for none of them.
    """
    needs, units, needs_left_out = _needs(scope, known)
    capacities, free, capacities_left_out = _capacities(scope)
    return Preview(
        needs=needs,
        units=units,
        capacities=capacities,
        free=free,
        needs_left_out=needs_left_out,
        capacities_left_out=capacities_left_out,
        declined=len(allocations.declined_pairs()),
    )


def _needs(scope: Scope, known: ColumnElement[bool] | None) -> tuple[int, dict[str, int], dict[str, LeftOut]]:
    fate: Any = case(
        (not_(shown_need()), "restricted"),
        (past_due(), "deadline"),
        (not_(share_consent_lives()), "consent"),
        else_=TAKEN,
    )
    restricted = known is not None
    judged = select(
        Need.id,
        Need.urgency,
        (Need.quantity - Need.allocated).label("units"),
        Need.posted_on,
        fate.label("fate"),
    ).where(open_needs(scope), not_(restricted_need(Need.id, but=known)))
    rows = judged.subquery()
    counted = db.session.execute(
        select(rows.c.fate, rows.c.urgency, func.count(), func.sum(rows.c.units)).group_by(rows.c.fate, rows.c.urgency)
    ).all()
    left_out = {name: LeftOut() for name in NEED_REASONS if restricted or name != "restricted"}
    units = dict.fromkeys(URGENCIES, 0)
    taken = 0
    for name, urgency, number, sum_of_units in counted:
        if name == TAKEN:
            taken += number
            units[urgency] += int(sum_of_units)
        else:
            left_out[name].number += number
    if any(one.number for one in left_out.values()):
        place = func.row_number().over(partition_by=rows.c.fate, order_by=(rows.c.posted_on, rows.c.id))
        ranked = select(rows.c.id, rows.c.fate, place.label("place")).where(rows.c.fate != TAKEN).subquery()
        first = select(Need, ranked.c.fate).join(ranked, ranked.c.id == Need.id).where(ranked.c.place <= SHOWN)
        for need, name in db.session.execute(first.order_by(ranked.c.place)):
            left_out[name].first.append(need)
    return taken, units, left_out


def _capacities(scope: Scope) -> tuple[int, int, dict[str, LeftOut]]:
    reasons = why_capacity_is_left_out()
    fate = case(*((condition, literal(name)) for name, condition in reasons.items()), else_=TAKEN)
    query = select(Capacity.id, Capacity.regions, Capacity.quantity - Capacity.allocated, fate)
    left_out = {name: LeftOut() for name in reasons}
    number = free = 0
    shown: dict[int, str] = {}
    for key, listed, units, name in db.session.execute(query.where(candidate_capacities(scope)).order_by(Capacity.id)):
        if not serves(listed, scope.region):
            continue
        if name == TAKEN:
            number, free = number + 1, free + units
            continue
        left_out[name].number += 1
        if left_out[name].number <= SHOWN:
            shown[key] = name
    for row in _loaded(shown):
        left_out[shown[row.id]].first.append(row)
    return number, free, left_out


def _loaded(keys: Iterable[int]) -> Iterable[Capacity]:
    """Capacities with their projects and organizations, in the order of their keys; no statement for none."""
    wanted = list(keys)
    if not wanted:
        return []
    query = select(Capacity).where(Capacity.id.in_(wanted)).order_by(Capacity.id)
    return db.session.scalars(query.options(joinedload(Capacity.project), joinedload(Capacity.organization)))
