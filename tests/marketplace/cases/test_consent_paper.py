"""The record of a consent: its circumstances, its signed paper, and who looked at that."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

from flask import Flask

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.cases import services
from marketplace.cases.models import Consent
from marketplace.cases.services import PersonEntry
from marketplace.extensions import db
from marketplace.permissions import Role
from marketplace.records import today
from tests.support.client import Browser
from tests.support.world import a_case, a_user

PAPER = b"%PDF-1.4\nsigned\n%%EOF\n"
FORM = {"purpose": "publish", "given_by": "self", "given_on": today().isoformat(), "refusal_offered": "y"}


def test_a_consent_with_its_paper(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    case = a_case()
    address = f"/cases/{case.public_id}"
    form = {**FORM, "method": "paper", "fields": ["text", "county"], "evidence": (BytesIO(PAPER), "yes.pdf")}
    assert client.submit(f"{address}/consents/new", form, content_type="multipart/form-data").status_code == 303
    consent = db.session.query(Consent).order_by(Consent.id.desc()).first()
    assert consent
    assert (consent.fields, consent.asks, consent.method, consent.refusal_offered) == (
        ["text", "county"], "self", "paper", True,
    )  # fmt: skip
    shown = client.submit(f"{address}/consents/{consent.public_id}/evidence")
    assert (shown.status_code, shown.data) == (200, PAPER)
    assert "attachment" in shown.headers["Content-Disposition"]
    assert audit.history("case", case.id)[-1].action == "consent:reveal"
    older = case.consents[0]
    assert client.submit(f"{address}/consents/{older.public_id}/evidence").status_code == 409


def test_a_file_that_is_none_and_a_refused_form_keep_nothing(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    case = a_case()
    address = f"/cases/{case.public_id}/consents/new"
    tomorrow = (today() + timedelta(days=1)).isoformat()
    for form in ({**FORM, "evidence": (BytesIO(b"MZ"), "yes.pdf")},
                 {**FORM, "given_on": tomorrow, "evidence": (BytesIO(PAPER), "yes.pdf")},
                 {**FORM, "refusal_offered": "", "evidence": (BytesIO(PAPER), "yes.pdf")}):  # fmt: skip
        assert client.submit(address, form, content_type="multipart/form-data").status_code == 422
    assert len(case.consents) == 2
    assert list(Path(app.instance_path).rglob("*.pdf")) == []


def test_the_form_asks_for_the_guardian_and_the_child(app: Flask, client: Browser) -> None:
    user = a_user(Role.CASEWORKER)
    client.sign_in(user)
    case = a_case()
    birth = today().replace(year=today().year - 15, day=1)
    child = services.add_person(actor_of(user), case.public_id, PersonEntry(name="张小", birth_on=birth)).person
    address, form = f"/cases/{case.public_id}/consents/new", {**FORM, "person": child.public_id}
    for given, status in (
        ({}, 422),
        ({"given_by": "guardian"}, 422),
        ({"given_by": "guardian", "child_agreed": "y"}, 303),
    ):
        assert client.submit(address, {**form, **given}).status_code == status, given
    consent = db.session.query(Consent).order_by(Consent.id.desc()).first()
    assert consent
    assert (consent.person_id, consent.asks, consent.child_agreed) == (child.id, "guardian_and_child", True)
