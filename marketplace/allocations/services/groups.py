"""An organization claims many wishes in one step, for a collection day: all of them, or none."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from marketplace.accounts.models import Membership
from marketplace.allocations.models import LIVE, Allocation
from marketplace.allocations.services.claims import start_claim, take_wish
from marketplace.allocations.services.deliveries import CLAIM_DAYS
from marketplace.errors import AccessDenied, AlreadyClaimed, InvalidInput, LimitReached, NotFound
from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission, scoped
from marketplace.records import today
from marketplace.transitions import move, transaction

GROUP_CLAIMS = 30
"""So many wishes one organization may hold at a time."""


def managed_organizations(actor: Actor) -> list[Organization]:
    """Verified organizations for which the actor may claim: those that they manage, by name."""
    query = (
        select(Organization)
        .join(Membership, Membership.organization_id == Organization.id)
        .where(Membership.user_id == actor.user_id, Membership.position == "manager", Organization.state == "verified")
        .order_by(Organization.name, Organization.id)
    )
    return list(db.session.scalars(query))


def claimable_wishes(actor: Actor, *, county: str = "", category: str = "", page: int = 1) -> Any:
    """A page of the board, as anyone sees it: cards, the claimable ones first."""
    return needs.board(actor, needs.BoardFilter(county=county, category=category), page)


def claim_together(
    actor: Actor, organization_public_id: str, wish_public_ids: Iterable[str], *, collect_on: date | None = None
) -> list[Allocation]:
    """Claim several wishes for an organization, each an allocation of its own, in one transaction.

    Args:
        collect_on: the collection day; without it each is kept for as long as any claim.
    Raises:
        NotFound: the actor is no member of such an organization.
        AccessDenied: a member, but no manager, or it is not verified.
        InvalidInput: none is chosen, or the day is past or too far ahead.
        AlreadyClaimed: some were taken meanwhile; the message names them, and none is claimed.
        LimitReached: more than an organization may hold.
    """
    wanted = list(dict.fromkeys(wish_public_ids))
    latest = today() + timedelta(days=CLAIM_DAYS)
    if not wanted:
        raise InvalidInput(fields={"wish": _("Choose at least one wish.")})
    if collect_on is not None and not today() <= collect_on <= latest:
        raise InvalidInput(
            fields={"collect_on": _("Choose a day from today to %(latest)s.", latest=latest.isoformat())}
        )
    with transaction() as session:
        organization = _locked(actor, organization_public_id)
        _check_limit(organization, len(wanted))
        # In one order everywhere, and all before the first claim, which holds the audit chain: no deadlocks.
        query = scoped(Need, actor, Permission.WISH_CLAIM_GROUP).where(Need.public_id.in_(wanted)).order_by(Need.id)
        wishes = list(session.scalars(query))
        gone = [wish.reference for wish in wishes if wish.allocated]
        if gone or len(wishes) < len(wanted):
            raise AlreadyClaimed(
                _("Some were taken a moment ago: %(references)s. Nothing was claimed; choose again.",
                  references=", ".join(gone) or _("no longer public"))
            )  # fmt: skip
        for wish in wishes:
            take_wish(wish)
        made = [start_claim(actor, wish, claimant_id=actor.user_id, organization_id=organization.id) for wish in wishes]
        if collect_on is not None:
            for claim in made:
                move(actor, claim, expect="accepted", to="delivering", due_on=collect_on, expires_at=None)
        return made


def _locked(actor: Actor, public_id: str) -> Organization:
    """The organization, its row held so that the limit also counts claims under way."""
    organization = db.session.scalar(
        select(Organization)
        .where(Organization.public_id == public_id, Organization.id.in_(actor.organization_ids))
        .with_for_update(of=Organization)
    )
    if organization is None:
        raise NotFound
    position = db.session.scalar(
        select(Membership.position).where(
            Membership.user_id == actor.user_id, Membership.organization_id == organization.id
        )
    )
    if position != "manager":
        raise AccessDenied(_("Only managers claim for their organization. Ask one of them."))
    if organization.state != "verified":
        raise AccessDenied(_("Your organization is not verified at present."))
    return organization


def _group_claims() -> Any:
    return select(Allocation).where(Allocation.source == "claim", Allocation.state.in_(LIVE))


def _check_limit(organization: Organization, wanted: int) -> None:
    live = _group_claims().where(Allocation.organization_id == organization.id)
    held = db.session.scalar(select(func.count()).select_from(live.subquery())) or 0
    if held + wanted > GROUP_CLAIMS:
        raise LimitReached(
            _("Your organization holds %(held)s wishes and may hold %(most)s. Choose fewer.",
              held=held, most=GROUP_CLAIMS)
        )  # fmt: skip


def held_by_groups(actor: Actor) -> list[Allocation]:
    """Live claims of the actor's organizations, by collection day: the list to print."""
    query = _group_claims().where(Allocation.organization_id.in_(actor.organization_ids))
    query = query.options(joinedload(Allocation.need)).order_by(Allocation.due_on, Allocation.id)
    return list(db.session.scalars(query.limit(500)))
