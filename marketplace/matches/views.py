"""HTTP of matching runs: preview and start, progress, result."""

from functools import partial
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import regions, wording
from marketplace.allocations import services as allocations
from marketplace.matches import advice, outcomes, services
from marketplace.matches.forms import ScopeForm
from marketplace.matches.models import MatchRun
from marketplace.organizations.models import name_of
from marketplace.permissions import Permission, Slice

runs = Slice("runs", __name__, url_prefix="/runs")

VIEWS = ("proposals", "unserved", "shortages", "coverage")


def _form(**options: Any) -> ScopeForm:
    own = g.actor.region or regions.NINGXIA
    return ScopeForm(
        [(region.code, wording.region_full_name(region.code)) for region in regions.subtree(own)],
        [(row.slug, name_of(row, wording.language())) for row in services.alliances_for(g.actor)],
        **options,
    )


@runs.route("", permission=Permission.RUN_VIEW)
def index() -> ResponseReturnValue:
    return _list(_form(formdata=request.args if "region" in request.args else None, region=g.actor.region))


def _list(form: ScopeForm, status: int = 200) -> ResponseReturnValue:
    may_start = g.actor.may(Permission.RUN_START)
    waiting = may_start and request.args.get("waiting") == "1"
    wanted = form.region.data or g.actor.region
    known = wanted in {choice.value for choice in form.region.choices}
    show = may_start and known and ("region" in request.args or services.quick_to_preview(wanted))
    page = render_template(
        "matches/index.html",
        form=form,
        preview=services.preview(g.actor, wanted, form.alliance.data) if show else None,
        later=may_start and known and not show,
        page=services.list_runs(g.actor, request.args.get("page", 1, type=int), failed=waiting),
        waiting=waiting,
        url_for_page=lambda number: url_for("runs.index", waiting=1 if waiting else None, page=number),
    )
    return page, status


@runs.route("", methods=["POST"], permission=Permission.RUN_START)
def start() -> ResponseReturnValue:
    form = _form()
    if not form.validate_on_submit():
        return _list(form, 422)
    run = services.start(g.actor, form.region.data, form.alliance.data or None)
    return redirect(url_for("runs.show", run_id=run.public_id), 303)


@runs.route("/<run_id>", permission=Permission.RUN_VIEW)
def show(run_id: str) -> ResponseReturnValue:
    run = services.find(g.actor, run_id)
    if run.trial:
        alliance = services.alliance_of(run)
        slug = alliance.slug if alliance else None
        return redirect(url_for("policies.edit", region=run.region, alliance=slug, trial=run.public_id))
    view = request.args.get("view", "")
    view = view if view in VIEWS else VIEWS[0]
    asked: dict[str, Any] = {name: request.args.get(name, "").strip() for name in ("urgency", "reason", "state")}
    number = request.args.get("page", 1, type=int)
    return render_template(
        "matches/show.html",
        run=run,
        alliance=services.alliance_of(run),
        view=view,
        asked=asked,
        reasons={code: outcomes.reason_text(code) for code in run.summary.get("unserved_by_reason", {})},
        reason_text=outcomes.reason_text,
        detail_text=outcomes.detail_text,
        failure=failure_of(run),
        progress_url=url_for("runs.progress", run_id=run_id),
        url_for_page=lambda page: url_for("runs.show", run_id=run_id, view=view, **asked, page=page),
        **(_result(run, view, asked, number) if run.state == "done" else {}),
    )


def _result(run: MatchRun, view: str, asked: dict[str, str], number: int) -> dict[str, Any]:
    if view == "proposals":
        page = allocations.of_run(run.id, urgency=asked["urgency"], state=asked["state"], page=number)
        return {"page": page, "suppliers": allocations.suppliers_of(page.items)}
    if view == "unserved":
        page = services.outcomes_of(run, urgency=asked["urgency"], reason=asked["reason"], page=number)
        return {"page": page, "needs": services.needs_of(page.items)}
    if view == "coverage":
        return {"comparison": services.compared(run), "share": outcomes.share}
    return {
        "page": services.shortages_of(run, number),
        "advice": partial(advice.text, english=wording.language() == "en"),
    }


@runs.route("/<run_id>/needs/<need_id>", permission=Permission.RUN_VIEW)
def explain(run_id: str, need_id: str) -> ResponseReturnValue:
    run = services.find(g.actor, run_id)
    told = services.explained(run, need_id)
    back = url_for("runs.show", run_id=run_id)
    return render_template("matches/explain.html", back=back, told=told, parts_of=outcomes.parts_in_words)


def failure_of(run: MatchRun) -> str | None:
    """What went wrong, in words; the technical part is kept with the run for whoever runs the installation."""
    if run.failure is None:
        return None
    kind = run.failure.partition(":")[0]
    words = {
        "lost": _("The worker was lost, for example because the server was restarted. Start a new run."),
        "solver": _(
            "The solver stopped before it had a result. Start a new run; if it stops again, tell your administrator."
        ),
    }
    return str(words.get(kind, _("A fault ended the run. Nothing of it was kept. Tell your administrator.")))


@runs.route("/<run_id>/progress", permission=Permission.RUN_VIEW)
def progress(run_id: str) -> ResponseReturnValue:
    """The piece of the page that asks again every second; the end of the run reloads the page."""
    run = services.find(g.actor, run_id)
    headers = {} if run.state in ("queued", "running") else {"HX-Refresh": "true"}
    address = url_for("runs.progress", run_id=run_id)
    return render_template("matches/_progress.html", run=run, progress_url=address), 200, headers


@runs.route("/<run_id>/cancel", methods=["POST"], permission=Permission.RUN_CANCEL)
def cancel(run_id: str) -> ResponseReturnValue:
    services.cancel(g.actor, run_id)
    flash(_("The run is cancelled. The proposals of earlier runs stand."), "success")
    return redirect(url_for("runs.show", run_id=run_id), 303)
