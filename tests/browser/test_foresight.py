"""Units are kept for later, as those around it click through it: backtest, turn on, read why, ask, grant, see it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from marketplace.matches.foresight import period
from marketplace.permissions import Role
from tests.browser.conftest import Site, Visitor
from tests.browser.walking import Walk
from tests.support import world
from tests.support.past import a_past

NEED, CAPACITY = "一床过冬棉被", "库存棉被"
WHY, ANSWER = "夜间降温，老人等不到月底", "气温骤降，先行安排"
MONTHS, DAYS = 4, 30
"""Of the past that was, and of the part of it that is run again: enough for a forecast, and soon done."""

Visit = Callable[..., Visitor]


@dataclass
class Cast:
    """Who meets what is kept for later, each at a browser of their own."""

    caseworker: Walk
    coordinator: Walk
    charity: Walk


@pytest.fixture(params=["desktop", "phone"])
def cast(visit: Visit, site: Site, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """A county where blue needs used to take what red ones came for; tonight one unit and one blue need are left."""
    monkeypatch.setattr(period, "DAYS", DAYS)
    with site.app.app_context():
        a_past(MONTHS)
        organization = world.an_organization(name="石嘴山市暖阳社会工作服务中心")
        world.a_capacity(world.a_project(organization), title=CAPACITY, quantity=1, valid_until=world.in_days(25))
        world.a_need(title=NEED, urgency="blue", quantity=1)
        key = organization.id
    walks = {
        name: Walk(visit(phone=request.param == "phone"), f"foresight-{name}-{request.param}")
        for name in ("caseworker", "coordinator", "charity")
    }
    for name, title, roles in (
        ("caseworker", "社工甲", (Role.CASEWORKER,)),
        ("coordinator", "统筹甲", (Role.COORDINATOR,)),
        ("charity", "马晓燕", ()),
    ):
        member_of = key if name == "charity" else None
        walks[name].visitor.sign_in(site.person(f"{name}@example.org", *roles, organization_id=member_of, name=title))
    return Cast(**walks)


def test_what_is_kept_is_explained_and_may_be_asked_for(cast: Cast) -> None:
    look_back_and_turn_on(cast.coordinator)
    match(cast.coordinator)
    ask_for_an_exception(cast.caseworker)
    see_what_is_kept(cast.charity)
    grant_the_exception(cast.coordinator)
    see_the_proposal(cast.charity)
    read_the_answer(cast.caseworker)


def shows(walk: Walk, words: str) -> None:
    """Wait until somebody's own words stand on the page."""
    expect(walk.page.locator("main").get_by_text(words).first).to_be_visible()


def look_back_and_turn_on(walk: Walk) -> None:
    walk.visitor.open("/runs/foresight")
    walk.heading("Foresight")
    walk.picture("foresight-off")
    walk.press("Run the last 90 days again")
    walk.reads("Every night, with foresight")
    walk.reads("In hindsight: the best possible")
    walk.picture("backtest")
    walk.press("Turn foresight on")
    walk.told("Foresight is on. From the next run on capacity may be kept for those still to come.")
    walk.picture("foresight-on")


def match(walk: Walk) -> None:
    walk.section("Matching runs")
    walk.press("Start the run")
    walk.reads("Proven best")
    walk.follow("Needs not served")
    shows(walk, NEED)
    walk.picture("kept-in-the-run")
    walk.follow("What would help")
    walk.heading("Why, in this run")
    walk.picture("kept-explained")


def ask_for_an_exception(walk: Walk) -> None:
    walk.section("Needs")
    walk.open_entry(NEED)
    walk.reads("Free units are kept for later")
    walk.picture("need-that-waits")
    walk.follow("Ask for an exception")
    walk.heading("Ask for an exception")
    walk.fill("Why should this need not wait?", WHY)
    walk.picture("exception-form")
    walk.press("Ask for an exception")
    walk.told("Asked. A coordinator decides, and you are told.")
    walk.picture("exception-asked")


def see_what_is_kept(walk: Walk) -> None:
    walk.section("Projects")
    walk.follow("Of my organizations")
    walk.page.locator("main").get_by_role("link", name="冬季送暖").first.click()
    walk.follow("Kept for later")
    walk.heading("Units kept for later")
    walk.reads("Why they are kept")
    expect(walk.page.get_by_text(NEED)).to_have_count(0)
    walk.picture("kept-of-capacity")


def grant_the_exception(walk: Walk) -> None:
    walk.section("Kept for later")
    walk.picture("requests")
    walk.page.locator("main").get_by_role("link", name=NEED).click()
    walk.heading("An exception for a need that waits")
    shows(walk, WHY)
    walk.fill("Reason", ANSWER)
    walk.picture("exception-to-decide")
    walk.press("Grant and propose")
    walk.told("Granted and proposed. It holds nothing until the supplier accepts.")
    walk.picture("exception-granted")


def see_the_proposal(walk: Walk) -> None:
    walk.section("Proposals and deliveries")
    walk.open_entry(NEED)
    walk.picture("proposal")
    walk.press("Accept")
    walk.told("Accepted. Set the day of delivery next.")


def read_the_answer(walk: Walk) -> None:
    walk.visitor.open("/account/notifications")
    walk.picture("notices")
    walk.section("Needs")
    walk.open_entry(NEED)
    shows(walk, ANSWER)
    walk.picture("need-served")
