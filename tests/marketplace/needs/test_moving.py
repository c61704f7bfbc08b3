"""A household that moves to another county takes along what it still needs."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from marketplace import audit
from marketplace.cases import services as cases
from marketplace.cases.models import Case
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.needs import services
from tests.marketplace.needs.people import an_entry, staff
from tests.support.world import DAWUKOU, HUINONG, XINGQING, a_case, a_need, a_wish

pytestmark = pytest.mark.usefixtures("english")
PREFECTURE = "640200"


def move_to(case: Case, region: str) -> None:
    cases.edit_case(staff(region=PREFECTURE), case.public_id, cases.CaseEntry(region), case.version)


def test_what_waits_goes_along_and_what_is_closed_stays(app: Flask) -> None:
    case = a_case()
    need, wish = a_need(case, latitude=39.02, longitude=106.37), a_wish(case)
    draft = services.save_draft(staff(), an_entry(category="S0301"), case.public_id)
    closed, elsewhere = a_need(case, state="closed", closing="fulfilled"), a_need(case, region=XINGQING)
    move_to(case, HUINONG)
    assert {row.region for row in (need, wish, draft)} == {HUINONG}
    assert (need.latitude, closed.region, elsewhere.region) == (None, DAWUKOU, XINGQING)
    moved = audit.history("need", need.id)[-1]
    assert (moved.action, moved.chain, moved.reason) == ("need:moved", HUINONG, f"from {DAWUKOU}")
    assert audit.verify() == []


def test_help_on_its_way_keeps_the_household_and_is_named(app: Flask) -> None:
    case = a_case()
    served, waiting = a_need(case), a_need(case)
    services.take(served.id, 1)
    with pytest.raises(InvalidInput, match=served.reference) as refused:
        move_to(case, HUINONG)
    assert set(refused.value.fields) == {"region"}
    db.session.expire_all()
    assert (case.region, waiting.region) == (DAWUKOU, DAWUKOU)


def test_an_edit_that_moves_nobody_touches_no_need(app: Flask) -> None:
    case = a_case()
    need = a_need(case)
    services.take(need.id, 1)
    version = need.version
    move_to(case, DAWUKOU)
    assert need.version == version


def test_a_need_taken_while_its_household_moves_is_in_one_county_with_its_counter(app: Flask) -> None:
    case, actor = a_case(), staff(region=PREFECTURE)
    need = a_need(case, quantity=1)
    case_id, need_id, version = case.public_id, need.id, case.version
    db.session.rollback()

    def move() -> bool:
        with app.app_context():
            try:
                cases.edit_case(actor, case_id, cases.CaseEntry(HUINONG), version)
            except InvalidInput:
                return False
            return True

    def take() -> bool:
        with app.app_context():
            try:
                services.take(need_id, 1)
            except StateConflict:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        moved, taken = pool.submit(move), pool.submit(take)
    assert taken.result()
    db.session.expire_all()
    assert need.region == case.region == (HUINONG if moved.result() else DAWUKOU)
