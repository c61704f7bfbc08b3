"""A need posted on its own finds its household's case, and rests on its consents from then on."""

import pytest
from flask import Flask

from marketplace import audit
from marketplace.cases.models import Case
from marketplace.errors import NotFound, StateConflict
from marketplace.extensions import db
from marketplace.needs import services
from marketplace.needs.models import Need
from marketplace.permissions import Role
from marketplace.records import today
from tests.marketplace.needs.people import a_wish_entry, an_entry, refusal, somebody_aged, staff
from tests.support.client import Browser
from tests.support.world import HUINONG, a_case, a_need, a_team_member, a_user

pytestmark = pytest.mark.usefixtures("english")


def alone(**values: object) -> Need:
    """An open need that nobody entered with a case."""
    return services.post(staff(), an_entry(**values), send=True)


@pytest.mark.both_databases
def test_the_consent_of_the_case_becomes_the_need_s(app: Flask) -> None:
    case, need = a_case(), alone()
    assert need.share_consent_on is None
    services.attach(staff(), need.public_id, f" {case.number.lower()} ")
    db.session.expire_all()
    assert (need.case_id, need.share_consent_on, need.consent_by) == (case.id, today(), "self")
    assert "need:attached" in [event.action for event in audit.history("need", need.id)]


@pytest.mark.both_databases
def test_a_wish_posted_alone_is_published_once_it_has_a_case(app: Flask) -> None:
    case, wish = a_case(), services.post(staff(), a_wish_entry(), send=True)
    services.attach(staff(), wish.public_id, case.number)
    services.approve(staff(Role.COORDINATOR), wish.public_id)
    assert wish.is_public


def test_only_a_need_without_case_and_consent_is_added_to_one(app: Flask) -> None:
    case = a_case()
    with_case = a_need()
    from_a_file = a_need(case_id=None)
    withdrawn = alone()
    services.withdraw(staff(), withdrawn.public_id, "not_needed")
    for need in (with_case, from_a_file, withdrawn):
        before = need.case_id
        with pytest.raises(StateConflict, match="no case yet"):
            services.attach(staff(), need.public_id, case.number)
        assert need.case_id == before


def test_cases_of_others_are_not_found_by_number(app: Flask) -> None:
    need = alone()
    hidden = (a_case(HUINONG), a_case(restricted=True))
    lead_it(hidden[1])
    for number in (*(case.number for case in hidden), "C-0", ""):
        assert set(refusal(services.attach, staff(), need.public_id, number)) == {"number"}
    with pytest.raises(NotFound):
        services.attach(staff(region=HUINONG), need.public_id, hidden[0].number)
    assert need.case_id is None


def lead_it(case: Case) -> None:
    """A care team that is led keeps others out."""
    for role, position in ((Role.CASEWORKER, "social_worker"), (Role.OFFICER, "officer")):
        a_team_member(case, a_user(role), position=position)


def test_a_text_that_names_somebody_of_the_household_stays_out(app: Flask) -> None:
    case, need = a_case(), alone(title="给岁岁平的两套冬衣")
    somebody_aged(case, 40)
    assert "post it from the case" in str(refusal(services.attach, staff(), need.public_id, case.number)["number"])
    assert need.case_id is None


def test_the_page_of_a_need_asks_for_the_case(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    client.submit("/account/locale", {"locale": "en"})
    case, need = a_case(), alone()
    page = f"/needs/{need.public_id}"
    assert "Add it to the household" in client.get(page).get_data(as_text=True)
    refused = client.submit(f"{page}/attach", {"number": "C-0"})
    assert (refused.status_code, "You keep no case of this number" in refused.get_data(as_text=True)) == (422, True)
    assert client.submit(f"{page}/attach", {"number": case.number}).status_code == 303
    shown = client.get(page).get_data(as_text=True)
    assert case.number in shown
    assert f"{page}/attach" not in shown
