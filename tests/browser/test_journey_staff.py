"""Staff, from the link with which an account begins to done: those who employ, work, steer and watch."""

import re
from collections.abc import Callable

import pyotp
import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from marketplace.accounts import services as accounts
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Role
from tests.browser.conftest import PASSWORD, Site, Visitor
from tests.browser.sign_up import WITH_MAIL, employ, first_password, link_in_letter
from tests.browser.walking import Walk
from tests.support import world

DRAFT, FAILED, LUNCH, QUIET = "一台二手洗衣机", "冬季取暖补助", "每日午餐送到家", "两床过冬棉被"
CASEWORKER = "newcomer@example.org"
Visit = Callable[..., Visitor]

pytestmark = [
    pytest.mark.parametrize("site", [WITH_MAIL], indirect=True, ids=["mail"]),
    pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"]),
]


def people(visit: Visit, phone: bool, *names: str) -> list[Walk]:
    """Each at a browser of their own."""
    return [Walk(visit(phone=phone), f"{name}-{'phone' if phone else 'desktop'}") for name in names]


def test_an_administrator_employs_a_caseworker_who_does_a_days_work(visit: Visit, site: Site, phone: bool) -> None:
    with site.app.app_context():
        case = world.a_case()
        world.a_package(world.an_alliance(name="武帮您"))
        helped = world.a_need(case, title=FAILED, kind="grant", category="S1301", quantity=1, unit="次")
        visit_due = world.a_visit(world.an_allocation(helped, state="confirmed"))
        case_page, visit_page = f"/cases/{case.public_id}", f"/follow-ups/{visit_due.public_id}"
        world.a_wish(case)
    administrator, caseworker = people(visit, phone, "admin", "newcomer")
    employ(administrator, Role.ADMINISTRATOR, "系统管理员")
    set_up_a_second_factor(administrator)
    make_the_account(administrator)
    first_password(caseworker, link_in_letter(site, CASEWORKER), CASEWORKER)
    leave_a_draft_and_find_it_again(caseworker, case_page)
    apply_a_package(caseworker, case_page)
    find_on_a_visit_that_the_help_failed(caseworker, visit_page)
    restrict_the_case(caseworker, case_page)
    change_roles_and_disable(administrator)
    be_refused(caseworker)


def set_up_a_second_factor(walk: Walk) -> None:
    walk.visitor.open("/account")
    walk.follow("Second factor")
    walk.press("Begin")
    key = walk.page.locator("main code").inner_text()
    walk.picture("second-factor")
    walk.fill("Code", pyotp.TOTP(key).now())
    walk.press("Confirm")
    walk.told("From now on, signing in asks for a code.")
    walk.heading("Your recovery codes")
    expect(walk.page.locator("main li code")).to_have_count(10)
    walk.picture("recovery-codes")
    recovery = walk.page.locator("main li code").first.inner_text()
    walk.follow("I have kept them")
    walk.press("Sign out", within=walk.page.locator("main"))
    walk.visitor.open("/account/login")
    walk.page.fill("input[type=email]", f"{walk.name}@example.org")
    walk.page.fill("input[type=password]", PASSWORD)
    walk.page.locator("form").first.locator("button").first.click()
    walk.fill("Code", recovery)
    walk.press("Sign in")
    walk.told("You used a recovery code; %(number)s are left. Make new ones in your account.", number=9)


def make_the_account(walk: Walk) -> None:
    walk.section("Staff accounts")
    walk.follow("New account")
    walk.fill("E-mail", CASEWORKER)
    walk.fill("Name", "新社工")
    walk.tick("Roles", "Caseworker")
    walk.select("Region served", world.DAWUKOU)
    walk.picture("new-account")
    walk.press("Make the account")
    walk.told("Done. A link to set the password is on its way by e-mail.")
    walk.picture("accounts")


def leave_a_draft_and_find_it_again(walk: Walk, case_page: str) -> None:
    walk.visitor.open(case_page)
    walk.follow("Post a need")
    walk.tick("Kind of help", "Goods")
    walk.page.get_by_label(re.compile(walk.words("What is needed"))).first.press_sequentially(DRAFT)
    expect(walk.page).to_have_url(re.compile(r"/needs/[0-9a-f]+/edit$"))  # it has kept itself
    walk.page.reload()
    expect(walk.field("What is needed")).to_have_value(DRAFT)
    walk.visitor.open("/needs/drafts")
    walk.picture("drafts")
    walk.press("Discard")
    walk.told("The draft is put away. You can take it back below.")
    walk.press("Take back")
    walk.told("The draft is back.")


def apply_a_package(walk: Walk, case_page: str) -> None:
    walk.visitor.open(case_page)
    walk.follow("Apply a package")
    walk.picture("packages")
    walk.open_entry("失能老人照护套餐")
    walk.picture("package")
    walk.press("Add to the case")
    expect(walk.page.locator("main").get_by_role("link", name=LUNCH)).to_be_visible()
    walk.picture("case-with-package")


def find_on_a_visit_that_the_help_failed(walk: Walk, visit_page: str) -> None:
    walk.section("Follow-up visits")
    walk.picture("visits")
    walk.follow("Record the visit")
    expect(walk.page).to_have_url(re.compile(f"{visit_page}$"))
    walk.tick("What did you find?", "It has not helped")
    walk.page.locator("label.choice", has_text=walk.words("The help failed: open the need again")).click()
    walk.picture("visit")
    walk.press("Record the visit")
    walk.told("The visit is recorded.")
    with walk.visitor.site.app.app_context():
        need = db.session.scalars(select(Need).where(Need.title == FAILED)).one()
        assert (need.state, need.allocated) == ("open", 0)


def restrict_the_case(walk: Walk, case_page: str) -> None:
    walk.visitor.open("/wishes")
    expect(walk.page.locator("main").get_by_role("link", name="一双34码棉鞋")).to_be_visible()
    walk.visitor.open(case_page)
    walk.press("Restrict under %(rule)s", rule="R05")
    walk.dialog_asks("Restrict this case? Its needs leave every public list at once.")
    walk.confirm()
    walk.told("The case is restricted.")
    walk.picture("case-restricted")
    walk.visitor.open("/wishes")
    expect(walk.page.locator("main").get_by_role("link", name="一双34码棉鞋")).to_have_count(0)


def change_roles_and_disable(walk: Walk) -> None:
    walk.section("Staff accounts")
    walk.open_entry("新社工")
    walk.tick("Roles", "Coordinator")
    walk.press("Save")
    walk.told("Saved. It counts from now on.")
    walk.picture("account-rights")
    walk.press("Disable")
    walk.confirm()
    walk.told("Disabled. Every session of the account has ended.")


def be_refused(walk: Walk) -> None:
    walk.visitor.open("/needs")
    walk.page.fill("input[type=email]", CASEWORKER)
    walk.page.fill("input[type=password]", PASSWORD)
    walk.page.locator("form").first.locator("button").first.click()
    walk.reads("E-mail or password is not right. Check both and try again.")


def test_those_who_steer_and_those_who_watch(visit: Visit, site: Site, phone: bool) -> None:
    with site.app.app_context():
        charity = world.an_organization(name="大武口区暖心慈善会")
        other = world.an_organization(name="石嘴山爱心商户服务社")
        capacity = world.a_capacity(world.a_project(charity))
        need = world.a_need(title="两位老人的过冬棉衣")
        world.an_allocation(world.a_need(title="一家三口的棉被"), capacity, state="accepted")
        world.a_volunteers_offer()
        alliance = world.an_alliance(name="武帮您").slug
        need_page, profile = f"/needs/{need.public_id}", f"/organizations/{charity.public_id}"
        own = f"/organizations/{other.public_id}"
    coordinator, officer, auditor = people(visit, phone, "coordinator", "officer", "auditor")
    employ(coordinator, Role.COORDINATOR, "协调员")
    try_another_policy(coordinator)
    propose_by_hand(coordinator, need_page)
    help_a_restricted_case(coordinator)
    widen_the_alliance(coordinator, alliance)
    employ(officer, Role.OFFICER, "民政干部")
    approve_an_offer(officer)
    suspend(officer, profile)
    find_it_to_hand_over(coordinator)
    employ(auditor, Role.AUDITOR, "审计员")
    read_and_verify_the_trail(auditor)
    change_nothing(auditor, [need_page, profile, own, "/runs", "/allocations", "/projects", "/needs"])


def try_another_policy(walk: Walk) -> None:
    walk.section("Matching runs")
    walk.follow("Policy and nightly runs")
    walk.page.locator("input[name=closeness_weight]").fill("90")
    walk.press("Try it out")
    walk.reads("As many are served in every colour; what changes is who serves whom.")
    walk.picture("policy-tried")
    walk.press("Save for coming runs")
    walk.told("The settings are saved. They hold from the next run on.")


def propose_by_hand(walk: Walk, need_page: str) -> None:
    walk.visitor.open(need_page)
    walk.follow("Propose by hand")
    walk.picture("propose")
    walk.press("Propose")
    expect(walk.page.locator(".page-head").get_by_text(walk.words("Proposed"), exact=True)).to_be_visible()
    walk.picture("proposed-by-hand")


def help_a_restricted_case(walk: Walk) -> None:
    with walk.visitor.site.app.app_context():
        case = world.a_case(restricted=True)
        world.a_need(case, title=QUIET)
        world.a_team_member(case, accounts.user_by_email(f"{walk.name}@example.org"))
    walk.visitor.open("/needs")
    expect(walk.page.locator("main").get_by_role("link", name=QUIET)).to_have_count(0)
    walk.section("My care teams")
    walk.picture("care-teams")
    walk.press("See who could help")
    walk.reads("The supplier said no")  # the run has ended and asks for the supplier's answer
    walk.picture("restricted-run")
    walk.press("It agreed: accept in its name")
    walk.confirm()
    walk.told("Accepted in the supplier's name; that you asked is recorded.")


def widen_the_alliance(walk: Walk, slug: str) -> None:
    walk.visitor.open(f"/alliances/{slug}")
    walk.follow("Keep the members")
    walk.fill("Name of an organization", "商户")
    walk.press("Find")
    walk.press("Add")
    walk.told("The organization is a member from today.")
    walk.picture("alliance-members")


def approve_an_offer(walk: Walk) -> None:
    walk.section("Volunteers' offers")
    walk.open_entry("上门理发")
    walk.fill("What was checked", "已查看身份证明与无犯罪记录证明，2026年11月。")
    walk.picture("offer-to-approve")
    walk.press("Approve")
    expect(walk.page.locator(".flash")).to_be_visible()


def suspend(walk: Walk, profile: str) -> None:
    walk.visitor.open(profile)
    walk.unfold("Suspend")
    walk.page.locator("details[open] textarea[name=reason]").fill("年度检查未通过，整改期间暂停。")
    walk.press("Suspend", within=walk.page.locator("details[open]"))
    walk.confirm()
    walk.told("Suspended. It is no longer public, and its open projects are paused.")
    walk.picture("suspended")


def find_it_to_hand_over(walk: Walk) -> None:
    walk.section("To hand over")
    walk.reads_words("一家三口的棉被")
    walk.picture("to-hand-over")


def read_and_verify_the_trail(walk: Walk) -> None:
    walk.section("Audit trail")
    walk.select("Kind of record", "organization")
    walk.press("Filter")
    walk.reads_words("年度检查未通过，整改期间暂停。")
    walk.picture("trail")
    walk.unfold("Verify a chain")
    walk.page.locator("select#verified-chain").select_option(world.DAWUKOU)
    walk.press("Verify")
    walk.reads("The chain of %(county)s is whole", county="石嘴山市大武口区")
    walk.picture("chain-verified")


def change_nothing(walk: Walk, pages: list[str]) -> None:
    """No page offers an auditor anything to send, and none shows who a household or a contact is."""
    for path in pages:
        page = walk.visitor.open(path)
        expect(page.locator("main h1, .page-head h1").first).to_be_visible()
        assert page.locator("main form[method=post]").count() == 0, path
        shown = page.content()
        assert [value for value in world.CANARIES.values() if value in shown] == [], path
