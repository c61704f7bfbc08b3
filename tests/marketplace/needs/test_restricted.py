"""Needs of restricted cases (R05, R07) appear nowhere but to their care team."""

import pytest
from flask import Flask

from marketplace.cases import services as cases
from marketplace.errors import InvalidInput, NotFound
from marketplace.needs import services
from marketplace.needs.services import NeedFilter
from marketplace.permissions import ANYONE, Role
from tests.marketplace.needs.people import a_wish_entry, staff
from tests.support.world import a_case, a_wish

pytestmark = pytest.mark.usefixtures("english")


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
