"""The frames around every page, the front page and the page of a fault."""

from types import SimpleNamespace

import pytest
from flask import flash, render_template, render_template_string

from marketplace.assets import icon_names
from tests.web.reading import Page


def section(label: str, *, current: bool = False, count: int | None = None) -> SimpleNamespace:
    return SimpleNamespace(label=label, url=f"/{label.lower()}", icon="gift", current=current, count=count)


def frame(*, signed_in: bool, locale: str = "en") -> dict:
    """What the application gives to every template."""
    actor = SimpleNamespace(
        signed_in=signed_in, display_name="Ma Xiaoyan" if signed_in else "", role_names=["Caseworker"]
    )
    return {
        "actor": actor,
        "navigation": [section("Wishes", current=True, count=3), section("Projects")],
        "locale": locale,
        "demo_instance": True,
        "login_url": "/account/login",
        "logout_url": "/account/logout",
        "register_url": "/account/register",
        "unread_notices": lambda: 3,
    }


@pytest.mark.parametrize("layout", ["public", "workspace"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_the_frame_of_a_page(bare_app, layout, signed_in):
    text = "{% extends layout %}{% block title %}Needs{% endblock %}{% block main %}<p>Hello</p>{% endblock %}"
    with bare_app.test_request_context("/?q=meals"):
        flash("Saved", "success")
        flash("Not saved", "error")
        flash({"text": "Claimed", "url": "/undo", "action": "Undo"}, "success")
        page = Page(render_template_string(text, layout=f"layouts/{layout}.html", **frame(signed_in=signed_in)))
    assert page.icons <= icon_names()
    assert page.one("html")["lang"] == "en"
    assert page.one("title").text == "Needs · 帮您 Bangnin"
    assert page.one("h1").text == "Needs"
    first = next(element for element in page.elements if element.tag == "a")
    assert first["href"] == f"#{page.one('main')['id']}"
    assert [link.text for link in page.all("a", aria_current="page")] == ["Wishes 3"]
    assert page.one("input", name="q")["value"] == "meals"
    assert page.one("input", name="locale")["value"] == "zh_Hans_CN"
    assert "Demonstration data" in page.one("p", class_="demo-banner").text
    assert [flashed["role"] for flashed in page.all("div") if "flash " in (flashed["class"] or "")] == [
        "status",
        "alert",
        "status",
    ]
    assert page.one("form", action="/undo")["method"] == "post"
    assert bool(page.all("form", action="/account/logout")) is signed_in
    assert bool(page.all("a", href="/account/login")) is not signed_in
    assert '"allowEval": false' in (page.one("meta", name="htmx-config")["content"] or "")
    assert page.one("meta", name="csrf-token")["content"]


def test_the_language_follows_the_reader(bare_app):
    with bare_app.test_request_context("/wishes?kind=goods"):
        text = '{% extends "layouts/public.html" %}'
        page = Page(render_template_string(text, **frame(signed_in=False, locale="zh_Hans_CN")))
    assert page.one("html")["lang"] == "zh-Hans-CN"
    assert page.one("input", name="locale")["value"] == "en"
    assert page.one("input", name="next")["value"] == "/wishes?kind=goods"
    assert page.one("button", lang="en").text == "English"


def test_the_first_form_of_a_plain_page_is_its_own(bare_app):
    text = (
        '{% extends "layouts/plain.html" %}{% block main %}<form method="post" action="/in">'
        '<input type="hidden" name="csrf_token"><button>In</button></form>{% endblock %}'
    )
    with bare_app.test_request_context("/"):
        page = Page(render_template_string(text, **frame(signed_in=False)))
    assert page.all("form")[0]["action"] == "/in"
    assert page.all("button")[0].text == "In"


def test_an_error_page_needs_only_its_words(bare_app):
    """No reader, no sections, no database: the page must show when those are what failed."""
    with bare_app.test_request_context("/"):
        page = Page(
            render_template(
                "errors/error.html",
                code=409,
                title="Someone has just taken this wish",
                message="There are others like it.",
                suggestions=[("Similar wishes", "/wishes")],
            )
        )
    assert page.one("h1").text == "Someone has just taken this wish"
    assert page.one("a", href="/wishes").text == "Similar wishes"
    assert "Go to the front page" in [link.text for link in page.all("a", href="/")]
    assert "409" in page.one("p", class_="error-code").text
    assert page.all("form") == []


def test_the_front_page_with_and_without_wishes(bare_app):
    wish = SimpleNamespace(
        url="/wishes/7", title="A wheelchair", region_name="Dawukou", category_name="Aids", price_band="¥300"
    )
    for wishes in ([wish], []):
        with bare_app.test_request_context("/"):
            page = Page(
                render_template(
                    "home.html",
                    figures=[("Needs matched", 12)],
                    wishes=wishes,
                    browse_url="/wishes",
                    **frame(signed_in=False),
                )
            )
        assert "No household-registration limit" in page.one("main").text
        assert bool(page.all("a", href="/wishes/7")) is bool(wishes)
        assert page.one("dd").text == "12"
        assert len(page.all("h1")) == 1


def test_a_sheet_for_paper_has_no_navigation(bare_app):
    text = '{% extends "layouts/print.html" %}{% block title %}Plan{% endblock %}'
    with bare_app.test_request_context("/"):
        page = Page(render_template_string(text, **frame(signed_in=True)))
    assert page.one("h1").text == "Plan"
    assert page.all("nav") + page.all("script") + page.all("form") == []
