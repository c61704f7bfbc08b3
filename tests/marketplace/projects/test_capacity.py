"""Rules of capacity, one by one."""

import threading
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from marketplace import audit
from marketplace.errors import CapacityExhausted, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor
from marketplace.projects import services
from marketplace.projects.models import Capacity, Pool
from marketplace.records import today
from marketplace.transitions import transaction
from tests.marketplace.projects.people import member_of
from tests.support import world

FACTS = services.CapacityFacts(categories=("S1102",), regions=(world.DAWUKOU,), quantity=20)


def owner_of(capacity: Capacity) -> Actor:
    return member_of(capacity.organization)


def stored(capacity: Capacity) -> Capacity:
    db.session.expire_all()
    return db.session.get_one(Capacity, capacity.id)


def test_capacity_is_added_with_what_follows_from_it(app: Flask) -> None:
    project = world.a_project()
    capacity = services.add(member_of(project.organization), project.public_id, FACTS)
    assert (capacity.unit, capacity.confirmed_on, capacity.free) == ("份", today(), 20)
    assert (capacity.organization_id, capacity.region) == (project.organization_id, project.region)
    assert [event.action for event in audit.history("capacity", capacity.id)] == ["capacity:created"]


def test_the_unit_follows_from_the_categories(app: Flask) -> None:
    assert replace(FACTS, categories=("S1102", "S0101")).columns()["unit"] == "次"
    assert replace(FACTS, categories=("S11",)).columns()["unit"] == "次"
    assert replace(FACTS, unit="件").columns()["unit"] == "件"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"categories": ()}, "categories"),
        ({"categories": ("S9999",)}, "categories"),
        ({"regions": ()}, "regions"),
        ({"regions": ("110000",)}, "regions"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": services.MOST_UNITS + 1}, "quantity"),
        ({"unit": "吨"}, "unit"),
        ({"groups": ("G-NONLOCAL",)}, "groups"),
        ({"groups": ("ALL",)}, "groups"),
        ({"qualifications": ("Q-KING",)}, "qualifications"),
        ({"minimum_batch": 21}, "minimum_batch"),
        ({"radius_km": 0.0}, "radius_km"),
        ({"latitude": 39.0}, "longitude"),
        ({"longitude": 106.0}, "latitude"),
        ({"latitude": 200.0, "longitude": 106.0}, "latitude"),
        ({"latitude": 39.0, "longitude": 181.0}, "longitude"),
        ({"latitude": float("nan"), "longitude": 106.0}, "latitude"),
        ({"radius_km": float("nan")}, "radius_km"),
        ({"valid_from": date(2026, 2, 1), "valid_until": date(2026, 1, 1)}, "valid_until"),
        ({"budget_fen": -1}, "budget_fen"),
        ({"budget_fen": 10**16}, "budget_fen"),
        ({"unit_cost_fen": -1}, "unit_cost_fen"),
        ({"pool_name": "一辆车"}, "pool_quantity"),
        ({"pool_name": "一辆车", "pool_quantity": -1}, "pool_quantity"),
    ],
)
def test_capacity_names_the_field_that_is_wrong(app: Flask, change: dict[str, Any], field: str) -> None:
    project = world.a_project()
    with pytest.raises(InvalidInput) as refused:
        services.add(member_of(project.organization), project.public_id, replace(FACTS, **change))
    assert set(refused.value.fields) == {field}


def test_recognitions_and_migrant_children_may_be_preferred(app: Flask) -> None:
    facts = replace(FACTS, groups=("G-DISABLED", "T-DIBAO", "G-MIGCHILD"))
    assert facts.columns()["groups"] == ["G-DISABLED", "G-MIGCHILD", "T-DIBAO"]


def test_the_quantity_stays_at_or_above_what_is_out(app: Flask) -> None:
    capacity = world.a_capacity(quantity=20, allocated=12)
    owner = owner_of(capacity)
    with pytest.raises(InvalidInput) as refused:
        services.edit_capacity(owner, capacity.public_id, 1, replace(FACTS, quantity=11))
    assert set(refused.value.fields) == {"quantity"}
    with app.test_request_context("/?lang=en"):
        from flask import g

        g.settings_locale = "en"
        assert str(refused.value.fields["quantity"]) == "12 of 20 are given or promised; the lowest possible is 12"
    services.edit_capacity(owner, capacity.public_id, 1, replace(FACTS, quantity=12))
    assert stored(capacity).free == 0


def test_two_edits_of_one_form_do_not_overwrite_each_other(app: Flask) -> None:
    capacity = world.a_capacity()
    owner = owner_of(capacity)
    services.edit_capacity(owner, capacity.public_id, 1, replace(FACTS, title="第一"))
    with pytest.raises(StateConflict):
        services.edit_capacity(owner, capacity.public_id, 1, replace(FACTS, title="第二"))
    assert stored(capacity).title == "第一"
    last = audit.history("capacity", capacity.id)[-1]
    assert (last.action, "title" in last.fields) == ("capacity:edited", True)


def test_budget_and_unit_cost_keep_what_is_out(app: Flask) -> None:
    capacity = world.a_capacity(unit_cost_fen=100, budget_fen=1000)
    owner = owner_of(capacity)
    with transaction():
        services.take(capacity.id, 5)
    facts = replace(FACTS, unit_cost_fen=100, budget_fen=500)
    for change, field in (({"budget_fen": 499}, "budget_fen"), ({"unit_cost_fen": 90}, "unit_cost_fen")):
        with pytest.raises(InvalidInput) as refused:
            services.edit_capacity(owner, capacity.public_id, 1, replace(facts, **change))
        assert set(refused.value.fields) == {field}
    services.edit_capacity(owner, capacity.public_id, 1, facts)
    assert (stored(capacity).budget_fen, capacity.committed_fen) == (500, 500)


def test_another_organizations_capacity_looks_absent(app: Flask) -> None:
    capacity = world.a_capacity()
    stranger = member_of(world.an_organization())
    for act in (services.withdraw, services.restore, services.confirm, services.get_own_capacity):
        with pytest.raises(NotFound):
            act(stranger, capacity.public_id)
    with pytest.raises(NotFound):
        services.edit_capacity(stranger, capacity.public_id, 1, FACTS)


def test_withdrawal_is_undone(app: Flask) -> None:
    capacity = world.a_capacity()
    owner = owner_of(capacity)
    services.withdraw(owner, capacity.public_id)
    assert not stored(capacity).active
    for act in (services.withdraw, services.confirm):
        with pytest.raises(StateConflict):
            act(owner, capacity.public_id)
    services.restore(owner, capacity.public_id)
    assert stored(capacity).active
    with pytest.raises(StateConflict):
        services.restore(owner, capacity.public_id)


def test_one_press_confirms_for_today(app: Flask) -> None:
    capacity = world.a_capacity(confirmed_on=today() - timedelta(days=60))
    services.confirm(owner_of(capacity), capacity.public_id)
    assert (stored(capacity).confirmed_on, capacity.version) == (today(), 1)


def test_a_closed_project_takes_no_capacity(app: Flask) -> None:
    capacity = world.a_capacity(world.a_project(state="closed"))
    owner = owner_of(capacity)
    with pytest.raises(StateConflict):
        services.add(owner, capacity.project.public_id, FACTS)
    with pytest.raises(StateConflict):
        services.edit_capacity(owner, capacity.public_id, 1, FACTS)
    with pytest.raises(StateConflict):
        services.withdraw(owner, capacity.public_id)


def test_capacities_of_an_organization_share_a_pool_by_its_name(app: Flask) -> None:
    project = world.a_project()
    owner = member_of(project.organization)
    pooled = replace(FACTS, pool_name="一辆车", pool_quantity=8)
    first = services.add(owner, project.public_id, pooled)
    second = services.add(owner, project.public_id, replace(pooled, pool_quantity=None))
    assert first.pool_id == second.pool_id is not None
    with transaction():
        services.take(first.id, 5)
    with pytest.raises(InvalidInput) as refused:
        services.edit_capacity(owner, second.public_id, 1, replace(pooled, pool_quantity=4))
    assert set(refused.value.fields) == {"pool_quantity"}
    services.edit_capacity(owner, second.public_id, 1, replace(pooled, pool_quantity=5))
    with pytest.raises(CapacityExhausted):
        services.take(second.id, 1)
    services.edit_capacity(owner, second.public_id, 2, FACTS)
    assert stored(second).pool_id is None


def test_capacity_joins_a_pool_only_with_room_for_what_is_out(app: Flask) -> None:
    capacity = world.a_capacity(quantity=10, allocated=6)
    with pytest.raises(InvalidInput) as refused:
        services.edit_capacity(
            owner_of(capacity), capacity.public_id, 1, replace(FACTS, pool_name="一辆车", pool_quantity=5)
        )
    assert set(refused.value.fields) == {"pool_quantity"}
    assert db.session.query(Pool).count() == 0


def test_a_pool_of_others_is_neither_joined_nor_changed(app: Flask) -> None:
    pool = world.save(Pool(name="联盟时段", quantity=5))
    foreign, own = world.a_capacity(pool_id=pool.id), world.a_capacity()
    joining = replace(FACTS, pool_name="联盟时段")
    with pytest.raises(InvalidInput) as refused:
        services.edit_capacity(owner_of(own), own.public_id, 1, joining)
    assert set(refused.value.fields) == {"pool_name"}
    own.pool_id = pool.id  # as an import of an alliance's file does
    db.session.commit()
    with pytest.raises(InvalidInput) as refused:
        services.edit_capacity(owner_of(own), own.public_id, 1, replace(joining, pool_quantity=9))
    assert set(refused.value.fields) == {"pool_quantity"}
    services.edit_capacity(owner_of(own), own.public_id, 1, replace(joining, pool_quantity=5))
    assert stored(foreign).pool_id == stored(own).pool_id


def test_lowering_and_taking_at_once_keep_the_limit(app: Flask) -> None:
    capacity = world.a_capacity(quantity=60)
    owner, key, public_id = owner_of(capacity), capacity.id, capacity.public_id
    db.session.remove()
    start = threading.Barrier(3)
    seen: list[tuple[int, int]] = []
    lowered: list[int] = []

    def take_units() -> None:
        with app.app_context():
            start.wait()
            for _ in range(20):
                try:
                    services.take(key, 1)
                except CapacityExhausted:
                    break
                row = db.session.get_one(Capacity, key)
                seen.append((row.allocated, row.quantity))
            db.session.remove()

    def lower() -> None:
        with app.app_context():
            start.wait()
            version = 1
            for quantity in range(55, 0, -5):
                try:
                    services.edit_capacity(owner, public_id, version, replace(FACTS, quantity=quantity))
                except InvalidInput:
                    break
                lowered.append(quantity)
                version += 1
            db.session.remove()

    threads = [threading.Thread(target=work) for work in (take_units, take_units, lower)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row = db.session.get_one(Capacity, key)
    assert all(allocated <= quantity for allocated, quantity in seen)
    assert row.allocated == len(seen) <= row.quantity
    assert row.quantity == min(lowered, default=60)
