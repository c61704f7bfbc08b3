"""A need of a run explained on a page, from what the run kept; what is left out; runs side by side."""

import re

import numpy as np
import pytest
from flask import Flask

from marketplace.extensions import db
from marketplace.matches import kept, services
from marketplace.matches.archive import NoArchive, load
from marketplace.matches.models import MatchRun
from marketplace.permissions import Role
from matching import Policy
from tests.marketplace.matches.run_support import SYSTEM, statements
from tests.support import world
from tests.support.client import Browser


@pytest.fixture
def coordinator(client: Browser) -> Browser:
    return client.sign_in(world.a_user(Role.COORDINATOR))


def run() -> MatchRun:
    return services.run_now(SYSTEM, world.DAWUKOU)


def test_a_need_is_explained_with_its_choices_and_what_would_help(app: Flask, coordinator: Browser) -> None:
    only = world.a_capacity(quantity=1, title="独一份冬衣")
    served, waits = world.a_need(urgency="red", quantity=1), world.a_need(urgency="yellow", quantity=1, title="另一套")
    done = run()
    page = coordinator.get(f"/runs/{done.public_id}/needs/{served.public_id}").get_data(as_text=True)
    assert "独一份冬衣" in page
    assert only.organization.name in page
    other = coordinator.get(f"/runs/{done.public_id}/needs/{waits.public_id}").get_data(as_text=True)
    assert "若增加 1 份名额，即可满足 1 份" in other
    assert served.reference in other  # who would lose its unit
    listed = coordinator.get(f"/runs/{done.public_id}?view=unserved").get_data(as_text=True)
    assert f'href="/runs/{done.public_id}/needs/{waits.public_id}"' in listed


def test_what_a_run_kept_is_what_was_decided(app: Flask) -> None:
    for number in range(6):
        world.a_capacity(quantity=1 + number % 2, radius_km=50.0 if number % 2 else None, qualifications=["Q-NURSE"])
        world.a_need(quantity=2, urgency=("red", "yellow", "blue")[number % 3], requires=["Q-NURSE"])
    services.save(SYSTEM, world.DAWUKOU, None, Policy(fairness=True), nightly=False, hour=2, version=0)
    done = run()
    archive = load(kept.path_of(done.public_id))
    assert archive.problem.digest == done.digest
    assert archive.solution.fit == done.summary["fit"]
    assert archive.policy == Policy(fairness=True)
    assert archive.qualifications == ("Q-NURSE",)
    assert archive.solution.fairness == archive.solution.bound.fairness is not None
    fits = archive.scorer.parts(archive.problem.need, archive.problem.offer, archive.metres)
    assert np.array_equal(
        archive.problem.fit, (40 * fits.closeness + 25 * fits.specialisation + 15 * fits.waiting) // 100
    )
    with pytest.raises(NoArchive):
        archive.row_of(10**6)


def test_only_the_newest_runs_are_kept_in_full(app: Flask, coordinator: Browser) -> None:
    need = world.a_need()
    runs = [run() for _ in range(kept.KEPT_A_SCOPE + 1)]
    assert [kept.path_of(one.public_id).exists() for one in runs] == [False, True, True, True]
    assert coordinator.get(f"/runs/{runs[0].public_id}/needs/{need.public_id}").status_code == 200
    assert services.explained(runs[0], need.public_id) is None
    kept.path_of(runs[1].public_id).write_bytes(b"no archive")
    assert services.explained(runs[1], need.public_id) is None
    late = world.a_need()
    assert services.explained(runs[-1], late.public_id) is None


def test_a_restricted_case_is_neither_explained_nor_named(app: Flask, coordinator: Browser) -> None:
    world.a_capacity(quantity=1)
    red, yellow = world.a_need(urgency="red", quantity=1, title="红色的需求"), world.a_need(quantity=1)
    done = run()
    red.case.restricted = True
    db.session.commit()
    assert coordinator.get(f"/runs/{done.public_id}/needs/{red.public_id}").status_code == 404
    page = coordinator.get(f"/runs/{done.public_id}/needs/{yellow.public_id}").get_data(as_text=True)
    assert "红色的需求" not in page
    assert red.reference not in page


def test_the_preview_names_what_is_left_out_and_links_to_it(app: Flask, client: Browser) -> None:
    silent, late = world.a_need(share_consent_on=None), world.a_need(deadline=world.in_days(-1))
    hidden = world.a_need(world.a_case(restricted=True))
    world.a_need(quantity=3, urgency="red")
    stale = world.a_capacity(confirmed_on=world.in_days(-90))
    ended = world.a_capacity(valid_until=world.in_days(-1))
    paused = world.a_capacity(world.a_project(state="paused"))
    world.a_capacity(quantity=7)
    client.sign_in(world.a_user(Role.COORDINATOR))
    page = client.get("/runs").get_data(as_text=True)
    for one in (silent, late, stale.project, ended.project, paused.project):
        assert one.public_id in page
    assert "without_consent=y" in page
    assert hidden.reference not in page
    found = services.preview(SYSTEM, world.DAWUKOU)
    assert (found.needs, found.units, found.capacities, found.free) == (1, {"red": 3, "yellow": 0, "blue": 0}, 1, 7)
    assert {name: left.number for name, left in found.needs_left_out.items()} == {
        "consent": 1, "deadline": 1, "restricted": 1,
    }  # fmt: skip
    assert {name: left.number for name, left in found.capacities_left_out.items()} == {
        "organization": 0, "project": 1, "validity": 1, "confirmation": 1,
    }  # fmt: skip
    client.sign_in(world.a_user(Role.OFFICER))
    assert hidden.reference in client.get("/runs").get_data(as_text=True)


def test_a_result_page_tells_coverage_by_region_and_group_and_what_changed(app: Flask, coordinator: Browser) -> None:
    capacity = world.a_capacity(quantity=2)
    ill = world.a_need(urgency="red", quantity=2, groups=["G-ILL"])
    world.a_need(urgency="blue", quantity=2)
    first = run()
    assert services.compared(first) is None
    assert first.summary["regions"][world.DAWUKOU]["served"] == {"red": 2, "yellow": 0, "blue": 0}
    assert first.summary["groups"] == {
        "G-ILL": {"asked": {"red": 2, "yellow": 0, "blue": 0}, "served": {"red": 2, "yellow": 0, "blue": 0}}
    }
    capacity.quantity = 1
    ill.quantity = 1
    db.session.commit()
    world.a_need(urgency="blue", quantity=1)
    second = run()
    told = services.compared(second)
    assert told is not None
    assert (told.earlier.id, told.still, told.new) == (first.id, 1, 1)
    page = coordinator.get(f"/runs/{second.public_id}?view=coverage").get_data(as_text=True)
    assert f'href="/runs/{first.public_id}"' in page
    assert re.search(r"change--less.{0,20}−1", page)


def test_what_is_short_comes_where_one_unit_more_helps_most(app: Flask, coordinator: Browser) -> None:
    world.a_capacity(quantity=1)
    for urgency in ("red", "red", "yellow"):
        world.a_need(urgency=urgency, quantity=1)
    world.a_need(urgency="yellow", quantity=5, category="S0401")
    done = run()
    rows = services.shortages_of(done).items
    told = [(row.category, row.needs, tuple(row.units.values()), tuple(row.helped.values())) for row in rows]
    assert told == [("S1102", 2, (1, 1, 0), (1, 0, 0)), ("S0401", 1, (0, 5, 0), (0, 1, 0))]
    page = coordinator.get(f"/runs/{done.public_id}?view=shortages").get_data(as_text=True)
    assert "发动机构提供这类服务" in page


def test_pages_of_runs_take_few_statements_however_long_they_are(app: Flask, coordinator: Browser) -> None:
    for number in range(12):
        world.a_capacity(quantity=2, confirmed_on=world.in_days(-90 * (number % 2)))
        world.a_need(urgency="red", category=("S1102", "S0401")[number % 2])
        world.a_need(share_consent_on=None)
    run()
    done = run()
    views = [f"/runs/{done.public_id}?view={view}" for view in ("proposals", "unserved", "shortages", "coverage")]
    for address in ("/runs", *views):
        with statements() as sent:
            assert coordinator.get(address).status_code == 200
        assert len(sent) <= 12, "\n".join(s[:150].replace("\n", " ") for s in sent)


def test_shortages_leave_out_what_was_restricted_since_and_keep_the_rest(app: Flask) -> None:
    needs = [world.a_need(urgency="red", quantity=number) for number in (1, 2, 3)]
    done = run()
    (short,) = services.shortages_of(done).items
    assert (short.needs, short.units["red"], short.helped["red"]) == (3, 6, 3)
    needs[1].case.restricted = True
    db.session.commit()
    (short,) = services.shortages_of(done).items
    assert (short.needs, short.units["red"], short.helped["red"]) == (2, 4, 2)


def test_a_large_scope_is_counted_when_asked_for(app: Flask, client: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    from marketplace.matches.services import reading

    client.sign_in(world.a_user(Role.OFFICER, region="640200"))
    for _ in range(3):
        world.a_need(share_consent_on=None)
    monkeypatch.setattr(reading, "AT_ONCE", 2)
    page = client.get("/runs").get_data(as_text=True)
    assert 'hx-trigger="load"' in page
    assert 'id="preview"' not in page
    assert 'id="preview"' in client.get("/runs?region=640200").get_data(as_text=True)
    client.sign_in(world.a_user(Role.OFFICER, region=world.DAWUKOU))
    assert 'id="preview"' in client.get("/runs").get_data(as_text=True)
