"""Claims from a printed card: its code, a telephone number, the same limits as for everyone."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from marketplace import signing
from marketplace.allocations import services
from marketplace.allocations.models import Allocation, GuestClaimant
from marketplace.errors import AlreadyClaimed, InvalidInput, LimitReached, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor
from marketplace.records import now
from tests.marketplace.allocations.people import a_coordinator, again, supplier_of
from tests.support import world

PHONE = "13912345678"


def claim(wish: Any, phone: str = PHONE) -> str:
    code = services.card_code(wish)
    db.session.rollback()
    return services.claim_with_card(wish.public_id, code, phone)


def test_a_card_claims_its_wish(app: Flask) -> None:
    wish = world.a_wish()
    row = services.guest_claim(claim(wish))
    assert (row.state, row.source, row.claimant_id, row.need_id) == ("accepted", "claim", None, wish.id)
    assert again(wish).allocated == 1
    assert services.reconcile() == []


def test_a_second_time_gives_the_same_claim(app: Flask) -> None:
    wish = world.a_wish()
    first, second = claim(wish), claim(wish, " +86 139-1234-5678 ")
    assert services.guest_claim(first).id == services.guest_claim(second).id
    assert len(db.session.scalars(select(GuestClaimant)).all()) == 1


@pytest.mark.parametrize("ended", ["released", "expired"])
def test_a_card_whose_claim_came_back_is_worth_nothing(app: Flask, ended: str) -> None:
    wish = world.a_wish()
    code = services.card_code(wish)
    made = services.guest_claim(claim(wish))
    if ended == "released":
        services.guest_release(signing.sign("guest.claim", made.public_id))
    else:
        db.session.execute(update(Allocation).values(expires_at=now() - timedelta(minutes=1)))
        db.session.commit()
        services.expire_overdue()
    assert again(made).state == ended
    with pytest.raises(InvalidInput) as refused:
        services.claim_with_card(again(wish).public_id, code, PHONE)
    assert set(refused.value.fields) == {"code"}
    assert services.card_code(again(wish)) != code
    assert services.guest_claim(claim(again(wish))).state == "accepted"


def test_each_card_has_a_code_of_its_own(app: Flask) -> None:
    wishes = [world.a_wish() for _ in range(3)]
    codes = {services.card_code(wish) for wish in wishes}
    assert len(codes) == 3
    with pytest.raises(InvalidInput) as refused:
        services.claim_with_card(wishes[0].public_id, services.card_code(wishes[1]), PHONE)
    assert set(refused.value.fields) == {"code"}
    assert again(wishes[0]).allocated == 0


@pytest.mark.parametrize("phone", ["", "123", "10012345678", "1391234567", "139123456789", "一三九"])
def test_a_number_is_a_mobile_number(app: Flask, phone: str) -> None:
    wish = world.a_wish()
    with pytest.raises(InvalidInput) as refused:
        claim(wish, phone)
    assert set(refused.value.fields) == {"phone"}


def test_codes_are_read_as_people_type_them(app: Flask) -> None:
    wish = world.a_wish()
    code = services.card_code(wish)
    assert services.claim_with_card(wish.public_id, f" {code[:4].lower()}-{code[4:]} ", PHONE)


def test_three_live_claims_a_number(app: Flask) -> None:
    wishes = [world.a_wish() for _ in range(4)]
    tokens = [claim(wish) for wish in wishes[:3]]
    with pytest.raises(LimitReached):
        claim(wishes[3])
    services.guest_release(tokens[0])
    assert again(wishes[0]).allocated == 0
    assert claim(wishes[3])
    assert claim(wishes[0], "13800000000")
    assert services.reconcile() == []


def test_who_is_second_is_told(app: Flask, volunteer: Actor) -> None:
    wish = world.a_wish()
    services.claim(volunteer, wish.public_id)
    with pytest.raises(AlreadyClaimed):
        claim(wish)


@pytest.mark.parametrize("values", [{"state": "review"}, {"deadline": world.in_days(-1)}, {"kind": "goods"}])
def test_only_public_wishes(app: Flask, values: dict[str, Any]) -> None:
    wish = world.a_wish(**values)
    with pytest.raises(NotFound):
        claim(wish)


def test_a_guest_is_done_and_a_caseworker_confirms(app: Flask, caseworker: Actor) -> None:
    token = claim(world.a_wish())
    services.guest_done(token)
    row = services.guest_claim(token)
    assert row.state == "delivered"
    with pytest.raises(StateConflict):
        services.guest_release(token)
    services.confirm(caseworker, row.public_id, 5)
    services.thank(caseworker, row.public_id, "孩子很喜欢，谢谢您！")
    assert services.guest_claim(token).thanks == "孩子很喜欢，谢谢您！"


def test_a_guests_page_opens_no_other_claim(app: Flask, volunteer: Actor) -> None:
    from marketplace import signing

    own = services.claim(volunteer, world.a_wish().public_id)
    for token in ("", "a.b.c", signing.sign("guest.claim", own.public_id), signing.sign("x", own.public_id)):
        with pytest.raises(NotFound):
            services.guest_claim(token)


def test_the_number_is_encrypted_and_its_look_audited(app: Flask, caseworker: Actor) -> None:
    row = services.guest_claim(claim(world.a_wish()))
    stored = db.session.execute(text("SELECT phone, phone_index FROM guest_claimant")).one()
    assert PHONE not in f"{stored.phone} {stored.phone_index}"
    assert str(again(row).guest.phone) == "139****5678"
    with pytest.raises(InvalidInput):
        services.reveal_guest(caseworker, row.public_id, "because")
    assert services.reveal_guest(caseworker, row.public_id, "arrange") == PHONE
    assert "allocation:reveal" in [event.action for event in services.events_of(row)]
    for actor in (a_coordinator(), supplier_of(world.a_capacity())):
        with pytest.raises(NotFound):
            services.reveal_guest(actor, row.public_id, "arrange")


def test_numbers_are_forgotten_90_days_after_the_last_claim(app: Flask) -> None:
    ended, live = claim(world.a_wish()), claim(world.a_wish(), "13800000000")
    services.guest_release(ended)
    assert services.forget_guests() == 0
    long_ago = now() - timedelta(days=91)
    db.session.execute(update(GuestClaimant).values(created_at=long_ago))
    db.session.execute(update(Allocation).values(created_at=long_ago))
    db.session.commit()
    assert services.forget_guests() == 1
    row = services.guest_claim(ended)
    assert row.guest is not None
    assert (row.guest.phone, row.guest.phone_index) == (None, None)
    kept = services.guest_claim(live)
    assert kept.guest is not None
    assert kept.guest.phone is not None


def test_cards_are_printed_for_free_public_wishes_of_the_region(app: Flask, caseworker: Actor) -> None:
    free, taken = world.a_wish(), world.a_wish()
    world.a_wish(world.a_case(world.XINGQING))
    world.a_wish(state="review")
    claim(taken)
    page, codes = services.cards_to_print(caseworker)
    assert [wish.id for wish in page.items] == [free.id]
    assert codes == {free.id: services.card_code(free)}
    assert services.cards_to_print(caseworker, world.HUINONG)[0].total == 0
