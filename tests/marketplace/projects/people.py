"""Who acts in the tests of projects."""

from marketplace.accounts.services import actor_of, add_member
from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Role, system_actor
from tests.support import world


def officer(region: str = world.DAWUKOU) -> Actor:
    return actor_of(world.a_user(Role.OFFICER, region=region))


def member_of(first: Organization | None, *others: Organization) -> Actor:
    """A member of organizations and nothing else."""
    assert first is not None, "a volunteer's offer has no organization"
    user = world.a_user(organization=first, region=None)
    for organization in others:
        add_member(system_actor("test"), user.id, organization.id)
    db.session.refresh(user)
    return actor_of(user)
