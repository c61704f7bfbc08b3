"""A volunteer's own claims: claim, what to do next, the record of wishes come true."""

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.allocations import services
from marketplace.allocations.views.slice import allocations
from marketplace.errors import AlreadyClaimed, LimitReached
from marketplace.permissions import Permission
from marketplace.records import today


@allocations.route("/wishes/<wish_id>/claim", methods=["POST"], permission=Permission.WISH_CLAIM)
def claim(wish_id: str) -> ResponseReturnValue:
    try:
        services.claim(g.actor, wish_id)
    except LimitReached as reached:
        reached.details["suggestions"] = [(_("My claims"), url_for("allocations.claims"))]
        raise
    except AlreadyClaimed as taken:
        similar = services.similar_wishes(wish_id)
        return render_template("allocations/taken.html", error=taken, similar=similar), taken.status
    flash(_("The wish is yours to fulfil. Thank you!"), "success")
    return redirect(url_for("allocations.claims"), 303)


@allocations.route("/account/claims", permission=Permission.WISH_CLAIM)
def claims() -> ResponseReturnValue:
    waiting = request.args.get("waiting", "")
    waiting = waiting if waiting in services.CLAIMS_WAITING else ""
    page = services.claims_of(g.actor, request.args.get("page", 1, type=int), waiting=waiting)
    return render_template(
        "allocations/claims.html",
        page=page,
        waiting=waiting,
        fulfilled=services.fulfilled_wishes(g.actor),
        limit=services.LIVE_CLAIMS,
        today=today(),
        url_for_page=lambda number: url_for("allocations.claims", waiting=waiting or None, page=number),
    )


@allocations.route("/account/record", permission=Permission.WISH_CLAIM)
def record() -> ResponseReturnValue:
    return render_template(
        "allocations/record.html",
        page=services.record_of(g.actor, request.args.get("page", 1, type=int)),
        today=today(),
        url_for_page=lambda number: url_for("allocations.record", page=number),
    )
