"""A real server with its worker, and a real Chromium that minds the policy, the console and the network."""

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright
from waitress.server import create_server

from marketplace import create_app, jobs
from marketplace.accounts import services as accounts
from marketplace.accounts.models import Membership
from marketplace.extensions import db
from marketplace.permissions import Role, system_actor
from tests.conftest import settings_in

PASSWORD = "a sentence is easy to keep"
SCREENSHOTS = Path(__file__).parent / "screenshots"
CHROMIUM = shutil.which("chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True)
class Site:
    """A running instance: its address, and its application for setting the scene."""

    url: str
    app: Flask

    def person(
        self, email: str, *roles: Role, region: str = "640202", organization_id: int | None = None, name: str = ""
    ) -> str:
        """An account that can sign in with PASSWORD; gives its e-mail."""
        with self.app.app_context():
            user = accounts.create_staff(
                system_actor("init"), email, name or email.split("@")[0], PASSWORD, roles=roles, region=region
            )
            if organization_id is not None:
                db.session.add(Membership(user_id=user.id, organization_id=organization_id, position="manager"))
                db.session.commit()
        return email


@pytest.fixture
def site(migrated: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """An empty instance; a test may give it settings of its own as the fixture's parameter."""
    shutil.copy(migrated, tmp_path / "bangnin.db")
    app = create_app(settings_in(tmp_path, **getattr(request, "param", {})))
    server = create_server(app, host="127.0.0.1", port=0, threads=8)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    worker = jobs.start_worker(app)
    yield Site(f"http://127.0.0.1:{server.effective_port}", app)
    worker.stop(graceful=True)
    server.task_dispatcher.shutdown()
    with suppress(OSError):
        server.close()
    thread.join(timeout=5)
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing: `make system` installs it")
        pytest.skip("Chromium is missing: `make system` installs it")
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    )
    yield browser
    browser.close()


class Visitor:
    """One person at one browser. Complaints: script errors, policy violations, requests to elsewhere."""

    def __init__(self, context: BrowserContext, site: Site) -> None:
        self.context, self.site = context, site
        self.complaints: list[str] = []
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective))"
        )
        self.page: Page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("request", lambda request: self._visit(request.url))

    def _note(self, kind: str, text: str) -> None:
        # A refused form is an answer (409, 422), not a fault of the page.
        if kind == "error" and "Failed to load resource" not in text:
            self.complaints.append(f"console: {text}")

    def _visit(self, url: str) -> None:
        if not url.startswith((self.site.url, "data:", "blob:")):
            self.complaints.append(f"request to {url}")

    def open(self, path: str) -> Page:
        self.page.goto(self.site.url + path)
        return self.page

    def sign_in(self, email: str) -> Page:
        page = self.open("/account/login")
        page.fill("input[type=email]", email)
        page.fill("input[type=password]", PASSWORD)
        page.locator("form").first.locator("button").first.click()
        page.wait_for_url(re.compile(re.escape(self.site.url) + "/(waiting)?$"))
        return page

    def picture(self, name: str) -> None:
        """A screenshot to look at, of the whole page."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Callable[..., Visitor]]:
    """Opens browsers that share nothing; at the end none may have a complaint."""
    visitors: list[Visitor] = []

    def begin(*, phone: bool = False) -> Visitor:
        size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 900}
        visitor = Visitor(chromium.new_context(viewport=size, locale="zh-CN"), site)
        visitors.append(visitor)
        return visitor

    yield begin
    for visitor in visitors:
        visitor.context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []
