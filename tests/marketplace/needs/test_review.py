"""A second person's look, and how wishes and needs end and begin again."""

import pytest
from flask import Flask

from marketplace import audit
from marketplace.cases import services as cases
from marketplace.errors import InvalidInput, StateConflict
from marketplace.needs import services
from marketplace.permissions import Role, system_actor
from marketplace.records import today
from tests.marketplace.needs.people import a_wish_entry, refusal, staff
from tests.support.world import a_case, a_need, a_wish, in_days

pytestmark = [pytest.mark.usefixtures("english"), pytest.mark.both_databases]


def test_a_wish_goes_to_review_and_a_second_person_publishes_it(app: Flask) -> None:
    author, reviewer = staff(), staff()
    wish = services.post(author, a_wish_entry(), a_case().public_id, send=True)
    assert (wish.state, wish.is_public) == ("review", False)
    with pytest.raises(StateConflict, match="Somebody else"):
        services.approve(author, wish.public_id)
    services.approve(reviewer, wish.public_id)
    assert (wish.state, wish.is_public, wish.approved_by) == ("open", True, reviewer.key)
    assert [card.public_id for card in services.newest_wishes(5)] == [wish.public_id]
    actions = [event.action for event in audit.history("need", wish.id)]
    assert actions == ["need:created", "need:review", "need:approved"]


def test_whoever_rewrites_a_wish_may_not_approve_it(app: Flask) -> None:
    author, editor = staff(), staff()
    wish = services.post(author, a_wish_entry(), a_case().public_id, send=False)
    services.edit(editor, wish.public_id, a_wish_entry(title="一双35码棉鞋"), wish.version, send=True)
    with pytest.raises(StateConflict, match="Somebody else"):
        services.approve(editor, wish.public_id)
    services.approve(author, wish.public_id)
    assert wish.title == "一双35码棉鞋"


def test_a_changed_text_hides_an_open_wish_until_it_is_approved_again(app: Flask) -> None:
    author, reviewer = staff(), staff()
    wish = services.post(author, a_wish_entry(), a_case().public_id, send=True)
    services.approve(reviewer, wish.public_id)
    services.edit(author, wish.public_id, a_wish_entry(title="一双36码棉鞋"), wish.version, send=False)
    assert (wish.state, wish.approved_by, services.newest_wishes(5)) == ("review", None, [])


def test_sent_back_with_a_reason_a_wish_is_a_draft_again(app: Flask) -> None:
    wish = services.post(staff(), a_wish_entry(), a_case().public_id, send=True)
    reviewer = staff(Role.COORDINATOR)
    assert "note" in refusal(services.send_back, reviewer, wish.public_id, "  ")
    assert "note" in refusal(services.send_back, reviewer, wish.public_id, "请删去电话13812345678")
    services.send_back(reviewer, wish.public_id, "请写明尺码")
    assert (wish.state, wish.review_note) == ("draft", "请写明尺码")
    services.send(staff(), wish.public_id)
    assert (wish.state, wish.review_note) == ("review", None)


def test_withdrawing_needs_a_reason_and_nothing_on_its_way(app: Flask) -> None:
    caseworker, need = staff(), a_need()
    assert "reason" in refusal(services.withdraw, caseworker, need.public_id, "")
    services.take(need.id, 1)
    with pytest.raises(StateConflict):
        services.withdraw(caseworker, need.public_id, "not_needed")
    services.give_back(need.id, 1)
    services.withdraw(caseworker, need.public_id, "not_needed")
    assert (need.state, need.closing) == ("closed", "withdrawn")


def test_a_wish_in_review_can_be_withdrawn(app: Flask) -> None:
    wish = a_wish(state="review", approved_by=None)
    services.withdraw(staff(), wish.public_id, "household_asked")
    assert (wish.state, wish.closing) == ("closed", "withdrawn")


def test_a_withdrawn_wish_opens_again_only_while_its_consent_lives(app: Flask) -> None:
    caseworker, case = staff(), a_case()
    wish = a_wish(case)
    services.withdraw(caseworker, wish.public_id, "mistake")
    publish = next(consent for consent in case.consents if consent.purpose == "publish")
    cases.withdraw_consent(caseworker, case.public_id, publish.public_id)
    with pytest.raises(InvalidInput, match="consent"):
        services.reopen(caseworker, wish.public_id, "又需要了")
    cases.give_consent(caseworker, case.public_id, cases.ConsentGiven("publish", "self", today()))
    services.reopen(caseworker, wish.public_id, "又需要了")
    assert (wish.state, wish.closing, wish.is_public) == ("open", None, True)


def test_a_draft_wish_that_was_withdrawn_is_not_opened_past_review(app: Flask) -> None:
    caseworker = staff()
    wish = services.post(caseworker, a_wish_entry(), a_case().public_id, send=False)
    services.withdraw(caseworker, wish.public_id, "mistake")
    with pytest.raises(InvalidInput, match="never approved"):
        services.reopen(caseworker, wish.public_id, "又需要了")


def test_needs_past_their_last_day_expire_unless_help_is_on_its_way(app: Flask) -> None:
    left, served = a_need(deadline=in_days(-1)), a_need(deadline=in_days(-1))
    services.take(served.id, 1)
    assert services.close_overdue() == 1
    assert (left.state, left.closing, served.state) == ("closed", "expired", "open")
    assert services.close_overdue() == 0


def test_the_trail_stays_whole(app: Flask) -> None:
    wish = services.post(staff(), a_wish_entry(), a_case().public_id, send=True)
    services.approve(staff(), wish.public_id)
    services.take(wish.id, 1)
    services.close_fulfilled(system_actor("test"), wish)
    assert audit.verify() == []
