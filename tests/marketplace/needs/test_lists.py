"""Work lists, the board and the front page."""

import pytest
from flask import Flask

from marketplace.errors import NotFound
from marketplace.needs import services
from marketplace.needs.services import ANY_STATE, NeedFilter
from marketplace.permissions import ANYONE
from tests.marketplace.needs.people import an_entry, staff
from tests.support.world import HUINONG, a_case, a_need, a_wish, in_days

pytestmark = [pytest.mark.usefixtures("english"), pytest.mark.both_databases]


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
