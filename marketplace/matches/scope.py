"""What a run is over: which needs and which capacity take part, which are left out, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, not_, or_, select

from marketplace import regions
from marketplace.allocations.services.rows import restricted_need, share_consent_lives
from marketplace.cases.models import Case
from marketplace.needs.models import URGENCIES, Need
from marketplace.organizations.models import AllianceMember, Organization
from marketplace.permissions import within
from marketplace.projects.freshness import fresh_condition
from marketplace.projects.models import Capacity, Project
from marketplace.records import today

URGENCY_RANK = case({colour: rank for rank, colour in enumerate(URGENCIES)}, value=Need.urgency)
"""SQL expression that sorts needs by urgency."""


@dataclass(frozen=True)
class Scope:
    """What a run is over: needs of a region and all below it, capacity of everyone or of an alliance.

    Attributes:
        case_id: the needs of one restricted case instead, for its care team alone.
    """

    region: str
    alliance_id: int | None = None
    case_id: int | None = None


def shown_need() -> ColumnElement[bool]:
    """Needs that lists may show: a case that was restricted after a run is hidden from its page too."""
    return not_(restricted_need(Need.id))


def open_needs(scope: Scope) -> ColumnElement[bool]:
    """Open needs of the scope with something outstanding, those of restricted cases among them."""
    return and_(
        Need.state == "open",
        Need.allocated < Need.quantity,
        within(Need.region, scope.region),
    )


def past_due() -> ColumnElement[bool]:
    return and_(Need.deadline.is_not(None), Need.deadline < today())


def needs_in(scope: Scope) -> Select[Any]:
    """SELECT of the needs that take part in a run."""
    if scope.case_id is None:
        whose = shown_need()
    else:
        whose = Need.case_id.in_(select(Case.id).where(Case.id == scope.case_id, Case.restricted))
    return select(Need).where(open_needs(scope), whose, share_consent_lives(), not_(past_due()))


def candidate_capacities(scope: Scope) -> ColumnElement[bool]:
    """Capacity on offer with something free, of everyone or of the alliance."""
    conditions = [Capacity.active, Capacity.state == "offered", Capacity.allocated < Capacity.quantity]
    if scope.alliance_id is not None:
        members = select(AllianceMember.organization_id).where(
            AllianceMember.alliance_id == scope.alliance_id, AllianceMember.left_on.is_(None)
        )
        conditions.append(Capacity.organization_id.in_(members))
    return and_(*conditions)


def why_capacity_is_left_out() -> dict[str, ColumnElement[bool]]:
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
    reasons = [not_(reason) for name, reason in why_capacity_is_left_out().items() if name != "validity"]
    return select(Capacity).where(candidate_capacities(scope), *reasons)


def serves(listed: Sequence[str], region: str) -> bool:
    """Whether any of the regions listed lies in a region, or the region in it."""
    return any(regions.contains(region, code) or regions.contains(code, region) for code in listed)
