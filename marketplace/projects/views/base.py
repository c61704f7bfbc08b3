"""What the pages of this slice share."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from marketplace.errors import InvalidInput, NotFound
from marketplace.permissions import Slice
from marketplace.projects.models import Capacity, Project
from marketplace.records import known_version

projects = Slice("projects", __name__)


def show_errors(form: Any, error: InvalidInput) -> None:
    """Put what a service refused beside the fields it speaks of."""
    for name, message in error.fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, message]
        else:
            form.form_errors.append(message)


def version_read() -> int:
    """The version of the record that the sender of a form had before them; 0 when the form does not say."""
    return known_version(request.form.get("version", 0, type=int))


def project_of(capacity: Capacity) -> Project:
    """The project of a member's capacity; a volunteer's offer has none and pages of its own."""
    if capacity.project is None:
        raise NotFound
    return capacity.project


def done(public_id: str, text: str) -> ResponseReturnValue:
    flash(text, "success")
    return redirect(url_for("projects.show", public_id=public_id), 303)
