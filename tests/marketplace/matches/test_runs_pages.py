"""Pages of matching runs, by role."""

import re

import pytest
from flask import Flask

from marketplace import jobs
from marketplace.allocations import services as allocations
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.matches.models import MatchRun
from marketplace.permissions import Role, system_actor
from tests.support import world
from tests.support.client import Browser

SYSTEM = system_actor("test")


@pytest.fixture
def coordinator(client: Browser) -> Browser:
    return client.sign_in(world.a_user(Role.COORDINATOR))


def test_a_coordinator_previews_starts_and_reads(app: Flask, coordinator: Browser) -> None:
    world.a_capacity(quantity=2)
    served, unserved = world.a_need(urgency="red"), world.a_need(urgency="blue", category="S0401")
    silent = world.a_need(share_consent_on=None)
    stale = world.a_capacity(confirmed_on=world.in_days(-90))
    page = coordinator.get("/runs").get_data(as_text=True)
    assert silent.reference in page
    assert stale.project.public_id in page
    answer = coordinator.submit("/runs", {"region": world.DAWUKOU, "alliance": ""})
    assert answer.status_code == 303
    waiting = coordinator.get(answer.location).get_data(as_text=True)
    assert f'hx-get="{answer.location}/progress"' in waiting
    jobs.work_off(app)
    ended = coordinator.get(f"{answer.location}/progress")
    assert ended.headers["HX-Refresh"] == "true"
    result = coordinator.get(answer.location).get_data(as_text=True)
    assert served.reference in result
    missing = coordinator.get(f"{answer.location}?view=unserved&reason=no_category&urgency=blue").get_data(as_text=True)
    assert unserved.reference in missing
    assert served.reference not in missing
    assert coordinator.get(f"{answer.location}?view=shortages").status_code == 200
    none = coordinator.get(f"{answer.location}?state=declined&urgency=red").get_data(as_text=True)
    assert served.reference not in none
    assert answer.location in coordinator.get("/runs").get_data(as_text=True)


def test_the_scope_is_checked(coordinator: Browser) -> None:
    assert coordinator.submit("/runs", {"region": world.XINGQING, "alliance": ""}).status_code == 422
    assert coordinator.submit("/runs", {"region": world.DAWUKOU, "alliance": "nobody"}).status_code == 422
    assert coordinator.get("/runs?region=999999").status_code == 200
    alliance = world.an_alliance()
    assert coordinator.get(f"/runs?region={world.DAWUKOU}&alliance={alliance.slug}").status_code == 200
    assert coordinator.submit("/runs", {"region": world.DAWUKOU, "alliance": alliance.slug}).status_code == 303
    assert coordinator.submit("/runs", {"region": world.DAWUKOU, "alliance": alliance.slug}).status_code == 409


def test_a_waiting_run_can_be_cancelled(app: Flask, coordinator: Browser) -> None:
    address = coordinator.submit("/runs", {"region": world.DAWUKOU, "alliance": ""}).location
    assert coordinator.submit(f"{address}/cancel").status_code == 303
    assert coordinator.submit(f"{address}/cancel").status_code == 409
    assert coordinator.get(address).status_code == 200
    jobs.work_off(app)
    assert db.session.query(MatchRun).one().state == "cancelled"


@pytest.mark.parametrize("failure", ["lost", "solver: exit code -9", "fault: KeyError"])
def test_a_failed_run_says_so_without_technicalities(coordinator: Browser, failure: str) -> None:
    run = world.a_run(state="failed", failure=failure)
    page = coordinator.get(f"/runs/{run.public_id}").get_data(as_text=True)
    assert "KeyError" not in page
    assert "exit code" not in page
    assert 'class="notice notice--error"' in page


def test_a_run_under_way_shows_how_far_it_is(coordinator: Browser) -> None:
    run = world.a_run(state="running", progress=42)
    page = coordinator.get(f"/runs/{run.public_id}/progress").get_data(as_text=True)
    assert re.search(r'<progress value="42" max="100"', page)


@pytest.mark.parametrize(
    ("role", "region", "look", "act"),
    [
        (Role.VOLUNTEER, None, 403, 403),
        (Role.CASEWORKER, world.DAWUKOU, 403, 403),
        (Role.COORDINATOR, world.DAWUKOU, 200, 303),
        (Role.COORDINATOR, world.XINGQING, 404, 404),
        (Role.OFFICER, "640200", 200, 303),
        (Role.AUDITOR, None, 200, 403),
        (Role.ADMINISTRATOR, None, 200, 403),
    ],
)
def test_who_may_look_and_act(client: Browser, role: Role, region: str | None, look: int, act: int) -> None:
    run = world.a_run(state="queued", progress=0)
    client.sign_in(world.a_user(role, region=region))
    for address in (f"/runs/{run.public_id}", f"/runs/{run.public_id}/progress"):
        assert client.get(address).status_code == look
    assert client.submit(f"/runs/{run.public_id}/cancel").status_code == act
    assert client.get("/runs").status_code == (403 if look == 403 else 200)


def test_a_charity_sees_no_runs(client: Browser) -> None:
    client.sign_in(world.a_user(region=None, organization=world.an_organization()))
    assert client.get("/runs").status_code == 403
    assert client.submit("/runs", {"region": world.DAWUKOU}).status_code == 403


def test_a_case_restricted_after_the_run_leaves_its_page(coordinator: Browser) -> None:
    world.a_capacity()
    proposed, unserved = world.a_need(), world.a_need(category="S0401")
    run = services.run_now(SYSTEM, world.DAWUKOU)
    for need in (proposed, unserved):
        need.case.restricted = True
    db.session.commit()
    for view in ("proposals", "unserved"):
        page = coordinator.get(f"/runs/{run.public_id}?view={view}").get_data(as_text=True)
        assert proposed.reference not in page
        assert unserved.reference not in page


def test_neither_shortages_nor_help_on_its_way_tell_of_a_case_restricted_since(app: Flask) -> None:
    world.a_capacity()
    served, unserved = world.a_need(), world.a_need(category="S0401")
    run = services.run_now(SYSTEM, world.DAWUKOU)
    served.allocations[0].state = "accepted"
    db.session.commit()
    assert [row.category for row in services.shortages_of(run).items] == ["S0401"]
    assert allocations.of_run(run.id).total == 1
    for need in (served, unserved):
        need.case.restricted = True
    db.session.commit()
    assert services.shortages_of(run).items == []
    assert allocations.of_run(run.id).total == 0
