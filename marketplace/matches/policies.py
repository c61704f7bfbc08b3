"""HTTP of policies: how runs of a scope are done, tried out beside today's before it is saved."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import regions
from marketplace.matches import services
from marketplace.matches.forms import PolicyForm
from marketplace.matches.models import MatchRun
from marketplace.permissions import Permission, Slice

policies = Slice("policies", __name__, url_prefix="/runs/policy")


def _scope() -> tuple[str, str]:
    """The region and the alliance that an address or a form names; the actor's own region by default."""
    given = request.form if request.method == "POST" else request.args
    return given.get("region") or g.actor.region or regions.NINGXIA, given.get("alliance", "")


def _page(
    form: PolicyForm, setting: services.Setting, trial: MatchRun | None, status: int = 200
) -> ResponseReturnValue:
    region, alliance = _scope()
    page = render_template(
        "matches/policy.html",
        form=form,
        setting=setting,
        trial=trial,
        region=region,
        alliance=services.alliance_by_slug(alliance),
    )
    return page, status


@policies.route("", permission=Permission.RUN_START)
def edit() -> ResponseReturnValue:
    region, alliance = _scope()
    setting = services.setting_of(g.actor, region, alliance or None)
    trial = services.find_trial(g.actor, request.args["trial"]) if request.args.get("trial") else None
    shown: dict[str, Any] = PolicyForm.told(setting.policy)
    if trial is not None:
        shown |= PolicyForm.told(services.stored_policy(trial.changes["policy"]))
        shown |= {name: trial.changes[name] for name in ("capacity_percent", "radius_percent")}
    form = PolicyForm(
        formdata=None,
        data={
            **shown,
            "region": region,
            "alliance": alliance,
            "version": setting.version,
            "nightly": setting.nightly,
            "hour": setting.hour,
        },
    )
    return _page(form, setting, trial)


@policies.route("", methods=["POST"], permission=Permission.RUN_START)
def save() -> ResponseReturnValue:
    region, alliance = _scope()
    setting = services.setting_of(g.actor, region, alliance or None)
    form = PolicyForm()
    if not form.validate_on_submit():
        return _page(form, setting, None, 422)
    services.save(
        g.actor,
        region,
        alliance or None,
        form.policy(),
        nightly=form.nightly.data,
        hour=form.hour.data,
        version=form.version.data,
    )
    flash(_("The settings are saved. They hold from the next run on."), "success")
    return redirect(url_for("policies.edit", region=region, alliance=alliance or None), 303)


@policies.route("/trials", methods=["POST"], permission=Permission.RUN_START)
def try_out() -> ResponseReturnValue:
    """Queue a trial; a script asks for the piece of the page that shows it, a form for the page."""
    region, alliance = _scope()
    setting = services.setting_of(g.actor, region, alliance or None)
    form = PolicyForm()
    piece = "HX-Request" in request.headers
    if not form.validate_on_submit():
        return render_template("matches/_trial_refused.html", form=form) if piece else _page(form, setting, None, 422)
    trial = services.try_changes(g.actor, region, alliance or None, form.changes())
    if piece:
        return render_template("matches/_trial.html", trial=trial), 202
    return redirect(
        url_for("policies.edit", region=region, alliance=alliance or None, trial=trial.public_id, _anchor="trial"), 303
    )


@policies.route("/trials/<trial_id>", permission=Permission.RUN_VIEW)
def trial(trial_id: str) -> ResponseReturnValue:
    """The piece of the page that shows a trial; it asks for itself again until the trial has ended."""
    return render_template("matches/_trial.html", trial=services.find_trial(g.actor, trial_id))
