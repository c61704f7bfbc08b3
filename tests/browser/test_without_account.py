"""Two people without an account: one claims from a printed card on a phone, one answers a supplier's link."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from marketplace.allocations import services
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.permissions import Role
from tests.browser.conftest import Site, Visitor
from tests.marketplace.allocations.people import a_coordinator
from tests.support import world


def _state(site: Site, allocation_id: int) -> str:
    with site.app.app_context():
        return str(db.session.get_one(Allocation, allocation_id).state)


def test_a_card_is_claimed_on_a_phone_and_the_caseworker_thanks(visit: Callable[..., Visitor], site: Site) -> None:
    with site.app.app_context():
        world.a_wish(title="一双34码的儿童棉鞋")
    staff = visit()
    staff.sign_in(site.person("caseworker@example.org", Role.CASEWORKER))
    card = staff.open("/cards").locator(".print-card")
    staff.page.emulate_media(media="print")
    expect(card.locator("img")).to_be_visible()
    staff.picture("cards-on-paper")
    code = card.locator("strong").inner_text()
    address = re.search(r"/cards/[0-9a-f]+", card.locator("img").get_attribute("alt") or "")
    assert address is not None
    staff.page.emulate_media(media="screen")

    guest = visit(phone=True)
    page = guest.open(address.group())
    page.fill("input[name=code]", code.lower().replace("-", " "))
    page.fill("input[name=phone]", "13912345678")
    page.locator("form[action^='/cards/'] button").click()
    page.wait_for_url("**/claims/**")
    guest.picture("guest-claim-phone")
    own = page.url.removeprefix(site.url)
    page.locator("form[action$='/done'] button").click()
    page.wait_for_load_state()
    with site.app.app_context():
        claim = db.session.scalars(db.select(Allocation)).one()
        claim_id, claim_address = claim.id, claim.public_id
    assert _state(site, claim_id) == "delivered"

    page = staff.open(f"/allocations/{claim_address}")
    assert "13912345678" not in page.content()
    page.locator("form[action$='/confirm'] button[type=submit]").click()
    page.wait_for_load_state()
    page.fill("textarea[name=thanks]", "孩子穿上很暖和，谢谢您！")
    page.locator("form[action$='/thank'] button[type=submit]").click()
    page.wait_for_load_state()
    assert _state(site, claim_id) == "confirmed"
    assert "孩子穿上很暖和，谢谢您！" in guest.open(own).content()


def test_a_supplier_accepts_a_part_under_a_link(visit: Callable[..., Visitor], site: Site) -> None:
    with site.app.app_context():
        proposal = world.an_allocation(world.a_need(quantity=4), quantity=4)
        proposal_id, before = proposal.id, proposal.public_id
        token, _sent = services.make_link(a_coordinator(), before)
        db.session.remove()
    supplier = visit(phone=True)
    page = supplier.open(f"/answers/{token}")
    page.locator("summary").first.click()
    page.fill("input[name=quantity]", "3")
    page.locator("form[action$='/accept'] select[name=rest_reason]").select_option("no_capacity")
    page.locator("details form[action$='/accept'] button[type=submit]").click()
    page.wait_for_load_state()
    supplier.picture("supplier-link-phone")
    assert page.locator("form[action$='/accept']").count() == 0
    assert _state(site, proposal_id) == "accepted"
    with site.app.app_context():
        rows = db.session.scalars(db.select(Allocation).order_by(Allocation.id)).all()
        assert [(row.state, row.quantity) for row in rows] == [("accepted", 3), ("declined", 1)]
        db.session.remove()
    page.locator("form[action$='/delivered'] button").click()
    page.get_by_role("dialog").get_by_role("button").filter(has_text="确定").click()
    page.wait_for_load_state()
    supplier.picture("supplier-link-delivered-phone")
    assert page.locator("form[action$='/delivered']").count() == 0
    assert _state(site, proposal_id) == "delivered"
