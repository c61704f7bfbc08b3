"""People of these tests, and what a run kept."""

from dataclasses import dataclass

import pytest
from flask import Flask

from marketplace.accounts.services import actor_of
from marketplace.matches.holds.models import RunHold
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Role
from tests.marketplace.allocations.engines import postgresql_app, postgresql_cluster, postgresql_url, sqlite_app
from tests.support import world
from tests.support.held import a_held_need, a_hold

__all__ = ["postgresql_app", "postgresql_cluster", "postgresql_url", "sqlite_app"]


@dataclass(frozen=True)
class Scene:
    """Two of a capacity's units that a run kept, a need that waits for one, and the people around them."""

    hold: RunHold
    need: Need
    supplier: Actor
    caseworker: Actor
    coordinator: Actor


@pytest.fixture
def scene(app: Flask) -> Scene:
    hold = a_hold()
    return Scene(
        hold,
        a_held_need(hold),
        actor_of(world.a_user(region=None, organization=hold.capacity.organization, position="staff")),
        actor_of(world.a_user(Role.CASEWORKER)),
        actor_of(world.a_user(Role.COORDINATOR)),
    )
