"""Recovery codes: ten that stand once each for the second factor, for who lost the device that makes its codes.

A code has twelve digits, 40 bits that nobody guesses within the few tries that a password allows; so a keyed digest
keeps them, and no slow hash. They are shown once, as they are made, and a new list ends the one before it.
"""

import secrets

from flask_babel import lazy_gettext as _
from sqlalchemy import delete, func, select, update

from marketplace import audit
from marketplace.accounts.models import RecoveryCode, User
from marketplace.accounts.services.actors import actor_of
from marketplace.errors import StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor
from marketplace.privacy import blind_index
from marketplace.records import now
from marketplace.transitions import transaction

CODES = 10
DIGITS = 12
_GROUP = 4


def looks_like_one(code: str) -> bool:
    """Whether digits are as many as a recovery code has; a code of an authenticator has six."""
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def make(actor: Actor, user: User) -> list[str]:
    """A new list for an account, inside the caller's transaction; the one before it ends.

    Returns:
        The codes as they are shown, in groups of four digits; nothing else ever tells them again.
    Raises:
        StateConflict: the account has no second factor.
    """
    if user.totp_since is None:
        raise StateConflict(_("Set up the second factor first."))
    codes = _drawn()
    with transaction() as session:
        forget(user)
        made_at = now()
        session.add_all(RecoveryCode(user_id=user.id, digest=_digest(code), made_at=made_at) for code in codes)
        session.flush()
        audit.record(actor, "user:recovery_codes_made", user, changed=["recovery_codes"])
    return ["-".join(code[start : start + _GROUP] for start in range(0, DIGITS, _GROUP)) for code in codes]


def _drawn() -> list[str]:
    """Ten codes that differ."""
    codes: set[str] = set()
    while len(codes) < CODES:
        codes.add(f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}")
    return sorted(codes)  # a set's own order would depend on nothing that a reader understands


def use(user: User, code: str) -> bool:
    """Take a code, once; of two at the same moment one succeeds. Inside the caller's transaction."""
    if not looks_like_one(code):
        return False
    with transaction() as session:
        done = session.execute(
            update(RecoveryCode)
            .where(
                RecoveryCode.user_id == user.id, RecoveryCode.digest == _digest(code), RecoveryCode.used_at.is_(None)
            )
            .values(used_at=now())
            .execution_options(synchronize_session=False)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            return False
        audit.record(actor_of(user), "user:recovery_code_used", user, changed=["recovery_codes"])
    return True


def left(user: User) -> int:
    """How many codes of an account still work."""
    query = select(func.count()).where(RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None))
    return db.session.scalar(query) or 0


def forget(user: User) -> None:
    """End the list of an account, inside the caller's transaction."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))


def _digest(code: str) -> str:
    return blind_index("user.recovery_code", code)
