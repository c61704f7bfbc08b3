"""HTTP of impact assessments."""

from datetime import timedelta
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.assessments import services, wording
from marketplace.assessments.forms import AssessmentForm
from marketplace.assessments.models import QUESTIONS
from marketplace.errors import InvalidInput
from marketplace.permissions import Permission, Slice
from marketplace.records import today
from marketplace.wording import region_full_name

assessments = Slice("assessments", __name__, url_prefix="/assessments")


def _form(**options: Any) -> AssessmentForm:
    return AssessmentForm([(code, region_full_name(code)) for code in services.regions_of(g.actor)], **options)


@assessments.route("", permission=Permission.ASSESSMENT_VIEW)
def index() -> ResponseReturnValue:
    waiting = request.args.get("waiting", "")
    waiting = waiting if waiting in services.WAITING and g.actor.may(Permission.ASSESSMENT_SIGN) else ""
    return render_template(
        "assessments/index.html",
        page=services.listed(g.actor, request.args.get("page", 1, type=int), waiting=waiting),
        waiting=waiting,
        words=wording,
        today=today(),
        url_for_page=lambda number: url_for("assessments.index", waiting=waiting or None, page=number),
    )


@assessments.route("/new", methods=["GET", "POST"], permission=Permission.ASSESSMENT_SIGN)
def write() -> ResponseReturnValue:
    """A draft; `from` names an earlier edition whose answers the form begins with."""
    if request.method == "POST":
        form = _form()
        if form.validate_on_submit():
            try:
                row = services.write(g.actor, _entry(form))
            except InvalidInput as error:
                for name, message in error.fields.items():
                    form[name].errors = [*form[name].errors, message]
            else:
                flash(_("The draft is saved. It counts once it is signed."), "success")
                return redirect(url_for("assessments.show", assessment_id=row.public_id), 303)
        return render_template("assessments/new.html", form=form), 422
    begun: dict[str, Any] = {"valid_until": today() + timedelta(days=365), "region": g.actor.region}
    if request.args.get("from"):
        begun |= services.find(g.actor, request.args["from"]).answers() | {"valid_until": begun["valid_until"]}
    return render_template("assessments/new.html", form=_form(formdata=None, data=begun))


def _entry(form: AssessmentForm) -> services.Entry:
    return services.Entry(
        region=form.region.data,
        channel=form.channel.data,
        grounds=tuple(form.grounds.data or ()),
        answers={name: form[name].data or "" for name in QUESTIONS},
        conclusion=form.conclusion.data,
        valid_until=form.valid_until.data,
    )


@assessments.route("/<assessment_id>", permission=Permission.ASSESSMENT_VIEW)
def show(assessment_id: str) -> ResponseReturnValue:
    row = services.find(g.actor, assessment_id)
    return render_template("assessments/show.html", row=row, words=wording, over=row.valid_until < today())


@assessments.route("/<assessment_id>/sign", methods=["POST"], permission=Permission.ASSESSMENT_SIGN)
def sign(assessment_id: str) -> ResponseReturnValue:
    services.sign(g.actor, assessment_id)
    flash(_("Signed: the assessment is in force."), "success")
    return redirect(url_for("assessments.show", assessment_id=assessment_id), 303)


@assessments.route("/<assessment_id>/withdraw", methods=["POST"], permission=Permission.ASSESSMENT_SIGN)
def withdraw(assessment_id: str) -> ResponseReturnValue:
    services.withdraw(g.actor, assessment_id)
    flash(_("Withdrawn: nothing more goes live under it."), "success")
    return redirect(url_for("assessments.show", assessment_id=assessment_id), 303)
