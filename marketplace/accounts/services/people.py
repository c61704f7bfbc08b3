"""Making accounts: self-registration, staff, members of organizations."""

import uuid
from collections.abc import Iterable

from flask_babel import lazy_gettext as _
from flask_security.utils import hash_password
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace import audit, regions
from marketplace.accounts.models import ASSIGNABLE_ROLES, InstanceFact, Membership, RoleRow, User, email_index
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.permissions import ANYONE, Actor, Role, system_actor
from marketplace.transitions import transaction

DEMO = "demo"
_HAS_ACCOUNT = _("This e-mail address has an account. Sign in instead.")


def register(email: str, name: str, password: str) -> User:
    """A person makes an account of their own: a volunteer's, to which an organization may be added.

    Raises:
        InvalidInput: the e-mail address has an account.
    """
    return add_user(ANYONE, email, name, hash_password(password), roles=(Role.VOLUNTEER,), region=None)


def create_staff(
    actor: Actor, email: str, name: str, password: str, *, roles: Iterable[Role], region: str | None
) -> User:
    """An account with staff roles, serving a region and all below it.

    Raises:
        InvalidInput: the e-mail address has an account, or the region is none of ours.
    """
    if region is not None and not regions.exists(region):
        raise InvalidInput(fields={"region": _("Choose a region of the list.")})
    return add_user(actor, email, name, hash_password(password), roles=tuple(roles), region=region)


def add_user(actor: Actor, email: str, name: str, hashed: str, *, roles: tuple[Role, ...], region: str | None) -> User:
    """Store an account; inside the caller's transaction or one of its own.

    Args:
        hashed: password as `hash_password` gives it, which is slow on purpose: never while the write lock is held.
    Raises:
        InvalidInput: the e-mail address has an account.
    """
    with transaction() as session:
        if session.scalar(select(User.id).where(User.email_index == email_index(email))) is not None:
            raise InvalidInput(fields={"email": _HAS_ACCOUNT})
        user = User(
            email=email.strip(),
            name_sealed=name.strip(),
            password=hashed,
            active=True,
            fs_uniquifier=uuid.uuid4().hex,
            region=region,
            roles=[role_row(role) for role in roles],
        )
        session.add(user)
        try:
            session.flush()  # its key goes into the audit event
        except IntegrityError as error:  # another registration of the address was a moment faster
            raise InvalidInput(fields={"email": _HAS_ACCOUNT}) from error
        audit.record(actor, "user:created", user, changed=["roles", "region"], reason=",".join(roles))
    return user


def role_row(role: Role) -> RoleRow:
    """The row of a role, made on first use."""
    row = db.session.scalar(select(RoleRow).where(RoleRow.name == role))
    if row is None:
        if role not in ASSIGNABLE_ROLES:
            raise ValueError(f"{role} cannot be given to a user")
        row = RoleRow(name=str(role))
        db.session.add(row)
    return row


def add_member(actor: Actor, user_id: int, organization_id: int, position: str = "manager") -> None:
    """Make a user a member of an organization; inside the caller's transaction or one of its own.

    Raises:
        StateConflict: they are a member.
    """
    with transaction() as session:
        user = session.get_one(User, user_id)
        session.add(Membership(user_id=user_id, organization_id=organization_id, position=position))
        try:
            session.flush()
        except IntegrityError as error:  # two invitations accepted at the same moment
            raise StateConflict(_("You are a member of this organization already.")) from error
        audit.record(actor, "membership:created", user, changed=["membership"], after=position)


def is_demo_instance() -> bool:
    """Whether this instance holds demonstration data."""
    return db.session.get(InstanceFact, DEMO) is not None


def mark_demo_instance() -> None:
    with transaction() as session:
        session.merge(InstanceFact(key=DEMO, value="1"))


def first_administrator(email: str, password: str) -> User:
    """The account with which a new installation is set up."""
    return create_staff(
        system_actor("init"), email, str(_("Administrator")), password, roles=(Role.ADMINISTRATOR,), region="640000"
    )
