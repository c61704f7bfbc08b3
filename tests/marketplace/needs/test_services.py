"""Needs: drafts, posting, four eyes, consent, withdrawal, settling."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import select

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.cases import services as cases
from marketplace.cases.models import Consent, Person
from marketplace.errors import CapacityExhausted, InvalidInput, NotFound, StateConflict
from marketplace.events import changed
from marketplace.extensions import db
from marketplace.needs import services
from marketplace.needs.models import Need
from marketplace.needs.services import ANY_STATE, NeedEntry, NeedFilter
from marketplace.permissions import ANYONE, Actor, Role, system_actor
from marketplace.records import today
from tests.support.world import (
    DAWUKOU,
    HUINONG,
    a_case,
    a_need,
    a_user,
    a_wish,
    in_days,
)


@pytest.fixture(autouse=True)
def english(app: Flask) -> Iterator[None]:
    """Refusals are recognised by their words here, in the language of the source."""
    with force_locale("en"):
        yield


def staff(role: Role = Role.CASEWORKER, region: str = DAWUKOU) -> Actor:
    return actor_of(a_user(role, region=region))


def an_entry(**values: Any) -> NeedEntry:
    given = {
        "kind": "goods", "category": "S1102", "title": "两套冬衣", "region": DAWUKOU, "quantity": 2, "urgency": "red",
    }  # fmt: skip
    return NeedEntry(**(given | values))


def a_wish_entry(**values: Any) -> NeedEntry:
    return an_entry(**({"kind": "micro_wish", "title": "一双34码棉鞋", "quantity": 1, "value_fen": 12_000} | values))


def refusal(function: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
    with pytest.raises(InvalidInput) as caught:
        function(*arguments, **options)
    return caught.value.fields


@pytest.mark.parametrize("kind", ["goods", "service", "employment", "grant"])
def test_needs_other_than_wishes_open_at_once(app: Flask, kind: str) -> None:
    need = services.post(staff(), an_entry(kind=kind), a_case().public_id, send=True)
    assert (need.state, need.share_consent_on, need.unit) == ("open", today(), "份")


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


def test_a_claimed_wish_and_an_open_need_keep_their_text(app: Flask) -> None:
    wish = a_wish()
    services.take(wish.id, 1)
    for need in (wish, a_need()):
        with pytest.raises(StateConflict):
            services.edit(staff(), need.public_id, a_wish_entry(), need.version, send=False)


def test_sent_back_with_a_reason_a_wish_is_a_draft_again(app: Flask) -> None:
    wish = services.post(staff(), a_wish_entry(), a_case().public_id, send=True)
    reviewer = staff(Role.COORDINATOR)
    assert "note" in refusal(services.send_back, reviewer, wish.public_id, "  ")
    assert "note" in refusal(services.send_back, reviewer, wish.public_id, "请删去电话13812345678")
    services.send_back(reviewer, wish.public_id, "请写明尺码")
    assert (wish.state, wish.review_note) == ("draft", "请写明尺码")
    services.send(staff(), wish.public_id)
    assert (wish.state, wish.review_note) == ("review", None)


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


def test_never_more_is_taken_than_the_need_asks(app: Flask) -> None:
    need = a_need(quantity=3)
    services.take(need.id, 2)
    with pytest.raises(CapacityExhausted):
        services.take(need.id, 2)
    services.take(need.id, 1)
    assert (need.allocated, need.outstanding) == (3, 0)
    services.give_back(need.id, 3)
    with pytest.raises(StateConflict):
        services.give_back(need.id, 1)
    with pytest.raises(ValueError, match="at least one"):
        services.take(need.id, 0)


def test_nothing_is_taken_of_a_need_that_is_not_open(app: Flask) -> None:
    for need in (a_wish(state="review", approved_by=None), a_need(state="closed", closing="withdrawn")):
        with pytest.raises(StateConflict, match="not open"):
            services.take(need.id, 1)


def test_a_need_closes_when_all_of_it_arrived_and_opens_when_the_help_failed(app: Flask) -> None:
    actor, need = staff(), a_need(quantity=2)
    services.take(need.id, 2)
    assert not services.fulfil_if_complete(actor, need, confirmed=1)
    assert services.fulfil_if_complete(actor, need, confirmed=2)
    assert (need.state, need.closing) == ("closed", "fulfilled")
    assert not services.fulfil_if_complete(actor, need, confirmed=2)
    services.give_back(need.id, 1)
    assert services.reopen_after_failure(actor, need)
    assert (need.state, need.closing, need.outstanding) == ("open", None, 1)
    assert services.reopen_after_failure(actor, need)


def test_a_failed_wish_stays_closed_when_its_consent_is_gone(app: Flask) -> None:
    actor, case = staff(), a_case()
    wish = a_wish(case)
    services.take(wish.id, 1)
    services.close_fulfilled(actor, wish)
    for consent in list(case.consents):
        cases.withdraw_consent(actor, case.public_id, consent.public_id)
    services.give_back(wish.id, 1)
    assert not services.reopen_after_failure(actor, wish)
    assert (wish.state, wish.closing) == ("closed", "withdrawn")


def test_needs_of_restricted_cases_are_in_no_public_list_and_no_coordinator_s(app: Flask) -> None:
    case, caseworker, other = a_case(), staff(), a_wish()
    wish = a_wish(case)
    cases.restrict(caseworker, case.public_id, True, "R05")
    assert [card.public_id for card in services.newest_wishes(5)] == [other.public_id]
    assert services.similar_wishes(other) == []
    assert services.board(ANYONE, services.BoardFilter(), 1).total == 1
    with pytest.raises(NotFound):
        services.wish_page(ANYONE, wish.public_id)
    for role in (Role.COORDINATOR, Role.AUDITOR):
        actor = staff(role)
        assert [need.id for need in services.work_list(actor, NeedFilter(), 1)] == [other.id]
        with pytest.raises(NotFound):
            services.load_need(actor, wish.public_id)
    assert services.load_need(caseworker, wish.public_id) is wish
    cases.restrict(caseworker, case.public_id, False, "")
    assert services.wish_page(ANYONE, wish.public_id).card.claimable


def test_a_wish_of_a_restricted_case_cannot_be_approved(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    wish = services.post(caseworker, a_wish_entry(), case.public_id, send=True)
    cases.restrict(caseworker, case.public_id, True, "R07")
    with pytest.raises(InvalidInput, match="restricted"):
        services.approve(staff(), wish.public_id)


def test_the_work_list_is_urgent_first_then_longest_waiting(app: Flask) -> None:
    late = a_need(urgency="red", posted_on=in_days(-1))
    early = a_need(urgency="red", posted_on=in_days(-9))
    blue = a_need(urgency="blue", posted_on=in_days(-30))
    a_need(a_case(HUINONG), region=HUINONG)
    closed = a_need(state="closed", closing="expired")
    actor = staff()
    assert [need.id for need in services.work_list(actor, NeedFilter(), 1)] == [early.id, late.id, blue.id]
    everything = services.work_list(actor, NeedFilter(state=ANY_STATE), 1)
    assert {need.id for need in everything} == {early.id, late.id, blue.id, closed.id}
    assert services.state_counts(actor) == {"open": 3, "closed": 1}


def test_the_work_list_filters(app: Flask) -> None:
    actor = staff()
    own = services.post(actor, an_entry(kind="service", category="S0301", urgency="blue"), send=True)
    other = a_need()
    found = {
        name: [need.id for need in services.work_list(actor, wanted, 1)]
        for name, wanted in {
            "kind": NeedFilter(kind="service"),
            "urgency": NeedFilter(urgency="yellow"),
            "category": NeedFilter(category="S03"),
            "region": NeedFilter(region="640200"),
            "elsewhere": NeedFilter(region=HUINONG),
            "own": NeedFilter(own=True),
            "consent": NeedFilter(without_consent=True),
        }.items()
    }
    assert found == {
        "kind": [own.id], "urgency": [other.id], "category": [own.id], "region": [other.id, own.id],
        "elsewhere": [], "own": [own.id], "consent": [own.id],
    }  # fmt: skip


def test_similar_wishes_are_near_and_claimable(app: Flask) -> None:
    wish = a_wish()
    far = a_wish(a_case(HUINONG), category="S0301")
    near, taken = a_wish(), a_wish()
    services.take(taken.id, 1)
    assert [card.public_id for card in services.similar_wishes(wish)] == [near.public_id, far.public_id]
    assert len(services.similar_wishes(wish, limit=1)) == 1


def test_the_board_opens_with_claimable_wishes(app: Flask) -> None:
    taken, free = a_wish(posted_on=in_days(-9)), a_wish(posted_on=in_days(-1))
    services.take(taken.id, 1)
    cards = services.board(ANYONE, services.BoardFilter(), 1).items
    assert [(card.public_id, card.state) for card in cards] == [
        (free.public_id, "claimable"),
        (taken.public_id, "claimed"),
    ]
    cheap = services.board(ANYONE, services.BoardFilter(price_band_fen=5_000), 1)
    assert (cheap.items, cheap.total) == ([], 0)


def test_another_region_s_need_looks_absent(app: Flask) -> None:
    need, actor = a_need(a_case(HUINONG)), staff()
    with pytest.raises(NotFound):
        services.load_need(actor, need.public_id)
    for move in (services.approve, services.send):
        with pytest.raises(NotFound):
            move(actor, need.public_id)
    with pytest.raises(NotFound):
        services.withdraw(actor, need.public_id, "mistake")


def test_the_front_page_counts(app: Flask) -> None:
    a_need()
    wish = a_wish()
    services.take(wish.id, 1)
    a_wish()
    a_wish(state="closed", closing="fulfilled", allocated=1)
    assert services.figures() == {"open_needs": 3, "claimable_wishes": 1, "realised_wishes": 1}


def test_the_trail_stays_whole(app: Flask) -> None:
    wish = services.post(staff(), a_wish_entry(), a_case().public_id, send=True)
    services.approve(staff(), wish.public_id)
    services.take(wish.id, 1)
    services.close_fulfilled(system_actor("test"), wish)
    assert audit.verify() == []


def test_many_takers_at_once_get_exactly_what_there_is(app: Flask) -> None:
    need = a_need(quantity=5)

    def take(_place: int) -> bool:
        with app.app_context():
            try:
                services.take(need.id, 1)
            except CapacityExhausted:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(24)))
    db.session.expire_all()
    assert (sum(taken), need.allocated) == (5, 5)
