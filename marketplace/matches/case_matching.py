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
    run = services.start_for_case(g.actor, case_id)
    return redirect(url_for("case_matching.show", run_id=run.public_id), 303)


@case_matching.route("/<case_id>/runs", permission=Permission.ACCOUNT_OWN)
def index(case_id: str) -> ResponseReturnValue:
    case = services.case_of_team(g.actor, case_id)
    return render_template(
        "matches/case_runs.html",
        case=case,
        page=services.runs_of_case(case, request.args.get("page", 1, type=int)),
        url_for_page=lambda number: url_for("case_matching.index", case_id=case_id, page=number),
    )


@case_matching.route("/runs/<run_id>", permission=Permission.ACCOUNT_OWN)
def show(run_id: str) -> ResponseReturnValue:
    run, case = services.find_of_team(g.actor, run_id)
    values: dict[str, Any] = {}
    if run.state == "done":
        result = services.result_of(run, case)
        values = {
            "result": result,
            "suppliers": allocations.suppliers_of(row.capacity for row, _effect in result.proposals),
        }
    return render_template(
        "matches/case.html",
        run=run,
        case=case,
        failure=failure_of(run),
        progress_url=url_for("case_matching.progress", run_id=run_id),
        alternatives=allocations.alternatives,
        reason_text=outcomes.reason_text,
        detail_text=outcomes.detail_text,
        **values,
    )


@case_matching.route("/runs/<run_id>/progress", permission=Permission.ACCOUNT_OWN)
def progress(run_id: str) -> ResponseReturnValue:
    """The piece of the page that asks again every second; the end of the run reloads the page."""
    run, _case = services.find_of_team(g.actor, run_id)
    headers = {} if run.state in ("queued", "running") else {"HX-Refresh": "true"}
    address = url_for("case_matching.progress", run_id=run_id)
    return render_template("matches/_progress.html", run=run, progress_url=address), 200, headers


@case_matching.route("/runs/<run_id>/cancel", methods=["POST"], permission=Permission.ACCOUNT_OWN)
def cancel(run_id: str) -> ResponseReturnValue:
    services.cancel_for_case(g.actor, run_id)
    flash(_("The run is cancelled."), "success")
    return redirect(url_for("case_matching.show", run_id=run_id), 303)


@case_matching.route("/runs/<run_id>/needs/<need_id>", permission=Permission.ACCOUNT_OWN)
def explain(run_id: str, need_id: str) -> ResponseReturnValue:
    told = services.explained_for_case(g.actor, run_id, need_id)
    back = url_for("case_matching.show", run_id=run_id)
    return render_template("matches/explain.html", back=back, told=told, parts_of=outcomes.parts_in_words)


@case_matching.route(
    "/runs/<run_id>/proposals/<proposal_id>/accept", methods=["POST"], permission=Permission.ALLOCATION_PROPOSE
)
def accept(run_id: str, proposal_id: str) -> ResponseReturnValue:
    """The coordinator asked the supplier, who agreed."""
    try:
        made = services.accept_for_case(g.actor, run_id, proposal_id)
    except allocations.RulesBroken as broken:
        told = " ".join(str(text) for text in allocations.rule_texts(broken.codes))
        flash(_("Since the run this pair breaks rules of matching: %(rules)s Match again.", rules=told), "error")
        return redirect(url_for("case_matching.show", run_id=run_id), 303)
    flash(_("Accepted in the supplier's name; that you asked is recorded."), "success")
    return redirect(url_for("allocations.show", allocation_id=made.public_id), 303)


@case_matching.route(
    "/runs/<run_id>/proposals/<proposal_id>/decline", methods=["POST"], permission=Permission.ALLOCATION_PROPOSE
)
def decline(run_id: str, proposal_id: str) -> ResponseReturnValue:
    """The coordinator asked the supplier, who said no."""
    services.decline_for_case(g.actor, run_id, proposal_id, request.form.get("reason", ""))
    flash(_("Recorded. The next run of this case leaves the pair out."), "success")
    return redirect(url_for("case_matching.show", run_id=run_id), 303)
