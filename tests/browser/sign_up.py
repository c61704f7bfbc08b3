"""How each gets an account: by a letter after registering, by an invitation, by the link an administrator makes."""

import re

from playwright.sync_api import expect
from sqlalchemy import select

from marketplace.accounts import services as accounts
from marketplace.extensions import db
from marketplace.mail import OutboxMessage
from marketplace.permissions import Role, system_actor
from tests.browser.conftest import PASSWORD, Site
from tests.browser.walking import Walk

#: For the fixture `site`: an installation that writes letters; nobody takes them, so they stay in the outbox.
WITH_MAIL = {"MAIL_URL": "smtp://127.0.0.1:9"}
_LINK = re.compile(r"https?://[^/\s]+(/[^\s。，]+)")


def link_in_letter(site: Site, email: str) -> str:
    """The path that the newest letter to an address leads to."""
    with site.app.app_context():
        letters = db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc())).all()
        body = next(letter.body.plain() for letter in letters if letter.body and letter.address.plain() == email)
        db.session.rollback()
    link = _LINK.search(body)
    assert link is not None
    return link.group(1).rstrip(".")


def register_by_letter(walk: Walk, email: str, name: str) -> None:
    """Ask for an account, follow the letter, make it; the page tells nobody whether the address has one."""
    walk.visitor.open("/account/register")
    walk.fill("E-mail", email)
    walk.press("Send the letter")
    walk.heading("Look into your mailbox")
    walk.picture("letter-sent")
    walk.visitor.open(link_in_letter(walk.visitor.site, email))
    make_account(walk, name)


def make_account(walk: Walk, name: str) -> None:
    """Fill the form that a letter or an invitation led to."""
    walk.fill("Name", name)
    walk.fill("Password", PASSWORD)
    walk.fill("Password again", PASSWORD)
    walk.agree("I keep what I learn about people in confidence")
    walk.press("Register")
    expect(walk.page.get_by_text(name).first).to_be_visible()


def employ(walk: Walk, role: Role, name: str, region: str = "640202") -> None:
    """An administrator makes an account of staff; its holder follows the link, sets a password and signs in."""
    site, email = walk.visitor.site, f"{walk.name}@example.org"
    with site.app.app_context():
        sent = accounts.create_account(
            system_actor("init"), email, name, [role], region, lambda token: f"/account/password/{token}"
        )
    first_password(walk, sent.address, email)


def first_password(walk: Walk, link: str, email: str) -> None:
    """Set the password that a link allows, and sign in with it."""
    walk.visitor.open(link)
    walk.fill("New password", PASSWORD)
    walk.fill("Password again", PASSWORD)
    walk.press("Set the password")
    walk.told("Your password is set. Sign in with it.")
    walk.visitor.sign_in(email)
