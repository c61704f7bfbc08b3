"""HTTP of suggestions: who could help with one need, as soon as it is posted."""

from typing import Any

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from marketplace.allocations.wording import fit_reasons
from marketplace.matches import services
from marketplace.permissions import Permission, Slice

suggestions = Slice("suggestions", __name__, url_prefix="/needs")


@suggestions.route("/<need_id>/suggestions", permission=Permission.NEED_VIEW)
def of_need(need_id: str) -> ResponseReturnValue:
    """A page of its own; a script puts the piece of it that matters onto the page of the need."""
    suggested = services.suggest(g.actor, need_id)
    piece = "HX-Request" in request.headers
    values: dict[str, Any] = {"suggested": suggested, "fit_reasons": fit_reasons}
    return render_template("matches/_suggestions.html" if piece else "matches/suggestions.html", **values)
