"""Pages of coordinators, caseworkers and groups: by hand, hand-over, visits, cards to print, collection days."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.allocations.models import Allocation, FollowUp
from marketplace.extensions import db
from marketplace.permissions import Role
from marketplace.records import today
from tests.marketplace.allocations.people import again
from tests.support import world
from tests.support.canary import CanaryWatch
from tests.support.client import Browser


@pytest.fixture
def coordinator(client: Browser) -> Browser:
    return client.sign_in(world.a_user(Role.COORDINATOR))


@pytest.fixture
def caseworker(new_client: Callable[[], Browser]) -> Browser:
    return new_client().sign_in(world.a_user(Role.CASEWORKER))


def rows() -> list[Allocation]:
    db.session.rollback()
    return list(db.session.scalars(select(Allocation).order_by(Allocation.id)))


def test_a_coordinator_proposes_by_hand(coordinator: Browser) -> None:
    need, capacity = world.a_need(), world.a_capacity(title="大武口冬衣")
    address = f"/needs/{need.public_id}/propose"
    assert address in coordinator.get(f"/needs/{need.public_id}").get_data(as_text=True)
    assert "大武口冬衣" in coordinator.get(address).get_data(as_text=True)
    assert coordinator.submit(address, {"capacity": capacity.public_id, "quantity": "9"}).status_code == 422
    assert coordinator.submit(address, {"quantity": "1"}).status_code == 422
    answer = coordinator.submit(address, {"capacity": capacity.public_id, "quantity": "2"})
    (made,) = rows()
    assert (answer.status_code, answer.location) == (303, f"/allocations/{made.public_id}")
    assert coordinator.submit(address, {"capacity": capacity.public_id, "quantity": "2"}).status_code == 409


def test_a_broken_rule_is_shown_before_it_is_broken(coordinator: Browser) -> None:
    need, far = world.a_need(), world.a_capacity(regions=[world.XINGQING], title="兴庆冬衣")
    address = f"/needs/{need.public_id}/propose"
    assert "兴庆冬衣" not in coordinator.get(address).get_data(as_text=True)
    assert "兴庆冬衣" in coordinator.get(f"{address}?name=兴庆").get_data(as_text=True)
    form = {"capacity": far.public_id, "quantity": "1", "name": "兴庆"}
    refused = coordinator.submit(address, form)
    assert refused.status_code == 422
    assert 'name="despite"' in refused.get_data(as_text=True)
    assert rows() == []
    assert coordinator.submit(address, {**form, "despite": "y"}).status_code == 303
    assert rows()[0].reasons["broken"] == ["region"]


def test_a_coordinator_hands_over(coordinator: Browser) -> None:
    row = world.an_allocation(state="delivering", due_on=world.in_days(-20))
    taker = world.a_capacity(title="接手冬衣")
    page = coordinator.get("/allocations/handover").get_data(as_text=True)
    address = f"/allocations/{row.public_id}/reassign"
    assert address in page
    assert "接手冬衣" in coordinator.get(address).get_data(as_text=True)
    assert coordinator.submit(address, {}).status_code == 422
    assert coordinator.submit(address, {"capacity": row.capacity.public_id}).status_code == 422
    answer = coordinator.submit(address, {"capacity": taker.public_id, "agreed": "y"})
    assert (answer.status_code, answer.location) == (303, f"/allocations/{rows()[-1].public_id}")
    assert [item.state for item in rows()] == ["released", "accepted"]
    assert coordinator.get(address).status_code == 409


def test_a_caseworker_visits(caseworker: Browser, canary: CanaryWatch) -> None:
    row = world.an_allocation(world.a_need(quantity=1), state="delivered")
    assert caseworker.submit(f"/allocations/{row.public_id}/confirm", {"satisfaction": "4"}).status_code == 303
    db.session.execute(update(FollowUp).values(due_on=today()))
    db.session.commit()
    visit = db.session.scalars(select(FollowUp)).one().public_id
    address = f"/follow-ups/{visit}"
    assert address in caseworker.get("/follow-ups").get_data(as_text=True)
    assert caseworker.get(address).status_code == 200
    assert caseworker.submit(address, {"outcome": "fine"}).status_code == 422
    form = {"visited_on": today().isoformat(), "outcome": "not", "satisfaction": "2", "open_again": "y"}
    assert caseworker.submit(address, {**form, "outcome": "solved"}).status_code == 422
    answer = caseworker.submit(address, {**form, "note": world.CANARIES["details"]})
    assert answer.location == "/follow-ups"
    assert again(row).state == "reopened"
    assert caseworker.get(address).status_code == 200
    page = caseworker.get(f"/allocations/{row.public_id}").get_data(as_text=True)
    assert f'href="{address}"' in page
    assert canary.responses > 0


def test_a_visit_is_planned_from_the_page(caseworker: Browser) -> None:
    row = world.an_allocation(state="confirmed")
    address = f"/allocations/{row.public_id}/follow-ups"
    assert caseworker.submit(address, {"due_on": world.in_days(-2).isoformat()}).status_code == 422
    assert caseworker.submit(address, {"due_on": world.in_days(9).isoformat()}).status_code == 303
    assert "/follow-ups/" in caseworker.get("/follow-ups?planned=1").get_data(as_text=True)
    assert "/follow-ups/" not in re.sub(r"nav.*?</nav>", "", caseworker.get("/follow-ups").get_data(as_text=True))


def test_a_caseworker_thanks_a_volunteer(caseworker: Browser, client: Browser) -> None:
    user = world.a_user(Role.VOLUNTEER, region=None)
    claim = services.claim(actor_of(user), world.a_wish().public_id)
    services.mark_delivered(actor_of(user), claim.public_id)
    caseworker.submit(f"/allocations/{claim.public_id}/confirm")
    address = f"/allocations/{claim.public_id}/thank"
    assert caseworker.submit(address, {"thanks": "打13812345678"}).status_code == 422
    assert caseworker.submit(address, {"thanks": "孩子很开心，谢谢您！"}).status_code == 303
    assert "孩子很开心，谢谢您！" in client.sign_in(user).get("/account/record").get_data(as_text=True)


def test_cards_are_printed_with_code_and_picture(caseworker: Browser) -> None:
    wish = world.a_wish()
    code = services.card_code(wish)
    page = caseworker.get("/cards").get_data(as_text=True)
    assert f"{code[:4]}-{code[4:]}" in page
    picture = caseworker.get(f"/cards/{wish.public_id}/qr.svg")
    assert (picture.status_code, picture.mimetype) == (200, "image/svg+xml")
    assert code not in picture.get_data(as_text=True)
    assert b"<script" not in picture.data
    assert b"style=" not in picture.data


def test_a_group_claims_for_a_collection_day(client: Browser) -> None:
    organization = world.an_organization()
    client.sign_in(world.a_user(region=None, organization=organization))
    wishes = [world.a_wish() for _ in range(3)]
    page = client.get("/collection-days").get_data(as_text=True)
    assert all(wish.public_id in page for wish in wishes)
    form = {"organization": organization.public_id, "wish": [wish.public_id for wish in wishes[:2]]}
    assert client.submit("/collection-days", {"organization": organization.public_id}).status_code == 422
    past = client.submit("/collection-days", {**form, "collect_on": world.in_days(-1).isoformat()})
    assert past.status_code == 422
    answer = client.submit("/collection-days", {**form, "collect_on": world.in_days(3).isoformat()})
    assert (answer.status_code, answer.location) == (303, "/collection-days/list")
    listed = client.get("/collection-days/list").get_data(as_text=True)
    assert [wish.reference in listed for wish in wishes] == [True, True, False]
    again_the_same = client.submit("/collection-days", form)
    assert again_the_same.status_code == 409
    assert wishes[0].reference in again_the_same.get_data(as_text=True)
