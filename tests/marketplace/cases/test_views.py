"""Pages of cases as caseworkers and officers meet them."""

import re

from flask import Flask

from marketplace.cases.models import Case, Consent, Person
from marketplace.extensions import db
from marketplace.permissions import Role
from marketplace.records import today
from tests.support.canary import CanaryWatch
from tests.support.client import Browser
from tests.support.world import CANARIES, DAWUKOU, HUINONG, a_case, a_need, a_user, save


def text_of(client: Browser, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, path
    return answer.get_data(as_text=True)


def test_a_household_is_taken_up_from_nothing(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    assert "empty-state" in text_of(client, "/cases")
    answer = client.submit("/cases/new", {"region": DAWUKOU, "summary": CANARIES["summary"]})
    assert answer.status_code == 303
    case = db.session.query(Case).one()
    page = f"/cases/{case.public_id}"
    form = {
        "name": CANARIES["name"], "id_number": CANARIES["id_number"], "phone": CANARIES["phone"],
        "address": CANARIES["address"], "relation": "self", "tier": "T-DIBAO", "groups": ["G-ELDALONE", "G-ILL"],
        "hukou_region": "620000", "birth_on": "1950-01-01", "sex": "F",
    }  # fmt: skip
    assert client.submit(f"{page}/people/new", form).status_code == 303
    person = db.session.query(Person).one()
    assert (person.groups, person.hukou_region) == (["G-ELDALONE", "G-ILL"], "620000")
    shown = text_of(client, page)
    assert "金**" in shown
    assert "640***********9999" in shown
    edit = f"{page}/people/{person.public_id}/edit"
    assert "金**" in text_of(client, edit)
    again = {"relation": "parent", "tier": "T-NONE", "version": str(person.version)}
    assert client.submit(edit, again).status_code == 303
    assert client.submit(edit, again).status_code == 409
    consent = {"purpose": "share", "given_by": "self", "given_on": today().isoformat()}
    assert client.submit(f"{page}/consents/new", consent).status_code == 303
    given = db.session.query(Consent).one()
    assert client.submit(f"{page}/consents/{given.public_id}/withdraw").status_code == 303
    assert client.submit(f"{page}/triage", {"colour": "RED", "rule": "R03"}).status_code == 303
    assert client.submit(f"{page}/triage", {"colour": "RED", "rule": "B01"}).status_code == 422
    assert client.submit(f"{page}/restrict", {"restricted": "1", "rule": "R05"}).status_code == 303
    assert client.submit(f"{page}/edit", {"region": DAWUKOU, "version": "1"}).status_code == 303
    assert client.submit(f"{page}/edit", {"region": HUINONG, "version": "2"}).status_code == 422
    db.session.expire_all()
    assert (case.colour, case.restricted) == ("RED", True)
    assert case.number in text_of(client, "/cases?colour=RED")


def test_the_form_of_a_person_says_what_hukou_is_for(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    client.submit("/account/locale", {"locale": "en"})
    page = text_of(client, f"/cases/{a_case().public_id}/people/new")
    assert "Kept for government relief and statistics only; plays no part in matching." in page


def test_personal_data_are_shown_once_for_a_reason(app: Flask, client: Browser, canary: CanaryWatch) -> None:
    client.sign_in(a_user(Role.OFFICER))
    case = a_case()
    address = f"/cases/{case.public_id}/people/{case.people[0].public_id}/reveal"
    assert client.get(address).status_code == 405
    assert client.submit(address).status_code == 303
    canary.allow("cases.reveal")
    answer = client.submit(address, {"reason": "visit"})
    page = answer.get_data(as_text=True)
    assert answer.headers["Cache-Control"] == "no-store"
    assert all(CANARIES[name] in page for name in ("name", "id_number", "phone", "address"))
    canary.allow("cases.reveal_summary")
    answer = client.submit(f"/cases/{case.public_id}/reveal", {"reason": "visit"})
    assert CANARIES["summary"] in answer.get_data(as_text=True)


def test_the_page_lists_the_household_s_needs_and_its_history(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    case = a_case()
    need = a_need(case)
    client.submit(f"/cases/{case.public_id}/triage", {"colour": "RED", "rule": "R01"})
    page = text_of(client, f"/cases/{case.public_id}")
    assert f"/needs/{need.public_id}" in page
    assert 'class="events__item"' in page


def test_ids_on_the_page_are_unique(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    case = a_case()
    db.session.add(Person(case_id=case.id, name="另一人"))
    db.session.commit()
    ids = re.findall(r'\bid="([^"]+)"', text_of(client, f"/cases/{case.public_id}"))
    assert len(ids) == len(set(ids))


def test_foreign_cases_look_absent(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    case = a_case(HUINONG)
    for path in ("", "/edit", "/people/new", "/consents/new", f"/people/{case.people[0].public_id}/edit"):
        assert client.get(f"/cases/{case.public_id}{path}").status_code == 404, path
    for path in ("/triage", "/restrict", "/reveal", f"/consents/{case.consents[0].public_id}/withdraw"):
        data = {"reason": "visit", "rule": "R05", "colour": "RED", "restricted": "1"}
        assert client.submit(f"/cases/{case.public_id}{path}", data).status_code == 404, path


def test_an_officer_sees_no_button_that_would_refuse(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.OFFICER))
    case = a_case()
    page = text_of(client, f"/cases/{case.public_id}")
    for absent in ("/edit", "/people/new", "/consents/new", "/withdraw", "/needs/new"):
        assert f"{absent}" not in page, absent
    assert f"/cases/{case.public_id}/triage" in page


def test_others_have_no_cases(app: Flask, client: Browser) -> None:
    for role in (Role.VOLUNTEER, Role.COORDINATOR, Role.AUDITOR):
        client.sign_in(a_user(role))
        assert client.get("/cases").status_code == 403


def test_forms_tell_people_of_one_family_name_apart(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    client.submit("/account/locale", {"locale": "en"})
    case = a_case()
    for relation, number in (("child", "640202201805120012"), ("child", "640202201605120015"), ("parent", None)):
        save(Person(case_id=case.id, relation=relation, name="金小小", id_number=number))
    for path in (f"/cases/{case.public_id}/consents/new", f"/needs/new?case={case.public_id}"):
        page = text_of(client, path)
        shown = re.findall(r"<option[^>]*>(金[^<]*)</option>", page)
        assert shown == [
            "金** · Applicant · 640***********9999",
            "金** · Child · 640***********0012",
            "金** · Child · 640***********0015",
            "金** · Parent",
        ]


def test_a_caseworker_of_one_county_need_not_choose_it(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    assert f'selected value="{DAWUKOU}"' in text_of(client, "/cases/new")
    client.sign_in(a_user(Role.CASEWORKER, region="640200"))
    assert 'selected value="6402' not in text_of(client, "/cases/new")


def test_the_name_of_somebody_new_is_marked_as_required(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    case = a_case()
    name = re.compile(r'<input[^>]*name="name"[^>]*>')
    for path, required in (("new", True), (f"{case.people[0].public_id}/edit", False)):
        field = name.search(text_of(client, f"/cases/{case.public_id}/people/{path}"))
        assert field is not None
        assert ("required" in field[0]) is required
