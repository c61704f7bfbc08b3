"""What a run is over: which needs and which capacity take part, which are left out, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, not_, or_, select

from marketplace import regions
from marketplace.allocations import services as allocations
from marketplace.allocations.services.rows import restricted_need, share_consent_lives
from marketplace.extensions import db
from marketplace.needs.models import URGENCIES, Need
from marketplace.organizations.models import AllianceMember, Organization
from marketplace.projects.freshness import fresh_condition
from marketplace.projects.models import Capacity, Project
from marketplace.records import today

SHOWN = 10
"""So many records of each kind that a run leaves out are named in its preview."""


URGENCY_RANK = case({colour: rank for rank, colour in enumerate(URGENCIES)}, value=Need.urgency)
"""SQL expression that sorts needs by urgency."""


@dataclass(frozen=True)
class Scope:
    """What a run is over: needs of a region and all below it, capacity of everyone or of an alliance."""

    region: str
    alliance_id: int | None = None


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
        needs_left_out, capacities_left_out: by reason code.
        declined: pairs that suppliers declined lately.
    """

    needs: int
    units: dict[str, int]
    capacities: int
    free: int
    needs_left_out: dict[str, LeftOut]
    capacities_left_out: dict[str, LeftOut]
    declined: int


def shown_need() -> ColumnElement[bool]:
    """Needs that lists may show: a case that was restricted after a run is hidden from its page too."""
    return not_(restricted_need(Need.id))


def _candidate_needs(scope: Scope) -> ColumnElement[bool]:
    """Open needs of the scope with something outstanding; restricted cases are not even counted."""
    return and_(
        Need.state == "open",
        Need.allocated < Need.quantity,
        Need.region.startswith(regions.prefix(scope.region), autoescape=True),
        shown_need(),
    )


def _due() -> ColumnElement[bool]:
    return and_(Need.deadline.is_not(None), Need.deadline < today())


def needs_in(scope: Scope) -> Select[Any]:
    """SELECT of the needs that take part in a run."""
    return select(Need).where(_candidate_needs(scope), share_consent_lives(), not_(_due()))


def _candidate_capacities(scope: Scope) -> ColumnElement[bool]:
    conditions = [Capacity.active, Capacity.state == "offered", Capacity.allocated < Capacity.quantity]
    if scope.alliance_id is not None:
        members = select(AllianceMember.organization_id).where(AllianceMember.alliance_id == scope.alliance_id)
        conditions.append(Capacity.organization_id.in_(members))
    return and_(*conditions)


def _left_out_capacities() -> dict[str, ColumnElement[bool]]:
    """Why capacity may be left out, in the order in which the reasons are asked."""
    day = today()
    own_offer = Capacity.owner_id.is_not(None)  # a volunteer's, of no organization and no project
    project = or_(
        own_offer, select(Project.id).where(Project.id == Capacity.project_id, Project.state == "open").exists()
    )
    organization = or_(
        own_offer,
        select(Organization.id)
        .where(Organization.id == Capacity.organization_id, Organization.state == "verified")
        .exists(),
    )
    begun = or_(Capacity.valid_from.is_(None), Capacity.valid_from <= day)
    lasting = or_(Capacity.valid_until.is_(None), Capacity.valid_until >= day)
    return {
        "organization": not_(organization),
        "project": not_(project),
        "validity": not_(and_(begun, lasting)),
        "confirmation": not_(fresh_condition(day)),
    }


def capacities_in(scope: Scope) -> Select[Any]:
    """SELECT of the capacity that a run reads; `serves` then asks for the regions it lists.

    Capacity outside its validity is read too: the matching refuses it, and so can tell a need that its dates
    are the reason.
    """
    reasons = [not_(reason) for name, reason in _left_out_capacities().items() if name != "validity"]
    return select(Capacity).where(_candidate_capacities(scope), *reasons)


def serves(listed: Sequence[str], region: str) -> bool:
    """Whether any of the regions listed lies in a region, or the region in it."""
    return any(regions.contains(region, code) or regions.contains(code, region) for code in listed)


def preview(scope: Scope) -> Preview:
    """Count what a run over a scope would take and leave out."""
    per_urgency = needs_in(scope).with_only_columns(
        Need.urgency, func.count(), func.sum(Need.quantity - Need.allocated)
    )
    counted = {
        urgency: (number, int(units))
        for urgency, number, units in db.session.execute(per_urgency.group_by(Need.urgency))
    }
    offered = [
        (quantity - allocated)
        for listed, quantity, allocated in db.session.execute(
            capacities_in(scope)
            .where(not_(_left_out_capacities()["validity"]))
            .with_only_columns(Capacity.regions, Capacity.quantity, Capacity.allocated)
        )
        if serves(listed, scope.region)
    ]
    return Preview(
        needs=sum(number for number, _ in counted.values()),
        units={urgency: counted.get(urgency, (0, 0))[1] for urgency in URGENCIES},
        capacities=len(offered),
        free=sum(offered),
        needs_left_out={
            "consent": _left_out(
                select(Need).where(_candidate_needs(scope), not_(_due()), not_(share_consent_lives()))
            ),
            "deadline": _left_out(select(Need).where(_candidate_needs(scope), _due())),
        },
        capacities_left_out=_capacities_left_out(scope),
        declined=len(allocations.declined_pairs()),
    )


def _left_out(query: Select[Any]) -> LeftOut:
    number = db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    return LeftOut(number, list(db.session.scalars(query.order_by(Need.posted_on, Need.id).limit(SHOWN))))


def _capacities_left_out(scope: Scope) -> dict[str, LeftOut]:
    left_out: dict[str, LeftOut] = {}
    asked: list[ColumnElement[bool]] = []
    for name, reason in _left_out_capacities().items():
        query = select(Capacity).where(_candidate_capacities(scope), reason, *asked).order_by(Capacity.id)
        found = [row for row in db.session.scalars(query) if serves(row.regions, scope.region)]
        left_out[name] = LeftOut(len(found), found[:SHOWN])
        asked.append(not_(reason))
    return left_out
