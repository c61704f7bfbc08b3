"""A test client that signs in and fills forms as a browser does."""

import contextvars
import re
from typing import Any

from flask import has_app_context
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from marketplace.accounts.models import User
from marketplace.accounts.security import SESSION_KEY
from marketplace.accounts.services import begin_session
from marketplace.extensions import db

_TOKEN = re.compile(r'name="csrf[-_]token" (?:content|value)="([^"]+)"')


class Browser(FlaskClient):
    """Adds sign-in without the slow password hash, and POST with the page's own CSRF token."""

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        """Each request in a context of its own: nothing of the test's application context leaks in.

        The test's own read ends first: in SQLite's rollback journal a reader that stays keeps others from committing.
        """
        if has_app_context():
            db.session.rollback()
        return contextvars.Context().run(super().open, *arguments, **options)

    def sign_in(self, user: User) -> "Browser":
        key, _code_due = begin_session(user.id, code_given=True)
        with self.session_transaction() as session:
            session.clear()
            session.update({"_user_id": user.fs_uniquifier, "_fresh": True, "identity": user.fs_uniquifier})
            session[SESSION_KEY] = key
        return self

    def csrf_token(self, page: str = "/account/register") -> str:
        found = _TOKEN.search(self.get(page).get_data(as_text=True))
        assert found, f"{page} carries no CSRF token"
        return found.group(1)

    def submit(self, url: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """POST a form with a valid token."""
        return self.post(url, data={**(data or {}), "csrf_token": self.csrf_token()}, **options)
