"""Those who come from outside, from registering to done: a volunteer, the manager of a charity, and its staff."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.permissions import Role, system_actor
from marketplace.records import today
from tests.browser.conftest import Site, Visitor
from tests.browser.sign_up import WITH_MAIL, employ, link_in_letter, make_account, register_by_letter
from tests.browser.walking import Walk
from tests.support import world

WISH, THANKS = "一双34码的儿童棉鞋", "孩子穿上很暖和，谢谢您！"
CHARITY, CREDIT_CODE = "石嘴山市暖阳社会工作服务中心", "53640202MJX123456Y"
NEED = "一家四口的过冬棉衣"
Visit = Callable[..., Visitor]

pytestmark = [
    pytest.mark.parametrize("site", [WITH_MAIL], indirect=True, ids=["mail"]),
    pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"]),
]


def a_picture(name: str) -> dict[str, Any]:
    """A photo as a file chooser hands it over."""
    stream = BytesIO()
    Image.new("RGB", (40, 30), "white").save(stream, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": stream.getvalue()}


def test_a_volunteer_claims_hands_in_evidence_is_thanked_and_offers_help(visit: Visit, site: Site, phone: bool) -> None:
    with site.app.app_context():
        world.a_wish(title=WISH)
    walk = Walk(visit(phone=phone), f"giver-{'phone' if phone else 'desktop'}")
    register_by_letter(walk, "giver@example.org", "王志愿")
    walk.section("Micro-wishes")
    walk.open_entry(WISH)
    walk.press("Claim this wish")
    walk.told("The wish is yours to fulfil. Thank you!")
    walk.unfold("Hand in a photo")
    walk.page.locator("input[type=file]").set_input_files(a_picture("shoes.png"))
    walk.press("Hand in")
    walk.told("The photo is kept. Where it was taken, and with what, is not.")
    walk.picture("photo-handed-in")
    walk.press("Mark as done")
    walk.told("Marked as done. A caseworker confirms it with the household.")
    confirm_and_thank(site.app)
    walk.visitor.open("/account/claims")
    walk.follow("Record of wishes come true")
    walk.reads_words(THANKS)
    walk.picture("thanked")
    offer_haircuts(walk)


def confirm_and_thank(app: Flask) -> None:
    """A caseworker's part, which other journeys walk."""
    with app.app_context():
        claim = db.session.scalars(select(Allocation)).one().public_id
        caseworker = system_actor("test")
        allocations.confirm(caseworker, claim, 5)
        allocations.thank(caseworker, claim, THANKS)
        db.session.remove()


def offer_haircuts(walk: Walk) -> None:
    walk.section("My offers of help")
    walk.picture("offers-empty")
    walk.follow("Offer help")
    walk.fill("What you offer to do", "上门理发")
    walk.unfold_entry("生活服务")
    walk.page.locator("label.choice", has_text="理发").first.click()
    walk.fill("Hours a month", "8")
    walk.select("Where you start from", world.DAWUKOU)
    walk.unfold_entry("石嘴山市")
    walk.page.get_by_label("大武口区").check()
    walk.picture("offer-form")
    walk.press("Hand in for review")
    walk.reads("A coordinator reads it")
    walk.picture("offer-handed-in")


def test_a_charity_registers_invites_serves_in_part_and_hands_over(visit: Visit, site: Site, phone: bool) -> None:
    width = "phone" if phone else "desktop"
    manager, staff, officer = (Walk(visit(phone=phone), f"{name}-{width}") for name in ("manager", "staff", "officer"))
    register_by_letter(manager, "manager@example.org", "马晓燕")
    register_with_a_licence(manager)
    employ(officer, Role.OFFICER, "民政干部")
    refuse_then_verify(officer, manager)
    invite(manager)
    join(staff)
    with site.app.app_context():
        propose_clothes()
    accept_a_part(staff)
    deliver_in_parts(staff)
    hand_over_the_rest(manager)


def register_with_a_licence(walk: Walk) -> None:
    walk.section("Organizations")
    walk.follow("Register an organization")
    walk.fill("Registered name", "石嘴山市暖阳中心")
    walk.select("Kind", "social_work")
    walk.fill("Unified social credit code", CREDIT_CODE)
    walk.select("Region where it is registered", world.DAWUKOU)
    walk.fill("What the organization does", "为困难家庭提供冬衣和探访。")
    walk.fill("Contact person", "马晓燕")
    walk.fill("Contact phone", "0952-2012345")
    walk.press("Register", within=walk.page.locator("main"))
    walk.heading_is("石嘴山市暖阳中心")
    for name in ("wrong.png", "licence.png"):
        walk.unfold("Hand in a document")
        walk.page.locator("input[type=file]").set_input_files(a_picture(name))
        walk.press("Hand in")
        walk.told("Handed in. The officer of the region sees it.")
    walk.press("Remove")
    walk.confirm()
    walk.told("Removed.")
    walk.press("Undo")
    walk.told("The document is back.")
    walk.picture("documents")


def refuse_then_verify(officer: Walk, manager: Walk) -> None:
    officer.section("Organizations")
    officer.follow("Waiting for verification")
    officer.open_entry("石嘴山市暖阳中心")
    officer.unfold("Refuse, with a reason")
    officer.page.locator("details[open] textarea[name=reason]").fill("名称与证书不一致，请按登记证书填写全称。")
    officer.press("Refuse")
    officer.told("Refused. Its members read the reason and may mend it.")
    officer.picture("refused")
    manager.page.reload()
    manager.reads_words("名称与证书不一致，请按登记证书填写全称。")
    manager.follow("Edit")
    manager.fill("Registered name", CHARITY)
    manager.press("Save")
    manager.press("Submit again")
    manager.told("Submitted again. An officer of the region looks at it next.")
    manager.picture("submitted-again")
    officer.page.reload()
    officer.press("Verify")
    officer.confirm()
    officer.told("Verified. Its profile is public now and its projects may open.")


def invite(walk: Walk) -> None:
    walk.page.reload()
    walk.follow("Members")
    walk.fill("E-mail", "staff@example.org")
    walk.picture("members")
    walk.press("Invite")
    walk.told("The invitation is on its way by e-mail.")


def join(walk: Walk) -> None:
    walk.visitor.open(link_in_letter(walk.visitor.site, "staff@example.org"))
    walk.picture("invitation")
    walk.follow("Make an account and join")
    make_account(walk, "李员工")


def propose_clothes() -> None:
    """A run has proposed four sets to the charity; another could give them too."""
    charity = db.session.scalars(select(Organization).where(Organization.name == CHARITY)).one()
    case = world.a_case()
    capacity = world.a_capacity(world.a_project(charity, title="大武口区温暖过冬"))
    world.a_capacity(world.a_project(title="社区爱心衣橱"), title="成人冬衣")
    world.an_allocation(world.a_need(case, title=NEED, quantity=4), capacity, quantity=4)
    db.session.remove()


def accept_a_part(walk: Walk) -> None:
    walk.section("Proposals and deliveries")
    walk.open_entry(NEED)
    walk.unfold("Accept in part")
    walk.fill("How many do you take?", "3")
    walk.select("Why not the rest?", "no_capacity")
    walk.picture("accept-in-part")
    walk.press("Accept this part")
    walk.told("Accepted in part. The next run looks for somebody else for the rest.")
    walk.picture("accepted-in-part")


def deliver_in_parts(walk: Walk) -> None:
    walk.field("Day of delivery").fill((today() + timedelta(days=2)).isoformat())
    walk.press("Save")
    walk.told("The day of delivery is set.")
    walk.unfold("Record a delivery")
    walk.fill("Units delivered", "1")
    walk.fill("People served", "1")
    walk.press("Record")
    walk.told("The delivery is recorded. A caseworker confirms it with the household.")
    walk.picture("delivered-in-part")


def hand_over_the_rest(walk: Walk) -> None:
    walk.section("Proposals and deliveries")
    walk.page.locator("main .nav-link", has_text=walk.words("Under way")).click()
    walk.open_entry(NEED)
    walk.unfold("Release what is not delivered")
    walk.press("Release")
    walk.confirm()
    walk.told("Released. What was not delivered is free again.")
    walk.picture("rest-handed-over")
