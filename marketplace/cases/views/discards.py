"""Cases and people put away, and taken back."""

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.cases import services
from marketplace.cases.views.common import cases
from marketplace.permissions import Permission


@cases.route("/cases/put-away", permission=Permission.CASE_EDIT)
def put_away() -> ResponseReturnValue:
    found = services.discarded_cases(g.actor, request.args.get("page", 1, type=int))
    return render_template(
        "cases/put_away.html", cases=found, url_for_page=lambda page: url_for("cases.put_away", page=page)
    )


@cases.route("/cases/<case_id>/discard", methods=["POST"], permission=Permission.CASE_EDIT)
def discard(case_id: str) -> ResponseReturnValue:
    case = services.discard_case(g.actor, case_id)
    flash(_("Case %(number)s is put away. You can take it back here.", number=case.number), "success")
    return redirect(url_for("cases.put_away"), 303)


@cases.route("/cases/<case_id>/restore", methods=["POST"], permission=Permission.CASE_EDIT)
def restore(case_id: str) -> ResponseReturnValue:
    case = services.restore_case(g.actor, case_id)
    flash(_("Case %(number)s is back.", number=case.number), "success")
    return redirect(url_for("cases.show", case_id=case_id), 303)


@cases.route("/cases/<case_id>/people/<person_id>/discard", methods=["POST"], permission=Permission.CASE_EDIT)
def discard_person(case_id: str, person_id: str) -> ResponseReturnValue:
    services.discard_person(g.actor, case_id, person_id)
    flash(_("The person is put away. You can take the record back below."), "success")
    return redirect(url_for("cases.show", case_id=case_id), 303)


@cases.route("/cases/<case_id>/people/<person_id>/restore", methods=["POST"], permission=Permission.CASE_EDIT)
def restore_person(case_id: str, person_id: str) -> ResponseReturnValue:
    services.restore_person(g.actor, case_id, person_id)
    flash(_("The person is back."), "success")
    return redirect(url_for("cases.show", case_id=case_id), 303)
