"""Pools managed in the application."""

import pytest
from flask import Flask

from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.projects import services
from marketplace.projects.models import Pool
from marketplace.transitions import transaction
from tests.marketplace.projects.people import member_of
from tests.support import world
from tests.support.client import Browser


def test_a_pool_is_made_changed_and_removed(app: Flask) -> None:
    organization = world.an_organization()
    member, key = member_of(organization), organization.public_id
    services.add_pool(member, key, " 一辆车 ", 8)
    for name, quantity, field in (("", 1, "name"), ("一辆车", 1, "name"), ("两辆车", -1, "quantity")):
        with pytest.raises(InvalidInput) as refused:
            services.add_pool(member, key, name, quantity)
        assert set(refused.value.fields) == {field}
    services.edit_pool(member, key, "一辆车", "一辆面包车", 9)
    [use] = services.pools_of(member, key)[1]
    assert (use.pool.name, use.free, use.capacities, use.shared) == ("一辆面包车", 9, [], False)
    services.remove_pool(member, key, "一辆面包车")
    assert services.pools_of(member, key)[1] == []


def test_a_pool_keeps_what_is_out_and_stays_while_it_is_drawn_on(either_app: Flask) -> None:
    project = world.a_project()
    member, key = member_of(project.organization), project.organization.public_id
    pool = services.add_pool(member, key, "一辆车", 8)
    capacity = world.a_capacity(project, pool_id=pool.id)
    with transaction():
        services.take(capacity.id, 5)
    with pytest.raises(InvalidInput) as refused:
        services.edit_pool(member, key, "一辆车", "一辆车", 4)
    assert set(refused.value.fields) == {"quantity"}
    services.edit_pool(member, key, "一辆车", "一辆车", 5)
    [use] = services.pools_of(member, key)[1]
    assert (use.allocated, use.free, [row.id for row in use.capacities]) == (5, 0, [capacity.id])
    with pytest.raises(StateConflict):
        services.remove_pool(member, key, "一辆车")


def test_pools_of_others_look_absent_and_shared_ones_are_read_only(app: Flask) -> None:
    owner, stranger = world.an_organization(), world.an_organization()
    services.add_pool(member_of(owner), owner.public_id, "一辆车", 8)
    other = member_of(stranger)
    for act in (
        lambda: services.edit_pool(other, stranger.public_id, "一辆车", "我的车", 1),
        lambda: services.remove_pool(other, stranger.public_id, "一辆车"),
    ):
        with pytest.raises(StateConflict):
            act()
    with pytest.raises(NotFound):
        services.pools_of(other, owner.public_id)
    facts, project = (
        services.CapacityFacts(("S1102",), (world.DAWUKOU,), 3, pool_name="一辆车"),
        world.a_project(stranger),
    )
    with pytest.raises(InvalidInput):
        services.add(other, project.public_id, facts)
    shared = world.save(Pool(name="联盟时段", quantity=5))
    own = world.a_capacity(pool_id=shared.id)
    world.a_capacity(pool_id=shared.id)
    assert own.organization is not None
    member, key = member_of(own.organization), own.organization.public_id
    [use] = services.pools_of(member, key)[1]
    assert use.shared
    with pytest.raises(StateConflict):
        services.edit_pool(member, key, "联盟时段", "联盟时段", 9)


def test_the_page_adds_changes_and_removes(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    page = f"/organizations/{organization.public_id}/pools"
    client.sign_in(world.a_user(organization=organization, region=None))
    assert client.submit(page, {"name": "", "quantity": "x"}).status_code == 422
    assert client.submit(page, {"name": "一辆车", "quantity": "8"}).status_code == 303
    taken = client.submit(page, {"name": "一辆车", "quantity": "8"})
    assert taken.status_code == 422
    assert client.submit(f"{page}/edit", {"pool": "一辆车", "name": "两辆车", "quantity": "-2"}).status_code == 422
    assert client.submit(f"{page}/edit", {"pool": "一辆车", "name": "两辆车", "quantity": "16"}).status_code == 303
    assert "两辆车" in client.get(page).get_data(as_text=True)
    assert client.submit(f"{page}/remove", {"pool": "两辆车"}).status_code == 303
    assert client.submit(f"{page}/remove", {"pool": "两辆车"}).status_code == 409
    assert db.session.query(Pool).count() == 0
