"""A service package adds its needs to a case in one step, and together they are matched together."""

import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.cases.models import Case, Person
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.needs.services import packages
from marketplace.permissions import Actor, Role
from marketplace.records import today
from tests.support import world
from tests.support.client import Browser

pytestmark = pytest.mark.both_databases


def caseworker(region: str = world.DAWUKOU) -> Actor:
    return actor_of(world.a_user(Role.CASEWORKER, region=region))


def needs_of(case: Case) -> list[Need]:
    db.session.rollback()
    return list(db.session.scalars(select(Need).where(Need.case_id == case.id).order_by(Need.id)))


def test_one_step_adds_every_need_of_a_package(app: Flask) -> None:
    case, package = world.a_case(), world.a_package()
    packages.apply_package(caseworker(), case.public_id, package.public_id, urgency="red")
    nursing, meals = needs_of(case)
    assert (nursing.title, nursing.quantity, nursing.requires) == ("每周居家基础护理", 4, ["Q-NURSE"])
    assert (meals.category, meals.quantity, meals.deadline) == ("S0301", 30, None)
    assert nursing.deadline == today() + timedelta(days=30)
    assert {need.state for need in (nursing, meals)} == {"open"}
    assert {need.urgency for need in (nursing, meals)} == {"red"}
    assert nursing.bundle == meals.bundle is not None
    assert {need.share_consent_on for need in (nursing, meals)} == {today()}
    assert audit.history("case", case.id)[-1].action == "case:package_applied"


def test_each_time_is_a_bundle_of_its_own(app: Flask) -> None:
    package, actor = world.a_package(), caseworker()
    cases = [world.a_case(), world.a_case()]
    for case in cases:
        packages.apply_package(actor, case.public_id, package.public_id, urgency="yellow")
    bundles = {need.bundle for case in cases for need in needs_of(case)}
    assert len(bundles) == 2


def test_a_package_in_parts_has_no_bundle(app: Flask) -> None:
    case, package = world.a_case(), world.a_package(together=False)
    packages.apply_package(caseworker(), case.public_id, package.public_id, urgency="blue")
    assert {need.bundle for need in needs_of(case)} == {None}


def test_lines_are_left_out_on_purpose(app: Flask) -> None:
    case, package, actor = world.a_case(), world.a_package(), caseworker()
    with pytest.raises(InvalidInput):
        packages.apply_package(actor, case.public_id, package.public_id, urgency="red", positions=frozenset())
    packages.apply_package(actor, case.public_id, package.public_id, urgency="red", positions=frozenset({2}))
    [meals] = needs_of(case)
    assert (meals.category, meals.bundle) == ("S0301", None)


def test_similar_needs_are_looked_at_first(app: Flask) -> None:
    case, package, actor = world.a_case(), world.a_package(), caseworker()
    world.a_need(case, category="S0301", title="午餐", kind="service")
    assert [need.title for need in packages.preview(actor, case.public_id, package.public_id).similar] == ["午餐"]
    with pytest.raises(InvalidInput):
        packages.apply_package(actor, case.public_id, package.public_id, urgency="red")
    assert len(needs_of(case)) == 1  # all of it, or nothing
    packages.apply_package(actor, case.public_id, package.public_id, urgency="red", anyway=True)
    assert len(needs_of(case)) == 3


def test_all_or_nothing_when_a_line_cannot_be(app: Flask) -> None:
    case, package = world.a_case(), world.a_package()
    person = db.session.scalars(select(Person).where(Person.case_id == case.id)).one()
    person.name = "金善本"
    package.items[1].title = "送给金善本"  # the household's own name, which no screening knew before
    db.session.commit()
    with pytest.raises(InvalidInput):
        packages.apply_package(caseworker(), case.public_id, package.public_id, urgency="red")
    assert needs_of(case) == []


def test_only_where_the_alliance_works_and_the_case_is_one_s_own(app: Flask) -> None:
    case, elsewhere = world.a_case(), world.a_case(world.HUINONG)
    package, withdrawn = world.a_package(), world.a_package(offered=False)
    regional = world.a_package(world.an_alliance("640000"))
    actor = caseworker()
    assert {found.id for found in packages.choice(actor, case.public_id).others} == {package.id, regional.id}
    for case_id, package_id in (
        (elsewhere.public_id, package.public_id),
        (case.public_id, withdrawn.public_id),
        (case.public_id, world.a_package(world.an_alliance(world.HUINONG)).public_id),
    ):
        with pytest.raises(NotFound):
            packages.apply_package(actor, case_id, package_id, urgency="red")


def test_packages_for_the_household_s_groups_come_first(app: Flask) -> None:
    case, package = world.a_case(), world.a_package()
    other = world.a_package(audience="G-HARDCHILD")
    person = db.session.scalars(select(Person).where(Person.case_id == case.id)).one()
    person.groups = ["G-ELDUNABLE"]
    db.session.commit()
    found = packages.choice(caseworker(), case.public_id)
    assert ([row.id for row in found.suiting], [row.id for row in found.others]) == ([package.id], [other.id])


def test_what_was_added_by_mistake_is_withdrawn_in_one_step(app: Flask) -> None:
    actor, case, package = caseworker(), world.a_case(), world.a_package()
    made = packages.apply_package(actor, case.public_id, package.public_id, urgency="red")
    ids = [need.public_id for need in made]
    other = world.a_need().public_id
    for wrong in ([*ids, other], [other], ["nothing"]):
        with pytest.raises(NotFound):
            packages.take_back(actor, case.public_id, wrong)
    with pytest.raises(NotFound):
        packages.take_back(caseworker(world.HUINONG), case.public_id, ids)
    with pytest.raises(InvalidInput):
        packages.take_back(actor, case.public_id, [])
    assert {need.state for need in needs_of(case)} == {"open"}
    assert packages.take_back(actor, case.public_id, ids) == 2
    assert {need.closing for need in needs_of(case)} == {"withdrawn"}
    assert packages.preview(actor, case.public_id, package.public_id).similar == []


def test_nothing_is_taken_back_once_help_for_a_part_is_on_its_way(app: Flask) -> None:
    actor, case, package = caseworker(), world.a_case(), world.a_package()
    made = packages.apply_package(actor, case.public_id, package.public_id, urgency="red")
    world.an_allocation(made[1], state="accepted")
    ids = [need.public_id for need in made]
    with pytest.raises(StateConflict):
        packages.take_back(actor, case.public_id, ids)
    assert {need.state for need in needs_of(case)} == {"open"}


def test_the_page_offers_to_take_a_package_back(app: Flask, client: Browser) -> None:
    case, package = world.a_case(), world.a_package()
    client.sign_in(world.a_user(Role.CASEWORKER))
    client.submit(f"/cases/{case.public_id}/packages/{package.public_id}", {"urgency": "red", "lines": ["1", "2"]})
    shown = client.get(f"/cases/{case.public_id}").get_data(as_text=True)
    [undo] = re.findall(r'action="([^"]*take-back[^"]*)"', shown)
    assert client.submit(unescape(undo)).status_code == 303
    assert {need.closing for need in needs_of(case)} == {"withdrawn"}


def test_a_caseworker_applies_a_package_from_the_case(app: Flask, client: Browser) -> None:
    case, package = world.a_case(), world.a_package()
    client.sign_in(world.a_user(Role.CASEWORKER))
    start = f"/cases/{case.public_id}/packages"
    assert start in client.get(f"/cases/{case.public_id}").get_data(as_text=True)
    page = f"{start}/{package.public_id}"
    assert page in client.get(start).get_data(as_text=True)
    assert "每日午餐送到家" in client.get(page).get_data(as_text=True)
    for shown in (start, page, f"/alliances/{package.alliance.slug}"):
        assert "30 餐" in client.get(shown).get_data(as_text=True)
    assert client.submit(page, {"urgency": "red"}).status_code == 422
    sent = client.submit(page, {"urgency": "red", "lines": ["1", "2"]})
    assert (sent.status_code, sent.location) == (303, f"/cases/{case.public_id}")
    again = client.submit(page, {"urgency": "red", "lines": ["1", "2"]})
    assert again.status_code == 422
    assert 'name="anyway"' in again.get_data(as_text=True)
    assert client.submit(page, {"urgency": "red", "lines": ["1"], "anyway": "y"}).status_code == 303
    assert len(needs_of(case)) == 3
    client.sign_in(world.a_user(Role.COORDINATOR))
    assert client.get(start).status_code == 403
