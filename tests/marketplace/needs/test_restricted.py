"""Needs of restricted cases (R05, R07) appear nowhere but to their care team."""

from typing import Any

import pytest
from flask import Flask

from marketplace.accounts.services import actor_of
from marketplace.cases import services as cases
from marketplace.cases.models import Case
from marketplace.errors import InvalidInput, NotFound
from marketplace.needs import services
from marketplace.needs.models import Need
from marketplace.needs.services import ANY_STATE, NeedFilter
from marketplace.permissions import ANYONE, Role
from tests.marketplace.needs.people import a_wish_entry, staff
from tests.support.client import Browser
from tests.support.world import a_case, a_need, a_team_member, a_user, a_wish

pytestmark = [pytest.mark.usefixtures("english"), pytest.mark.both_databases]


def test_needs_of_restricted_cases_are_in_no_public_list_and_no_coordinator_s(app: Flask) -> None:
    case, caseworker, other = a_case(), staff(), a_wish()
    wish = a_wish(case)
    cases.restrict(caseworker, case.public_id, True, "R05")
    assert [card.public_id for card in services.newest_wishes(5)] == [other.public_id]
    assert services.similar_wishes(other) == []
    assert services.board(ANYONE, services.BoardFilter(), 1).total == 1
    with pytest.raises(NotFound):
        services.wish_page(ANYONE, wish.public_id)
    for role in (Role.COORDINATOR, Role.AUDITOR):
        actor = staff(role)
        assert [need.id for need in services.work_list(actor, NeedFilter(), 1)] == [other.id]
        with pytest.raises(NotFound):
            services.load_need(actor, wish.public_id)
    assert services.load_need(caseworker, wish.public_id) is wish
    cases.restrict(caseworker, case.public_id, False, "")
    assert services.wish_page(ANYONE, wish.public_id).card.claimable


def test_a_wish_of_a_restricted_case_cannot_be_approved(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    wish = services.post(caseworker, a_wish_entry(), case.public_id, send=True)
    cases.restrict(caseworker, case.public_id, True, "R07")
    with pytest.raises(InvalidInput, match="restricted"):
        services.approve(staff(), wish.public_id)


def _restricted(**values: Any) -> tuple[Case, Need]:
    """A restricted case with both leads named, and its open need."""
    case = a_case(restricted=True, **values)
    a_team_member(case, position="social_worker")
    a_team_member(case, a_user(Role.OFFICER, region=case.region), "officer")
    return case, a_need(case)


def test_a_restricted_need_is_in_no_list_not_even_the_team_s_work_list(app: Flask) -> None:
    case, need = _restricted()
    member = actor_of(case.team[0].user)
    assert services.work_list(member, NeedFilter(state=ANY_STATE), 1).items == []
    assert services.state_counts(member) == {}
    assert services.load_need(member, need.public_id).id == need.id


def test_only_the_team_opens_a_restricted_case_and_its_needs(app: Flask) -> None:
    case, need = _restricted()
    for role in (Role.CASEWORKER, Role.OFFICER):
        outsider = staff(role)
        with pytest.raises(NotFound):
            services.load_need(outsider, need.public_id)
        with pytest.raises(NotFound):
            cases.load_case(outsider, case.public_id)
        assert cases.work_list(outsider, cases.CaseFilter(), 1).items == []
    for role in (Role.COORDINATOR, Role.AUDITOR, Role.ADMINISTRATOR):
        with pytest.raises(NotFound):
            services.load_need(staff(role), need.public_id)


def test_a_coordinator_of_the_team_sees_the_need(app: Flask) -> None:
    case, need = _restricted()
    coordinator = a_user(Role.COORDINATOR)
    a_team_member(case, coordinator, "coordinator")
    actor = actor_of(coordinator)
    assert services.load_need(actor, need.public_id).id == need.id
    assert [row.id for row in cases.team_cases(actor, 1).items] == [case.id]


def test_without_leads_those_whose_work_it_is_may_take_it_on(app: Flask) -> None:
    need = a_need(a_case(restricted=True))
    assert services.load_need(staff(), need.public_id).id == need.id
    with pytest.raises(NotFound):
        services.load_need(staff(Role.COORDINATOR), need.public_id)


def test_the_page_of_care_teams_is_the_one_list_that_shows_it(app: Flask, client: Browser) -> None:
    case, need = _restricted()
    client.sign_in(case.team[0].user)
    assert f"/needs/{need.public_id}" in client.get("/cases/care").get_data(as_text=True)
    for path in ("/needs", "/needs?state=any", "/search?q=冬衣&kind=need"):
        assert need.public_id not in client.get(path).get_data(as_text=True)
    client.sign_in(a_user(Role.CASEWORKER))
    assert need.public_id not in client.get("/cases/care").get_data(as_text=True)
    assert client.get(f"/needs/{need.public_id}").status_code == 404
