"""The second factor: codes of an authenticator (RFC 6238), by choice, or by a setting for staff.

Whoever lost the device gives a recovery code instead (recovery.py).
"""

import hmac
import time

import pyotp
from flask_babel import lazy_gettext as _
from sqlalchemy import update

from marketplace import audit
from marketplace.accounts.models import STAFF_ROLES, User, UserSession
from marketplace.accounts.services import recovery
from marketplace.accounts.services.actors import own_user
from marketplace.accounts.services.people import is_demo_instance
from marketplace.accounts.services.sessions import pending_session, signed_in
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.permissions import Actor
from marketplace.records import now
from marketplace.transitions import transaction

ISSUER = "Bangnin"
SECONDS = 30
#: Wrong codes after which the password is asked for again.
TRIES = 5
_WRONG = _("This code is not right, or was used already. Enter the newest one, or another recovery code.")


def is_due(user: User, *, required: bool) -> bool:
    """Whether somebody has to set up a second factor before they go on.

    Args:
        required: the installation's setting. Demonstration accounts never need one.
    """
    staff = any(row.name in STAFF_ROLES for row in user.roles)
    return required and staff and user.totp_since is None and not is_demo_instance()


def begin(actor: Actor) -> None:
    """Make a new secret, which counts once a code made with it was entered.

    Raises:
        StateConflict: a second factor is set up.
    """
    with transaction() as session:
        user = session.get_one(User, actor.user_id, with_for_update=True)
        if user.totp_since is not None:
            raise StateConflict(_("A second factor is set up. Turn it off first."))
        user.totp_secret = pyotp.random_base32()  # type: ignore[assignment]  # sealed as it is bound
        session.flush()
        audit.record(actor, "user:second_factor_begun", user, changed=["totp_secret"])
        session.expire(user)


def secret_to_show(user: User) -> tuple[str, str] | None:
    """The secret and its otpauth address while the second factor is being set up; None before and after."""
    if user.totp_secret is None or user.totp_since is not None:
        return None
    secret = user.totp_secret.plain()
    return secret, pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)


def confirm(actor: Actor, code: str) -> list[str]:
    """The second factor counts from now on: the authenticator makes the right codes.

    Returns:
        Recovery codes, to show this once.
    Raises:
        InvalidInput: the code is wrong.
        StateConflict: none is being set up.
    """
    with transaction() as session:
        user = session.get_one(User, actor.user_id, with_for_update=True)
        if user.totp_secret is None or user.totp_since is not None:
            raise StateConflict
        _use(user, code)
        user.totp_since = now()
        session.flush()
        audit.record(actor, "user:second_factor_on", user, changed=["totp_since"])
        return recovery.make(actor, user)


def make_recovery_codes(actor: Actor, code: str) -> list[str]:
    """A new list of recovery codes, to show this once; the one before it ends.

    Raises:
        InvalidInput: the code is wrong.
        StateConflict: no second factor is set up.
    """
    with transaction() as session:
        user = session.get_one(User, actor.user_id, with_for_update=True)
        if user.totp_since is None:
            raise StateConflict
        _use(user, code)
        return recovery.make(actor, user)


def recovery_codes_left(actor: Actor) -> int:
    """How many recovery codes of the actor still work."""
    return recovery.left(own_user(actor))


def turn_off(actor: Actor, code: str, *, required: bool) -> None:
    """The actor goes without a second factor again, which a last code allows.

    Raises:
        InvalidInput: the code is wrong.
        StateConflict: none is set up, or the installation asks it of staff.
    """
    with transaction() as session:
        user = session.get_one(User, actor.user_id, with_for_update=True)
        if user.totp_since is None:
            raise StateConflict
        if required and any(row.name in STAFF_ROLES for row in user.roles):
            raise StateConflict(_("This installation asks all staff for a second factor."))
        _use(user, code)
        forget(actor, user)


def forget(actor: Actor, user: User) -> None:
    """Take an account's second factor away, inside the caller's transaction."""
    with transaction() as session:
        user.totp_secret, user.totp_since, user.totp_step = None, None, 0
        recovery.forget(user)
        session.flush()
        audit.record(actor, "user:second_factor_off", user, changed=["totp_since"])


def pass_code(key: str, code: str) -> int | None:
    """Complete the sign-in of a cookie with a code.

    Returns:
        How many recovery codes are left where one was given, or None.
    Raises:
        InvalidInput: the code is wrong; a try is counted.
        NotFound: no session waits for a code, or there were too many tries: the password comes first.
    """
    waiting = pending_session(key)
    if waiting is None:
        raise NotFound
    with transaction() as session:  # counted before it is looked at, whatever becomes of it
        counted = session.execute(
            update(UserSession)
            .where(UserSession.id == waiting.id, UserSession.code_due, UserSession.tries < TRIES)
            .values(tries=UserSession.tries + 1)
            .execution_options(synchronize_session=False)
        )
        if counted.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            raise NotFound
    with transaction() as session:
        waiting = session.get_one(UserSession, waiting.id)
        user = session.get_one(User, waiting.user_id, with_for_update=True)
        recovered = _use(user, code)
        waiting.code_due = False
        signed_in(user)
        return recovery.left(user) if recovered else None


def _use(user: User, code: str) -> bool:
    """Take a code of the present half-minute or one beside it, or a recovery code, once.

    Returns:
        Whether it was a recovery code.
    Raises:
        InvalidInput: it is none of them, or was taken before.
    """
    given = "".join(code.replace("-", "").split())
    if user.totp_since is not None and recovery.use(user, given):
        return True
    if user.totp_secret is not None and given.isascii() and given.isdigit():
        maker = pyotp.TOTP(user.totp_secret.plain(), interval=SECONDS)
        present = int(time.time()) // SECONDS
        for step in (present - 1, present, present + 1):
            if hmac.compare_digest(maker.at(step * SECONDS), given):
                with transaction() as session:
                    done = session.execute(
                        update(User)
                        .where(User.id == user.id, User.totp_step < step)
                        .values(totp_step=step)
                        .execution_options(synchronize_session=False)
                    )
                if done.rowcount == 1:  # type: ignore[attr-defined]  # as above
                    return False
    raise InvalidInput(fields={"code": _WRONG})
