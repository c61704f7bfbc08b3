"""Lists of requests, and the newest one of a need or a capacity."""

from typing import Any

from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from marketplace.extensions import db
from marketplace.matches.holds.models import HoldException, HoldRelease
from marketplace.matches.scope import shown_need
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Permission, scoped
from marketplace.projects.models import Capacity

PER_PAGE = 20
KINDS = ("exceptions", "releases")


def _requests(actor: Actor, kind: str, *, decided: bool) -> Select[Any]:
    model: Any = HoldException if kind == "exceptions" else HoldRelease
    query = scoped(model, actor, Permission.HOLD_DECIDE)
    query = query.where(model.state != "requested" if decided else model.state == "requested")
    if kind == "exceptions":
        query = query.join(Need, Need.id == HoldException.need_id).where(shown_need())
    return query


def to_decide(actor: Actor, kind: str) -> Select[Any]:
    """Requests that wait for the actor's decision: not the actor's own, about which another decides.

    Args:
        kind: of `KINDS`.
    """
    model: Any = HoldException if kind == "exceptions" else HoldRelease
    return _requests(actor, kind, decided=False).where(model.asked_by != actor.key)


def queue(actor: Actor, kind: str, *, decided: bool = False, waiting: bool = False, page: int = 1) -> Pagination:
    """A page of requests within the actor's reach: those that wait the longest first, or the decided ones.

    Args:
        kind: of `KINDS`.
        decided: those that wait no longer, the newest first.
        waiting: only those that wait for the actor.
    """
    model: Any = HoldException if kind == "exceptions" else HoldRelease
    query = to_decide(actor, kind) if waiting and not decided else _requests(actor, kind, decided=decided)
    if kind == "exceptions":
        query = query.options(joinedload(HoldException.need))
    else:
        query = query.options(joinedload(HoldRelease.capacity).joinedload(Capacity.organization))
    query = query.order_by(model.id.desc() if decided else model.id)
    return db.paginate(query, page=page, per_page=PER_PAGE, error_out=False)


def exception_of(need: Need) -> HoldException | None:
    """The newest request about a need."""
    query = select(HoldException).where(HoldException.need_id == need.id).order_by(HoldException.id.desc())
    row: HoldException | None = db.session.scalar(query.limit(1))
    return row


def releases_of(capacity: Capacity) -> list[HoldRelease]:
    """The requests about a capacity, the newest first, at most ten."""
    query = select(HoldRelease).where(HoldRelease.capacity_id == capacity.id).order_by(HoldRelease.id.desc())
    return list(db.session.scalars(query.limit(10)))
