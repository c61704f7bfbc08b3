"""Accounts of staff, kept by an administrator: who serves which region in which role, and who no longer does.

Nobody changes their own rights, and one administrator who may sign in always stays.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from flask_security.utils import hash_password
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import Select, func, select

from marketplace import audit, regions, trail
from marketplace.accounts.models import (
    ASSIGNABLE_ROLES,
    STAFF_ROLES,
    AccessLink,
    RoleRow,
    User,
    UserRole,
    email_index,
)
from marketplace.accounts.services.links import Address, Sent, send_password_link
from marketplace.accounts.services.people import add_user, role_row
from marketplace.accounts.services.second_factor import forget
from marketplace.accounts.services.sessions import end_all_sessions
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import GRANTS, Actor, Permission, Role, Scope, scoped, within
from marketplace.transitions import transaction

PER_PAGE = 20
#: Roles that see a region: they must be given one.
SERVING_A_REGION = frozenset(role for role in STAFF_ROLES if Scope.REGION in GRANTS[role].values())


_ACTIONS = {
    "user:created": _("Account made"),
    "user:rights_changed": _("Rights changed"),
    "user:disabled": _("Disabled"),
    "user:enabled": _("Enabled"),
    "user:password_link_sent": _("Password link made"),
    "user:password_set": _("Password set"),
    "user:signed_in": _("Signed in"),
    "user:signed_out": _("Signed out"),
    "user:signed_out_everywhere": _("Signed out everywhere"),
    "user:second_factor_begun": _("Second factor begun"),
    "user:second_factor_on": _("Second factor set up"),
    "user:second_factor_off": _("Second factor taken away"),
    "user:recovery_codes_made": _("Recovery codes made"),
    "user:recovery_code_used": _("Recovery code used"),
    "membership:created": _("Joined an organization"),
    "membership:changed": _("Other place in an organization"),
    "membership:ended": _("Left an organization"),
}
_MOST_ENTRIES = 50


@dataclass(frozen=True)
class StaffFilter:
    """What an administrator asked to see; an empty value asks for nothing.

    Attributes:
        role: one of STAFF_ROLES.
        region: a code; all below it are meant.
        state: active, disabled, or invited: nobody has signed in with it yet.
        email: exactly one address, however it is written; finds every account, also one without staff roles.
    """

    role: str = ""
    region: str = ""
    state: str = ""
    email: str = ""


def staff_list(actor: Actor, wanted: StaffFilter, page: int = 1) -> Pagination:
    """A page of accounts with staff roles, the newest first."""
    query = not_joined(actor) if wanted.state == "invited" else scoped(User, actor, Permission.ACCOUNT_MANAGE)
    if wanted.email:
        query = query.where(User.email_index == email_index(wanted.email))
    else:
        query = query.where(User.id.in_(_holders([Role(wanted.role)] if wanted.role in STAFF_ROLES else STAFF_ROLES)))
    if wanted.region:
        query = query.where(within(User.region, wanted.region))
    if wanted.state in ("active", "disabled"):
        query = query.where(User.active.is_(wanted.state == "active"))
    return db.paginate(query.order_by(User.id.desc()), page=page, per_page=PER_PAGE, error_out=False)


def not_joined(actor: Actor) -> Select[Any]:
    """Accounts that were made for colleagues who have not signed in yet."""
    links = select(AccessLink.id).where(AccessLink.purpose == "password", AccessLink.user_id == User.id)
    query = scoped(User, actor, Permission.ACCOUNT_MANAGE).where(User.id.in_(_holders(STAFF_ROLES)))
    return query.where(User.active.is_(True), User.signed_in_at.is_(None), links.exists())


def _holders(roles: Iterable[Role]) -> Select[Any]:
    return select(UserRole.user_id).join(RoleRow, RoleRow.id == UserRole.role_id).where(RoleRow.name.in_(list(roles)))


def load_account(actor: Actor, public_id: str, *, lock: bool = False) -> User:
    """An account that the actor may manage.

    Raises:
        NotFound: there is none.
    """
    query = scoped(User, actor, Permission.ACCOUNT_MANAGE).where(User.public_id == public_id)
    user: User | None = db.session.scalar(query.with_for_update() if lock else query)
    if user is None:
        raise NotFound
    return user


def account_history(actor: Actor, user: User) -> list[trail.Entry]:
    """The newest of an account's trail, for those with the right to it."""
    return trail.history(actor, user, _ACTIONS)[:_MOST_ENTRIES]


def _another(actor: Actor, public_id: str) -> User:
    """Somebody else's account, locked."""
    user = load_account(actor, public_id, lock=True)
    if user.id == actor.user_id:
        raise AccessDenied(_("Nobody changes their own rights. Another administrator has to do it."))
    return user


def _known(roles: Iterable[str], region: str | None) -> tuple[tuple[Role, ...], str | None]:
    """Roles and region that fit together.

    Raises:
        InvalidInput: they do not; names the field.
    """
    wanted = set(roles)
    if not wanted <= set(ASSIGNABLE_ROLES):
        raise InvalidInput(fields={"roles": _("Choose roles of the list.")})
    if region and not regions.exists(region):
        raise InvalidInput(fields={"region": _("Choose a region of the list.")})
    given = tuple(role for role in ASSIGNABLE_ROLES if role in wanted)
    if not given:
        raise InvalidInput(fields={"roles": _("Choose at least one role.")})
    if not region and SERVING_A_REGION & set(given):
        raise InvalidInput(fields={"region": _("Choose the region whose records these roles serve.")})
    return given, region or None


def create_account(
    actor: Actor, email: str, name: str, roles: Iterable[str], region: str | None, address: Address
) -> Sent:
    """An account for a colleague, who sets its password by the link that is sent.

    Raises:
        AccessDenied: the actor manages no accounts.
        InvalidInput: the address has an account, or roles and region do not fit.
    """
    if not actor.may(Permission.ACCOUNT_MANAGE):
        raise AccessDenied
    given, served = _known(roles, region)
    unknown = hash_password(secrets.token_urlsafe(32))  # nobody knows it: the link sets the first one
    with transaction():
        user = add_user(actor, email, name, unknown, roles=given, region=served)
        db.session.expire(user)
        return send_password_link(actor, user, address)


def change_rights(actor: Actor, public_id: str, roles: Iterable[str], region: str | None) -> None:
    """Give an account other roles or another region; it counts from its next request on.

    Raises:
        AccessDenied: it is the actor's own account.
        InvalidInput: roles and region do not fit.
        StateConflict: no administrator would be left.
    """
    given, served = _known(roles, region)
    with transaction() as session:
        user = _another(actor, public_id)
        before = _told(user)
        if Role.ADMINISTRATOR not in given:
            _keep_an_administrator(user)
        user.roles = [role_row(role) for role in given]
        user.region = served
        user.version += 1
        session.flush()
        reason = f"{before} → {_told(user)}"
        audit.record(actor, "user:rights_changed", user, changed=["roles", "region"], reason=reason)


def _told(user: User) -> str:
    return ", ".join(sorted(row.name for row in user.roles)) + f" ({user.region or '-'})"


def disable(actor: Actor, public_id: str) -> None:
    """End an account: every session of it is over at once, and nobody signs in with it.

    Raises:
        AccessDenied: it is the actor's own account.
        StateConflict: no administrator would be left, or it is disabled.
    """
    with transaction():
        user = _another(actor, public_id)
        if not user.active:
            raise StateConflict
        _keep_an_administrator(user)
        user.active = False
        end_all_sessions(actor, user, action="user:disabled")


def enable(actor: Actor, public_id: str) -> None:
    """Let a disabled account sign in again."""
    with transaction() as session:
        user = _another(actor, public_id)
        if user.active:
            raise StateConflict
        user.active = True
        session.flush()
        audit.record(actor, "user:enabled", user, changed=["active"])


def reset_second_factor(actor: Actor, public_id: str) -> None:
    """Take away the second factor of somebody who lost their device; their sessions end too.

    Raises:
        AccessDenied: it is the actor's own account.
    """
    with transaction():
        user = _another(actor, public_id)
        forget(actor, user)
        end_all_sessions(actor, user)


def new_password_link(actor: Actor, public_id: str, address: Address) -> Sent:
    """A link by which the holder of an account sets a new password.

    Raises:
        StateConflict: the account is disabled.
    """
    with transaction():
        user = _another(actor, public_id)
        if not user.active:
            raise StateConflict(_("This account is disabled. Enable it first."))
        return send_password_link(actor, user, address)


def _keep_an_administrator(user: User) -> None:
    """Refuse to take the last administrator who may sign in away.

    Their role's row is locked, so that two who do so at the same moment go one after the other.
    """
    role = db.session.scalar(select(RoleRow).where(RoleRow.name == Role.ADMINISTRATOR).with_for_update())
    if role is None or not any(row.id == role.id for row in user.roles):
        return
    others = (
        select(func.count())
        .select_from(UserRole)
        .join(User, User.id == UserRole.user_id)
        .where(UserRole.role_id == role.id, User.active.is_(True), User.id != user.id)
    )
    if not db.session.scalar(others):
        raise StateConflict(_("This is the last administrator. Name another one first."))
