"""How the services of this slice find their rows, and the conditions that several of them ask."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, select
from sqlalchemy.orm import aliased

from marketplace.allocations.models import Allocation, Delivery
from marketplace.cases.models import CareTeamMember, Case, Consent
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Permission, row_filter, scoped
from marketplace.records import today

# Made once: an alias works its columns out anew, which takes longer than the statement.
_RESTRICTED, _SHARED, _TEAM = aliased(Need), aliased(Need), aliased(Need)


def restricted_need(need_id: Any, *, but: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    """Whether a need is of a restricted case (rules R05 and R07), as an SQL condition on a column of need keys.

    Args:
        but: restricted cases that do not count, as a condition on `Case`.
    """
    need = _RESTRICTED
    found = select(need.id).join(Case, need.case_id == Case.id).where(need.id == need_id, Case.restricted)
    return exists(found if but is None else found.where(not_(but)))


def visible(actor: Actor) -> ColumnElement[bool]:
    """Proposals for a restricted case appear to nobody: its care team settles them by hand.

    Help that is on its way appears to those who may see the case, to its care team, and to whoever brings it.
    """
    restricted = restricted_need(Allocation.need_id)
    if actor.system:
        return not_(and_(Allocation.state == "proposed", restricted))
    own = row_filter(Allocation, actor, Permission.ALLOCATION_DELIVER)
    if actor.may(Permission.CASE_VIEW):
        closed = restricted_need(Allocation.need_id, but=Case.open_to(actor.user_id))
        return and_(not_(and_(Allocation.state == "proposed", restricted)), or_(not_(closed), own))
    return or_(not_(restricted), and_(Allocation.state != "proposed", or_(own, of_own_team(actor, Allocation.need_id))))


def of_own_team(actor: Actor, need_id: Any) -> ColumnElement[bool]:
    """Whether a need is of a case whose care team the actor is of, as an SQL condition on a column of need keys."""
    need = _TEAM
    of_team = CareTeamMember.case_id == need.case_id
    return exists(
        select(need.id).join(CareTeamMember, of_team).where(need.id == need_id, CareTeamMember.user_id == actor.user_id)
    )


def load(actor: Actor, permission: Permission, public_id: str, *, lock: bool = False) -> Allocation:
    """The allocation that an address names, within the actor's reach.

    Args:
        lock: whoever changes it holds its row till the end of the transaction, so that what is read of its
            deliveries stays true (SQLite's writers hold the whole database anyway).
    Raises:
        NotFound: there is none, or it is another's.
    """
    query = scoped(Allocation, actor, permission).where(Allocation.public_id == public_id, visible(actor))
    if lock:
        query = query.with_for_update(of=Allocation)
    row: Allocation | None = db.session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise NotFound
    return row


def supplied_by(actor: Actor) -> ColumnElement[bool]:
    """Whether the actor, or an organization of the actor's, supplies the help, as an SQL condition."""
    own = func.coalesce(Allocation.claimant_id == actor.user_id, false())
    return or_(own, func.coalesce(Allocation.organization_id.in_(actor.organization_ids), false()))


def delivered_units(allocation_id: int) -> int:
    """Units handed over and not disputed."""
    counted = select(func.coalesce(func.sum(Delivery.quantity), 0)).where(
        Delivery.allocation_id == allocation_id, Delivery.disputed.is_(False)
    )
    return int(db.session.scalar(counted) or 0)


def still_shared() -> ColumnElement[bool]:
    """Leaves out proposals whose household took back its consent to share: nobody can accept them any more."""
    need = _SHARED
    consented = exists(select(need.id).where(need.id == Allocation.need_id, share_consent_lives(need)))
    return or_(Allocation.state != "proposed", consented)


def share_consent_lives(need: Any = Need) -> ColumnElement[bool]:
    """Whether a need may be shown to suppliers today, as an SQL condition on `Need` or an alias of it.

    The need names the day of the consent (or of a recorded legal basis). Where its case keeps consents to
    sharing, one of them must still hold: a withdrawn or lapsed one ends it for every need of the household.
    """
    day = today()
    kept = select(Consent.id).where(
        Consent.case_id == need.case_id, Consent.purpose == "share", Consent.covering(need.person_id)
    )
    holds = kept.where(
        Consent.given_on <= day,
        Consent.withdrawn_on.is_(None),
        or_(Consent.expires_on.is_(None), Consent.expires_on >= day),
    )
    since = need.share_consent_on
    return and_(since.is_not(None), since <= day, or_(not_(exists(kept)), exists(holds)))
