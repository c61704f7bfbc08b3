"""Browsers in which people are signed in: each ends by itself, or all of an account at once.

The cookie holds a random key, the database its digest and whether it still holds. A copied cookie dies with the
session it was copied from, and signing out in one place leaves the others alone.
"""

import hashlib
import secrets
import uuid
from datetime import timedelta

from sqlalchemy import delete, func, select, update

from marketplace import audit
from marketplace.accounts.models import User, UserSession
from marketplace.accounts.services.actors import actor_of
from marketplace.extensions import db
from marketplace.permissions import Actor
from marketplace.records import now
from marketplace.transitions import transaction

#: However often it is used, a session ends after this; the cookie's own time is shorter.
LONGEST = timedelta(days=7)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def user_of_session(uniquifier: str, key: str) -> User | None:
    """The account that is signed in by a cookie, in one query; None where its session ended or waits for a code."""
    query = (
        select(User)
        .join(UserSession, UserSession.user_id == User.id)
        .where(
            User.fs_uniquifier == uniquifier,
            UserSession.key_digest == _digest(key),
            UserSession.ended_at.is_(None),
            UserSession.code_due.is_(False),
            UserSession.started_at > now() - LONGEST,
        )
    )
    return db.session.scalar(query)


def begin_session(user_id: int, *, code_given: bool = False) -> tuple[str, bool]:
    """Note that somebody signed in with their password.

    Args:
        code_given: the second factor was given in this browser before (a password changed meanwhile).
    Returns:
        The key for the cookie, and whether a code of the second factor is due first.
    """
    key = secrets.token_urlsafe(32)
    with transaction() as session:
        user = session.get_one(User, user_id)
        code_due = user.totp_since is not None and not code_given
        old = now() - LONGEST
        session.execute(delete(UserSession).where(UserSession.user_id == user_id, UserSession.started_at < old))
        session.add(UserSession(user_id=user_id, key_digest=_digest(key), started_at=now(), code_due=code_due))
        if not code_due:
            signed_in(user)
    return key, code_due


def signed_in(user: User) -> None:
    """Note a sign-in that is complete, inside the caller's transaction."""
    user.signed_in_at = now()
    audit.record(Actor(user_id=user.id), "user:signed_in", user)


def pending_session(key: str) -> UserSession | None:
    """The session of a cookie that waits for a code; codes are asked for within ten minutes of the password."""
    query = select(UserSession).where(
        UserSession.key_digest == _digest(key),
        UserSession.ended_at.is_(None),
        UserSession.code_due,
        UserSession.started_at > now() - timedelta(minutes=10),
    )
    return db.session.scalar(query)


def end_session(user_id: int, key: str) -> None:
    """Sign out in one browser."""
    with transaction() as session:
        user = session.get_one(User, user_id)
        session.execute(
            update(UserSession)
            .where(UserSession.user_id == user_id, UserSession.key_digest == _digest(key))
            .values(ended_at=now())
        )
        audit.record(actor_of(user), "user:signed_out", user)


def end_all_sessions(actor: Actor, user: User, *, action: str = "user:signed_out_everywhere") -> None:
    """End every session of an account at once, inside the caller's transaction or one of its own."""
    with transaction() as session:
        user = session.get_one(User, user.id)
        user.fs_uniquifier = uuid.uuid4().hex
        session.execute(
            update(UserSession)
            .where(UserSession.user_id == user.id, UserSession.ended_at.is_(None))
            .values(ended_at=now())
        )
        session.flush()
        audit.record(actor, action, user)


def live_sessions(actor: Actor) -> int:
    """In how many browsers the actor is signed in."""
    query = select(func.count()).where(
        UserSession.user_id == actor.user_id,
        UserSession.ended_at.is_(None),
        UserSession.code_due.is_(False),
        UserSession.started_at > now() - LONGEST,
    )
    return db.session.scalar(query) or 0
