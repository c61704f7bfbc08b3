"""What the pages of accounts have in common."""

from collections.abc import Callable
from typing import Any

from flask import current_app, url_for

from marketplace.errors import InvalidInput
from marketplace.permissions import Slice
from marketplace.settings import Settings

accounts = Slice("accounts", __name__, url_prefix="/account")


def settings() -> Settings:
    found: Settings = current_app.extensions["marketplace.settings"]
    return found


def full_address(endpoint: str, **values: Any) -> str:
    """A page's address for a letter: of the public address set, never of the Host that a request claims."""
    return settings().base_url + url_for(endpoint, **values)


def link_address(endpoint: str) -> Callable[[str], str]:
    """Makes the full address of a link from its token."""
    return lambda token: full_address(endpoint, token=token)


def show_errors(form: Any, error: InvalidInput) -> None:
    """Put what a service refused beside the fields it speaks of."""
    for name, message in error.fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, message]
        else:
            form.form_errors.append(message)
    if not error.fields:
        form.form_errors.append(error.message)
