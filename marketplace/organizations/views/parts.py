"""What the pages of organizations and alliances have in common."""

from typing import Any

from flask import current_app, request, url_for

from marketplace import wording
from marketplace.errors import InvalidInput
from marketplace.organizations.models import name_of
from marketplace.permissions import Slice
from marketplace.records import known_version
from marketplace.settings import Settings

organizations = Slice("organizations", __name__, url_prefix="/organizations")
alliances = Slice("alliances", __name__, url_prefix="/alliances")


@organizations.app_template_global()
def organization_name(organization: Any) -> str:
    """An organization's, alliance's or package's name in the language of the page."""
    return name_of(organization, wording.language())


def show_errors(form: Any, error: InvalidInput) -> None:
    """Put what a service refused beside the fields it speaks of."""
    for name, message in error.fields.items():
        if name in form and not hasattr(form[name], "entries"):
            form[name].errors = [*form[name].errors, message]
        else:
            form.form_errors.append(message)
    if not error.fields:
        form.form_errors.append(error.message)


def sent_version() -> int:
    """The version of the record that the sender of a form had before them; 0 when the form does not say."""
    return known_version(request.form.get("version", 0, type=int))


def page_number() -> int:
    return max(request.args.get("page", 1, type=int), 1)


def full_address(endpoint: str, **values: Any) -> str:
    """A page's address for a letter: of the public address set, never of the Host that a request claims."""
    settings: Settings = current_app.extensions["marketplace.settings"]
    return settings.base_url + url_for(endpoint, **values)
