"""Pages of notices."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.mail import is_configured
from marketplace.notifications import services
from marketplace.notifications.forms import ChoicesForm
from marketplace.notifications.models import TOPICS, Notification
from marketplace.notifications.rules import text_of
from marketplace.permissions import Permission, Slice

notifications = Slice("notifications", __name__, url_prefix="/account/notifications")

#: Where the record of a notice is shown: endpoint and the name of its id.
_PAGES = {
    "need": ("needs.show", "need_id"),
    "allocation": ("allocations.show", "allocation_id"),
    "match_run": ("runs.show", "run_id"),
    "backtest": ("foresight.show", "backtest_id"),
    "organization": ("organizations.profile", "public_id"),
    "project": ("projects.show", "public_id"),
    "hold_exception": ("holds.exception", "exception_id"),
    "hold_release": ("holds.release", "release_id"),
}


def link_of(notice: Notification) -> str:
    """The page that a notice opens."""
    if notice.event == "proposals:gathered":
        return url_for("allocations.inbox")
    if notice.event.startswith("match_run:case_"):
        return url_for("case_matching.show", run_id=notice.record_public_id)
    if notice.event.startswith("hold_release:") and notice.record_type == "capacity":
        return url_for("holds.of_capacity", capacity_id=notice.record_public_id)
    if notice.topic == "claims":
        return url_for("allocations.claims")
    if notice.record_type == "capacity":  # a volunteer's own offer: its owner has a list, a coordinator a page
        if notice.event == "capacity:review":
            return url_for("offers.review", offer_id=notice.record_public_id)
        return url_for("offers.own")
    page, name = _PAGES.get(notice.record_type, ("notifications.index", ""))
    values: dict[str, Any] = {name: notice.record_public_id} if name else {}
    return url_for(page, **values)


@notifications.app_context_processor
def _for_the_bell() -> dict[str, Any]:
    """How many notices are news, counted only where a page shows it."""
    return {"unread_notices": lambda: services.unread_count(g.actor)}


@notifications.route("", permission=Permission.ACCOUNT_OWN)
def index() -> ResponseReturnValue:
    unread_only = request.args.get("unread") == "1"
    return render_template(
        "notifications/index.html",
        page=services.page(g.actor, request.args.get("page", 1, type=int), unread_only=unread_only),
        unread_only=unread_only,
        text_of=text_of,
        url_for_page=_url_for_page(unread_only),
    )


def _url_for_page(unread_only: bool) -> Any:
    kept: dict[str, Any] = {"unread": "1"} if unread_only else {}
    return lambda number: url_for("notifications.index", page=number, **kept)


@notifications.route("/<notice_id>/open", methods=["POST"], permission=Permission.ACCOUNT_OWN)
def open_notice(notice_id: str) -> ResponseReturnValue:
    return redirect(link_of(services.mark_read(g.actor, notice_id)), 303)


@notifications.route("/read", methods=["POST"], permission=Permission.ACCOUNT_OWN)
def read_all() -> ResponseReturnValue:
    services.mark_all_read(g.actor)
    flash(_("All notices are marked as read."), "success")
    return redirect(url_for("notifications.index"), 303)


@notifications.route("/choices", methods=["GET", "POST"], permission=Permission.ACCOUNT_OWN)
def choices() -> ResponseReturnValue:
    form = ChoicesForm(data=services.choices(g.actor))
    if form.validate_on_submit():
        services.choose(g.actor, {topic: form[topic].data for topic in TOPICS})
        flash(_("Your choices are kept."), "success")
        return redirect(url_for("notifications.index"), 303)
    status = 422 if form.errors else 200
    return render_template("notifications/choices.html", form=form, mail_is_sent=is_configured()), status
