"""The work list of needs, one need with its history, and its details in the clear."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_babel import lazy_gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import joinedload

from marketplace import audit, privacy
from marketplace.cases.models import CareTeamMember, Case
from marketplace.cases.services import REVEAL_REASONS, HistoryEntry, entries
from marketplace.errors import InvalidInput, NotFound
from marketplace.extensions import db
from marketplace.needs.models import URGENCIES, Need
from marketplace.permissions import Actor, Permission, row_filter, scoped, within
from marketplace.records import today

PER_PAGE = 20
ANY_STATE = "any"
#: What of the work list may wait for its reader: another's wish to read, a red need that nobody serves, consent.
WAITING = ("review", "urgent", "consent")
URGENT_DAYS = 7
"""A red need that is open for longer than this, and not served, is looked at."""
_MOST_URGENT_FIRST = case({code: place for place, code in enumerate(URGENCIES)}, value=Need.urgency, else_=9)


@dataclass(frozen=True)
class NeedFilter:
    """What a work list is asked for; empty is no limit, an empty state is every one but closed.

    Attributes:
        waiting: one of `WAITING`: only what waits for the reader.
    """

    waiting: str = ""
    state: str = ""
    kind: str = ""
    urgency: str = ""
    category: str = ""
    region: str = ""
    own: bool = False
    without_consent: bool = False


def _of_restricted_case() -> ColumnElement[bool]:
    return and_(Need.case_id.is_not(None), Need.case_id.in_(select(Case.id).where(Case.restricted)))


def readable(actor: Actor, permission: Permission = Permission.NEED_VIEW) -> Select[Any]:
    """Needs that the actor's grant reaches; those of restricted cases (R05, R07) for the care team alone.

    While such a case has no team led by a social worker and an officer, all who may see cases may see it.
    """
    query = scoped(Need, actor, permission)
    if actor.system:
        return query
    restricted = select(Case.id).where(Case.restricted)
    if actor.may(Permission.CASE_VIEW):
        mine = restricted.where(Case.open_to(actor.user_id))
    else:
        mine = restricted.where(Case.team.any(CareTeamMember.user_id == actor.user_id))
    return query.where(or_(~_of_restricted_case(), Need.case_id.in_(mine)))


def listed(actor: Actor) -> Select[Any]:
    """Needs that lists and counts show the actor: those of restricted cases appear in none."""
    return scoped(Need, actor, Permission.NEED_VIEW).where(~_of_restricted_case())


def load_need(
    actor: Actor, public_id: str, permission: Permission = Permission.NEED_VIEW, *, to_change: bool = False
) -> Need:
    """A need that the actor's grant reaches, locked where it is about to change.

    Raises:
        NotFound: absent, of another region, or of a restricted case that the actor may not see.
    """
    query = readable(actor, permission).where(Need.public_id == public_id)
    need: Need | None = db.session.scalar(query.with_for_update() if to_change else query)
    if need is None:
        raise NotFound
    return need


def needs_waiting(actor: Actor, what: str) -> Select[Any]:
    """Needs of the actor's list that wait for the actor.

    Args:
        what: one of `WAITING`.
    """
    query = listed(actor)
    if what == "review":  # whoever wrote a wish does not approve it
        mine = row_filter(Need, actor, Permission.NEED_REVIEW)
        return query.where(mine, Need.state == "review", Need.author != actor.key)
    if what == "urgent":
        since = today() - timedelta(days=URGENT_DAYS)
        late = and_(Need.state == "open", Need.urgency == "red", Need.posted_on < since)
        return query.where(late, Need.allocated < Need.quantity)
    mine = row_filter(Need, actor, Permission.NEED_POST)
    return query.where(mine, Need.state == "open", Need.share_consent_on.is_(None))


def work_list(actor: Actor, wanted: NeedFilter, page: int) -> Pagination:
    """Needs by the filter, the most urgent first, each urgency longest waiting first."""
    query = needs_waiting(actor, wanted.waiting) if wanted.waiting in WAITING else listed(actor)
    if wanted.state == "":
        query = query.where(Need.state != "closed")
    elif wanted.state != ANY_STATE:
        query = query.where(Need.state == wanted.state)
    if wanted.kind:
        query = query.where(Need.kind == wanted.kind)
    if wanted.urgency:
        query = query.where(Need.urgency == wanted.urgency)
    if wanted.category:
        query = query.where(Need.category.startswith(wanted.category, autoescape=True))
    if wanted.region:
        query = query.where(within(Need.region, wanted.region))
    if wanted.own:
        query = query.where(Need.author == actor.key)
    if wanted.without_consent:
        query = query.where(Need.share_consent_on.is_(None), Need.state != "closed")
    order: tuple[Any, ...] = (_MOST_URGENT_FIRST, Need.posted_on, Need.id)
    if wanted.waiting == "urgent":  # of one colour: the index gives their order, and reading stops with the page
        order = order[1:]
    query = query.options(joinedload(Need.case)).order_by(*order)
    return db.paginate(query, page=page, per_page=PER_PAGE, error_out=False)


def state_counts(actor: Actor) -> dict[str, int]:
    """How many needs the actor's list has in each state."""
    query = listed(actor).with_only_columns(Need.state, func.count()).group_by(Need.state)
    return {state: number for state, number in db.session.execute(query).all()}  # noqa: C416  # rows are no pairs to mypy


def need_history(need: Need) -> list[HistoryEntry]:
    """What happened to a need, newest first."""
    return entries(audit.history("need", need.id))


def reveal_details(actor: Actor, public_id: str, reason: str) -> tuple[Need, str]:
    """A need's details in the clear, leaving an audit event of who looked and why.

    Raises:
        InvalidInput: no reason of the list.
    """
    need = load_need(actor, public_id, Permission.PERSON_REVEAL)
    if reason not in REVEAL_REASONS:
        raise InvalidInput(fields={"reason": _("Choose why you need to see this.")})
    return need, privacy.reveal(actor, need, ("details",), reason)["details"]
