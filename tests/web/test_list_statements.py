"""A list page asks the database at most twelve times, however many rows it shows."""

from collections import Counter

import pytest
from flask import Flask
from sqlalchemy import event

from marketplace.briefly import SECONDS
from marketplace.extensions import db
from tests.benchmarks.lists import LIMIT_STATEMENTS, PAGES, fill, visitors
from tests.support.client import Browser


@pytest.fixture
def counted(app: Flask) -> Counter[str]:
    """Statements since the last look."""
    seen: Counter[str] = Counter()

    @event.listens_for(db.engine, "before_cursor_execute")
    def _count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen[statement] += 1

    return seen


def test_every_list_page_stays_within_its_statements(app: Flask, counted: Counter[str]) -> None:
    app.config[SECONDS] = 60
    fill(120)
    opened = 0
    too_many: dict[str, list[tuple[int, str]]] = {}
    for role, browser in visitors(app).items():
        for page in PAGES:
            if _asks(browser, page, counted) is None:
                continue
            opened += 1
            asked = _asks(browser, page, counted) or 0  # the first look filled what is kept briefly
            if asked > LIMIT_STATEMENTS:
                too_many[f"{role} {page}: {asked}"] = [
                    (times, statement[:120]) for statement, times in counted.most_common(3)
                ]
    assert too_many == {}
    assert opened > 100


def _asks(browser: Browser, page: str, counted: Counter[str]) -> int | None:
    """How many statements a page takes; None where the visitor may not see it."""
    counted.clear()
    return counted.total() if browser.get(page).status_code == 200 else None
