"""Projects that rest or end: reasons, and what that does to what is proposed and promised."""

from datetime import timedelta

import pytest
from flask import Flask

from marketplace import audit
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.organizations import services as organizations
from marketplace.projects import services
from marketplace.projects.models import Project
from marketplace.records import today
from tests.marketplace.projects.people import member_of, officer
from tests.support import world
from tests.support.client import Browser

pytestmark = pytest.mark.both_databases


def stored(project: Project) -> Project:
    db.session.expire_all()
    return db.session.get_one(Project, project.id)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        (services.StopFacts(""), "reason"),
        (services.StopFacts("suspended"), "reason"),
        (services.StopFacts("other"), "note"),
        (services.StopFacts("season", "找王建国，电话13912345678"), "note"),
        (services.StopFacts("season", resumes_on=today()), "resumes_on"),
    ],
)
def test_a_pause_names_the_field_that_is_wrong(app: Flask, facts: services.StopFacts, field: str) -> None:
    project = world.a_project()
    with pytest.raises(InvalidInput) as refused:
        services.pause(member_of(project.organization), project.public_id, facts)
    assert set(refused.value.fields) == {field}
    assert stored(project).state == "open"


def test_why_and_until_when_is_kept_and_cleared_by_resuming(app: Flask) -> None:
    project = world.a_project()
    member = member_of(project.organization)
    later = today() + timedelta(days=40)
    services.pause(member, project.public_id, services.StopFacts("no_funds", "新一批善款下月到账。", later))
    paused = stored(project)
    assert (paused.state, paused.stop_reason, paused.stop_note, paused.resumes_on) == (
        "paused", "no_funds", "新一批善款下月到账。", later,
    )  # fmt: skip
    assert audit.history("project", project.id)[-1].reason == "no_funds: 新一批善款下月到账。"
    services.resume(member, project.public_id)
    assert (stored(project).stop_reason, project.stop_note, project.resumes_on) == (None, None, None)


def test_a_suspension_says_so_as_the_reason(app: Flask) -> None:
    project = world.a_project()
    organization = project.organization
    organizations.suspend(officer(), organization.public_id, "证照到期")
    assert (stored(project).state, project.stop_reason) == ("paused", "suspended")
    with pytest.raises(StateConflict):
        services.resume(member_of(organization), project.public_id)


def test_the_effects_count_what_is_proposed_promised_and_planned(either_app: Flask) -> None:
    capacity = world.a_capacity()
    world.an_allocation(capacity=capacity)
    world.an_allocation(capacity=capacity, state="accepted", quantity=2)
    world.an_allocation(capacity=capacity, state="confirmed")
    world.an_allocation()  # another project's
    project = capacity.project
    assert project is not None
    services.make_monthly(member_of(project.organization), capacity.public_id, services.RecurrenceFacts(5))
    effects = services.effects(stored(project))
    assert (effects.proposals, effects.running, effects.units, effects.planned) == (1, 1, 2, 1)


def test_the_page_tells_what_happens_before_it_asks(app: Flask, client: Browser) -> None:
    capacity = world.a_capacity()
    proposal = world.an_allocation(capacity=capacity)
    world.an_allocation(capacity=capacity, state="accepted")
    assert capacity.project is not None
    address = f"/projects/{capacity.project.public_id}"
    client.sign_in(world.a_user(organization=capacity.organization, region=None))
    pausing = client.get(f"{address}/pause?lang=en").get_data(as_text=True)
    assert "1 open proposal waits" in pausing
    assert "1 allocation that you accepted stays promised" in pausing
    closing = client.get(f"{address}/close?lang=en").get_data(as_text=True)
    assert "1 open proposal ends at once" in closing
    assert client.submit(f"{address}/pause", {"reason": "season", "note": "农忙"}).status_code == 303
    assert "农忙" in client.get(address).get_data(as_text=True)
    assert "农忙" not in client.submit("/account/logout", follow_redirects=True).get_data(as_text=True)
    db.session.refresh(proposal)
    assert proposal.state == "proposed"


def test_closing_ends_open_proposals_and_keeps_what_was_promised(either_app: Flask) -> None:
    capacity = world.a_capacity()
    proposal = world.an_allocation(capacity=capacity)
    promised = world.an_allocation(capacity=capacity, state="accepted")
    elsewhere = world.an_allocation()
    assert capacity.project is not None
    member = member_of(capacity.project.organization)
    services.close(member, capacity.project.public_id, services.StopFacts("completed"))
    db.session.expire_all()
    assert [row.state for row in (proposal, promised, elsewhere)] == ["superseded", "accepted", "proposed"]


def test_withdrawing_a_capacity_ends_its_open_proposals(app: Flask) -> None:
    capacity = world.a_capacity()
    proposal, other = world.an_allocation(capacity=capacity), world.an_allocation()
    services.withdraw(member_of(capacity.organization), capacity.public_id)
    db.session.expire_all()
    assert (proposal.state, other.state) == ("superseded", "proposed")
