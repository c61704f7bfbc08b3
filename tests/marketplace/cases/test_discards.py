"""Cases and people put away by mistake or on purpose, and taken back."""

import pytest
from flask import Flask

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.cases import services
from marketplace.cases.services import CaseEntry, CaseFilter, ConsentGiven, PersonEntry
from marketplace.errors import NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, Role
from marketplace.records import today
from tests.support.client import Browser
from tests.support.world import DAWUKOU, HUINONG, a_case, a_need, a_user

pytestmark = pytest.mark.both_databases


def caseworker(region: str = DAWUKOU) -> Actor:
    return actor_of(a_user(Role.CASEWORKER, region=region))


def test_a_case_opened_by_mistake_is_gone_until_it_is_taken_back(app: Flask) -> None:
    actor = caseworker()
    case = services.open_case(actor, CaseEntry(DAWUKOU))
    services.discard_case(actor, case.public_id)
    db.session.expire_all()
    assert services.work_list(actor, CaseFilter(), 1).items == []
    with pytest.raises(NotFound):
        services.load_case(actor, case.public_id)
    assert [row.number for row in services.discarded_cases(actor, 1).items] == [case.number]
    services.restore_case(actor, case.public_id)
    assert services.load_case(actor, case.public_id).id == case.id
    actions = [event.action for event in audit.history("case", case.id)]
    assert actions == ["case:created", "case:discarded", "case:restored"]
    with pytest.raises(StateConflict):
        services.restore_case(actor, case.public_id)


def test_a_case_with_needs_stays_and_says_which(app: Flask) -> None:
    need = a_need()
    assert need.case
    with pytest.raises(StateConflict, match=need.reference):
        services.discard_case(caseworker(), need.case.public_id)
    assert need.case.discarded_at is None


def test_a_person_is_put_away_and_taken_back(app: Flask) -> None:
    actor, case = caseworker(), a_case()
    person = case.people[0]
    services.discard_person(actor, case.public_id, person.public_id)
    assert case.people == []
    with pytest.raises(NotFound):
        services.load_person(actor, case.public_id, person.public_id)
    assert [row.id for row in services.discarded_people(case)] == [person.id]
    services.restore_person(actor, case.public_id, person.public_id)
    assert [row.id for row in case.people] == [person.id]
    with pytest.raises(StateConflict):
        services.restore_person(actor, case.public_id, person.public_id)
    assert [entry.icon for entry in services.case_history(case)][:2] == ["arrow-back-up", "trash"]


def test_a_person_whom_a_need_or_a_consent_is_about_stays(app: Flask) -> None:
    actor, case = caseworker(), a_case()
    person = services.add_person(actor, case.public_id, PersonEntry(name="张山")).person
    need = a_need(case, person_id=person.id)
    with pytest.raises(StateConflict, match=need.reference):
        services.discard_person(actor, case.public_id, person.public_id)
    need.person_id = None
    db.session.commit()
    given = ConsentGiven("share", "self", today(), person=person.public_id)
    consent = services.give_consent(actor, case.public_id, given)
    with pytest.raises(StateConflict):
        services.discard_person(actor, case.public_id, person.public_id)
    services.withdraw_consent(actor, case.public_id, consent.public_id)
    services.discard_person(actor, case.public_id, person.public_id)
    assert person.discarded_at is not None


def test_another_region_s_records_look_absent(app: Flask) -> None:
    actor, case = caseworker(), a_case(HUINONG)
    for act in (services.discard_case, services.restore_case):
        with pytest.raises(NotFound):
            act(actor, case.public_id)
    for act in (services.discard_person, services.restore_person):
        with pytest.raises(NotFound):
            act(actor, case.public_id, case.people[0].public_id)


def test_by_hand_with_undo(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    case = a_case()
    person = case.people[0]
    address = f"/cases/{case.public_id}"
    assert client.submit(f"{address}/people/{person.public_id}/discard").status_code == 303
    assert f"{address}/people/{person.public_id}/restore" in client.get(address).get_data(as_text=True)
    assert client.submit(f"{address}/people/{person.public_id}/restore").status_code == 303
    assert client.submit(f"{address}/discard").location == "/cases/put-away"
    assert client.get(address).status_code == 404
    assert f"{address}/restore" in client.get("/cases/put-away").get_data(as_text=True)
    assert client.submit(f"{address}/restore").status_code == 303
    assert client.get(address).status_code == 200
