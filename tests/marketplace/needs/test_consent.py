"""Consent: whose yes a wish takes, and what follows when it ends."""

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.cases import services as cases
from marketplace.cases.models import Consent
from marketplace.errors import InvalidInput
from marketplace.events import changed
from marketplace.extensions import db
from marketplace.needs import services
from marketplace.records import today
from tests.marketplace.needs.people import a_wish_entry, staff
from tests.support.world import a_case, a_need, a_wish, in_days

pytestmark = pytest.mark.usefixtures("english")


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
