"""What the other macros print: words beside colours, names for groups, and where each link leads."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest


def test_a_post_button_is_a_form_with_its_token(show):
    page = show(
        '{% from "components/form.html" import post_button %}'
        '{{ post_button("/x", "Withdraw", kind="danger", confirm="Sure?", icon="trash", fields={"a": "1"}) }}'
    )
    form = page.one("form")
    assert (form["method"], form["action"], form["data-confirm"]) == ("post", "/x", "Sure?")
    assert page.one("input", name="csrf_token")["value"]
    assert page.one("input", name="a")["value"] == "1"
    assert page.one("button", type="submit").text == "Withdraw"
    assert page.one("svg")["aria-hidden"] == "true"


def test_a_submit_button_takes_attributes(show):
    page = show('{% from "components/form.html" import submit %}{{ submit("Post", "send", name="step", value="2") }}')
    button = page.one("button", type="submit")
    assert (button.text, button["name"], button["value"]) == ("Post", "step", "2")


def test_urgency_is_a_word_and_a_shape_besides_a_colour(show):
    text = '{% from "components/badge.html" import urgency %}{{ urgency(code) }}'
    seen = {}
    for code in ("red", "yellow", "blue", None):
        page = show(text, code=code)
        shape = page.all("path") + page.all("circle")
        seen[code] = (page.all("span")[0].text, shape[0]["d"] or shape[0]["r"])
        assert page.one("svg")["aria-hidden"] == "true"
    assert len({word for word, _ in seen.values()}) == 4
    assert len({shape for _, shape in seen.values()}) == 4


@pytest.mark.parametrize("code", ["open", "proposed", "confirmed", "refused", "draft", "never heard of"])
def test_a_state_shows_its_word_and_an_icon(show, code):
    page = show('{% from "components/badge.html" import state %}{{ state(code, "Word") }}', code=code)
    assert page.all("span")[0].text == "Word"
    assert len(page.icons) == 1


def test_a_chip_and_a_lone_icon(show):
    page = show(
        '{% from "components/badge.html" import tag %}{% from "components/icon.html" import icon %}'
        '{{ tag("Meals", "category") }}{{ icon("lock", label="Restricted") }}'
    )
    assert page.one("span", class_="chip").text == "Meals"
    assert page.one("svg", role="img")["aria-label"] == "Restricted"


def test_pagination_marks_the_page_and_keeps_the_filters(show):
    text = '{% from "components/pagination.html" import pagination %}{{ pagination(page, url) }}'
    result = SimpleNamespace(page=4, pages=9, total=171)
    page = show(text, page=result, url=lambda number: f"?kind=goods&page={number}")
    assert page.one("nav")["aria-label"] == "Pages"
    assert "171 results" in page.one("p").text
    assert page.one("a", aria_current="page").text == "Page 4"
    links = [link["href"] for link in page.all("a")]
    assert links == [f"?kind=goods&page={number}" for number in (3, 1, 3, 4, 5, 9, 5)]
    alone = show(text, page=SimpleNamespace(page=1, pages=1, total=1), url=str)
    assert alone.all("a") == []
    assert alone.one("p").text == "1 result"


def test_a_table_has_a_caption_and_column_heads(show):
    page = show(
        '{% from "components/table.html" import table %}'
        '{% call table("Open needs", ["Need", ("Units", "number"), ("Actions", "actions")]) %}'
        '<tr><th scope="row">Lunch</th><td data-label="Units">3</td><td></td></tr>{% endcall %}'
    )
    assert page.one("caption").text == "Open needs"
    assert [head.text for head in page.all("th", scope="col")] == ["Need", "Units", "Actions"]
    assert page.one("th", scope="row").text == "Lunch"


def test_parts_of_a_page(show):
    page = show(
        '{% from "components/page.html" import definition, empty_state, notice, progress, stat %}'
        '{{ stat("Open", 12, hint="3 new", icon="gift", url="/needs") }}'
        '{{ definition([("Region", "Dawukou"), ("Price", none)]) }}'
        '{{ progress(42, 128, "Matching") }}{{ progress(0, 0, "Nothing") }}'
        '{{ empty_state("None", "They appear here.", "/new", "Post") }}'
        '{% call notice("warning", "Paused") %}<p>Why</p>{% endcall %}'
    )
    assert [term.text for term in page.all("dt")] == ["Region"]
    bar = page.one("progress", aria_label="Matching")
    assert (bar["value"], bar["max"]) == ("42", "128")
    assert page.one("progress", aria_label="Nothing")["max"] == "1"
    assert page.one("a", href="/new").text == "Post"
    assert page.one("div", class_="notice notice--warning").text == "Paused Why"


def test_a_timeline_says_when(show):
    events = [
        SimpleNamespace(at=datetime(2026, 3, 1, 2, 5, tzinfo=UTC), title="Posted", text="By hand", actor="Ma"),
        {"at": str(date(2026, 3, 2)), "title": "Matched", "icon": "affiliate"},
    ]
    text = '{% from "components/timeline.html" import timeline %}{{ timeline(events) }}'
    page = show(text, events=events)
    assert page.one("time")["datetime"] == "2026-03-01T02:05:00+00:00"
    assert [item.text.split()[0] for item in page.all("li")] == ["Posted", "Matched"]
