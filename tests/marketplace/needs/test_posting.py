"""Posting: what opens at once, what is refused beside its field, and what the case suggests."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from marketplace.cases import services as cases
from marketplace.cases.models import Person
from marketplace.errors import StateConflict
from marketplace.extensions import db
from marketplace.needs import services
from marketplace.needs.models import Need
from marketplace.records import today
from tests.marketplace.needs.people import a_wish_entry, an_entry, refusal, staff
from tests.support.world import DAWUKOU, HUINONG, a_case, a_need, a_wish

pytestmark = [pytest.mark.usefixtures("english"), pytest.mark.both_databases]


@pytest.mark.parametrize("kind", ["goods", "service", "employment", "grant"])
def test_needs_other_than_wishes_open_at_once(app: Flask, kind: str) -> None:
    need = services.post(staff(), an_entry(kind=kind), a_case().public_id, send=True)
    assert (need.state, need.share_consent_on, need.unit) == ("open", today(), "份")


def test_a_need_without_a_case_stays_out_of_runs(app: Flask) -> None:
    assert services.post(staff(), an_entry(), send=True).share_consent_on is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"quantity": 2}, "quantity"),
        ({"value_fen": 50_001}, "value"),
        ({"category": "S0802"}, "category"),  # school-aid grant: money
        ({"title": "王某某的棉鞋"}, "title"),
        ({"region": HUINONG}, "region"),
        ({"deadline": today() - timedelta(days=1)}, "deadline"),
        ({"groups": ("G-NONLOCAL",)}, "groups"),
        ({"requires": ("Q-NONE",)}, "requires"),
        ({"category": "S9999"}, "category"),
        ({"urgency": "green"}, "urgency"),
        ({"kind": "loan"}, "kind"),
    ],
)
def test_a_wish_that_breaks_a_rule_is_refused_beside_its_field(app: Flask, values: dict[str, Any], field: str) -> None:
    assert set(refusal(services.post, staff(), a_wish_entry(**values), send=True)) == {field}
    assert db.session.query(Need).count() == 0


def test_a_title_must_not_repeat_the_household_s_record(app: Flask) -> None:
    case = a_case()
    db.session.add(
        Person(case_id=case.id, relation="child", name="李小明", phone="10055556666", address="大武口区演示东路8号")
    )
    db.session.commit()
    for title in ("李小明的棉鞋", "棉鞋，10055556666", "送到演示东路"):
        assert set(refusal(services.post, staff(), an_entry(title=title), case.public_id, send=True)) == {"title"}


def test_suggestions_follow_the_case_and_a_later_colour_changes_no_need(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    case.people[0].groups = ["G-ELDALONE"]
    db.session.commit()
    cases.rate(caseworker, case.public_id, "RED", "R03")
    suggested = services.suggest(caseworker, case)
    assert (suggested.region, suggested.urgency, suggested.groups) == (DAWUKOU, "red", ("G-ELDALONE",))
    need = services.post(caseworker, an_entry(urgency="red"), case.public_id, send=True)
    cases.rate(caseworker, case.public_id, "BLUE", "B01")
    assert need.urgency == "red"


def test_an_unrated_case_suggests_yellow(app: Flask) -> None:
    caseworker = staff()
    case = cases.open_case(caseworker, cases.CaseEntry(DAWUKOU))
    assert services.suggest(caseworker, case).urgency == "yellow"


def test_an_edit_names_the_version_it_was_made_on(app: Flask) -> None:
    caseworker = staff()
    need = services.post(caseworker, an_entry(), send=False)
    version = need.version
    services.edit(caseworker, need.public_id, an_entry(quantity=3), version, send=False)
    with pytest.raises(StateConflict):
        services.edit(caseworker, need.public_id, an_entry(quantity=4), version, send=False)
    assert need.quantity == 3


def test_a_claimed_wish_and_an_open_need_keep_their_text(app: Flask) -> None:
    wish = a_wish()
    services.take(wish.id, 1)
    for need in (wish, a_need()):
        with pytest.raises(StateConflict):
            services.edit(staff(), need.public_id, a_wish_entry(), need.version, send=False)
