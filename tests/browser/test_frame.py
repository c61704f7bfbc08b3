"""The frame in a real browser under the application's content policy: nothing refused, no accessibility fault,
nothing wider than a phone, and the small conveniences of app.js, which no page depends on."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, Response, flash, render_template, render_template_string
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from marketplace.app import CONTENT_SECURITY_POLICY
from tests.web.conftest import make_bare_app
from tests.web.test_fields import refused
from tests.web.test_layouts import frame

WORK_PAGE = """
{% extends "layouts/workspace.html" %}
{% from "components/badge.html" import state, urgency %}
{% from "components/field.html" import field %}
{% from "components/form.html" import error_summary, post_button, submit %}
{% from "components/page.html" import definition, empty_state, progress, stat %}
{% from "components/pagination.html" import pagination %}
{% from "components/table.html" import table %}
{% from "components/timeline.html" import timeline %}
{% block title %}Needs{% endblock %}
{% block main %}
{{ error_summary(form) }}
<form method="post" novalidate><input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
{% for f in form %}{{ field(f) }}{% endfor %}{{ submit("Post", "send") }}</form>
{{ post_button("/withdraw", "Withdraw", kind="danger", confirm="Withdraw this need?") }}
{% call table("Open needs", ["Need", "Urgency", "State", ("Actions", "actions")]) %}
{% for code in ("red", "yellow", "blue") %}
<tr><th scope="row" data-label="Need"><a href="/{{ code }}">Lunch for thirty days</a></th>
<td data-label="Urgency">{{ urgency(code) }}</td><td data-label="State">{{ state("proposed", "Proposed") }}</td>
<td class="actions" data-label="Actions">{{ post_button("/accept", "Accept " ~ code, size="sm") }}</td></tr>
{% endfor %}{% endcall %}
{{ pagination(pages, link) }}
<div class="stats">{{ stat("Open needs", 128, "12 new", icon="gift") }}</div>
{{ definition([("Region", "Dawukou")]) }}{{ progress(3, 7, "Matching") }}
{{ timeline([{"at": "2026-03-01", "title": "Posted"}]) }}
{{ empty_state("No proposals", "They appear here.", "/run", "Start a run", "affiliate") }}
{% endblock %}
"""


def serve_pages(app: Flask) -> None:
    """Give the bare application the pages that the browser opens."""

    def home() -> str:
        wishes = [
            {"url": f"/w/{n}", "title": "A light wheelchair", "region_name": "Dawukou", "category_name": "Aids"}
            for n in range(3)
        ]
        figures = [("Needs matched", "1,284"), ("Open wishes", 58)]
        return render_template(
            "home.html", figures=figures, wishes=wishes, browse_url="/wishes", **frame(signed_in=False)
        )

    def work() -> str:
        flash("Saved", "success")
        flash({"text": "Claimed", "url": "/undo", "action": "Undo"}, "success")
        pages = SimpleNamespace(page=4, pages=9, total=171)
        return render_template_string(
            WORK_PAGE, form=refused(), pages=pages, link=lambda number: f"?page={number}", **frame(signed_in=True)
        )

    def fault() -> str:
        return render_template("errors/error.html", code=404, title="Page not found", message="Not here.")

    def guarded(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    app.add_url_rule("/", "home", home)
    app.add_url_rule("/work", "work", work)
    app.add_url_rule("/fault", "fault", fault)
    app.add_url_rule("/withdraw", "withdraw", fault, methods=["POST"])
    app.after_request(guarded)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The templates alone, served on a free port."""
    app = make_bare_app()
    serve_pages(app)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a wide screen, which notes what the browser complains of."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/", "/work", "/fault"])
def test_nothing_is_refused_inaccessible_or_too_wide(page, address, path, width):
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(address + path)
    found = Axe().run(page).response["violations"]
    assert [(fault["id"], [node["html"][:120] for node in fault["nodes"]]) for fault in found] == []
    assert page.locator("html").evaluate("page => page.scrollWidth") == width


def test_what_is_pressed_on_a_phone_is_large_enough(page, address):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address + "/work")
    page.get_by_role("button", name="Menu").click()
    heights = page.locator(".btn:visible, .bar-button:visible, .sections a:visible, .choice:visible").evaluate_all(
        "all => all.map(one => [one.textContent.trim(), one.getBoundingClientRect().height])"
    )
    assert len(heights) > 15
    assert [entry for entry in heights if entry[1] < 44] == []


def test_a_dangerous_press_is_asked_about_once(page, address):
    page.goto(address + "/work")
    page.get_by_role("button", name="Withdraw").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Withdraw this need?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Withdraw").click()
    dialog.get_by_role("button", name="Yes, go on").click()
    expect(page).to_have_url(address + "/withdraw")


def test_menus_close_with_escape_and_messages_can_be_closed(page, address):
    page.goto(address + "/work")
    expect(page.locator(".error-summary")).to_be_focused()
    page.get_by_text("Ma Xiaoyan").first.click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    page.get_by_role("button", name="Close this message").first.click()
    expect(page.locator(".flash")).to_have_count(1)
    expect(page.locator(".flash")).to_contain_text("Undo")


def test_a_phone_without_scripts_still_has_its_sections(chromium, address):
    context = chromium.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    page.goto(address + "/work")
    expect(page.get_by_role("link", name="Projects")).to_be_visible()
    expect(page.get_by_role("button", name="Menu")).to_be_hidden()
    context.close()


def test_paper_keeps_the_words_and_drops_the_controls(page, address):
    page.goto(address + "/work")
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="Needs")).to_be_visible()
    expect(page.get_by_text("Demonstration data")).to_be_visible()
    expect(page.locator(".sections")).to_be_hidden()
    expect(page.get_by_role("button", name="Withdraw")).to_be_hidden()
