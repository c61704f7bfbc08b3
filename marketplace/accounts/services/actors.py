"""Who acts: a user as an actor."""

from flask_login import current_user
from sqlalchemy import select

from marketplace.accounts.models import User, email_index
from marketplace.extensions import db
from marketplace.permissions import ANYONE, Actor, Role
from marketplace.transitions import transaction


def current_actor() -> Actor:
    """Who is acting in this request."""
    return actor_of(current_user) if current_user.is_authenticated else ANYONE


def actor_of(user: User) -> Actor:
    """A user as an actor: roles held, and those of a charity where they are a member of an organization."""
    roles = {Role.PUBLIC, *(Role(row.name) for row in user.roles)}
    organization_ids = frozenset(membership.organization_id for membership in user.memberships)
    managed_ids = frozenset(
        membership.organization_id for membership in user.memberships if membership.position == "manager"
    )
    if organization_ids:
        roles.add(Role.CHARITY)
    if managed_ids:
        roles.add(Role.CHARITY_MANAGER)
    return Actor(
        user_id=user.id,
        roles=frozenset(roles),
        region=user.region,
        organization_ids=organization_ids,
        managed_ids=managed_ids,
        display_name=user.name or user.email,
    )


def own_user(actor: Actor) -> User:
    """The actor's own account."""
    return db.session.get_one(User, actor.user_id)


def user_by_email(email: str) -> User | None:
    return db.session.scalar(select(User).where(User.email_index == email_index(email)))


def set_locale(actor: Actor, locale: str) -> None:
    """Keep the language a user chose for pages and notices."""
    if actor.user_id is None:
        return
    with transaction() as session:
        session.get_one(User, actor.user_id).locale = locale
