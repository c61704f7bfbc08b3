"""Pages of volunteers' own offers, from posting to done."""

from collections.abc import Callable
from datetime import timedelta

from flask import Flask

from marketplace import audit
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.permissions import Role
from marketplace.projects.models import Capacity
from marketplace.records import today
from tests.support import world
from tests.support.client import Browser

OFFER = {
    "title": "上门理发",
    "categories": ["S0103"],
    "hours": "8",
    "home": world.DAWUKOU,
    "regions": ["640200"],
    "radius_km": "20",
    "qualifications": [],
}


def only_offer() -> Capacity:
    db.session.rollback()
    db.session.expire_all()
    return db.session.query(Capacity).filter(Capacity.owner_id.is_not(None)).one()


def test_an_offer_goes_from_posting_to_done(app: Flask, client: Browser, new_client: Callable[[], Browser]) -> None:
    user = world.a_user(Role.VOLUNTEER, region=None, name="测试理发师")
    client.sign_in(user)
    assert "empty-state" in client.get("/account/offers").get_data(as_text=True)
    wrong = client.submit("/account/offers/new", OFFER | {"title": "", "hours": "many", "home": ""})
    assert wrong.status_code == 422
    assert all(f'id="{name}-error"' in wrong.get_data(as_text=True) for name in ("title", "hours", "home"))
    assert client.submit("/account/offers/new", OFFER | {"look": "regions", "find": "平罗"}).status_code == 200
    assert client.submit("/account/offers/new", OFFER).status_code == 303

    reader = new_client().sign_in(world.a_user(Role.COORDINATOR))
    offer = only_offer()
    page = f"/offers/{offer.public_id}"
    assert OFFER["title"] in reader.get("/offers").get_data(as_text=True)
    assert reader.submit(f"{page}/reveal", {"reason": ""}).status_code == 422
    assert "测试理发师" not in reader.get(page).get_data(as_text=True)
    assert "测试理发师" in reader.submit(f"{page}/reveal", {"reason": "review"}).get_data(as_text=True)
    assert audit.history("user", user.id)[-1].fields == ["email_sealed", "name_sealed"]
    assert reader.submit(f"{page}/send-back", {"version": offer.version, "reason": ""}).status_code == 422
    back = {"version": offer.version, "reason": "请补充无犯罪记录证明"}
    assert reader.submit(f"{page}/send-back", back).status_code == 303
    assert back["reason"] in client.get("/account/offers").get_data(as_text=True)
    form = OFFER | {"version": only_offer().version}
    edit = f"/account/offers/{offer.public_id}/edit"
    assert 'value="8"' in client.get(edit).get_data(as_text=True)
    assert client.submit(edit, form).status_code == 303
    version = only_offer().version
    assert reader.submit(f"{page}/approve", {"version": version, "checks": ""}).status_code == 422
    assert reader.submit(f"{page}/approve", {"version": version, "checks": "已看证明"}).status_code == 303
    assert reader.submit(f"{page}/approve", {"version": version, "checks": "已看证明"}).status_code == 409

    need = world.a_need(category="S0103", kind="service", title="卧床老人理发", unit="次")
    first, second = (
        world.an_allocation(need, only_offer(), organization_id=None, claimant_id=user.id) for _ in range(2)
    )
    listed = client.get("/account/offers").get_data(as_text=True)
    assert listed.count("卧床老人理发") == 2
    answer = {"to_offers": "1"}
    accepted = client.submit(f"/allocations/{first.public_id}/accept", answer)
    assert (accepted.status_code, accepted.location) == (303, "/account/offers")
    declined = client.submit(f"/allocations/{second.public_id}/decline", answer | {"reason": "timing"})
    assert declined.location == "/account/offers"
    done = client.submit(f"/allocations/{first.public_id}/delivered", answer)
    assert done.location == "/account/offers"
    db.session.expire_all()
    states = [db.session.get_one(Allocation, row.id).state for row in (first, second)]
    assert states == ["delivered", "declined"]
    assert client.submit(f"/account/offers/{offer.public_id}/take-back").status_code == 303
    assert not only_offer().active


def test_a_stale_offer_is_confirmed_with_one_press(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER, region=None))
    client.submit("/account/offers/new", OFFER)
    offer = only_offer()
    offer.confirmed_on = today() - timedelta(days=40)
    db.session.commit()
    address = f"/account/offers/{offer.public_id}/confirm"
    assert address in client.get("/account/offers").get_data(as_text=True)
    assert client.submit(address).status_code == 303
    assert only_offer().confirmed_on == today()
    assert address not in client.get("/account/offers").get_data(as_text=True)


def test_others_find_no_offer(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER, region=None))
    client.submit("/account/offers/new", OFFER)
    key = only_offer().public_id
    client.sign_in(world.a_user(Role.VOLUNTEER, region=None))
    assert client.get(f"/account/offers/{key}/edit").status_code == 404
    assert client.submit(f"/account/offers/{key}/take-back").status_code == 404
    assert client.get(f"/offers/{key}").status_code == 403
    client.sign_in(world.a_user(Role.COORDINATOR, region=world.XINGQING))
    assert client.get(f"/offers/{key}").status_code == 404
    assert "empty-state" in client.get("/offers").get_data(as_text=True)
