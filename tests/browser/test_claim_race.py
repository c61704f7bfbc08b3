"""Two people press the same button at the same moment: one claims the wish, the other is told kindly."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import select

from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Role
from tests.browser.conftest import Site, Visitor
from tests.browser.walking import Walk
from tests.support import world

TITLES = ("一双34码的儿童棉鞋", "一件儿童羽绒服", "一条加厚毛毯")

# Both browsers read the same clock and press when it shows the same millisecond.
PRESS_AT = """moment => {
    const form = document.querySelector('form[action$="/claim"]');
    setTimeout(() => form.requestSubmit(), moment - Date.now());
}"""


def press_together(*pages: Page) -> None:
    """Press the claim button of pages that are open already, all at once."""
    moment = pages[0].evaluate("Date.now() + 250")
    for page in pages:
        page.evaluate(PRESS_AT, moment)
    for page in pages:
        page.wait_for_url(re.compile("/account/claims$|/claim$"))


def test_one_of_two_claims_and_the_other_sees_similar_wishes(visit: Callable[..., Visitor], site: Site) -> None:
    with site.app.app_context():
        wishes = [world.a_wish(title=title).public_id for title in TITLES]
    walks = [Walk(visit(), name) for name in ("race-one", "race-two")]
    answers: list[int] = []
    for walk in walks:
        walk.visitor.sign_in(site.person(f"{walk.name}@example.org", Role.VOLUNTEER))
        walk.page.on("response", lambda answer: answers.append(answer.status) if is_claim(answer.url) else None)
        walk.visitor.open(f"/wishes/{wishes[0]}")
    press_together(*(walk.page for walk in walks))
    assert sorted(answers) == [303, 409]

    winner, loser = sorted(walks, key=lambda walk: is_claim(walk.page.url))
    winner.told("The wish is yours to fulfil. Thank you!")
    winner.visitor.picture("race-won")
    loser.heading("Someone has just taken this wish")
    loser.reads("These wishes are much like it, and still free")
    loser.visitor.picture("race-lost")
    with site.app.app_context():
        need = db.session.scalars(select(Need).where(Need.public_id == wishes[0])).one()
        claims = db.session.scalars(select(Allocation).where(Allocation.need_id == need.id)).all()
        assert (need.allocated, [claim.quantity for claim in claims]) == (1, [1])

    loser.page.locator("main .wish-card a").first.click()
    loser.press("Claim this wish")
    loser.told("The wish is yours to fulfil. Thank you!")
    expect(loser.page).to_have_url(re.compile("/account/claims$"))


def is_claim(url: str) -> bool:
    return url.endswith("/claim")
