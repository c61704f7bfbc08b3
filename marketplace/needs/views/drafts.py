"""Drafts: kept as one types, listed, put away and taken back; and what is like one that is to be posted."""

from typing import Any

from flask import flash, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.errors import InvalidInput
from marketplace.needs import services
from marketplace.needs.models import Need
from marketplace.needs.views.common import needs, refused, saved
from marketplace.permissions import Permission


@needs.route("/drafts", permission=Permission.NEED_POST)
def drafts() -> ResponseReturnValue:
    kind = request.args.get("waiting", "")
    sent_back = {"sent-back": True, "begun": False}.get(kind)
    kept: dict[str, Any] = {"waiting": kind} if sent_back is not None else {}
    return render_template(
        "needs/drafts.html",
        drafts=services.my_drafts(g.actor, request.args.get("page", 1, type=int), sent_back=sent_back),
        discarded=services.discarded_drafts(g.actor) if sent_back is None else [],
        only_some=sent_back is not None,
        url_for_page=lambda number: url_for("needs.drafts", page=number, **kept),
    )


@needs.route("/<need_id>/discard", methods=["POST"], permission=Permission.NEED_POST)
def discard(need_id: str) -> ResponseReturnValue:
    services.discard(g.actor, need_id)
    flash(_("The draft is put away. You can take it back below."), "success")
    return redirect(url_for("needs.drafts"), 303)


@needs.route("/<need_id>/restore", methods=["POST"], permission=Permission.NEED_POST)
def restore(need_id: str) -> ResponseReturnValue:
    services.restore(g.actor, need_id)
    flash(_("The draft is back."), "success")
    return redirect(url_for("needs.show", need_id=need_id), 303)


@needs.route("/<need_id>/similar", permission=Permission.NEED_POST)
def similar(need_id: str) -> ResponseReturnValue:
    need = services.load_need(g.actor, need_id, Permission.NEED_POST)
    found = services.similar_needs(need) if need.state == "draft" else []
    if not found:
        return redirect(url_for("needs.show", need_id=need_id), 303)
    return render_template("needs/similar.html", need=need, similar=found)


@needs.route("/<need_id>/send", methods=["POST"], permission=Permission.NEED_POST)
def send(need_id: str) -> ResponseReturnValue:
    try:
        need = services.send(g.actor, need_id, anyway="anyway" in request.form)
    except InvalidInput as error:
        return refused(need_id, error)
    return saved(need, sent=True)


def draft_kept(need: Need) -> ResponseReturnValue:
    """What a page that saves by itself is told: the draft's version and where the next save goes."""
    warning = _("The text tells who somebody is. It stays private until you change it.") if need.draft_title else ""
    return jsonify(
        version=need.version,
        action=url_for("needs.edit", need_id=need.public_id),
        told=_("Saved as a draft"),
        warning=warning,
    )
