"""The public front page."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import func, select

from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.needs.anonymity import public_count
from marketplace.needs.wishes import in_words
from marketplace.organizations.models import Organization
from marketplace.permissions import Permission, Slice
from marketplace.projects.models import Project

home = Slice("home", __name__)
NEWEST = 6


@home.route("/", permission=Permission.PUBLIC_VIEW)
def welcome() -> ResponseReturnValue:
    return render_template(
        "home.html",
        figures=figures(),
        wishes=[in_words(card) for card in needs.newest_wishes(NEWEST)],
        browse_url=url_for("wishes.board"),
        register_url=url_for("accounts.register"),
    )


def figures() -> list[tuple[str, int | str]]:
    """What stands under the headline: label and count. Of people's needs fewer than five are no number (P7)."""
    counts = needs.figures()
    return [
        (_("Open needs"), public_count(counts["open_needs"])),
        (_("Wishes to claim"), counts["claimable_wishes"]),
        (_("Wishes come true"), public_count(counts["realised_wishes"])),
        (_("Verified organizations"), _count(Organization)),
        (_("Open projects"), _count(Project)),
    ]


def _count(model: type[Organization] | type[Project]) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(model.public_rows())) or 0
