"""What is public and for how long, and how a wish that is not is helped: marks, age bands, take-down."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import audit
from marketplace.cases import services as cases
from marketplace.errors import InvalidInput, MarketplaceError, StateConflict
from marketplace.events import changed, happened
from marketplace.extensions import db
from marketplace.matches.scope import Scope, needs_in
from marketplace.needs import services
from marketplace.needs.models import Need
from marketplace.needs.services import BoardFilter
from marketplace.permissions import ANYONE, Role
from marketplace.records import today
from tests.marketplace.needs.people import a_wish_entry, an_entry, refusal, somebody_aged, staff, withdraw_all
from tests.support.client import Browser
from tests.support.world import DAWUKOU, a_case, a_need, a_user, a_wish, an_allocation, in_days

pytestmark = [pytest.mark.usefixtures("english"), pytest.mark.both_databases]


def in_review(**values: object) -> Need:
    return a_wish(state="review", approved_by=None, author="user:999", **values)


def on_the_board() -> set[str]:
    return {card.public_id for card in services.board(ANYONE, BoardFilter(), 1).items}


def test_a_certain_mark_blocks_and_a_possible_one_asks_for_a_judgement(app: Flask) -> None:
    certain, possible = in_review(title="送到3号楼的棉鞋"), in_review(title="9岁孩子的棉鞋")
    assert set(refusal(services.approve, staff(), certain.public_id, judged=True)) == {"title"}
    assert set(refusal(services.approve, staff(), possible.public_id)) == {"judged"}
    assert services.approve(staff(), possible.public_id, judged=True).state == "open"
    assert audit.history("need", possible.id)[-1].reason == "marks_judged"
    assert certain.state == "review"


def test_the_assistant_says_what_each_mark_is_and_what_to_do(app: Flask) -> None:
    case = a_case()
    found = services.assess("金丝雀姓名甲乙丙的棉鞋，电话13812345678，9岁", case)
    assert (found.certain, found.possible) == (2, 1)
    assert [(mark.text, str(mark.kind), mark.certain) for mark in found.marks] == [
        ("金丝雀姓名甲乙丙", "a name", True),
        ("13812345678", "a phone number", True),
        ("9岁", "an age or a day of birth", False),
    ]
    assert all(str(mark.advice) for mark in found.marks)


def test_the_age_band_is_computed_from_the_sealed_day_of_birth_at_approval(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    child = somebody_aged(case, 9)
    given = cases.ConsentGiven("publish", "guardian", today(), person=child.public_id)
    cases.give_consent(caseworker, case.public_id, given)
    wish = services.post(caseworker, a_wish_entry(person=child.public_id), case.public_id, send=True)
    assert wish.age_band is None
    services.approve(staff(), wish.public_id)
    assert (wish.age_band, wish.person_id, wish.is_public) == ("7-12", child.id, True)


def test_an_age_band_that_was_not_agreed_to_is_not_told(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    child = somebody_aged(case, 9)
    fields = ("text", "county")
    given = cases.ConsentGiven("publish", "guardian", today(), person=child.public_id, fields=fields)
    cases.give_consent(caseworker, case.public_id, given)
    wish = services.post(caseworker, a_wish_entry(person=child.public_id), case.public_id, send=True)
    services.approve(staff(), wish.public_id)
    assert (wish.is_public, wish.age_band) == (True, None)


def test_a_person_of_another_household_is_no_choice(app: Flask) -> None:
    stranger = somebody_aged(a_case(), 9)
    entry = a_wish_entry(person=stranger.public_id)
    assert set(refusal(services.post, staff(), entry, a_case().public_id, send=True)) == {"person"}


def test_people_are_told_when_a_wish_is_published(app: Flask) -> None:
    told = []
    with happened.connected_to(lambda name, **found: told.append((name, found["row"].id)), sender="need:published"):
        wish = in_review()
        services.approve(staff(), wish.public_id)
    assert told == [("need:published", wish.id)]


def test_a_refused_publication_is_matched_all_the_same(app: Flask) -> None:
    """P3: what the household refuses is the card, never the help."""
    case, caseworker = a_case(), staff()
    withdraw_all(case, "publish")
    wish = services.post(caseworker, a_wish_entry(internal_only=True), case.public_id, send=True)
    services.approve(staff(), wish.public_id)
    assert (wish.state, wish.is_public, wish.publish_consent_on) == ("open", False, None)
    assert on_the_board() == set()
    assert list(db.session.scalars(needs_in(Scope(DAWUKOU)).with_only_columns(Need.id))) == [wish.id]


def test_a_withdrawn_publication_stays_open_for_matching(app: Flask) -> None:
    case = a_case()
    wish = a_wish(case)
    withdraw_all(case, "publish")
    assert (wish.state, wish.internal_only, on_the_board()) == ("open", True, set())
    assert db.session.scalars(needs_in(Scope(DAWUKOU)).with_only_columns(Need.id)).all() == [wish.id]


def test_a_change_of_mind_takes_consent_and_a_second_person(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    wish = a_wish(case)
    services.keep_internal(caseworker, wish.public_id)
    assert on_the_board() == set()
    withdraw_all(case, "publish")
    with pytest.raises(InvalidInput, match="consent to publish"):
        services.publish_after_all(caseworker, wish.public_id)
    cases.give_consent(caseworker, case.public_id, cases.ConsentGiven("publish", "self", today()))
    services.publish_after_all(caseworker, wish.public_id)
    assert (wish.state, wish.internal_only) == ("review", False)
    with pytest.raises(StateConflict):
        services.approve(caseworker, wish.public_id)
    services.approve(staff(), wish.public_id)
    assert on_the_board() == {wish.public_id}


def test_a_claimed_wish_is_not_published_anew_while_its_claim_runs(app: Flask) -> None:
    wish = a_wish()
    services.keep_internal(staff(), wish.public_id)
    services.take(wish.id, 1)
    with pytest.raises(StateConflict):
        services.publish_after_all(staff(), wish.public_id)


def test_a_take_down_is_at_once_and_can_be_undone_while_consent_lives(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    wish = a_wish(case)
    told: list[int] = []
    with changed.connected_to(lambda _table, ids: told.extend(ids), sender="need"):
        services.take_down(caseworker, wish.public_id)
    assert (on_the_board(), wish.state, told) == (set(), "open", [wish.id])
    with pytest.raises(StateConflict):
        services.take_down(caseworker, wish.public_id)
    services.show_again(caseworker, wish.public_id)
    assert on_the_board() == {wish.public_id}
    services.take_down(caseworker, wish.public_id)
    withdraw_all(case, "publish")
    with pytest.raises(InvalidInput, match="ended"):
        services.show_again(caseworker, wish.public_id)


def test_a_card_leaves_public_view_thirty_days_after_a_claim_and_comes_back_when_it_is_released(app: Flask) -> None:
    wish = a_wish()
    services.take(wish.id, 1)
    assert wish.taken_on == today()
    for days, shown in ((30, True), (31, False)):
        wish.taken_on = today() - timedelta(days=days)
        db.session.commit()
        assert wish.is_public is shown
        assert (on_the_board() == {wish.public_id}) is shown
    assert services.leave_public_view() == 1
    services.give_back(wish.id, 1)
    assert (wish.taken_on, on_the_board()) == (None, {wish.public_id})


def test_a_realised_wish_stays_in_public_view_till_thirty_days_after_it_was_accepted(
    app: Flask, client: Browser
) -> None:
    case, caseworker = a_case(), staff()
    wish = a_wish(case)
    services.take(wish.id, 1)
    services.close_fulfilled(caseworker, wish)
    address = f"/wishes/{wish.public_id}"
    assert "已实现" in client.get(address).get_data(as_text=True)
    assert (on_the_board(), wish.public_id in client.get("/wishes?realised=1").get_data(as_text=True)) == (set(), True)
    for days, status in ((30, 200), (31, 404)):
        wish.taken_on = today() - timedelta(days=days)
        db.session.commit()
        assert client.get(address).status_code == status
        assert (wish.public_id in client.get("/wishes?realised=1").get_data(as_text=True)) is (status == 200)
    wish.taken_on = today()
    db.session.commit()
    services.take_down(caseworker, wish.public_id)
    assert client.get(address).status_code == 404
    services.show_again(caseworker, wish.public_id)
    assert client.get(address).status_code == 200
    withdraw_all(case, "publish")
    assert client.get(address).status_code == 404
    assert wish.public_id not in client.get("/wishes?realised=1").get_data(as_text=True)


def test_a_wish_in_review_whose_delivery_was_confirmed_closes_once_approved(app: Flask) -> None:
    wish = in_review()
    an_allocation(wish, None, claimant_id=a_user(Role.VOLUNTEER).id, state="confirmed")
    assert not services.fulfil_if_complete(staff(), wish, confirmed=1)
    services.approve(staff(), wish.public_id)
    assert (wish.state, wish.closing, wish.is_public) == ("closed", "fulfilled", False)


def test_of_two_who_approve_at_once_one_does(app: Flask) -> None:
    wish_id, reviewers = in_review().public_id, [staff() for _place in range(6)]
    db.session.rollback()

    def approve(place: int) -> bool:
        with app.app_context():
            try:
                services.approve(reviewers[place], wish_id)
            except StateConflict:
                return False
            return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(approve, range(6))) == 1


def test_an_approval_and_a_withdrawn_consent_at_once_never_leave_a_card_without_consent(app: Flask) -> None:
    for _round in range(4):
        case = a_case()
        wish = in_review(case=case)
        reviewer, consents = staff(), [consent.public_id for consent in case.consents if consent.purpose == "publish"]
        caseworker, case_id, wish_id = staff(), case.public_id, wish.public_id
        db.session.rollback()

        def approve(reviewer=reviewer, wish_id=wish_id) -> None:
            with app.app_context():
                services.approve(reviewer, wish_id)

        def withdraw(caseworker=caseworker, case_id=case_id, consents=consents) -> None:
            with app.app_context():
                cases.withdraw_consent(caseworker, case_id, consents[0])

        with ThreadPoolExecutor(2) as pool:
            acts = [pool.submit(approve), pool.submit(withdraw)]
        errors = [act.exception() for act in acts]
        assert errors[1] is None
        assert errors[0] is None or isinstance(errors[0], MarketplaceError)
        db.session.expire_all()
        assert on_the_board() == set()
        public = db.session.scalar(select(Need.id).where(Need.public_id == wish_id, Need.public_rows()))
        assert public is None


def test_a_passed_deadline_closes_and_reopening_says_why(app: Flask) -> None:
    caseworker, need = staff(), a_need(deadline=in_days(-1))
    services.follow_the_calendar()
    assert (need.state, need.closing) == ("closed", "expired")
    assert set(refusal(services.reopen, caseworker, need.public_id, " ")) == {"note"}
    services.reopen(caseworker, need.public_id, "仍然需要")
    assert (need.state, need.deadline) == ("open", None)


def test_the_review_page_marks_the_text_and_keeps_the_button_back(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    certain, possible = in_review(title="送到3号楼的棉鞋"), in_review(title="9岁孩子的棉鞋")
    page = client.get(f"/needs/{certain.public_id}").get_data(as_text=True)
    assert '<mark class="mark-certain">3号楼<sup>1</sup></mark>' in page
    assert 'name="judged"' not in page
    page = client.get(f"/needs/{possible.public_id}").get_data(as_text=True)
    assert '<mark class="mark-possible">9岁<sup>1</sup></mark>' in page
    assert client.submit(f"/needs/{possible.public_id}/approve").status_code == 422
    assert client.submit(f"/needs/{possible.public_id}/approve", {"judged": "y"}).status_code == 303
    for act, state in (("take-down", False), ("show-again", True), ("keep-internal", False)):
        assert client.submit(f"/needs/{possible.public_id}/{act}").status_code == 303
        db.session.expire_all()
        assert possible.is_public is state, act
    assert client.submit(f"/needs/{possible.public_id}/publish").status_code == 303
    db.session.expire_all()
    assert possible.state == "review"


def test_other_needs_have_no_public_side(app: Flask) -> None:
    need = services.post(staff(), an_entry(), a_case().public_id, send=True)
    with pytest.raises(StateConflict):
        services.keep_internal(staff(), need.public_id)
    with pytest.raises(StateConflict):
        services.take_down(staff(), need.public_id)
