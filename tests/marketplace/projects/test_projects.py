"""Rules of projects, one by one."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from marketplace import audit, events
from marketplace.accounts.services import actor_of
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations import services as organizations
from marketplace.permissions import ANYONE, Role, system_actor
from marketplace.projects import services
from marketplace.projects.models import Project
from marketplace.records import today
from tests.marketplace.projects.people import member_of, officer
from tests.support import world

pytestmark = pytest.mark.both_databases

FACTS = services.ProjectFacts(title="冬季送暖", summary="为困难家庭送冬衣。")
STOP = services.StopFacts("season")


def stored(project: Project) -> Project:
    db.session.expire_all()
    return db.session.get_one(Project, project.id)


def a_draft(**values: Any) -> Project:
    project = world.a_project(**({"state": "draft"} | values))
    world.a_capacity(project)
    return project


def test_a_member_drafts_for_their_own_organization_only(app: Flask) -> None:
    organization, other = world.an_organization(), world.an_organization()
    member = member_of(organization)
    project = services.create(member, organization.public_id, FACTS)
    assert (project.state, project.region, project.organization_id) == ("draft", world.DAWUKOU, organization.id)
    with pytest.raises(NotFound):
        services.create(member, other.public_id, FACTS)
    assert [event.action for event in audit.history("project", project.id)] == ["project:created"]


def test_a_suspended_organization_plans_nothing(app: Flask) -> None:
    organization = world.an_organization(state="suspended", refusal_reason="x")
    with pytest.raises(StateConflict):
        services.create(member_of(organization), organization.public_id, FACTS)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, "title"),
        ({"funding": "lottery"}, "funding"),
        ({"starts_on": date(2026, 2, 1), "ends_on": date(2026, 1, 1)}, "ends_on"),
    ],
)
def test_a_project_names_the_field_that_is_wrong(app: Flask, change: dict[str, Any], field: str) -> None:
    organization = world.an_organization()
    with pytest.raises(InvalidInput) as refused:
        services.create(member_of(organization), organization.public_id, replace(FACTS, **change))
    assert set(refused.value.fields) == {field}


def test_two_edits_of_one_form_do_not_overwrite_each_other(app: Flask) -> None:
    project = a_draft()
    member = member_of(project.organization)
    services.edit(member, project.public_id, 1, replace(FACTS, title="第一"))
    with pytest.raises(StateConflict):
        services.edit(member, project.public_id, 1, replace(FACTS, title="第二"))
    assert stored(project).title == "第一"


def test_another_organizations_project_looks_absent(app: Flask) -> None:
    project = a_draft()
    stranger = member_of(world.an_organization())
    key = project.public_id
    for act in (services.submit, services.resume, services.get_own, services.get):
        with pytest.raises(NotFound):
            act(stranger, key)
    for stop in (services.pause, services.close):
        with pytest.raises(NotFound):
            stop(stranger, key, STOP)
    with pytest.raises(NotFound):
        services.edit(stranger, key, 1, FACTS)
    with pytest.raises(NotFound):
        services.add(stranger, key, services.CapacityFacts(("S1102",), (world.DAWUKOU,), 1))


def test_a_draft_is_submitted_opened_paused_resumed_and_closed(app: Flask) -> None:
    project = a_draft()
    member = member_of(project.organization)
    key = project.public_id
    services.submit(member, key)
    assert stored(project).state == "submitted"
    services.open_project(officer(), key, stored(project).version)
    assert services.get(ANYONE, key).is_public
    services.pause(member, key, STOP)
    assert stored(project).state == "paused"
    services.resume(member, key)
    assert stored(project).state == "open"
    services.close(member, key, STOP)
    assert stored(project).state == "closed"
    for act in (services.submit, services.resume):
        with pytest.raises(StateConflict):
            act(member, key)
    for stop in (services.pause, services.close):
        with pytest.raises(StateConflict):
            stop(member, key, STOP)
    with pytest.raises(StateConflict):
        services.edit(member, key, stored(project).version, FACTS)


def test_a_project_that_offers_nothing_is_not_submitted(app: Flask) -> None:
    project = world.a_project(state="draft")
    member = member_of(project.organization)
    with pytest.raises(StateConflict):
        services.submit(member, project.public_id)
    world.a_capacity(project, active=False)
    with pytest.raises(StateConflict):
        services.submit(member, project.public_id)


def test_an_officer_opens_only_for_a_verified_organization_of_the_region(app: Flask) -> None:
    waiting = a_draft(organization=world.an_organization(state="registered"), state="submitted")
    with pytest.raises(StateConflict):
        services.open_project(officer(), waiting.public_id, 1)
    ready = a_draft(state="submitted")
    with pytest.raises(NotFound):
        services.open_project(officer(world.HUINONG), ready.public_id, 1)
    with pytest.raises(StateConflict):
        services.open_project(officer(), ready.public_id, 7)
    services.open_project(officer(), ready.public_id, 1)


def test_an_officer_who_is_a_member_decides_nothing_about_it(app: Flask) -> None:
    project = a_draft(state="submitted")
    both = actor_of(world.a_user(Role.OFFICER, organization=project.organization))
    with pytest.raises(AccessDenied):
        services.open_project(both, project.public_id, 1)
    with pytest.raises(AccessDenied):
        services.send_back(both, project.public_id, 1, "x")


def test_a_project_is_sent_back_with_a_reason(app: Flask) -> None:
    project = a_draft(state="submitted")
    with pytest.raises(InvalidInput):
        services.send_back(officer(), project.public_id, 1, "  ")
    services.send_back(officer(), project.public_id, 1, "请写明服务时间")
    assert (stored(project).state, stored(project).return_reason) == ("draft", "请写明服务时间")
    services.submit(member_of(project.organization), project.public_id)
    assert stored(project).return_reason is None


def test_a_suspension_pauses_the_open_projects_and_only_these(app: Flask) -> None:
    organization, other = world.an_organization(), world.an_organization()
    opened, draft = world.a_project(organization), world.a_project(organization, state="draft")
    others = world.a_project(other)
    organizations.suspend(officer(), organization.public_id, "等待年检")
    assert [stored(row).state for row in (opened, draft, others)] == ["paused", "draft", "open"]
    member = member_of(organization)
    with pytest.raises(StateConflict):
        services.resume(member, opened.public_id)
    organizations.reinstate(officer(), organization.public_id)
    assert stored(opened).state == "paused"
    services.resume(member, opened.public_id)
    assert audit.verify() == []


def test_projects_follow_their_organization_to_another_region(app: Flask) -> None:
    organization = world.an_organization(state="registered", kind="volunteer_team")
    project = a_draft(organization=organization)
    moved = organizations.Profile(name="志愿队", kind="volunteer_team", region=world.HUINONG)
    organizations.edit(member_of(organization), organization.public_id, 1, moved)
    assert stored(project).region == world.HUINONG
    assert project.capacities[0].region == world.HUINONG


def titles(page: Any) -> set[str]:
    return {row.title for row in page.items}


def test_each_reader_sees_their_own_part(app: Flask) -> None:
    organization = world.an_organization()
    for state in ("draft", "submitted", "open", "paused", "closed"):
        world.a_project(organization, title=state, state=state)
    world.a_project(world.an_organization(region=world.HUINONG), title="elsewhere", state="submitted")

    def listed(actor: Any, **values: str) -> set[str]:
        return titles(services.listing(actor, services.Filters(**values)))

    assert listed(ANYONE) == {"open"}
    assert listed(ANYONE, tab="region") == {"open"}
    member = member_of(organization)
    assert listed(member, tab="mine") == {"draft", "submitted", "open", "paused", "closed"}
    assert listed(member, tab="mine", state="draft") == {"draft"}
    assert listed(officer(), tab="queue") == {"submitted"}
    assert listed(officer(), tab="region", state="closed") == {"closed"}
    assert listed(officer(world.HUINONG), tab="region") == {"elsewhere"}
    auditor = actor_of(world.a_user(Role.AUDITOR))
    assert listed(auditor, tab="region", state="submitted") == {"submitted", "elsewhere"}
    assert services.tabs(officer()) == ["open", "queue", "region"]
    assert services.tabs(member) == ["open", "mine"]
    assert listed(ANYONE, organization="nobody") == set()
    assert listed(ANYONE, organization=organization.public_id) == {"open"}


def test_the_list_is_filtered_by_help_and_place(app: Flask) -> None:
    offers = {
        "leaf": (["S1102"], [world.DAWUKOU]),
        "category": (["S11"], ["640000"]),
        "other": (["S0201"], ["640100"]),
    }
    for title, (categories, places) in offers.items():
        world.a_capacity(world.a_project(title=title), categories=categories, regions=places)
    world.a_capacity(world.a_project(title="withdrawn"), active=False)

    def listed(**values: str) -> set[str]:
        return titles(services.listing(ANYONE, services.Filters(**values)))

    assert listed(category="S1102") == {"leaf", "category"}
    assert listed(category="S1101") == {"category"}
    assert listed(category="S11") == {"leaf", "category"}
    assert listed(category="S02") == {"other"}
    assert listed(region=world.DAWUKOU) == {"leaf", "category"}
    assert listed(region="640200") == {"leaf", "category"}
    assert listed(region=world.XINGQING) == {"category", "other"}
    assert listed(region="640000") == {"leaf", "category", "other"}
    assert listed(category="S11", region=world.XINGQING) == {"category"}
    assert listed(kind="hospital") == set()


def test_wording_is_found_in_every_text_of_a_project(app: Flask) -> None:
    project = world.a_project(title="助老", summary="仅限本地户籍。不限年龄。")
    capacities = [
        world.a_capacity(project, title="本市户口优先"),
        world.a_capacity(project, title="外地人员除外", active=False),
    ]
    assert services.excluding_wording(project, capacities) == ["仅限本地户籍", "本市户口优先"]


@pytest.mark.parametrize(("state", "told"), [("draft", 0), ("submitted", 0), ("open", 3), ("paused", 3)])
def test_officers_hear_of_wording_that_came_after_they_read_the_project(app: Flask, state: str, told: int) -> None:
    organization = world.an_organization()
    member, project = member_of(organization), world.a_project(organization, state=state, summary="")
    heard: list[int] = []

    def listen(_name: str, row: Project, **_details: Any) -> None:
        heard.append(row.id)

    def edit(summary: str) -> None:
        services.edit(member, project.public_id, stored(project).version, services.ProjectFacts("助老", summary))

    with events.happened.connected_to(listen, sender="project:excluding"):
        for summary in ("不限户籍。", "仅限本地户籍。", "仅限本地户籍。每周一次。"):  # the last adds nothing
            edit(summary)
        meals = services.CapacityFacts(("S0301",), (world.DAWUKOU,), 5, title="送餐")
        capacity = services.add(member, project.public_id, meals)
        for title in ("须有本市户口", "须有本市户口", "送餐"):
            db.session.refresh(capacity)
            services.edit_capacity(member, capacity.public_id, capacity.version, replace(meals, title=title))
        services.add(member, project.public_id, replace(meals, title="外地人员除外"))
    assert heard == [project.id] * told


def test_capacity_wants_confirmation_after_a_month(app: Flask) -> None:
    capacity = world.a_capacity()
    assert not services.is_stale(capacity)
    assert services.is_stale(capacity, today() + timedelta(days=32))
    assert services.is_stale(world.a_capacity(confirmed_on=None))


def test_an_import_finds_by_title_or_makes_an_open_one(app: Flask) -> None:
    organization = world.an_organization()
    actor = system_actor("import")
    closed = world.a_project(organization, title="送暖", state="closed")
    current = world.a_project(organization, title="送暖", state="paused")
    assert services.ensure_project(actor, organization, "送暖").id == current.id != closed.id
    made = services.ensure_project(actor, organization, "助学", funding="mixed")
    assert (made.state, made.imported, made.funding) == ("open", True, "mixed")
    assert services.ensure_project(actor, organization, "助学").id == made.id
    assert services.ensure_project(actor, world.an_organization(), "助学").id != made.id


def test_the_trail_is_for_those_with_the_right_to_it(app: Flask) -> None:
    project = a_draft()
    member = member_of(project.organization)
    services.submit(member, project.public_id)
    auditor = actor_of(world.a_user(Role.AUDITOR))
    assert len(services.history(auditor, stored(project))) == 1
    assert services.history(member, stored(project)) == []
