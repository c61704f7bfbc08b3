"""Rules of accounts: who acts, self-registration, staff accounts."""

import uuid
from collections.abc import Iterable

from flask_babel import lazy_gettext as _
from flask_login import current_user
from flask_security.utils import hash_password
from sqlalchemy import select

from marketplace import audit, regions
from marketplace.accounts.models import ASSIGNABLE_ROLES, InstanceFact, Membership, RoleRow, User, email_index
from marketplace.errors import InvalidInput
from marketplace.extensions import db
from marketplace.permissions import ANYONE, Actor, Role, system_actor
from marketplace.records import now
from marketplace.transitions import transaction

DEMO = "demo"


def current_actor() -> Actor:
    """Who is acting in this request."""
    return actor_of(current_user) if current_user.is_authenticated else ANYONE


def actor_of(user: User) -> Actor:
    """A user as an actor: roles held, and the charity role where they are a member of an organization."""
    roles = {Role.PUBLIC, *(Role(row.name) for row in user.roles)}
    organization_ids = frozenset(membership.organization_id for membership in user.memberships)
    if organization_ids:
        roles.add(Role.CHARITY)
    return Actor(
        user_id=user.id,
        roles=frozenset(roles),
        region=user.region,
        organization_ids=organization_ids,
        display_name=user.name or user.email,
    )


def register(email: str, name: str, password: str) -> User:
    """A person makes an account of their own: a volunteer's, to which an organization may be added.

    Raises:
        InvalidInput: the e-mail address has an account.
    """
    return _add_user(ANYONE, email, name, password, roles=(Role.VOLUNTEER,), region=None)


def create_staff(
    actor: Actor, email: str, name: str, password: str, *, roles: Iterable[Role], region: str | None
) -> User:
    """An account with staff roles, serving a region and all below it.

    Raises:
        InvalidInput: the e-mail address has an account, or the region is none of ours.
    """
    if region is not None and not regions.exists(region):
        raise InvalidInput(fields={"region": _("Choose a region of the list.")})
    return _add_user(actor, email, name, password, roles=tuple(roles), region=region)


def _add_user(
    actor: Actor, email: str, name: str, password: str, *, roles: tuple[Role, ...], region: str | None
) -> User:
    hashed = hash_password(password)  # slow on purpose: not while the write lock is held
    with transaction() as session:
        if session.scalar(select(User.id).where(User.email_index == email_index(email))) is not None:
            raise InvalidInput(fields={"email": _("This e-mail address has an account. Sign in instead.")})
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
        session.flush()  # its key goes into the audit event
        audit.record(actor, "user:created", user, after=",".join(roles))
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
    """Make a user a member of an organization; inside the caller's transaction or one of its own."""
    with transaction() as session:
        session.add(Membership(user_id=user_id, organization_id=organization_id, position=position))
        user = session.get_one(User, user_id)
        audit.record(actor, "membership:created", user, changed=["membership"], after=position)


def note_sign_in(user_id: int) -> None:
    with transaction() as session:
        user = session.get_one(User, user_id)
        user.signed_in_at = now()
        audit.record(Actor(user_id=user_id), "user:signed_in", user)


def end_sessions(user_id: int) -> None:
    """Sign out everywhere: the session is in the cookie, so a copied one would otherwise live on for hours."""
    with transaction() as session:
        user = session.get_one(User, user_id)
        user.fs_uniquifier = uuid.uuid4().hex
        audit.record(Actor(user_id=user_id), "user:signed_out", user)


def set_locale(actor: Actor, locale: str) -> None:
    """Keep the language a user chose for pages and notices."""
    if actor.user_id is None:
        return
    with transaction() as session:
        session.get_one(User, actor.user_id).locale = locale


def is_demo_instance() -> bool:
    """Whether this instance holds demonstration data."""
    return db.session.get(InstanceFact, DEMO) is not None


def mark_demo_instance() -> None:
    with transaction() as session:
        session.merge(InstanceFact(key=DEMO, value="1"))


def user_by_email(email: str) -> User | None:
    return db.session.scalar(select(User).where(User.email_index == email_index(email)))


def first_administrator(email: str, password: str) -> User:
    """The account with which a new installation is set up."""
    return create_staff(
        system_actor("init"), email, str(_("Administrator")), password, roles=(Role.ADMINISTRATOR,), region="640000"
    )


def own_user(actor: Actor) -> User:
    """The actor's own account."""
    return db.session.get_one(User, actor.user_id)
