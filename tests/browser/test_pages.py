"""The main pages of each role: accessible, no wider than the screen, in Chinese, for the keyboard and for paper."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from marketplace import jobs
from marketplace.matches import services as matches
from marketplace.permissions import Role, system_actor
from tests.browser.conftest import Site, Visitor
from tests.browser.walking import Walk, in_chinese, latin_words, too_wide
from tests.support import world

WIDTHS = (1280, 390)
Visit = Callable[..., Visitor]


@dataclass(frozen=True)
class Scene:
    """A small world, and the pages that each role opens in it."""

    organization_id: int
    pages: dict[str, list[str]]


@pytest.fixture
def scene(site: Site) -> Scene:
    with site.app.app_context():
        organization = world.an_organization(name="大武口暖阳社会工作服务中心", kind="social_work")
        waiting = world.an_organization(name="石嘴山市爱心商户联盟服务社", kind="merchant", state="registered")
        project = world.a_project(organization, summary="为困难家庭送冬衣、棉被，送货上门，不论户籍。")
        submitted = world.a_project(organization, title="社区助餐", state="submitted")
        capacity = world.a_capacity(project)
        case = world.a_case()
        need = world.a_need(case, urgency="red")
        lacking = world.a_need(case, title="一台家用轮椅", category="S1103", quantity=1, unit="件")
        wish = world.a_wish(case)
        in_review = world.a_wish(case, title="一盒水彩笔", category="S1105", state="review", approved_by="")
        delivered = world.an_allocation(world.a_need(case), capacity, state="delivered")
        alliance = world.an_alliance()
        package = world.a_package(alliance)
        world.an_invitation(organization)
        world.a_document(waiting)
        colleague = world.a_user(Role.CASEWORKER)
        run = matches.start(system_actor("run"), world.DAWUKOU, None).public_id
        organization_id = organization.id
        pages = {
            "anyone": [
                "/", "/wishes", f"/wishes/{wish.public_id}", "/projects", f"/projects/{project.public_id}",
                "/organizations", f"/organizations/{organization.public_id}", "/alliances",
                f"/alliances/{alliance.slug}", "/search", "/search?q=冬衣", "/account/login", "/account/register",
                "/account/forgotten", "/no-such-page",
            ],
            "volunteer": [
                "/", "/wishes", f"/wishes/{wish.public_id}", "/account/claims", "/account",
                "/account/change", "/account/second-factor/setup", "/waiting",
            ],
            "caseworker": [
                "/cases", "/cases/new", f"/cases/{case.public_id}", f"/cases/{case.public_id}/people/new",
                f"/cases/{case.public_id}/consents/new", "/needs", f"/needs/new?case={case.public_id}",
                f"/needs/{lacking.public_id}", f"/needs/{in_review.public_id}", "/allocations",
                f"/allocations/{delivered.public_id}", f"/cases/{case.public_id}/packages",
                f"/cases/{case.public_id}/packages/{package.public_id}", "/waiting",
            ],
            "charity": [
                "/allocations", f"/projects/{project.public_id}", "/projects?tab=mine", "/projects/new",
                f"/projects/{project.public_id}/edit", f"/projects/{project.public_id}/capacity/new",
                f"/organizations/{organization.public_id}", f"/organizations/{organization.public_id}/edit",
                "/organizations/register", f"/organizations/{organization.public_id}/members",
                f"/organizations/{organization.public_id}/capacity/confirm", "/waiting",
            ],
            "coordinator": [
                "/runs", f"/runs/{run}", f"/runs/{run}?view=unserved", f"/runs/{run}?view=shortages", "/allocations",
                f"/needs/{need.public_id}", "/search?q=轮椅", f"/alliances/{alliance.slug}/members",
                f"/alliances/packages/{package.public_id}/edit", "/waiting",
            ],
            "officer": [
                "/organizations?tab=queue", f"/organizations/{waiting.public_id}", "/projects?tab=queue",
                f"/projects/{submitted.public_id}", "/waiting",
            ],
            "administrator": [
                "/account/staff", "/account/staff/new", f"/account/staff/{colleague.public_id}", "/alliances/new",
                "/audit",
            ],
        }  # fmt: skip
    jobs.work_off(site.app)
    return Scene(organization_id, pages)


def enter(visitor: Visitor, site: Site, scene: Scene, role: str) -> None:
    """Sign in as one of the roles that `Scene.pages` names."""
    if role == "charity":
        visitor.sign_in(site.person(f"{role}@example.org", organization_id=scene.organization_id))
    elif role != "anyone":
        visitor.sign_in(site.person(f"{role}@example.org", Role(role)))


def opened(visitor: Visitor, path: str) -> Page:
    """A page as a reader has it before them: the run of a scene may still be under way in the worker."""
    page = visitor.open(path)
    if "/runs/" in path:
        expect(page.locator("#coverage-title")).to_be_visible()
    return page


@pytest.mark.parametrize(
    "role", ["anyone", "volunteer", "caseworker", "charity", "coordinator", "officer", "administrator"]
)
def test_pages_are_accessible_fit_every_screen_and_are_chinese(
    visit: Visit, site: Site, scene: Scene, role: str
) -> None:
    visitor = visit()
    enter(visitor, site, scene, role)
    faults = []
    for number, path in enumerate(scene.pages[role]):
        page = opened(visitor, path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 844})
            found = Axe().run(page).response["violations"]
            faults += [
                (path, width, fault["id"], [node["html"][:120] for node in fault["nodes"]][:3]) for fault in found
            ]
            faults += [(path, width, "too wide", too_wide(page))] if too_wide(page) else []
        visitor.picture(f"page-{role}-{number:02d}-phone")
        foreign = [word for word in latin_words(page) if word != role]
        faults += [(path, 0, "not Chinese", foreign)] if foreign else []
        page.set_viewport_size({"width": WIDTHS[0], "height": 844})
    assert not faults, "\n".join(map(str, faults))


def test_the_keyboard_skips_the_menu_and_walks_the_need_form_in_reading_order(
    visit: Visit, site: Site, scene: Scene
) -> None:
    visitor = visit()
    enter(visitor, site, scene, "caseworker")
    page = visitor.open(scene.pages["caseworker"][6])
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name=in_chinese("Skip to the content"))
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

    passed = []
    for _press in range(80):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()")
        if name and name not in passed:
            passed.append(name)
        if name == in_chinese("Cancel"):
            break
    order = ["kind", "category", "title", "details", "quantity", "unit", "value", "urgency", "region", "deadline"]
    assert [name for name in passed if name in order] == order
    assert passed[-2:] == [in_chinese("Save as draft"), in_chinese("Cancel")]


def test_a_question_closes_with_escape_and_changes_nothing(visit: Visit, site: Site, scene: Scene) -> None:
    visitor = visit()
    enter(visitor, site, scene, "officer")
    walk = Walk(visitor, "officer")
    page = visitor.open(scene.pages["officer"][1])
    button = page.get_by_role("button", name=walk.words("Verify"), exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    expect(page.locator(".page-head").get_by_text(walk.words("Awaiting verification"))).to_be_visible()
    assert page.url.endswith(scene.pages["officer"][1])
    page.locator(".menu summary").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=walk.words("Sign out"))).to_be_hidden()


def test_a_run_prints_its_figures_and_tables_without_controls(visit: Visit, site: Site, scene: Scene) -> None:
    visitor = visit()
    enter(visitor, site, scene, "coordinator")
    page = opened(visitor, scene.pages["coordinator"][2])
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("一台家用轮椅")).to_be_visible()
    expect(page.get_by_text(in_chinese("Digest of the input"))).to_be_visible()  # nothing stays folded on paper
    for hidden in (".sections", ".top-search", ".filters", ".page-head__actions", ".foot"):
        expect(page.locator(hidden).first).to_be_hidden()
    visitor.picture("run-on-paper")
    assert re.search(rb"/Type\s*/Page\b", page.pdf(format="A4"))
