"""Collection days: an organization claims many wishes in one step, all or none."""

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from marketplace.accounts.models import Membership
from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.allocations.models import Allocation
from marketplace.errors import AccessDenied, AlreadyClaimed, InvalidInput, LimitReached, NotFound
from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor
from tests.marketplace.allocations.people import again
from tests.support import world


@pytest.fixture
def organization(app: Flask) -> Organization:
    return world.an_organization()


@pytest.fixture
def manager(organization: Organization) -> Actor:
    return actor_of(world.a_user(region=None, organization=organization))


def rows_of(organization: Organization) -> list[Allocation]:
    db.session.rollback()
    query = select(Allocation).where(Allocation.organization_id == organization.id).order_by(Allocation.id)
    return list(db.session.scalars(query))


def test_several_are_claimed_in_one_step(organization: Organization, manager: Actor) -> None:
    wishes = [world.a_wish() for _ in range(5)]
    services.claim_together(manager, organization.public_id, [wish.public_id for wish in wishes])
    rows = rows_of(organization)
    assert [(row.state, row.source, row.claimant_id) for row in rows] == [("accepted", "claim", manager.user_id)] * 5
    assert all(again(wish).allocated == 1 for wish in wishes)
    assert services.reconcile() == []


def test_with_a_day_each_is_on_its_way(organization: Organization, manager: Actor) -> None:
    day = world.in_days(10)
    wish = world.a_wish()
    services.claim_together(manager, organization.public_id, [wish.public_id], collect_on=day)
    (row,) = rows_of(organization)
    assert (row.state, row.due_on, row.expires_at) == ("delivering", day, None)


@pytest.mark.parametrize("days", [-1, 16])
def test_the_day_lies_within_reach(organization: Organization, manager: Actor, days: int) -> None:
    with pytest.raises(InvalidInput):
        services.claim_together(
            manager, organization.public_id, [world.a_wish().public_id], collect_on=world.in_days(days)
        )
    assert rows_of(organization) == []


def test_all_or_none(organization: Organization, manager: Actor, volunteer: Actor) -> None:
    wishes = [world.a_wish() for _ in range(3)]
    services.claim(volunteer, wishes[1].public_id)
    with pytest.raises(AlreadyClaimed) as refused:
        services.claim_together(manager, organization.public_id, [wish.public_id for wish in wishes])
    assert wishes[1].reference in str(refused.value)
    assert rows_of(organization) == []
    assert [again(wish).allocated for wish in wishes] == [0, 1, 0]


def test_an_organization_holds_30_at_most(organization: Organization, manager: Actor) -> None:
    case = world.a_case()
    wishes = [world.a_wish(case).public_id for _ in range(31)]
    with pytest.raises(LimitReached):
        services.claim_together(manager, organization.public_id, wishes)
    services.claim_together(manager, organization.public_id, wishes[:30])
    with pytest.raises(LimitReached):
        services.claim_together(manager, organization.public_id, wishes[30:])
    services.release(manager, rows_of(organization)[0].public_id)
    services.claim_together(manager, organization.public_id, wishes[30:])
    live = Allocation.state.in_(("accepted", "delivering"))
    assert db.session.scalar(select(func.count()).where(live)) == services.GROUP_CLAIMS


def test_managers_alone_claim(organization: Organization, manager: Actor) -> None:
    db.session.execute(update(Membership).values(position="staff"))
    db.session.commit()
    wish = world.a_wish()
    with pytest.raises(AccessDenied):
        services.claim_together(manager, organization.public_id, [wish.public_id])
    with pytest.raises(NotFound):
        services.claim_together(manager, world.an_organization().public_id, [wish.public_id])


def test_a_suspended_organization_does_not_claim(organization: Organization, manager: Actor) -> None:
    db.session.execute(update(Organization).values(state="suspended"))
    db.session.commit()
    with pytest.raises(AccessDenied):
        services.claim_together(manager, organization.public_id, [world.a_wish().public_id])
    assert services.managed_organizations(manager) == []


def test_nothing_chosen_is_told(organization: Organization, manager: Actor) -> None:
    with pytest.raises(InvalidInput):
        services.claim_together(manager, organization.public_id, [])


def test_members_deliver_and_release_what_their_organization_claimed(
    organization: Organization, manager: Actor, caseworker: Actor
) -> None:
    wishes = [world.a_wish() for _ in range(2)]
    services.claim_together(manager, organization.public_id, [wish.public_id for wish in wishes])
    colleague = actor_of(world.a_user(region=None, organization=organization))
    first, second = rows_of(organization)
    services.mark_delivered(colleague, first.public_id)
    services.release(colleague, second.public_id)
    services.confirm(caseworker, first.public_id, 5)
    assert again(wishes[0]).closing == "fulfilled"
    assert again(wishes[1]).allocated == 0
    assert [row.id for row in services.held_by_groups(colleague)] == []
    assert services.reconcile() == []


def test_a_managers_own_claims_are_counted_apart(organization: Organization) -> None:
    from marketplace.permissions import Role

    both = actor_of(world.a_user(Role.VOLUNTEER, region=None, organization=organization))
    wishes = [world.a_wish().public_id for _ in range(8)]
    services.claim_together(both, organization.public_id, wishes[:5])
    for wish in wishes[5:]:
        services.claim(both, wish)
    assert services.claims_of(both).total == 3
    assert len(services.held_by_groups(both)) == 5
