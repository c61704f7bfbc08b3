"""HTTP of restricted runs, for the care team of a case: who is not of it finds nothing at these addresses."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.allocations import services as allocations
from marketplace.matches import outcomes, services
from marketplace.matches.views import failure_of
from marketplace.permissions import Permission, Slice

case_matching = Slice("case_matching", __name__, url_prefix="/cases")


@case_matching.route("/<case_id>/match", methods=["POST"], permission=Permission.ACCOUNT_OWN)
def match(case_id: str) -> ResponseReturnValue:
    """Shown once and not kept: what a list does not hold, nobody else can find."""
    return render_template("matches/case.html", found=match_case(g.actor, case_id))
