"""A password that its holder changes."""

from flask_babel import lazy_gettext as _
from flask_security.utils import hash_password, verify_password

from marketplace.accounts.models import User
from marketplace.accounts.services.actors import own_user
from marketplace.accounts.services.sessions import end_all_sessions
from marketplace.errors import InvalidInput
from marketplace.permissions import Actor
from marketplace.transitions import transaction


def change_password(actor: Actor, present: str, new: str) -> User:
    """Set a new password; every session ends, and the caller signs this browser in again.

    Raises:
        InvalidInput: the present password is not right, or the new one is the same.
    """
    user = own_user(actor)
    if not verify_password(present, user.password):
        raise InvalidInput(fields={"present": _("This is not your present password.")})
    if present == new:
        raise InvalidInput(fields={"password": _("Choose another password than the present one.")})
    hashed = hash_password(new)
    with transaction() as session:
        user = session.get_one(User, user.id)
        user.password = hashed
        end_all_sessions(actor, user, action="user:password_set")
    return user
