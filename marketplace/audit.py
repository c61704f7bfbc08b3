"""The trail: every change and every look at personal data is one event of a hash chain.

One chain a county (a single chain would make every write of a province wait for every other), so an
event's hash covers the one before it in its region. Rows hold field names and keyed digests, never values
of personal columns. The database refuses UPDATE and DELETE on the table (triggers in the migrations).
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, String, UniqueConstraint, or_, select, update
from sqlalchemy.orm import Mapped

from marketplace.data_levels import P1, P2, column
from marketplace.extensions import Model, db, insert_once, table_of
from marketplace.permissions import Actor

WHOLE_PROVINCE = "000000"
GENESIS = "0" * 64


class AuditEvent(Model):
    """Who did what to which record, when; append-only."""

    __tablename__ = "audit_event"
    __table_args__ = (UniqueConstraint("chain", "sequence"),)
    __scope__ = {"region": "chain"}  # noqa: RUF012  # read by permissions.row_filter, never changed

    id: Mapped[int] = column(P1, "identifies the event", primary_key=True)
    chain: Mapped[str] = column(P1, "county whose chain the event belongs to", String(6))
    sequence: Mapped[int] = column(P1, "place in the chain, without gaps from 1")
    occurred_at: Mapped[str] = column(P1, "UTC, ISO 8601", String(32))
    actor_id: Mapped[int | None] = column(P2, "opaque user key of who acted")
    actor_role: Mapped[str] = column(P2, "roles held, or the system process", String(120))
    action: Mapped[str] = column(P1, "what was done, table:verb", String(60))
    record_type: Mapped[str] = column(P1, "table of the record", String(40), index=True)
    record_id: Mapped[int] = column(P1, "key of the record", index=True)
    fields: Mapped[list[str]] = column(P1, "names of the columns changed or seen", JSON)
    before: Mapped[str | None] = column(P1, "state before", String(40))
    after: Mapped[str | None] = column(P1, "state after", String(40))
    reason: Mapped[str | None] = column(P2, "coded reason or a short one given", String(500))
    previous_hash: Mapped[str] = column(P1, "hash of the event before in the chain", String(64))
    hash: Mapped[str] = column(P1, "SHA-256 over the event and the hash before it", String(64))


class AuditChain(Model):
    """Head of a chain; locked while an event is added."""

    __tablename__ = "audit_chain"

    chain: Mapped[str] = column(P1, "county of the chain", String(6), primary_key=True)
    length: Mapped[int] = column(P1, "events in the chain", default=0)
    head: Mapped[str] = column(P1, "hash of the last event", String(64), default=GENESIS)


_HASHED = (
    "chain", "sequence", "occurred_at", "actor_id", "actor_role", "action", "record_type", "record_id",
    "fields", "before", "after", "reason", "previous_hash",
)  # fmt: skip


def _digest(values: dict[str, Any]) -> str:
    text = json.dumps({name: values[name] for name in _HASHED}, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def chain_of(region: str | None) -> str:
    """A record's chain: its region, or the one for what has no region."""
    return region if region and len(region) == 6 else WHOLE_PROVINCE


def record(
    actor: Actor,
    action: str,
    row: Any,
    *,
    changed: Iterable[str] = (),
    before: str | None = None,
    after: str | None = None,
    reason: str | None = None,
) -> None:
    """Add one event to the chain of the row's region, inside the caller's transaction.

    The row must have its key (flush first). `reason` must not hold personal data.
    """
    region_column = row.__scope__.get("region") if hasattr(row, "__scope__") else None
    record_many(
        actor,
        action,
        row.__tablename__,
        [(row.id, getattr(row, region_column) if region_column else None)],
        changed=changed,
        before=before,
        after=after,
        reason=reason,
    )


def record_many(
    actor: Actor,
    action: str,
    record_type: str,
    rows: Iterable[tuple[int, str | None]],
    *,
    changed: Iterable[str] = (),
    before: str | None = None,
    after: str | None = None,
    reason: str | None = None,
) -> None:
    """One event for each (key, region) of a bulk change, with one statement a chain and one insert in all."""
    by_chain: dict[str, list[int]] = {}
    for key, region in rows:
        by_chain.setdefault(chain_of(region), []).append(key)
    events: list[dict[str, Any]] = []
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    for chain in sorted(by_chain):  # one order everywhere: no deadlocks between two bulk changes
        head = _locked_head(chain)
        sequence, previous = head.length, head.head
        for key in by_chain[chain]:
            sequence += 1
            event = {
                "chain": chain,
                "sequence": sequence,
                "occurred_at": now,
                "actor_id": actor.user_id,
                "actor_role": actor.system or ",".join(sorted(actor.roles)),
                "action": action,
                "record_type": record_type,
                "record_id": key,
                "fields": sorted(changed),
                "before": before,
                "after": after,
                "reason": reason[:500] if reason else None,
                "previous_hash": previous,
            }
            previous = event["hash"] = _digest(event)
            events.append(event)
        db.session.execute(update(AuditChain).where(AuditChain.chain == chain).values(length=sequence, head=previous))
    if events:
        db.session.execute(table_of(AuditEvent).insert(), events)


def hold(region: str | None) -> None:
    """Hold the chain of a region until the transaction ends: for what is looked up just before its event is added.

    Every event waits for the chain, so nothing else may be locked after it.
    """
    _locked_head(chain_of(region))


def _locked_head(chain: str) -> Any:
    query = select(AuditChain.length, AuditChain.head).where(AuditChain.chain == chain).with_for_update()
    head = db.session.execute(query).one_or_none()
    if head is None:
        insert_once(AuditChain, {"chain": chain, "length": 0, "head": GENESIS})
        head = db.session.execute(query).one()
    return head


def verify(chain: str | None = None) -> list[str]:
    """Re-compute every chain, or one; what is wrong, one line a fault, empty when the trail is whole."""
    faults: list[str] = []
    chains, query = select(AuditChain), select(AuditEvent).order_by(AuditEvent.chain, AuditEvent.sequence)
    if chain is not None:
        chains, query = chains.where(AuditChain.chain == chain), query.where(AuditEvent.chain == chain)
    heads = {row.chain: row for row in db.session.scalars(chains)}
    expected: dict[str, tuple[int, str]] = {}
    for event in db.session.scalars(query.execution_options(yield_per=2000)):
        sequence, previous = expected.get(event.chain, (0, GENESIS))
        values = {name: getattr(event, name) for name in _HASHED}
        if event.sequence != sequence + 1:
            faults.append(f"chain {event.chain}: event {sequence + 1} is missing")
        if event.previous_hash != previous:
            faults.append(f"chain {event.chain}: event {event.sequence} does not follow the one before it")
        if _digest(values) != event.hash:
            faults.append(f"chain {event.chain}: event {event.sequence} was changed")
        expected[event.chain] = (event.sequence, event.hash)
    for name, head in heads.items():
        length, last = expected.get(name, (0, GENESIS))
        if (head.length, head.head) != (length, last):
            faults.append(f"chain {name}: its last events are missing ({length} of {head.length} found)")
    faults += [f"chain {name}: has events but no head" for name in expected if name not in heads]
    return faults


def of_restricted_runs() -> ColumnElement[bool]:
    """Events of the matching of one restricted case (R05, R07), which its care team alone may know of."""
    return or_(
        AuditEvent.record_type == "case_proposal",
        AuditEvent.action.startswith("match_run:case_", autoescape=True),
        AuditEvent.action == "case:matched",
    )


def history(record_type: str, record_id: int) -> list[AuditEvent]:
    """Events of one record, oldest first."""
    query = select(AuditEvent).where(AuditEvent.record_type == record_type, AuditEvent.record_id == record_id)
    return list(db.session.scalars(query.order_by(AuditEvent.id)))
