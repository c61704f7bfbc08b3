"""What allocations do to a need's counter and state."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from marketplace.cases import services as cases
from marketplace.errors import CapacityExhausted, StateConflict
from marketplace.extensions import db
from marketplace.needs import services
from tests.marketplace.needs.people import staff
from tests.support.world import a_case, a_need, a_wish

pytestmark = [pytest.mark.usefixtures("english"), pytest.mark.both_databases]


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
