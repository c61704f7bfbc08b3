"""The public front page."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from marketplace.permissions import Permission, Slice

home = Slice("home", __name__)


@home.route("/", permission=Permission.PUBLIC_VIEW)
def welcome() -> ResponseReturnValue:
    return render_template(
        "home.html",
        figures=[],
        wishes=[],
        browse_url=url_for("wishes.board") if False else "/wishes",
        register_url=url_for("accounts.register"),
    )
