"""HTTP of restricted runs, for the care team of a case."""

from flask import g, render_template
from flask.typing import ResponseReturnValue

from marketplace.matches.services import match_case
from marketplace.permissions import Permission, Slice

case_matching = Slice("case_matching", __name__, url_prefix="/cases")


@case_matching.route("/<case_id>/match", methods=["POST"], permission=Permission.ACCOUNT_OWN)
def match(case_id: str) -> ResponseReturnValue:
    """Shown once and not kept: what a list does not hold, nobody else can find."""
    return render_template("matches/case.html", found=match_case(g.actor, case_id))
