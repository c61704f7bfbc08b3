"""Thanks from the caseworker, the record of wishes come true, and one reminder a day before the end."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from marketplace import events
from marketplace.allocations import services
from marketplace.allocations.models import Allocation
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.notifications.models import Notification
from marketplace.permissions import Actor
from marketplace.records import now
from tests.marketplace.allocations.people import a_coordinator, again
from tests.support import world


def come_true(volunteer: Actor, caseworker: Actor) -> Allocation:
    claim = services.claim(volunteer, world.a_wish().public_id)
    services.mark_delivered(volunteer, claim.public_id)
    return services.confirm(caseworker, claim.public_id, 5)


def test_thanks_stand_with_the_claim(volunteer: Actor, caseworker: Actor) -> None:
    claim = come_true(volunteer, caseworker)
    services.thank(caseworker, claim.public_id, "  鞋子很合脚，\n谢谢您！ ")
    (row,) = services.record_of(volunteer).items
    assert row.thanks == "鞋子很合脚， 谢谢您！"
    services.thank(caseworker, claim.public_id, "再次感谢")
    assert again(claim).thanks == "再次感谢"


@pytest.mark.parametrize("words", ["", " ", "长" * 301, "孩子在13812345678等您", "金丝雀姓名甲乙丙谢谢您"])
def test_thanks_tell_nothing_of_the_family(volunteer: Actor, caseworker: Actor, words: str) -> None:
    claim = come_true(volunteer, caseworker)
    with pytest.raises(InvalidInput):
        services.thank(caseworker, claim.public_id, words)
    assert again(claim).thanks is None


def test_thanks_follow_a_confirmed_claim(volunteer: Actor, caseworker: Actor) -> None:
    claim = services.claim(volunteer, world.a_wish().public_id)
    for row in (claim, world.an_allocation(state="confirmed")):
        with pytest.raises(StateConflict):
            services.thank(caseworker, row.public_id, "谢谢您")
    done = come_true(volunteer, caseworker)
    for actor in (volunteer, a_coordinator()):
        with pytest.raises(NotFound):
            services.thank(actor, done.public_id, "谢谢您")


def test_the_record_holds_what_came_true(app: Flask, volunteer: Actor, caseworker: Actor) -> None:
    rows = [come_true(volunteer, caseworker) for _ in range(2)]
    services.claim(volunteer, world.a_wish().public_id)
    assert [row.id for row in services.record_of(volunteer).items] == [rows[1].id, rows[0].id]


def _ends(claim: Allocation, **values: Any) -> None:
    db.session.execute(update(Allocation).where(Allocation.id == claim.id).values(**values))
    db.session.commit()


def test_a_claimant_is_reminded_once_for_each_end(app: Flask, volunteer: Actor) -> None:
    claim = services.claim(volunteer, world.a_wish().public_id)
    services.claim(volunteer, world.a_wish().public_id)
    assert services.remind_claimants() == 0
    told: list[int] = []

    def hear(_sender: str, *, row: Allocation, **_rest: Any) -> None:
        told.append(row.id)

    with events.happened.connected_to(hear, sender="claim:due-soon"):
        _ends(claim, expires_at=now() + timedelta(hours=23))
        assert (services.remind_claimants(), services.remind_claimants()) == (1, 0)
        services.start_delivery(volunteer, claim.public_id, world.in_days(1))
        assert (services.remind_claimants(), services.remind_claimants()) == (1, 0)
    assert told == [claim.id, claim.id]


def test_of_a_guests_claim_the_caseworker_is_told(app: Flask, caseworker: Actor) -> None:
    wish = world.a_wish(author=caseworker.key, approved_by="user:999")
    services.claim_with_card(wish.public_id, services.card_code(wish), "13912345678")
    db.session.execute(update(Allocation).values(expires_at=now() + timedelta(hours=23)))
    db.session.commit()
    assert (services.remind_claimants(), services.remind_claimants()) == (1, 0)
    told = db.session.scalars(select(Notification.user_id).where(Notification.event == "claim:guest-due-soon")).all()
    assert told == [caseworker.user_id]


@pytest.mark.parametrize("hours", [-1, 25])
def test_nobody_is_reminded_too_early_or_too_late(app: Flask, volunteer: Actor, hours: int) -> None:
    claim = services.claim(volunteer, world.a_wish().public_id)
    _ends(claim, expires_at=now() + timedelta(hours=hours))
    assert services.remind_claimants() == 0
