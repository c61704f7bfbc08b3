"""Reading and verifying the trail."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from flask_babel import lazy_gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import select
from sqlalchemy.orm import load_only

from marketplace import audit
from marketplace.audit import AuditChain, AuditEvent
from marketplace.errors import InvalidInput
from marketplace.extensions import db
from marketplace.permissions import Actor, Permission, row_filter, scoped
from marketplace.records import LOCAL_TIME

PER_PAGE = 20


@dataclass(frozen=True)
class Wanted:
    """What a reader of the trail asked to see; an empty value asks for nothing.

    Attributes:
        chain: county whose chain it is, or WHOLE_PROVINCE.
        record_type: table of the record.
        record_id, actor_id: keys, as the trail names them.
        first_on, last_on: days in China, both included.
        looks: only looks at personal data.
    """

    chain: str = ""
    record_type: str = ""
    record_id: int | None = None
    actor_id: int | None = None
    first_on: date | None = None
    last_on: date | None = None
    looks: bool = False


def events(actor: Actor, wanted: Wanted, page: int) -> Pagination:
    """A page of events, the newest first; `verify` covers those of restricted runs, too, which are not listed."""
    query = scoped(AuditEvent, actor, Permission.AUDIT_VIEW).where(~audit.of_restricted_runs())
    query = query.options(
        load_only(
            AuditEvent.chain, AuditEvent.sequence, AuditEvent.occurred_at, AuditEvent.actor_id, AuditEvent.actor_role,
            AuditEvent.action, AuditEvent.record_type, AuditEvent.record_id, AuditEvent.fields, AuditEvent.before,
            AuditEvent.after, AuditEvent.reason,
        )
    )  # fmt: skip
    for column, value in (
        (AuditEvent.chain, wanted.chain),
        (AuditEvent.record_type, wanted.record_type),
        (AuditEvent.record_id, wanted.record_id),
        (AuditEvent.actor_id, wanted.actor_id),
    ):
        if value:
            query = query.where(column == value)
    if wanted.first_on:
        query = query.where(AuditEvent.occurred_at >= _begin(wanted.first_on))
    if wanted.last_on:
        query = query.where(AuditEvent.occurred_at < _begin(wanted.last_on + timedelta(days=1)))
    if wanted.looks:
        query = query.where(AuditEvent.action.endswith(":reveal") | AuditEvent.action.endswith("_seen"))
    return db.paginate(query.order_by(AuditEvent.id.desc()), page=page, per_page=PER_PAGE, error_out=False)


def _begin(day: date) -> str:
    """The first moment of a day in China, as the trail writes moments."""
    return datetime.combine(day, time(), LOCAL_TIME).astimezone(UTC).isoformat(timespec="milliseconds")


def chains(actor: Actor) -> list[AuditChain]:
    """The chains whose events the actor may read, with their lengths."""
    readable = select(AuditEvent.chain).where(
        AuditEvent.chain == AuditChain.chain, row_filter(AuditEvent, actor, Permission.AUDIT_VIEW)
    )
    return list(db.session.scalars(select(AuditChain).where(readable.exists()).order_by(AuditChain.chain)))


def verify(actor: Actor, chain: str) -> list[str]:
    """Re-compute one chain; its faults, none when it is whole.

    Raises:
        InvalidInput: there is no such chain that the actor may read.
    """
    if chain not in {row.chain for row in chains(actor)}:
        raise InvalidInput(_("Choose a chain of the list."))
    return audit.verify(chain)
