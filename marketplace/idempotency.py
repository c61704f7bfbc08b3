"""A request sent twice has one effect: the key, the effect and the answer are one transaction.

Whoever repeats a request names it with the same key, in the header `Idempotency-Key` or the form field
`idempotency_key`. A rival that is on its way is waited for; a lost process leaves neither effect nor key.
Only redirects are kept as answers: pages may show personal data, and a refused request may be tried again.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Response, make_response, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from sqlalchemy import Index, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped

from marketplace import jobs, privacy
from marketplace.data_levels import P1, P2, column
from marketplace.errors import InvalidInput
from marketplace.extensions import Model, db, insert_once, table_of
from marketplace.permissions import Actor
from marketplace.records import UtcDateTime, now
from marketplace.transitions import transaction

HEADER = "Idempotency-Key"
FIELD = "idempotency_key"
LONGEST_KEY = 80
KEPT = timedelta(days=2)
#: Fields that name no effect: a new page has a new token.
_NOT_COMPARED = ("csrf_token", FIELD)


class IdempotentRequest(Model):
    """A request that was done, and where its answer led."""

    __tablename__ = "idempotent_request"
    __table_args__ = (UniqueConstraint("actor", "key"), Index("idempotent_request_age", "created_at"))

    id: Mapped[int] = column(P1, "identifies the row", primary_key=True)
    actor: Mapped[str] = column(P2, "opaque key of who asked", String(40))
    key: Mapped[str] = column(P1, "the sender's name for the request", String(LONGEST_KEY))
    digest: Mapped[str] = column(P1, "keyed digest of address and values", String(64))
    status: Mapped[int] = column(P1, "answer", default=0)
    location: Mapped[str] = column(P1, "where the answer led", String(400), default="")
    created_at: Mapped[datetime] = column(P1, "retention", UtcDateTime)


class KeyReused(InvalidInput):
    """One key for two different requests."""

    code = "idempotency_key_reused"
    message = _("This request was sent before with other values. Open the page again and repeat it.")


def key_of_request() -> str | None:
    """The key that the sender gave, or None."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return None
    key = request.headers.get(HEADER) or request.form.get(FIELD) or ""
    return key if 0 < len(key) <= LONGEST_KEY and key.isprintable() else None


def digest_of_request() -> str:
    """What the request asks for: its method, address and values."""
    told = hashlib.sha256(f"{request.method} {request.full_path}".encode())
    for name in sorted(set(request.form) - set(_NOT_COMPARED)):
        told.update(f"\0{name}={request.form.getlist(name)}".encode())
    if not request.form:
        told.update(request.get_data())
    return privacy.blind_index("idempotent_request.digest", told.hexdigest())  # values may be guessed: keyed


def once(actor: Actor, key: str, digest: str, act: Callable[[], ResponseReturnValue]) -> Response:
    """Do what a request asks, unless it was done: then give its answer again.

    Args:
        actor: keys are their sender's own.
        digest: of the request; the same key with another digest is refused.
        act: the view; its transactions become part of this one.
    Raises:
        KeyReused: the key names another request.
    """
    values = {"actor": actor.key, "key": key, "digest": digest, "status": 0, "location": "", "created_at": now()}
    try:
        with transaction() as session:
            if not insert_once(IdempotentRequest, values):  # a rival that is doing it is waited for
                return _told_before(actor, key, digest)
            response = make_response(act())
            if response.status_code >= 400:
                raise _Refused(response)
            done = table_of(IdempotentRequest)
            mine = (done.c.actor == actor.key) & (done.c.key == key)
            if 300 <= response.status_code < 400:
                answer = {"status": response.status_code, "location": response.location or ""}
                session.execute(done.update().where(mine).values(answer))
            else:
                session.execute(done.delete().where(mine))
            return response
    except _Refused as refused:
        return refused.response


class _Refused(Exception):  # carries an answer out of a transaction that must not be kept
    def __init__(self, response: Response) -> None:
        self.response = response


def _told_before(actor: Actor, key: str, digest: str) -> Response:
    query = select(IdempotentRequest).where(IdempotentRequest.actor == actor.key, IdempotentRequest.key == key)
    done = db.session.scalars(query).one()
    if done.digest != digest:
        raise KeyReused
    return make_response(redirect(done.location, done.status))


@jobs.sweeper
def forget_old_keys() -> None:
    """Keys outlive any retry, and no longer."""
    old = IdempotentRequest.created_at < now() - KEPT
    if db.session.scalar(select(IdempotentRequest.id).where(old).limit(1)) is None:
        db.session.rollback()
        return
    with transaction() as session:
        session.execute(delete(IdempotentRequest).where(old))
