"""Consent: whose yes a wish takes, and what follows when it ends."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace.cases import services as cases
from marketplace.cases.models import Consent
from marketplace.errors import InvalidInput
from marketplace.events import changed
from marketplace.extensions import db
from marketplace.needs import services
from marketplace.records import today
from tests.marketplace.needs.people import a_wish_entry, an_entry, refusal, somebody_aged, staff, withdraw_all
from tests.support.world import a_case, a_need, a_wish, in_days, save

pytestmark = [pytest.mark.usefixtures("english"), pytest.mark.both_databases]


def test_without_consent_to_publish_nothing_is_published(app: Flask) -> None:
    case = a_case()
    db.session.query(Consent).filter_by(purpose="publish").delete()
    db.session.commit()
    wish = services.post(staff(), a_wish_entry(), case.public_id, send=True)
    with pytest.raises(InvalidInput, match="consent to publish"):
        services.approve(staff(), wish.public_id)
    assert wish.state == "review"


def test_a_child_s_wish_needs_the_guardian(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    wish = services.post(caseworker, a_wish_entry(groups=("G-HARDCHILD",)), case.public_id, send=True)
    with pytest.raises(InvalidInput, match="guardian"):
        services.approve(staff(), wish.public_id)
    cases.give_consent(caseworker, case.public_id, cases.ConsentGiven("publish", "guardian", today()))
    services.approve(staff(), wish.public_id)
    assert wish.is_public


def test_consent_taken_back_hides_wishes_and_keeps_needs_out_of_runs(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    free, claimed, need = a_wish(case), a_wish(case), a_need(case)
    services.take(claimed.id, 1)
    told: list[int] = []

    def listen(_table: str, ids: list[int]) -> None:
        told.extend(ids)

    with changed.connected_to(listen, sender="need"):
        for consent in list(case.consents):
            cases.withdraw_consent(caseworker, case.public_id, consent.public_id)
    assert (free.state, free.publish_consent_on) == ("review", None)
    assert (claimed.state, claimed.is_public) == ("open", False)
    assert need.share_consent_on is None
    assert services.newest_wishes(5) == []
    assert {free.id, need.id} <= set(told)
    cases.give_consent(caseworker, case.public_id, cases.ConsentGiven("share", "guardian", today()))
    assert (need.share_consent_on, need.consent_by) == (today(), "guardian")


def test_consent_that_ran_out_is_as_good_as_none(app: Flask) -> None:
    wish = a_wish()
    for consent in db.session.scalars(select(Consent)):
        consent.given_on, consent.expires_on = in_days(-9), in_days(-1)
    db.session.commit()
    assert (wish.is_public, services.newest_wishes(5)) == (False, [])
    services.follow_the_calendar()
    assert (wish.state, wish.share_consent_on) == ("review", None)


def _posted_for(years: int, *, by: str, child_agreed: bool = False, needs_guardian: bool = False) -> Any:
    """A wish of somebody so old in review, after a consent of theirs was recorded; its refusal where it was refused."""
    case, caseworker = a_case(), staff()
    withdraw_all(case, "publish")
    person = somebody_aged(case, years, needs_guardian=needs_guardian)
    given = cases.ConsentGiven("publish", by, today(), person=person.public_id, child_agreed=child_agreed)
    try:
        cases.give_consent(caseworker, case.public_id, given)
    except InvalidInput as error:
        return set(error.fields)
    wish = services.post(caseworker, a_wish_entry(person=person.public_id), case.public_id, send=True)
    services.approve(staff(), wish.public_id)
    return wish.is_public


@pytest.mark.parametrize(
    ("years", "given", "outcome"),
    [
        (13, {"by": "self"}, {"given_by"}),
        (13, {"by": "guardian"}, True),
        (14, {"by": "self", "child_agreed": True}, {"given_by"}),
        (14, {"by": "guardian"}, {"child_agreed"}),
        (17, {"by": "guardian", "child_agreed": True}, True),
        (18, {"by": "self"}, True),
        (40, {"by": "self", "needs_guardian": True}, {"given_by"}),
        (40, {"by": "guardian", "needs_guardian": True}, True),
    ],
)
def test_whose_yes_it_takes_follows_from_age_and_capacity(
    app: Flask, years: int, given: dict[str, Any], outcome: Any
) -> None:
    assert _posted_for(years, **given) == outcome


@pytest.mark.parametrize(("years", "words"), [(9, "guardian"), (15, "guardian and the child both")])
def test_a_household_s_own_yes_publishes_no_child_s_wish(app: Flask, years: int, words: str) -> None:
    case, caseworker = a_case(), staff()
    child = somebody_aged(case, years)
    wish = services.post(caseworker, a_wish_entry(person=child.public_id), case.public_id, send=True)
    with pytest.raises(InvalidInput, match=words):
        services.approve(staff(), wish.public_id)


def test_a_consent_about_one_person_covers_nobody_else(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    for purpose in ("share", "publish"):
        withdraw_all(case, purpose)
    one, other = somebody_aged(case, 30), somebody_aged(case, 31)
    for purpose in ("share", "publish"):
        cases.give_consent(
            caseworker, case.public_id, cases.ConsentGiven(purpose, "self", today(), person=one.public_id)
        )
    mine = services.post(caseworker, a_wish_entry(person=one.public_id), case.public_id, send=True)
    another = services.post(
        caseworker, a_wish_entry(person=other.public_id, category="S1105"), case.public_id, send=True
    )
    assert (mine.share_consent_on, another.share_consent_on) == (today(), None)
    services.approve(staff(), mine.public_id)
    with pytest.raises(InvalidInput, match="not on record"):
        services.approve(staff(), another.public_id)


def test_a_later_yes_of_somebody_else_does_not_stand_in_for_the_guardian_s(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    child = somebody_aged(case, 9)
    cases.give_consent(
        caseworker, case.public_id, cases.ConsentGiven("publish", "guardian", today(), person=child.public_id)
    )
    wish = services.post(caseworker, a_wish_entry(person=child.public_id), case.public_id, send=True)
    services.approve(staff(), wish.public_id)
    cases.give_consent(caseworker, case.public_id, cases.ConsentGiven("publish", "self", today()))
    assert (wish.consent_by, wish.is_public) == ("guardian", True)


def test_a_recorded_legal_basis_shares_and_never_publishes(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    for purpose in ("share", "publish"):
        withdraw_all(case, purpose)
    basis = cases.ConsentGiven("share", "legal_basis", today(), legal_basis="emergency")
    cases.give_consent(caseworker, case.public_id, basis)
    need = services.post(caseworker, an_entry(), case.public_id, send=True)
    assert (need.share_consent_on, need.consent_by) == (today(), "legal_basis")
    for given, field in (
        (cases.ConsentGiven("share", "legal_basis", today()), "legal_basis"),
        (cases.ConsentGiven("publish", "legal_basis", today(), legal_basis="emergency"), "given_by"),
    ):
        assert set(refusal(cases.give_consent, caseworker, case.public_id, given)) == {field}


@pytest.mark.parametrize(
    "values",
    [
        {"asks": "guardian", "given_by": "self"},
        {"asks": "guardian_and_child", "given_by": "guardian"},
        {"asks": "guardian_and_child", "given_by": "guardian", "child_agreed": False},
        {"asks": "self", "given_by": "legal_basis"},
        {"asks": "self", "given_by": "self", "refusal_offered": False},
        {"asks": "self", "given_by": "self", "refusal_offered": None},
        {"asks": "self", "given_by": "self", "method": "guess"},
    ],
)
def test_the_database_refuses_a_consent_that_is_none(app: Flask, values: dict[str, Any]) -> None:
    given = {"case_id": a_case().id, "purpose": "publish", "given_on": today(), "refusal_offered": True}
    with pytest.raises(IntegrityError):
        save(Consent(**(given | values)))
    db.session.rollback()


@pytest.mark.parametrize(
    "values",
    [
        {"approved_by": None},
        {"publish_consent_on": None},
        {"age_band": "7-12", "consent_by": "self"},
        {"age_band": "9"},
        {"approved_by": "user:0"},
        {"quantity": 2},
    ],
)
def test_the_database_refuses_an_open_wish_without_its_conditions(app: Flask, values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        a_wish(**values)
    db.session.rollback()


def test_an_internal_wish_needs_approval_and_no_consent_to_publish(app: Flask) -> None:
    assert a_wish(internal_only=True, publish_consent_on=None).state == "open"
    with pytest.raises(IntegrityError):
        a_wish(internal_only=True, publish_consent_on=None, approved_by=None)
    db.session.rollback()
