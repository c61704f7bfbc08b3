"""A household's similar needs of the last 30 days are shown before another is posted."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from marketplace import audit
from marketplace.extensions import db
from marketplace.needs import services
from marketplace.needs.models import Need
from marketplace.permissions import Role
from tests.marketplace.needs.people import a_wish_entry, an_entry, staff
from tests.support.client import Browser
from tests.support.world import DAWUKOU, a_case, a_need, a_user, in_days

pytestmark = [pytest.mark.usefixtures("english"), pytest.mark.both_databases]


def test_a_second_need_of_the_kind_stays_a_draft_until_sent_anyway(app: Flask) -> None:
    case, actor = a_case(), staff()
    first = a_need(case)
    second = services.post(actor, an_entry(), case.public_id, send=True)
    assert second.state == "draft"
    assert services.similar_needs(second) == [first]
    assert services.send(actor, second.public_id).state == "draft"
    assert services.send(actor, second.public_id, anyway=True).state == "open"
    told = [event.reason for event in audit.history("need", second.id) if event.action == "need:posted_anyway"]
    assert told == ["similar:1"]


@pytest.mark.parametrize(
    "earlier",
    [
        {"category": "S0301"},
        {"posted_on": in_days(-31)},
        {"state": "draft"},
        {"state": "closed", "closing": "withdrawn"},
    ],
)
def test_what_is_not_similar_holds_nothing_up(app: Flask, earlier: dict[str, Any]) -> None:
    case = a_case()
    a_need(case, **earlier)
    a_need(a_case())
    assert services.post(staff(), an_entry(), case.public_id, send=True).state == "open"


@pytest.mark.parametrize("earlier", [{"posted_on": in_days(-30)}, {"state": "closed", "closing": "fulfilled"}])
def test_a_need_of_thirty_days_ago_and_a_closed_one_are_similar(app: Flask, earlier: dict[str, Any]) -> None:
    case = a_case()
    a_need(case, **earlier)
    assert services.post(staff(), a_wish_entry(), case.public_id, send=True).state == "draft"


def test_a_need_without_a_household_has_none_like_it(app: Flask) -> None:
    actor = staff()
    assert {services.post(actor, an_entry(), send=True).state for _place in range(2)} == {"open"}


def test_of_drafts_sent_at_once_only_one_goes_without_a_word(app: Flask) -> None:
    case, actor = a_case(), staff()
    drafts = [services.post(actor, an_entry(), case.public_id, send=False).public_id for _place in range(5)]
    db.session.rollback()

    def send(public_id: str) -> str:
        with app.app_context():
            return services.send(actor, public_id).state

    with ThreadPoolExecutor(5) as pool:
        states = sorted(pool.map(send, drafts))
    assert states == ["draft"] * 4 + ["open"]


def test_the_page_lists_the_earlier_ones_and_posts_anyway(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    case = a_case()
    first = a_need(case, title="两套冬衣")
    form = {
        "case": case.public_id, "kind": "goods", "category": "S1102", "title": "再要两套冬衣", "quantity": "2",
        "urgency": "blue", "region": DAWUKOU, "send": "1",
    }  # fmt: skip
    answer = client.submit("/needs/new", form)
    second = db.session.query(Need).filter(Need.id != first.id).one()
    assert answer.location == f"/needs/{second.public_id}/similar"
    page = client.get(answer.location).get_data(as_text=True)
    assert f'href="/needs/{first.public_id}"' in page
    assert client.submit(f"/needs/{second.public_id}/send").location == f"/needs/{second.public_id}/similar"
    assert client.submit(f"/needs/{second.public_id}/send", {"anyway": "1"}).status_code == 303
    db.session.expire_all()
    assert second.state == "open"
    assert client.get(f"/needs/{second.public_id}/similar").status_code == 303
