"""Pages of monthly rules, of what is in the way, and the tree of regions."""

from flask import Flask

from marketplace.extensions import db
from marketplace.projects.models import Capacity
from tests.marketplace.projects.test_views import CAPACITY
from tests.support import world
from tests.support.client import Browser


def signed_in(client: Browser, capacity: Capacity) -> str:
    client.sign_in(world.a_user(organization=capacity.organization, region=None))
    return f"/capacity/{capacity.public_id}"


def test_a_rule_is_set_looked_at_and_ended(app: Flask, client: Browser) -> None:
    capacity = world.a_capacity(quantity=9)
    page = f"{signed_in(client, capacity)}/monthly"
    assert 'value="9"' in client.get(page).get_data(as_text=True)
    wrong = client.submit(page, {"quantity": "", "last_month": "soon"})
    assert wrong.status_code == 422
    assert all(f'id="{name}-error"' in wrong.get_data(as_text=True) for name in ("quantity", "last_month"))
    assert client.submit(page, {"quantity": "5", "last_month": "2020-01"}).status_code == 422
    assert client.submit(page, {"quantity": "5", "carry_over": "y", "last_month": "2099-12"}).status_code == 303
    db.session.expire_all()
    rule = db.session.get_one(Capacity, capacity.id).recurrence
    assert rule is not None
    assert (rule.quantity, rule.carry_over, rule.last_month.isoformat()) == (5, True, "2099-12-01")  # type: ignore[union-attr]  # it has one
    assert 'value="2099-12"' in client.get(page).get_data(as_text=True)
    assert client.submit(f"{page}/end").status_code == 303
    assert client.submit(f"{page}/end").status_code == 409


def test_a_lowered_quantity_is_refused_with_what_is_in_the_way(app: Flask, client: Browser) -> None:
    capacity = world.a_capacity(quantity=50)
    running = [world.an_allocation(capacity=capacity, state="accepted", quantity=2) for _ in range(22)][:3]
    world.an_allocation(capacity=capacity, state="confirmed", quantity=1)
    address = f"{signed_in(client, capacity)}/edit?lang=en"
    form = CAPACITY | {"version": 1, "unit_cost_fen": "", "pool_name": "", "pool_quantity": ""}
    refused = client.submit(address, form | {"quantity": "44"})
    text = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert "22 allocations are on their way" in text
    assert "1 units were given for good" in text
    assert all(f"/allocations/{row.public_id}" in text for row in running)
    assert "and 2 more" in text
    assert client.submit(address, form | {"quantity": "45"}).status_code == 303


def test_regions_lie_in_each_other_and_are_found_without_scripts(app: Flask, client: Browser) -> None:
    project = world.a_project()
    client.sign_in(world.a_user(organization=project.organization, region=None))
    page = f"/projects/{project.public_id}/capacity/new"
    text = client.get(page).get_data(as_text=True)
    regions = text[text.index('id="regions"') :]
    assert regions.index("宁夏") < regions.index("石嘴山市") < regions.index('value="640202" checked')
    looked = client.submit(page, CAPACITY | {"find": "泾源", "look": "regions"})
    found = looked.get_data(as_text=True)
    assert looked.status_code == 200
    assert found.count("choice--found") == 1
    assert 'value="640424"' in found[found.index("choice--found") :][:400]
    assert 'value="640200" checked' in found  # nothing ticked is lost
    assert db.session.query(Capacity).count() == 0
    nothing = client.submit(page, CAPACITY | {"find": "北京", "look": "regions"}).get_data(as_text=True)
    assert "choice--found" not in nothing


def test_a_prefecture_stands_for_its_counties(app: Flask, client: Browser) -> None:
    project = world.a_project()
    client.sign_in(world.a_user(organization=project.organization, region=None))
    form = CAPACITY | {"regions": ["640200", "640202", "640104"]}
    assert client.submit(f"/projects/{project.public_id}/capacity/new", form).status_code == 303
    assert db.session.query(Capacity).one().regions == ["640104", "640200"]
