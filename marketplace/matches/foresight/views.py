"""HTTP of foresight: backtests of a scope, the switch that is turned on from them, what a coordinator expects."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import regions, taxonomy, wording
from marketplace.errors import InvalidInput
from marketplace.matches import services as runs
from marketplace.matches.foresight import services
from marketplace.matches.foresight.forms import BLANK_ROWS, ExpectationForm, StartForm
from marketplace.matches.foresight.models import Backtest
from marketplace.matches.foresight.record import scope_key
from marketplace.permissions import Permission, Slice

foresight = Slice("foresight", __name__, url_prefix="/runs/foresight")

WAYS = ("happened", "nightly", "foresight", "low", "high", "hindsight")


def _scope() -> tuple[str, str]:
    """The region and the alliance that an address or a form names; the actor's own region by default."""
    given = request.form if request.method == "POST" else request.args
    return given.get("region") or g.actor.region or regions.NINGXIA, given.get("alliance", "")


def _words() -> dict[str, Any]:
    return {
        "happened": _("As it happened"),
        "nightly": _("Every night, without foresight"),
        "foresight": _("Every night, with foresight"),
        "low": _("… with a forecast 30 % too low"),
        "high": _("… with a forecast 30 % too high"),
        "hindsight": _("In hindsight: the best possible"),
    }


def _page(
    start: StartForm | None = None, expectation: ExpectationForm | None = None, status: int = 200
) -> ResponseReturnValue:
    region, alliance = _scope()
    scope = services.scope_of(g.actor, region, alliance or None)
    own = {"region": region, "alliance": alliance}
    if expectation is None:
        told = [
            {"category": row.category, "place": row.place, "urgency": row.urgency, "a_month": row.a_month}
            for row in services.expectations_of(scope)
        ]
        blank = [{"place": region, "urgency": "yellow", "category": "", "a_month": None}] * BLANK_ROWS
        expectation = ExpectationForm(formdata=None, data={**own, "rows": [*told, *blank]})
    expectation.choose(
        [(one.code, wording.category_name(one.code)) for one in taxonomy.categories()],
        [(one.code, wording.region_full_name(one.code)) for one in regions.subtree(region)],
        wording.URGENCIES,
    )
    page = render_template(
        "matches/foresight.html",
        start=start or StartForm(formdata=None, data=own),
        expectation=expectation,
        switch=services.switch_of(scope),
        newest=services.newest_done(scope_key(scope)),
        page=services.backtests_of(g.actor, scope_key(scope), request.args.get("page", 1, type=int)),
        url_for_page=lambda number: url_for("foresight.index", region=region, alliance=alliance or None, page=number),
        region=region,
        alliance=runs.alliance_by_slug(alliance),
        words=_words(),
    )
    return page, status


@foresight.route("", permission=Permission.RUN_START)
def index() -> ResponseReturnValue:
    return _page()


@foresight.route("", methods=["POST"], permission=Permission.RUN_START)
def start() -> ResponseReturnValue:
    form = StartForm()
    if not form.validate_on_submit():
        return _page(start=form, status=422)
    region, alliance = _scope()
    row = services.start(g.actor, region, alliance or None, form.horizon.data)
    return redirect(url_for("foresight.show", backtest_id=row.public_id), 303)


@foresight.route("/expectations", methods=["POST"], permission=Permission.RUN_START)
def expect() -> ResponseReturnValue:
    region, alliance = _scope()
    form = ExpectationForm()
    if not form.validate_on_submit():
        return _page(expectation=form, status=422)
    try:
        services.expect(g.actor, region, alliance or None, form.expected())
    except InvalidInput as error:
        form.form_errors.append(str(error.message))
        return _page(expectation=form, status=422)
    flash(_("What you expect is kept. The next backtest goes by it where the record is too short."), "success")
    return redirect(url_for("foresight.index", region=region, alliance=alliance or None), 303)


@foresight.route("/off", methods=["POST"], permission=Permission.RUN_START)
def turn_off() -> ResponseReturnValue:
    region, alliance = _scope()
    services.turn_off(g.actor, region, alliance or None)
    flash(_("Foresight is off. From the next run on nothing is kept back."), "success")
    return redirect(url_for("foresight.index", region=region, alliance=alliance or None), 303)


@foresight.route("/<backtest_id>", permission=Permission.RUN_VIEW)
def show(backtest_id: str) -> ResponseReturnValue:
    row = services.find(g.actor, backtest_id)
    return render_template("matches/backtest.html", **_told(row))


def _told(row: Backtest) -> dict[str, Any]:
    switch = services.switch_of_key(row.scope)
    newest = services.newest_done(row.scope)
    return {
        "backtest": row,
        "alliance": runs.alliance_of_key(row.alliance_id),
        "switch": switch,
        "may_turn_on": row.state == "done" and switch is None and newest is not None and newest.id == row.id,
        "ways": WAYS,
        "words": _words(),
    }


@foresight.route("/<backtest_id>/progress", permission=Permission.RUN_VIEW)
def progress(backtest_id: str) -> ResponseReturnValue:
    """The piece of the page that asks again every second; the end of the backtest reloads the page."""
    row = services.find(g.actor, backtest_id)
    headers = {} if row.state in ("queued", "running") else {"HX-Refresh": "true"}
    return render_template("matches/_backtest_progress.html", backtest=row), 200, headers


@foresight.route("/<backtest_id>/cancel", methods=["POST"], permission=Permission.RUN_START)
def cancel(backtest_id: str) -> ResponseReturnValue:
    services.cancel(g.actor, backtest_id)
    flash(_("The backtest is stopped. Nothing of it is kept."), "success")
    return redirect(url_for("foresight.show", backtest_id=backtest_id), 303)


@foresight.route("/<backtest_id>/on", methods=["POST"], permission=Permission.RUN_START)
def turn_on(backtest_id: str) -> ResponseReturnValue:
    services.turn_on(g.actor, backtest_id)
    flash(_("Foresight is on. From the next run on capacity may be kept for those still to come."), "success")
    return redirect(url_for("foresight.show", backtest_id=backtest_id), 303)
