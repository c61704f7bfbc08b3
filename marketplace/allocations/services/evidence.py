"""Photos of what was handed over: goods only (rule P9), made anew by the server, for those who may see the help."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from marketplace import audit, uploads
from marketplace.allocations.models import Allocation, Evidence
from marketplace.allocations.services.guests import GUEST, guest_claim
from marketplace.allocations.services.rows import load
from marketplace.errors import InvalidInput, LimitReached, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, Permission
from marketplace.records import now
from marketplace.transitions import transaction

MOST_PHOTOS = 6
"""So many photos one allocation may have."""
OPEN_STATES = ("accepted", "delivering", "delivered")


def add_evidence(actor: Actor, public_id: str, photo: BinaryIO | None) -> Evidence:
    """Hand in a photo, until the help is confirmed.

    Raises:
        InvalidInput: it is no picture, too large, or damaged.
        LimitReached: there are as many as there may be.
        NotFound: not within the actor's reach.
        StateConflict: it is confirmed or has ended.
    """
    if photo is None:
        raise InvalidInput(fields={"photo": _("Choose a photo.")})
    _open(actor, public_id, lock=False)  # nothing is written to disk for those who may not
    stored = uploads.keep_image(photo, field="photo")
    with uploads.tied_to_its_row(stored), transaction() as session:
        allocation = _open(actor, public_id, lock=True)
        held = (
            session.scalar(
                select(func.count()).where(Evidence.allocation_id == allocation.id, Evidence.removed_at.is_(None))
            )
            or 0
        )
        if held >= MOST_PHOTOS:
            raise LimitReached(_("There are %(number)s photos already, which is enough.", number=MOST_PHOTOS))
        row = Evidence(
            allocation_id=allocation.id,
            file=stored.name,
            media_type=stored.media_type,
            size=stored.size,
            added_by=actor.key,
        )
        session.add(row)
        session.flush()
        audit.record(actor, "allocation:evidence", allocation, changed=["evidence"])
        return row


def add_guest_evidence(token: str, photo: BinaryIO | None) -> Evidence:
    """The same for a guest's own claim."""
    return add_evidence(GUEST, guest_claim(token).public_id, photo)


def _open(actor: Actor, public_id: str, *, lock: bool) -> Allocation:
    allocation = load(actor, Permission.ALLOCATION_DELIVER, public_id, lock=lock)
    if allocation.state not in OPEN_STATES:
        raise StateConflict(_("Photos are handed in until the help is confirmed."))
    return allocation


def find_evidence(actor: Actor, public_id: str, evidence_public_id: str) -> Evidence:
    """A photo of an allocation within the actor's reach.

    Raises:
        NotFound: there is none, or it is another's.
    """
    return _of(load(actor, Permission.ALLOCATION_EVIDENCE, public_id), evidence_public_id)


def find_guest_evidence(token: str, evidence_public_id: str) -> Evidence:
    """A photo of a guest's own claim."""
    return _of(guest_claim(token), evidence_public_id)


def _of(allocation: Allocation, evidence_public_id: str) -> Evidence:
    query = select(Evidence).where(
        Evidence.public_id == evidence_public_id,
        Evidence.allocation_id == allocation.id,
        Evidence.removed_at.is_(None),
    )
    row = db.session.scalar(query)
    if row is None:
        raise NotFound
    return row


def remove_evidence(actor: Actor, public_id: str, evidence_public_id: str) -> None:
    """Take a photo back, before the help is confirmed: its file is erased; whoever may hand it in may also do this.

    Raises:
        NotFound, StateConflict: as `add_evidence`.
    """
    with _discarded_after() as names, transaction() as session:
        row = _of(_open(actor, public_id, lock=True), evidence_public_id)
        names.append(row.file)
        row.removed_at = now()
        session.flush()
        audit.record(actor, "allocation:evidence_removed", row.allocation, changed=["evidence"])


@contextmanager
def _discarded_after() -> Iterator[list[str]]:
    """Files go after the commit: a transaction that fails keeps them."""
    names: list[str] = []
    yield names
    for name in names:
        uploads.discard(name)
