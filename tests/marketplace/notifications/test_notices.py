"""Who is told what, once, and only when it really happened."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import audit, events
from marketplace.accounts.services import actor_of
from marketplace.extensions import db
from marketplace.notifications import services
from marketplace.notifications.models import Notification
from marketplace.notifications.rules import RULES, USUAL_MAIL
from marketplace.organizations import services as organizations
from marketplace.permissions import Role, system_actor
from marketplace.records import now
from marketplace.transitions import move, transaction
from tests.support import world

ROBOT = system_actor("test")


def notices(user: Any) -> list[tuple[str, str]]:
    query = select(Notification).where(Notification.user_id == user.id).order_by(Notification.id)
    return [(notice.event, notice.about) for notice in db.session.scalars(query)]


def test_the_author_hears_that_a_supplier_accepted(app: Flask) -> None:
    author, other = world.a_user(Role.CASEWORKER), world.a_user(Role.CASEWORKER)
    need = world.a_need(author=f"user:{author.id}")
    allocation = world.an_allocation(need)
    with transaction():
        move(ROBOT, allocation, expect="proposed", to="accepted")
    assert notices(author) == [("allocation:accepted", need.reference)]
    assert notices(other) == []


@pytest.mark.parametrize("to", ["accepted", "declined"])
def test_whoever_asked_the_supplier_hears_the_answer(app: Flask, to: str) -> None:
    linked, asked, run = world.a_user(Role.COORDINATOR), world.a_user(Role.COORDINATOR), world.a_user(Role.COORDINATOR)
    need = world.a_need()
    by_link, by_hand = world.an_allocation(need), world.an_allocation(need, source="manual")
    of_run = world.an_allocation(need)
    audit.record(actor_of(linked), "allocation:link_made", by_link)
    for proposal, user in ((by_hand, asked), (of_run, run)):
        audit.record(actor_of(user), "allocation:proposed", proposal)
    db.session.commit()
    for proposal in (by_link, by_hand, of_run):
        with transaction():
            move(ROBOT, proposal, expect="proposed", to=to, decline_reason="timing" if to == "declined" else None)
    told = [(f"allocation:{to}", need.reference)]
    assert (notices(linked), notices(asked), notices(run)) == (told, told, [])


def delivered(need: Any) -> tuple[str, str]:
    allocation = world.an_allocation(need, state="accepted")
    with transaction():
        move(ROBOT, allocation, expect="accepted", to="delivered", delivered_at=now())
    return "allocation:delivered", need.reference


def test_somebody_hears_that_help_waits_for_confirmation_whoever_posted_the_need(app: Flask) -> None:
    author, gone = world.a_user(Role.CASEWORKER), world.a_user(Role.CASEWORKER)
    gone.active = False
    lead, elsewhere = world.a_user(Role.CASEWORKER), world.a_user(Role.CASEWORKER, region=world.HUINONG)
    case = world.a_case()
    world.a_team_member(case, lead, "social_worker")
    told = delivered(world.a_need(author=f"user:{author.id}"))
    imported, left = (delivered(world.a_need(author=key)) for key in ("system:import", f"user:{gone.id}"))
    cared_for = delivered(world.a_need(case, author="system:import"))
    assert notices(author) == [told, imported, left]
    assert notices(lead) == [imported, left, cared_for]
    assert notices(gone) == notices(elsewhere) == []


def test_of_a_restricted_case_its_team_alone_hears(app: Flask) -> None:
    case = world.a_case(restricted=True)
    lead, other = world.a_user(Role.CASEWORKER), world.a_user(Role.CASEWORKER)
    without = delivered(world.a_need(case, author="system:import"))
    world.a_team_member(case, lead, "social_worker")
    within = delivered(world.a_need(case, author="system:import"))
    assert without != within
    assert (notices(lead), notices(other)) == ([within], [])


def test_a_rollback_tells_nobody(app: Flask) -> None:
    author = world.a_user(Role.CASEWORKER)
    allocation = world.an_allocation(world.a_need(author=f"user:{author.id}"))

    def fail() -> None:
        with transaction():
            move(ROBOT, allocation, expect="proposed", to="accepted")
            raise ZeroDivisionError

    for _attempt in range(20):
        with pytest.raises(ZeroDivisionError):
            fail()
    assert notices(author) == []


def test_nobody_is_told_what_they_did_themselves(app: Flask) -> None:
    organization = world.an_organization(state="registered")
    mine, theirs = (world.a_user(organization=organization) for _index in range(2))
    with transaction():
        move(actor_of(mine), organization, expect="registered", to="verified")
    assert notices(mine) == []
    assert notices(theirs) == [("organization:verified", organization.name)]


def test_members_hear_of_a_suspension_as_coordinators_do(app: Flask) -> None:
    organization = world.an_organization()
    member, stranger = world.a_user(organization=organization), world.a_user(organization=world.an_organization())
    coordinator = world.a_user(Role.COORDINATOR)
    officer = actor_of(world.a_user(Role.OFFICER))
    organizations.suspend(officer, organization.public_id, "年检未通过")
    organizations.reinstate(officer, organization.public_id)
    assert notices(coordinator) == [("organization:suspended", organization.name)]
    told = ("organization:stopped", "organization:reinstated")
    assert notices(member) == [(event, organization.name) for event in told]
    assert notices(stranger) == []


def test_the_same_happening_is_told_once(app: Flask) -> None:
    member = world.a_user(organization=(organization := world.an_organization()))
    with transaction():
        for _repeat in range(3):
            events.happened.send("organization:verified", row=organization, actor=ROBOT)
    assert len(notices(member)) == 1


def test_a_run_tells_each_supplier_once_with_the_number(app: Flask) -> None:
    run = world.a_run(state="running")
    capacity = world.a_capacity()
    member = world.a_user(organization=capacity.organization)
    for _index in range(5):
        world.an_allocation(capacity=capacity, run_id=run.id)
    with transaction():
        move(ROBOT, run, expect="running", to="done")
    (notice,) = db.session.scalars(select(Notification).where(Notification.user_id == member.id))
    assert (notice.event, notice.count) == ("proposals:gathered", 5)


def test_the_nearest_staff_is_told(app: Flask) -> None:
    county = world.a_user(Role.OFFICER, region=world.DAWUKOU)
    prefecture = world.a_user(Role.OFFICER, region="640200")
    elsewhere = world.a_user(Role.OFFICER, region=world.XINGQING)
    project = world.a_project(state="draft")
    with transaction():
        move(ROBOT, project, expect="draft", to="submitted")
    assert [bool(notices(user)) for user in (county, prefecture, elsewhere)] == [True, False, False]


def test_where_a_county_has_no_staff_the_prefecture_is_told(app: Flask) -> None:
    prefecture = world.a_user(Role.OFFICER, region="640200")
    project = world.a_project(state="draft")
    with transaction():
        move(ROBOT, project, expect="draft", to="submitted")
    assert notices(prefecture) == [("project:submitted", project.title)]


def test_a_closed_account_is_told_nothing(app: Flask) -> None:
    member = world.a_user(organization=(organization := world.an_organization(state="registered")))
    member.active = False
    db.session.commit()
    with transaction():
        move(ROBOT, organization, expect="registered", to="verified")
    assert notices(member) == []


def test_another_ones_notice_looks_absent(app: Flask) -> None:
    author, other = world.a_user(Role.CASEWORKER), world.a_user(Role.CASEWORKER)
    allocation = world.an_allocation(world.a_need(author=f"user:{author.id}"))
    with transaction():
        move(ROBOT, allocation, expect="proposed", to="accepted")
    (notice,) = db.session.scalars(select(Notification))
    with pytest.raises(services.NotFound):
        services.mark_read(actor_of(other), notice.public_id)
    assert services.unread_count(actor_of(author)) == 1
    services.mark_read(actor_of(author), notice.public_id)
    assert services.unread_count(actor_of(author)) == 0


def test_every_rule_has_words_in_which_the_record_is_named() -> None:
    for rule in RULES.values():
        assert "%(about)s" in str(rule.text)
        assert rule.topic in USUAL_MAIL
