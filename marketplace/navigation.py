"""The menu: a link is shown where, and only where, the actor may open it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import current_app, request, url_for
from flask_babel import lazy_gettext as _

from marketplace.permissions import Actor, Permission, declared
from marketplace.waiting.services import could_wait


@dataclass(frozen=True)
class Link:
    """One entry of the menu."""

    label: Any
    url: str
    icon: str
    current: bool
    count: int | None = None


_MENU = (
    ("waiting.index", _("Waiting for you"), "list-check"),
    ("wishes.board", _("Micro-wishes"), "gift"),
    ("allocations.claims", _("My claims"), "heart"),
    ("allocations.group", _("Collection days"), "basket"),
    ("allocations.cards", _("Wish cards"), "qrcode"),
    ("cases.care", _("My care teams"), "users"),
    ("cases.index", _("Cases"), "home-heart"),
    ("needs.index", _("Needs"), "list-details"),
    ("runs.index", _("Matching runs"), "arrows-shuffle"),
    ("holds.queue", _("Kept for later"), "clock-pause"),
    ("allocations.handover", _("To hand over"), "arrows-exchange"),
    ("allocations.visits", _("Follow-up visits"), "calendar-check"),
    ("allocations.inbox", _("Proposals and deliveries"), "inbox"),
    ("offers.own", _("My offers of help"), "heart-handshake"),
    ("offers.queue", _("Volunteers' offers"), "user-heart"),
    ("projects.index", _("Projects"), "folders"),
    ("organizations.index", _("Organizations"), "building-community"),
    ("alliances.index", _("Alliances"), "users-group"),
    ("assessments.index", _("Impact assessments"), "shield-check"),
    ("accounts.staff", _("Staff accounts"), "user-cog"),
    ("oversight.index", _("Audit trail"), "history"),
)
#: Pages that anyone signed in may open, of use in the menu to some alone.
_OF_USE_TO: dict[str, Callable[[Actor], bool]] = {
    "waiting.index": could_wait,
    "cases.care": lambda actor: actor.may(Permission.ALLOCATION_PROPOSE),
}


def navigation(actor: Actor) -> list[Link]:
    """Entries of the menu for an actor."""
    permissions = declared(current_app)
    open_to_actor = [
        (endpoint, label, icon)
        for endpoint, label, icon in _MENU
        if endpoint in permissions
        and actor.may(permissions[endpoint])
        and (endpoint not in _OF_USE_TO or _OF_USE_TO[endpoint](actor))
    ]
    current = _current(request.endpoint or "", [endpoint for endpoint, _label, _icon in open_to_actor])
    return [Link(label, url_for(endpoint), icon, endpoint == current) for endpoint, label, icon in open_to_actor]


def _current(endpoint: str, menu: list[str]) -> str | None:
    """The one entry that stands for a page: its own, or else the last of the same subject.

    The first of allocations is a volunteer's own claims; who has the list of all of them works in that.
    """
    if endpoint in menu:
        return endpoint
    subject = endpoint.split(".")[0] + "."
    return next((entry for entry in reversed(menu) if entry.startswith(subject)), None)
