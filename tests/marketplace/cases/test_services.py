"""Households: people, consent, triage, restriction, and the look at personal data."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from marketplace import audit, identity
from marketplace.accounts.services import actor_of
from marketplace.cases import services
from marketplace.cases.models import Case, Person
from marketplace.cases.services import CaseEntry, CaseFilter, ConsentGiven, PersonEntry
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, Role
from marketplace.records import today
from tests.support.world import CANARIES, DAWUKOU, HUINONG, a_case, a_user, in_days

pytestmark = pytest.mark.both_databases

WHOLE_NUMBER = "11010519491231002X"  # the standard's own example


def staff(role: Role = Role.CASEWORKER, region: str = DAWUKOU) -> Actor:
    return actor_of(a_user(role, region=region))


def refusal(function: Any, *arguments: Any) -> set[str]:
    with pytest.raises(InvalidInput) as caught:
        function(*arguments)
    return set(caught.value.fields)


def test_an_identity_number_tells_birth_and_sex() -> None:
    number = identity.read(" 110105 19491231 002x")
    assert (number.text, number.whole, str(number.birth_on), number.sex) == (WHOLE_NUMBER, True, "1949-12-31", "F")
    assert not identity.read("110105194912310021").whole
    assert identity.read("110105194913310021").birth_on is None
    for wrong in ("", "123", "11010519491231002Y", "0" * 18):
        with pytest.raises(ValueError, match="17 digits"):
            identity.read(wrong)


def test_a_case_is_opened_where_its_caseworker_serves(app: Flask) -> None:
    caseworker = staff()
    case = services.open_case(caseworker, CaseEntry(DAWUKOU, CANARIES["summary"]))
    assert (case.colour, case.opened_on, case.restricted) == ("UNRATED", today(), False)
    assert case.number.startswith(f"C-{DAWUKOU}-")
    assert refusal(services.open_case, caseworker, CaseEntry(HUINONG)) == {"region"}
    assert refusal(services.open_case, caseworker, CaseEntry("")) == {"region"}


def test_a_person_is_stored_sealed_and_masked(app: Flask) -> None:
    caseworker, case = staff(), a_case()
    saved = services.add_person(
        caseworker, case.public_id, PersonEntry(name="李小明", id_number=WHOLE_NUMBER, phone="10055556666")
    )
    person = saved.person
    assert (str(person.name), str(person.phone), person.sex) == ("李**", "100****6666", "F")
    assert person.birth_on is not None
    assert person.birth_on.plain() == "1949-12-31"
    assert saved.warnings == ()
    row = db.session.execute(text("SELECT * FROM person WHERE id = :id"), {"id": person.id}).one()
    stored = " ".join(map(str, row))
    assert "李小明" not in stored
    assert WHOLE_NUMBER not in stored


def test_a_wrong_check_digit_warns_and_a_wrong_shape_is_refused(app: Flask) -> None:
    caseworker, case = staff(), a_case()
    saved = services.add_person(caseworker, case.public_id, PersonEntry(name="某人", id_number="110105194912310021"))
    assert len(saved.warnings) == 1
    assert refusal(services.add_person, caseworker, case.public_id, PersonEntry(name="某", id_number="12")) == {
        "id_number"
    }
    assert refusal(services.add_person, caseworker, case.public_id, PersonEntry()) == {"name"}
    assert refusal(services.add_person, caseworker, case.public_id, PersonEntry(name="某", groups=("G-NONLOCAL",))) == {
        "groups"
    }


def test_a_double_record_is_told_only_to_those_who_could_find_it(app: Flask) -> None:
    entry = PersonEntry(name="某人", id_number=WHOLE_NUMBER)
    services.add_person(staff(), a_case().public_id, entry)
    assert len(services.add_person(staff(), a_case().public_id, entry).warnings) == 1
    elsewhere = services.add_person(staff(region=HUINONG), a_case(HUINONG).public_id, entry)
    assert elsewhere.warnings == ()


def test_an_empty_private_value_keeps_what_is_stored(app: Flask) -> None:
    caseworker, case = staff(), a_case()
    person = case.people[0]
    version = person.version
    entry = PersonEntry(relation="spouse", groups=("G-CARER",), phone="10099998888")
    services.edit_person(caseworker, case.public_id, person.public_id, entry, version)
    assert person.name.plain() == CANARIES["name"]
    assert person.phone is not None
    assert person.phone.plain() == "10099998888"
    assert (person.relation, person.groups) == ("spouse", ["G-CARER"])
    assert audit.history("person", person.id)[-1].fields == ["groups", "hukou_region", "phone", "relation"]
    with pytest.raises(StateConflict):
        services.edit_person(caseworker, case.public_id, person.public_id, entry, version)


def test_a_case_edit_names_its_version(app: Flask) -> None:
    caseworker, case = staff(), a_case()
    version = case.version
    services.edit_case(caseworker, case.public_id, CaseEntry(DAWUKOU, opened_on=in_days(-3)), version)
    assert case.summary is not None
    assert (case.opened_on, case.summary.plain()) == (in_days(-3), CANARIES["summary"])
    with pytest.raises(StateConflict):
        services.edit_case(caseworker, case.public_id, CaseEntry(DAWUKOU), version)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (ConsentGiven("publish", "legal_basis", today()), "given_by"),
        (ConsentGiven("share", "neighbour", today()), "given_by"),
        (ConsentGiven("sell", "self", today()), "purpose"),
        (ConsentGiven("share", "self", in_days(1)), "given_on"),
        (ConsentGiven("share", "self", today(), in_days(-1)), "expires_on"),
    ],
)
def test_consents_that_cannot_be(app: Flask, given: ConsentGiven, field: str) -> None:
    assert field in refusal(services.give_consent, staff(), a_case().public_id, given)


def test_a_consent_is_taken_back_once(app: Flask) -> None:
    caseworker, case = staff(), a_case()
    consent = case.consents[0]
    assert consent.lives(today())
    services.withdraw_consent(caseworker, case.public_id, consent.public_id)
    assert not consent.lives(today())
    with pytest.raises(StateConflict):
        services.withdraw_consent(caseworker, case.public_id, consent.public_id)
    with pytest.raises(NotFound):
        services.withdraw_consent(caseworker, case.public_id, "0" * 32)


def test_a_colour_is_set_by_a_rule_of_that_colour(app: Flask) -> None:
    officer, case = staff(Role.OFFICER), a_case()
    services.rate(officer, case.public_id, "RED", "R03")
    services.rate(officer, case.public_id, "BLUE", "OVERRIDE")
    events = [(e.before, e.after, e.reason) for e in audit.history("case", case.id) if e.action == "case:rated"]
    assert events == [("YELLOW", "RED", "R03"), ("RED", "BLUE", "OVERRIDE")]
    assert refusal(services.rate, officer, case.public_id, "BLUE", "R03") == {"rule"}
    assert refusal(services.rate, officer, case.public_id, "GREEN", "R03") == {"colour"}
    assert refusal(services.rate, officer, case.public_id, "RED", "hukou") == {"rule"}
    assert not case.restricted


@pytest.mark.parametrize("rule", ["R05", "R07"])
def test_children_in_danger_and_risk_of_violence_restrict_the_case(app: Flask, rule: str) -> None:
    case = a_case()
    services.rate(staff(), case.public_id, "RED", rule)
    assert case.restricted
    services.restrict(staff(Role.OFFICER), case.public_id, False, "")
    assert not case.restricted
    assert refusal(services.restrict, staff(), case.public_id, True, "R01") == {"rule"}


def test_a_look_at_personal_data_leaves_a_trace_with_its_reason(app: Flask) -> None:
    case = a_case()
    person = case.people[0]
    officer = staff(Role.OFFICER)
    assert refusal(services.reveal_person, officer, case.public_id, person.public_id, "curiosity") == {"reason"}
    _case, _person, plain = services.reveal_person(officer, case.public_id, person.public_id, "visit")
    assert plain["id_number"] == CANARIES["id_number"]
    event = audit.history("person", person.id)[-1]
    assert (event.action, event.reason, event.actor_id) == ("person:reveal", "visit", officer.user_id)
    assert services.reveal_summary(officer, case.public_id, "visit")[1] == {"summary": CANARIES["summary"]}
    shown = services.case_history(case)
    assert len(shown) == 2
    assert all(CANARIES["name"] not in f"{entry.title}{entry.text}{entry.actor}" for entry in shown)


def test_the_household_s_words_are_its_names_numbers_and_streets(app: Flask) -> None:
    case = a_case()
    case.people[0].address = "宁夏回族自治区石嘴山市大武口区演示街道朝阳社区演示路103号"
    db.session.commit()
    words = services.household_words(case)
    assert words.names == {CANARIES["name"]}
    assert words.numbers == {CANARIES["phone"], CANARIES["id_number"]}
    assert words.places == {"演示街道", "朝阳社区", "演示路"}
    assert CANARIES["name"] not in repr(words)


def test_the_list_is_red_first_and_filters(app: Flask) -> None:
    blue, red = a_case(), a_case()
    a_case(HUINONG)
    caseworker = staff()
    services.rate(caseworker, red.public_id, "RED", "R01")
    services.rate(caseworker, blue.public_id, "BLUE", "B01")
    assert [case.id for case in services.work_list(caseworker, CaseFilter(), 1)] == [red.id, blue.id]
    assert [case.id for case in services.work_list(caseworker, CaseFilter(colour="BLUE"), 1)] == [blue.id]
    assert [case.id for case in services.work_list(caseworker, CaseFilter(number=red.number.lower()), 1)] == [red.id]
    assert services.work_list(caseworker, CaseFilter(number="%"), 1).total == 0
    prefecture = staff(region="640200")
    assert services.work_list(prefecture, CaseFilter(), 1).total == 3
    assert services.work_list(prefecture, CaseFilter(region=HUINONG), 1).total == 1


def test_another_region_s_case_looks_absent(app: Flask) -> None:
    case, actor = a_case(HUINONG), staff()
    for attempt in (
        lambda: services.load_case(actor, case.public_id),
        lambda: services.edit_case(actor, case.public_id, CaseEntry(DAWUKOU), 1),
        lambda: services.add_person(actor, case.public_id, PersonEntry(name="某人")),
        lambda: services.give_consent(actor, case.public_id, ConsentGiven("share", "self", today())),
        lambda: services.rate(actor, case.public_id, "RED", "R01"),
        lambda: services.restrict(actor, case.public_id, True, "R05"),
        lambda: services.reveal_person(actor, case.public_id, case.people[0].public_id, "visit"),
        lambda: services.reveal_summary(actor, case.public_id, "visit"),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_a_person_of_another_case_is_not_reached_through_one_s_own(app: Flask) -> None:
    own, other = a_case(), a_case(HUINONG)
    with pytest.raises(NotFound):
        services.load_person(staff(), own.public_id, other.people[0].public_id)


def test_an_officer_rates_and_looks_but_does_not_edit(app: Flask) -> None:
    case, officer = a_case(), staff(Role.OFFICER)
    services.rate(officer, case.public_id, "RED", "R01")
    with pytest.raises(NotFound):
        services.edit_case(officer, case.public_id, CaseEntry(DAWUKOU), case.version)
    assert db.session.query(Case).count() == db.session.query(Person).count() == 1
