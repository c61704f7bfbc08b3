"""What takes part in a run, which rules bind it, and what the reasons say."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.cases.models import Consent
from marketplace.errors import InvalidInput
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.matches.models import RunOutcome
from marketplace.organizations.models import AllianceMember
from marketplace.projects.models import Pool
from marketplace.records import today
from tests.marketplace.matches.run_support import SYSTEM, again, proposals, snapshot
from tests.support import world

LEFT_OUT_NEEDS: dict[str, Any] = {
    "draft": {"state": "draft"},
    "closed": {"state": "closed", "closing": "withdrawn"},
    "no consent": {"share_consent_on": None},
    "past": {"deadline": world.in_days(-1)},
    "elsewhere": {"region": world.XINGQING},
    "taken": {"allocated": 2},
}
LEFT_OUT_CAPACITIES: dict[str, Any] = {
    "withdrawn": {"active": False},
    "used up": {"allocated": 10},
    "not confirmed": {"confirmed_on": None},
    "confirmed long ago": {"confirmed_on": world.in_days(-61)},
    "elsewhere": {"regions": [world.XINGQING]},
}


@pytest.mark.parametrize("values", LEFT_OUT_NEEDS.values(), ids=LEFT_OUT_NEEDS)
def test_needs_that_take_no_part(app: Flask, values: dict[str, Any]) -> None:
    world.a_need(**values)
    kept = world.a_need()
    assert snapshot().need_id.tolist() == [kept.id]


@pytest.mark.parametrize("values", LEFT_OUT_CAPACITIES.values(), ids=LEFT_OUT_CAPACITIES)
def test_capacities_that_take_no_part(app: Flask, values: dict[str, Any]) -> None:
    world.a_capacity(**values)
    kept = world.a_capacity(regions=["640200"])
    assert snapshot().capacity_id.tolist() == [kept.id]


@pytest.mark.parametrize("values", [{"valid_until": world.in_days(-1)}, {"valid_from": world.in_days(1)}])
def test_capacity_outside_its_validity_is_the_reason_told(app: Flask, values: dict[str, Any]) -> None:
    world.a_capacity(**values)
    world.a_need()
    shown = services.preview(SYSTEM, world.DAWUKOU)
    assert (shown.capacities, shown.capacities_left_out["validity"].number) == (0, 1)
    services.run_now(SYSTEM, world.DAWUKOU)
    assert proposals() == []
    assert db.session.scalars(select(RunOutcome.reason)).all() == ["dates"]


def test_restricted_cases_and_ended_consents_take_no_part(app: Flask) -> None:
    world.a_need(world.a_case(restricted=True))
    withdrawn = world.a_need()
    db.session.execute(update(Consent).where(Consent.case_id == withdrawn.case_id).values(withdrawn_on=today()))
    db.session.commit()
    assert snapshot().need_id.size == 0
    shown = services.preview(SYSTEM, world.DAWUKOU)
    assert (shown.needs, shown.needs_left_out["consent"].number) == (0, 1)
    assert shown.needs_left_out["consent"].first == [withdrawn]


def test_paused_projects_and_unverified_suppliers_take_no_part(app: Flask) -> None:
    world.a_capacity(world.a_project(state="paused"))
    world.a_capacity(world.a_project(world.an_organization(state="suspended")))
    assert snapshot().capacity_id.size == 0
    shown = services.preview(SYSTEM, world.DAWUKOU)
    assert {name: left.number for name, left in shown.capacities_left_out.items()} == {
        "organization": 1, "project": 1, "validity": 0, "confirmation": 0,
    }  # fmt: skip


def test_an_alliance_matches_its_members_alone(app: Flask) -> None:
    alliance = world.an_alliance()
    member = world.a_capacity()
    world.a_capacity()
    world.save(AllianceMember(alliance_id=alliance.id, organization_id=member.organization_id))
    world.a_need()
    run = services.run_now(SYSTEM, world.DAWUKOU, alliance.slug)
    assert run.alliance_id == alliance.id
    assert {row.capacity_id for row in proposals()} == {member.id}
    with pytest.raises(InvalidInput):
        services.start(SYSTEM, world.DAWUKOU, "nobody")


def test_pools_budgets_and_batches_bind(app: Flask) -> None:
    pool = world.save(Pool(name="一辆车", quantity=3))
    for quantity in (2, 2):
        world.a_capacity(quantity=quantity, pool_id=pool.id)
    world.a_need(quantity=10)
    assert services.run_now(SYSTEM, world.DAWUKOU).summary["served"]["yellow"] == 3
    for row in db.session.scalars(select(Allocation)):
        assert row.capacity is not None
        row.capacity.active = False
    db.session.commit()
    world.a_capacity(budget_fen=250_00, unit_cost_fen=100_00)
    assert services.run_now(SYSTEM, world.DAWUKOU).summary["served"]["yellow"] == 2
    outcome = db.session.scalars(select(RunOutcome).order_by(RunOutcome.id.desc())).first()
    assert outcome is not None
    assert (outcome.quantity, outcome.reason) == (8, "budget")


def test_bundles_are_served_in_full_or_not_at_all(app: Flask) -> None:
    case = world.a_case()
    for quantity in (2, 3):
        world.a_need(case, quantity=quantity, bundle="冬衣套餐")
    capacity = world.a_capacity(quantity=4)
    services.run_now(SYSTEM, world.DAWUKOU)
    assert proposals() == []
    capacity = again(capacity)
    capacity.quantity = 5
    db.session.commit()
    services.run_now(SYSTEM, world.DAWUKOU)
    assert sum(row.quantity for row in proposals()) == 5


def test_a_declined_pair_is_left_out_and_said_so(app: Flask) -> None:
    capacity = world.a_capacity()
    need = world.a_need()
    services.run_now(SYSTEM, world.DAWUKOU)
    supplier = actor_of(world.a_user(region=None, organization=capacity.organization))
    allocations.decline(supplier, proposals()[0].public_id, "too_far")
    run = services.run_now(SYSTEM, world.DAWUKOU)
    assert proposals() == []
    outcome = db.session.scalars(select(RunOutcome).where(RunOutcome.run_id == run.id)).one()
    assert (outcome.need_id, outcome.reason) == (need.id, "declined")


def test_every_unserved_need_has_its_reason(app: Flask) -> None:
    world.a_capacity(categories=["S1102"], latitude=39.0, longitude=106.4, radius_km=5, groups=["G-DISABLED"])
    reasons = {
        world.a_need(category="S0401").id: "no_category",
        world.a_need(latitude=39.2, longitude=106.4).id: "too_far",
        world.a_need(latitude=39.0, longitude=106.4).id: "group",
        world.a_need(latitude=39.0, longitude=106.4, groups=["G-DISABLED"], requires=["Q-NURSE"]).id: "qualification",
    }
    services.run_now(SYSTEM, world.DAWUKOU)
    found = {row.need_id: row for row in db.session.scalars(select(RunOutcome))}
    assert {key: row.reason for key, row in found.items()} == reasons
    details = [found[key].details for key in reasons]
    assert details[1]["radius_metres"] == 5000
    assert 20_000 < details[1]["nearest_metres"] < 25_000
    assert details[3]["missing"] == ["Q-NURSE"]
