"""Addresses of the pages of a list."""

from collections.abc import Callable
from typing import Any

from flask import request, url_for
from flask_wtf import FlaskForm


def page_addresses(endpoint: str, form: FlaskForm) -> Callable[[int], str]:
    """For the pagination component: page number -> address, with the filters kept and nothing else of the address."""
    kept: dict[str, Any] = {name: value for name in form.data if (value := request.args.get(name))}
    return lambda page: url_for(endpoint, **{**kept, "page": page})
