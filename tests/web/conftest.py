"""The templates without the application: no database, no accounts, English source texts."""

from pathlib import Path

import pytest
from flask import Flask, render_template_string
from flask_babel import Babel
from flask_wtf.csrf import CSRFProtect

from marketplace.assets import icon_names
from tests.web.reading import Page

ROOT = Path(__file__).resolve().parents[2]


def make_bare_app() -> Flask:
    """An application that knows nothing but the templates."""
    app = Flask(__name__, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.update(SECRET_KEY="only for these tests", TESTING=True)
    Babel(app, default_locale="en")
    CSRFProtect(app)
    app.add_url_rule("/locale", "accounts.set_locale", lambda: "", methods=["POST"])
    return app


@pytest.fixture(scope="module")
def bare_app() -> Flask:
    return make_bare_app()


@pytest.fixture
def show(bare_app):
    """Render a piece of template and read it."""

    def render(text: str, **context) -> Page:
        with bare_app.test_request_context("/"):
            page = Page(render_template_string(text, **context))
        assert page.icons <= icon_names()
        return page

    return render
