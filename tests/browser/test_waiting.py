"""What waits, in a real browser: the first page after signing in, on a desk and on a phone, by mouse and by keys."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from marketplace.permissions import Role
from marketplace.records import now, today
from tests.browser.conftest import Site, Visitor
from tests.support import world

Visit = Callable[..., Visitor]


@pytest.fixture
def organization(site: Site) -> int:
    """A busy day of a county, and of an organization in it; gives the key of the organization."""
    with site.app.app_context():
        supplier = world.an_organization(name="大武口暖阳社会工作服务中心", kind="social_work")
        capacity = world.a_capacity(world.a_project(supplier), quantity=40)
        world.a_capacity(capacity.project, title="棉被", confirmed_on=today() - timedelta(days=45))
        case = world.a_case()
        for days in (3, 9, 12):
            world.a_need(case, urgency="red", posted_on=today() - timedelta(days=days))
            world.a_wish(case, state="review", approved_by=None, posted_on=today() - timedelta(days=days))
        for state in ("proposed", "accepted", "delivering", "delivered"):
            world.an_allocation(
                world.a_need(case), capacity, state=state, expires_at=now() + timedelta(hours=20),
                due_on=today() - timedelta(days=1), delivered_at=now(),
            )  # fmt: skip
        world.a_visit(world.an_allocation(world.a_need(case), capacity, state="confirmed"))
        world.an_organization(name="石嘴山市爱心商户联盟服务社", kind="merchant", state="registered")
        world.a_volunteers_offer()
        world.a_run(state="failed")
        key: int = supplier.id
        return key


def fits(page: Page, width: int) -> None:
    """Nothing refused by the checker, nothing wider than the screen, everything pressed large enough."""
    found = Axe().run(page).response["violations"]
    assert [(fault["id"], [node["html"][:120] for node in fault["nodes"]]) for fault in found] == []
    assert page.locator("html").evaluate("page => page.scrollWidth") == width
    assert [line for line in page.locator(".waiting__item").all() if (line.bounding_box() or {})["height"] < 44] == []


@pytest.mark.parametrize("phone", [False, True])
def test_staff_see_what_waits_first(visit: Visit, site: Site, organization: int, phone: bool) -> None:
    visitor = visit(phone=phone)
    page = visitor.sign_in(site.person("officer@example.org", Role.OFFICER, Role.CASEWORKER))
    expect(page).to_have_url(site.url + "/waiting")
    expect(page.get_by_role("heading", name="待办", exact=True)).to_be_visible()
    assert page.locator(".waiting__label").all_inner_texts() == [
        "待确认的送达", "到期的回访", "开放超过 7 天、尚未承接的红色需求", "失败的匹配运行", "待审核的微心愿",
        "待核验的机构", "待审核的志愿者服务意向",
    ]  # fmt: skip
    fits(page, 390 if phone else 1280)
    visitor.picture(f"waiting-staff-{'phone' if phone else 'desk'}")
    page.get_by_role("link", name="开放超过 7 天").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name="显示全部").click()
    expect(page).to_have_url(site.url + "/needs")


@pytest.mark.parametrize("phone", [False, True])
def test_a_supplier_goes_through_it_by_keys(visit: Visit, site: Site, organization: int, phone: bool) -> None:
    visitor = visit(phone=phone)
    page = visitor.sign_in(site.person("member@example.org", organization_id=organization))
    lines = page.locator(".waiting__item")
    expect(lines).to_have_count(3)
    expect(lines.nth(1)).to_contain_text("已逾期")
    fits(page, 390 if phone else 1280)
    visitor.picture(f"waiting-supplier-{'phone' if phone else 'desk'}")
    page.locator("main").focus()
    for number in range(3):
        page.keyboard.press("Tab")
        expect(lines.nth(number).get_by_role("link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="确认仍然有效").click()
    expect(page.locator(".empty-state__title")).to_have_text("没有待确认的")


def test_a_day_without_anything_is_friendly(visit: Visit, site: Site) -> None:
    visitor = visit(phone=True)
    page = visitor.sign_in(site.person("volunteer@example.org", Role.VOLUNTEER))
    expect(page.get_by_text("现在没有待办事项")).to_be_visible()
    fits(page, 390)
    visitor.picture("waiting-nothing")
    page.get_by_role("main").get_by_role("link").click()
    expect(page).to_have_url(site.url + "/wishes")
