"""Lists take at most 12 SQL statements a page, however long they are."""

from typing import Any

import pytest
from sqlalchemy import update

from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.allocations.models import FollowUp
from marketplace.extensions import db
from marketplace.permissions import Role
from marketplace.records import today
from tests.marketplace.matches.run_support import statements
from tests.support import world
from tests.support.client import Browser

MOST = 12


def _a_long_day() -> dict[str, Any]:
    """Twenty of everything that the lists show."""
    organization = world.an_organization()
    manager = world.a_user(region=None, organization=organization)
    capacity = world.a_capacity(world.a_project(organization), quantity=200)
    case = world.a_case()
    caseworker = world.a_user(Role.CASEWORKER)
    wishes = [world.a_wish(world.a_case()).public_id for _ in range(20)]
    services.claim_together(actor_of(manager), organization.public_id, wishes[:10])
    for _ in range(20):
        world.an_allocation(world.a_need(case), capacity, state="delivering", due_on=world.in_days(-20))
        world.a_visit(world.an_allocation(world.a_need(case), capacity, state="confirmed"))
        world.an_allocation(world.a_need(case), capacity)
    db.session.execute(update(FollowUp).values(due_on=today()))
    volunteer = world.a_user(Role.VOLUNTEER, region=None)
    for wish in wishes[10:13]:
        services.claim(actor_of(volunteer), wish)
    db.session.commit()
    need = world.a_need(case).public_id
    return {
        "/allocations/handover": world.a_user(Role.COORDINATOR),
        f"/needs/{need}/propose": world.a_user(Role.COORDINATOR),
        "/cards": caseworker,
        "/follow-ups": caseworker,
        "/collection-days": manager,
        "/collection-days/list": manager,
        "/allocations": manager,
        "/account/claims": volunteer,
        "/account/record": volunteer,
    }


@pytest.mark.usefixtures("app")
def test_pages_take_few_statements_however_long_they_are(client: Browser) -> None:
    for address, user in _a_long_day().items():
        client.sign_in(user)
        client.get(address)  # what is read once and kept
        with statements() as sent:
            assert client.get(address).status_code == 200, address
        assert len(sent) <= MOST, (address, len(sent), sent)
