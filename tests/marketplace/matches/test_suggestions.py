"""Suppliers for a need just posted: the rules and the fit of a run, at once, with reasons."""

from typing import Any

import numpy as np
import pytest
from flask import Flask

from marketplace.accounts.services import actor_of
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.matches.services import suggestions
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Role
from marketplace.projects.models import Pool
from matching import Policy
from tests.marketplace.matches.run_support import SYSTEM, proposals, statements
from tests.support import world
from tests.support.client import Browser


@pytest.fixture
def caseworker(app: Flask) -> Actor:
    return actor_of(world.a_user(Role.CASEWORKER))


def suppliers(actor: Actor, need: Need) -> list[int]:
    """Keys of the capacities suggested, in their order."""
    return [row.capacity.id for row in services.suggest(actor, need.public_id).rows]


def test_the_best_five_come_in_the_order_of_a_run_s_fit(app: Flask, caseworker: Actor) -> None:
    places = [(39.02, 106.37), (39.0, 106.4), (38.9, 106.5), (38.7, 106.3), (38.5, 106.2), (39.2, 106.7), (38.3, 106.2)]
    made = [world.a_capacity(latitude=lat, longitude=lon) for lat, lon in places]
    made.append(world.a_capacity(categories=["S1102", "S0401", "S0601"]))
    need = world.a_need(quantity=1)
    told = services.suggest(caseworker, need.public_id)
    assert (len(told.rows), told.eligible, told.full, told.declined) == (5, 8, 0, 0)
    fits = [row.fit for row in told.rows]
    assert fits == sorted(fits, reverse=True)
    assert made[0].id == told.rows[0].capacity.id
    services.run_now(SYSTEM, world.DAWUKOU)
    (best,) = proposals()
    assert (best.capacity_id, best.fit) == (told.rows[0].capacity.id, told.rows[0].fit)
    assert best.reasons["parts"] == told.rows[0].reasons["parts"]
    assert services.suggest(caseworker, need.public_id).rows[0].proposed


@pytest.mark.parametrize(
    "values",
    [
        {"categories": ["S0401"]}, {"regions": [world.XINGQING]}, {"groups": ["G-ELDALONE"]},
        {"valid_until": world.in_days(-1)}, {"confirmed_on": world.in_days(-90)}, {"active": False},
        {"latitude": 38.4, "longitude": 106.2, "radius_km": 5.0},
        {"quantity": 3, "allocated": 3}, {"budget_fen": 100, "unit_cost_fen": 101},
    ],
)  # fmt: skip
def test_who_cannot_serve_it_is_not_suggested(app: Flask, caseworker: Actor, values: dict[str, Any]) -> None:
    world.a_capacity(**values)
    able = world.a_capacity()
    need = world.a_need()
    assert suppliers(caseworker, need) == [able.id]


def test_qualifications_pools_and_refusals_are_respected(app: Flask, caseworker: Actor) -> None:
    pool = Pool(name="面包车", quantity=0)
    db.session.add(pool)
    db.session.commit()
    plain, nurse = world.a_capacity(), world.a_capacity(qualifications=["Q-NURSE"])
    world.a_capacity(pool_id=pool.id, qualifications=["Q-NURSE"])
    need = world.a_need(requires=["Q-NURSE"])
    told = services.suggest(caseworker, need.public_id)
    assert [row.capacity.id for row in told.rows] == [nurse.id]
    assert (told.eligible, told.full) == (2, 1)
    assert services.suggest(caseworker, world.a_need(requires=["Q-OTHER"]).public_id).eligible == 0
    world.an_allocation(need, nurse, state="declined", decline_reason="timing")
    told = services.suggest(caseworker, need.public_id)
    assert (told.rows, told.declined) == ([], 1)
    assert plain.id in suppliers(caseworker, world.a_need())


def test_what_changes_is_seen_at_once(app: Flask, caseworker: Actor) -> None:
    capacity = world.a_capacity(quantity=2)
    need, other = world.a_need(), world.a_need(category="S0401")
    assert suppliers(caseworker, need) == [capacity.id]
    world.an_allocation(world.a_need(), capacity, state="accepted", quantity=2)
    assert suppliers(caseworker, need) == []
    capacity.allocated = 0
    capacity.categories = ["S0401"]
    capacity.version += 1
    db.session.commit()
    assert suppliers(caseworker, need) == []
    assert suppliers(caseworker, other) == [capacity.id]
    capacity.project.state = "paused"
    db.session.commit()
    assert suppliers(caseworker, other) == []


def test_what_is_brought_up_to_date_is_what_would_be_made_anew(app: Flask, caseworker: Actor) -> None:
    rows = [world.a_capacity(qualifications=[word]) for word in ("Q-NURSE", "Q-DRIVER", "Q-NURSE")]
    need = world.a_need()

    def agree() -> None:
        services.suggest(caseworker, need.public_id)
        kept = suggestions._stock
        assert kept is not None
        made = suggestions._read(kept.key)
        assert kept.words == made.words
        for name, column in vars(made.offers).items():
            np.testing.assert_array_equal(getattr(kept.offers, name), column, err_msg=name)
        for name in ("organization", "covered", "served"):
            np.testing.assert_array_equal(getattr(kept, name), getattr(made, name), err_msg=name)

    agree()
    rows[1].regions, rows[1].version = [world.XINGQING, world.DAWUKOU], 2
    world.save(rows[1])
    agree()
    world.a_capacity(categories=["S1101"], qualifications=["Q-DRIVER"])
    rows[0].active, rows[0].version = False, 2
    world.save(rows[0])
    agree()
    world.a_capacity(qualifications=["Q-NEW"])  # its bit moves those of others
    agree()


def test_the_policy_of_the_region_and_earlier_suppliers_count(app: Flask, caseworker: Actor) -> None:
    case = world.a_case()
    near = world.a_capacity()
    helper = world.a_capacity(latitude=38.7, longitude=106.3)
    world.an_allocation(world.a_need(case), helper, state="confirmed")
    need = world.a_need(case)
    assert suppliers(caseworker, need) == [near.id, helper.id]
    services.save(SYSTEM, world.DAWUKOU, None, Policy(continuity_weight=500), nightly=False, hour=2, version=0)
    told = services.suggest(caseworker, need.public_id).rows
    assert told[0].capacity.id == helper.id
    assert told[0].reasons["parts"]["continuity"] == 10_000
    assert suppliers(caseworker, world.a_need()) == [near.id, helper.id]


def test_the_page_and_its_piece(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.CASEWORKER))
    for _ in range(7):
        world.a_capacity(world.a_project(world.an_organization()))
    need = world.a_need()
    address = f"/needs/{need.public_id}/suggestions"
    with statements() as sent:
        page = client.get(address).get_data(as_text=True)
    assert len(sent) <= 13, sent
    with statements() as sent:
        assert client.get(address).status_code == 200
    assert len(sent) <= 12, sent
    assert page.count('data-label="') >= 20
    piece = client.get(address, headers={"HX-Request": "true"}).get_data(as_text=True)
    assert piece.startswith('<section id="suggestions"')
    assert f'href="{address}"' in client.get(f"/needs/{need.public_id}").get_data(as_text=True)


def test_who_may_not_see_the_need_sees_no_suggestions(app: Flask, client: Browser) -> None:
    need, hidden = world.a_need(), world.a_need(world.a_case(restricted=True))
    with pytest.raises(NotFound):
        services.suggest(actor_of(world.a_user(Role.CASEWORKER, region=world.XINGQING)), need.public_id)
    client.sign_in(world.a_user(Role.COORDINATOR))
    assert client.get(f"/needs/{hidden.public_id}/suggestions").status_code == 404
    assert client.get(f"/needs/{need.public_id}/suggestions").status_code == 200
