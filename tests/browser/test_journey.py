"""The main journey as its users click through it, in Chinese, from an empty instance: help finds its way."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from marketplace.permissions import Role
from tests.browser.conftest import PASSWORD, Site, Visitor
from tests.browser.walking import Walk
from tests.support import world

DAWUKOU = "640202"
CHARITY = "石嘴山市暖阳社会工作服务中心"
CREDIT_CODE = "53640202MJX123456Y"
NEED, WISH = "两位老人的过冬棉衣", "一双34码的儿童棉鞋"

Visit = Callable[..., Visitor]


@dataclass
class Cast:
    """Everyone of the journey, each at a browser of their own."""

    charity: Walk
    officer: Walk
    caseworker: Walk
    colleague: Walk
    coordinator: Walk
    volunteer: Walk


@pytest.fixture(params=["desktop", "phone"])
def cast(visit: Visit, site: Site, request: pytest.FixtureRequest) -> Cast:
    """Everyone at a desk, then everyone with a phone. Staff have accounts; the charity and the volunteer have none."""
    phone = request.param == "phone"
    staff = {
        "officer": (Role.OFFICER, "民政干部"),
        "caseworker": (Role.CASEWORKER, "社工甲"),
        "colleague": (Role.CASEWORKER, "社工乙"),
        "coordinator": (Role.COORDINATOR, "协调员"),
    }
    walks = {name: Walk(visit(phone=phone), f"{name}-{request.param}") for name in ("charity", *staff, "volunteer")}
    for name, (role, title) in staff.items():
        walks[name].visitor.sign_in(site.person(f"{name}@example.org", role, name=title))
    return Cast(**walks)


def test_help_finds_its_way_from_an_empty_instance(cast: Cast) -> None:
    register_the_organization(cast.charity)
    verify_the_organization(cast.officer)
    offer_winter_clothes(cast.charity)
    open_the_project(cast.officer)
    open_a_case_with_consents(cast.caseworker)
    post_the_need(cast.caseworker)
    post_the_wish(cast.caseworker)
    approve_the_wish(cast.colleague)
    match(cast.coordinator)
    accept_and_deliver(cast.charity)
    confirm_the_delivery(cast.caseworker)
    find_claim_and_fulfil_the_wish(cast.volunteer)
    confirm_the_wish(cast.caseworker)
    see_it_come_true(cast.volunteer)
    have_nothing_left_to_answer(cast.charity)


def make_an_account(walk: Walk, email: str, name: str) -> None:
    walk.visitor.open("/")
    walk.follow("Register")
    walk.heading("Register")
    walk.picture("register")
    walk.fill("E-mail", email)
    walk.fill("Name", name)
    walk.fill("Password", PASSWORD)
    walk.fill("Password again", PASSWORD)
    walk.agree("I keep what I learn about people in confidence")
    walk.press("Register")
    expect(walk.page.get_by_text(name).first).to_be_visible()


def register_the_organization(walk: Walk) -> None:
    make_an_account(walk, "charity@example.org", "马晓燕")
    walk.picture("home")
    walk.section("Organizations")
    walk.follow("Register an organization")
    walk.heading("Register an organization")
    walk.fill("Registered name", CHARITY)
    walk.select("Kind", "social_work")
    walk.fill("Unified social credit code", CREDIT_CODE)
    walk.select("Region where it is registered", DAWUKOU)
    walk.fill("What the organization does", "为大武口区困难家庭提供冬衣、助餐和上门探访，成立于2015年。")
    walk.fill("Contact person", "马晓燕")
    walk.fill("Contact phone", "0952-2012345")
    walk.picture("organization-form")
    walk.press("Register", within=walk.page.locator("main"))
    walk.told("Registered. An officer of the region verifies it now; you can prepare projects meanwhile.")
    walk.heading_is(CHARITY)
    walk.picture("organization")


def verify_the_organization(walk: Walk) -> None:
    walk.section("Organizations")
    walk.follow("Waiting for verification")
    walk.picture("organizations-waiting")
    walk.open_entry(CHARITY)
    walk.picture("organization-to-verify")
    walk.press("Verify")
    walk.dialog_asks("Verify this organization? You compared its name, code and region with the licence.")
    walk.picture("organization-question")
    walk.confirm()
    walk.told("Verified. Its profile is public now and its projects may open.")
    walk.picture("organization-verified")


def offer_winter_clothes(walk: Walk) -> None:
    walk.section("Projects")
    walk.follow("New project")
    walk.fill("Title", "大武口区温暖过冬")
    walk.fill("What it does", "为困难家庭送冬衣、棉被，送货上门，不论户籍。")
    walk.select("Where the money comes from", "charity")
    walk.picture("project-form")
    walk.press("Save the draft")
    walk.told("Drafted. Say next what the project offers.")
    walk.heading("Add capacity")
    walk.fill("Short name", "成人冬衣")
    walk.unfold_entry("物资与微心愿")
    walk.tick("Kinds of help", "衣被御寒物资", named=True)
    walk.fill("Quantity", "20")
    expect(walk.page.get_by_label("大武口区")).to_be_checked()  # the project's own region, to begin with
    walk.picture("capacity-form")
    walk.press("Add capacity")
    walk.told("Added. It counts as confirmed today.")
    walk.press("Submit")
    walk.told("Submitted. An officer of the region reads it next.")
    walk.picture("project-submitted")


def open_the_project(walk: Walk) -> None:
    walk.section("Projects")
    walk.follow("Waiting to be opened")
    walk.open_entry("大武口区温暖过冬")
    walk.picture("project-to-open")
    walk.press("Open")
    walk.confirm()
    expect(walk.page.locator(".flash")).to_be_visible()
    walk.picture("project-open")


def open_a_case_with_consents(walk: Walk) -> None:
    walk.section("Cases")
    walk.picture("cases-empty")
    walk.follow("Open a case")
    walk.select("Where the household lives", DAWUKOU)
    walk.fill("Summary for caseworkers", "夫妻二人，均已年过七旬，子女在外地。")
    walk.picture("case-form")
    walk.press("Save")
    walk.reads("Nobody recorded yet")
    walk.picture("case-new")
    walk.follow("Add a person")
    walk.fill("Name", "马大爷")
    walk.fill("Phone", "13900001234")
    walk.fill("Address", "大武口区朝阳街道某小区1号楼")
    walk.picture("person-form")
    walk.press("Save")
    walk.told("The person is saved.")
    for purpose in ("Share the need with suppliers who may help", "Publish a micro-wish, without name or address"):
        walk.follow("Record")
        walk.tick("What the household agrees to", purpose)
        walk.tick("Given by", "The person")
        walk.page.locator("label", has_text=walk.words("I told them that saying no costs them nothing")).click()
        walk.picture("consent-form")
        walk.press("Record the consent")
        walk.told("The consent is recorded.")
    walk.picture("case")


def post_the_need(walk: Walk) -> None:
    walk.follow("Post a need")
    walk.heading("Post a need")
    walk.picture("need-form-empty")
    walk.tick("Kind of help", "Goods")
    walk.select("Category", "S1102")
    walk.fill("What is needed", NEED)
    walk.fill("Details for the supplier", "男装L码、女装M码，请在上午送到。")
    walk.fill("How many", "2")
    walk.tick("Urgency", "Red: urgent")
    walk.select("Where help is needed", DAWUKOU)
    walk.picture("need-form")
    walk.press("Post it")
    walk.told("The need is open.")
    walk.picture("need-open")


def post_the_wish(walk: Walk) -> None:
    walk.page.locator("main a[href^='/cases/']").first.click()
    walk.follow("Post a need")
    walk.tick("Kind of help", "Micro-wish")
    walk.select("Category", "S1102")
    walk.fill("What is needed", WISH)
    walk.fill("Value in yuan", "120")
    walk.tick("Urgency", "Blue: can wait")
    walk.select("Where help is needed", DAWUKOU)
    walk.press("Post it")
    walk.reads("This household has such a need already")
    walk.picture("similar-need")
    walk.press("Post anyway")
    walk.told("The wish waits for a second person's approval.")
    walk.reads("You wrote this wish, so somebody else must approve it.")
    walk.picture("wish-in-review")


def approve_the_wish(walk: Walk) -> None:
    walk.section("Needs")
    walk.picture("needs")
    walk.open_entry(WISH)
    walk.picture("wish-to-approve")
    walk.press("Approve and publish")
    walk.told("The wish is approved and public now.")
    walk.picture("wish-approved")


def match(walk: Walk) -> None:
    walk.section("Matching runs")
    walk.reads("Needs that take part")
    walk.picture("run-preview")
    walk.press("Start the run")
    expect(walk.page.locator("#run-progress, .coverage").first).to_be_visible()
    walk.picture("run-started")
    walk.reads("Proven best")
    walk.picture("run-result")
    walk.open_entry(NEED)
    walk.reads("The need has waited %(days)s days", days=0)
    walk.picture("proposal-with-reasons")


def accept_and_deliver(walk: Walk) -> None:
    walk.section("Proposals and deliveries")
    walk.picture("proposals")
    walk.open_entry(NEED)
    expect(walk.page.locator(".sections [aria-current]")).to_have_text(walk.words("Proposals and deliveries"))
    walk.picture("proposal")
    walk.press("Accept")
    walk.told("Accepted. Set the day of delivery next.")
    walk.unfold("Show name, phone and address")
    walk.press("Show")
    walk.reads("Whom to bring it to")
    expect(walk.page.get_by_text("大武口区朝阳街道某小区1号楼")).to_be_visible()
    walk.picture("proposal-contact")
    walk.press("All delivered today")
    walk.dialog_asks("Has all of it been handed over? A caseworker asks the household whether it has arrived.")
    walk.confirm()
    walk.told("Marked as done. A caseworker confirms it with the household.")
    expect(walk.page.get_by_text("大武口区朝阳街道某小区1号楼")).to_have_count(0)
    walk.picture("delivered")


def confirm_the_delivery(walk: Walk) -> None:
    walk.section("Proposals and deliveries")
    walk.picture("deliveries-to-confirm")
    walk.open_entry(NEED)
    walk.tick("How satisfied is the household?", "5 Very satisfied")
    walk.picture("confirm")
    walk.press("Confirm")
    walk.told("Confirmed: the help has arrived.")
    walk.follow("See the need")
    expect(walk.page.locator(".page-head").get_by_text(walk.words("Fulfilled"))).to_be_visible()
    walk.reads("Arrange a visit or delivery")  # why the supplier looked at the address
    walk.picture("need-fulfilled")


def find_claim_and_fulfil_the_wish(walk: Walk) -> None:
    make_an_account(walk, "volunteer@example.org", "王志愿")
    walk.section("Micro-wishes")
    walk.picture("board")
    walk.open_entry(WISH)
    walk.picture("wish")
    search_until_found(walk, "棉鞋", WISH)
    walk.picture("search")
    walk.open_entry(WISH)
    walk.press("Claim this wish")
    walk.told("The wish is yours to fulfil. Thank you!")
    expect(walk.page).to_have_url(re.compile("/account/claims$"))
    walk.picture("claims")
    walk.open_entry(WISH)
    walk.picture("wish-claimed")
    walk.section("My claims")
    walk.press("Mark as done")
    walk.told("Marked as done. A caseworker confirms it with the household.")
    walk.picture("claims-done")


def search_until_found(walk: Walk, words: str, title: str) -> None:
    """Search as one does who was told of a new wish: the index follows within seconds."""
    end = time.monotonic() + 15
    while True:
        walk.page.get_by_role("searchbox").first.fill(words)
        walk.page.get_by_role("searchbox").first.press("Enter")
        walk.page.wait_for_url(re.compile("/search"))
        if walk.page.locator("main").get_by_role("link", name=title).count():
            return
        assert time.monotonic() < end, f"the index does not know {title}"


def confirm_the_wish(walk: Walk) -> None:
    walk.section("Proposals and deliveries")
    walk.open_entry(WISH)
    walk.press("Confirm")
    walk.told("Confirmed: the help has arrived.")
    walk.picture("wish-confirmed")


def see_it_come_true(walk: Walk) -> None:
    walk.section("My claims")
    walk.reads("You hold no wish at present")
    expect(walk.page.get_by_text("您已实现 1 个微心愿。")).to_be_visible()
    walk.picture("claims-fulfilled")


def have_nothing_left_to_answer(walk: Walk) -> None:
    """The run had proposed the wish too; somebody else made it come true."""
    walk.section("Proposals and deliveries")
    expect(walk.page.locator(".nav-link.active")).to_contain_text("0")
    walk.picture("nothing-to-answer")


def test_a_volunteer_claims_a_wish_on_a_phone(visit: Visit, site: Site) -> None:
    with site.app.app_context():
        world.a_wish(title=WISH)
        world.a_wish(title="一盒水彩笔", category="S1105", value_fen=4000)
    walk = Walk(visit(phone=True), "phone")
    walk.visitor.sign_in(site.person("phone@example.org", Role.VOLUNTEER))
    walk.picture("home")
    walk.section("Micro-wishes")
    walk.picture("board")
    walk.select("Category", "S1102")
    walk.press("Filter")
    walk.open_entry(WISH)
    walk.picture("wish")
    walk.press("Claim this wish")
    walk.told("The wish is yours to fulfil. Thank you!")
    walk.picture("claims")
    walk.press("Mark as done")
    walk.told("Marked as done. A caseworker confirms it with the household.")
    walk.picture("claims-done")


def test_the_key_pages_read_well_in_english(visit: Visit, site: Site) -> None:
    with site.app.app_context():
        organization = world.an_organization(name=CHARITY, name_en="Nuanyang Social Work Centre")
        capacity = world.a_capacity(world.a_project(organization))
        case = world.a_case()
        need = world.a_need(case, title=NEED)
        world.a_wish(case, title=WISH)
        world.an_allocation(need, capacity)
        key, case_key = need.public_id, case.public_id
    roles = (Role.COORDINATOR, Role.CASEWORKER, Role.OFFICER)
    walk = Walk(visit(), "english", english=True)
    walk.visitor.sign_in(site.person("english@example.org", *roles))
    walk.page.locator("form.locale-switch button").first.click()
    walk.page.wait_for_selector("html[lang=en]")
    pages = {
        "home": "/", "wishes": "/wishes", "cases": "/cases", "case": f"/cases/{case_key}", "needs": "/needs",
        "need": f"/needs/{key}", "need-form": f"/needs/new?case={case_key}", "runs": "/runs",
        "proposals": "/allocations",
        "projects": "/projects", "organizations": "/organizations", "search": "/search?q=冬衣", "account": "/account",
    }  # fmt: skip
    for name, path in pages.items():
        walk.visitor.open(path)
        walk.picture(name)
    walk.section("Matching runs")
    walk.press("Start the run")
    walk.reads("Proven best")
    walk.picture("run-result")
