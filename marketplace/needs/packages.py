"""HTTP of applying service packages to a case."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf import FlaskForm

from marketplace import wording
from marketplace.errors import InvalidInput
from marketplace.needs import choices
from marketplace.needs.forms import PackageForm
from marketplace.needs.services import packages as services
from marketplace.permissions import Permission, Slice

packages = Slice("packages", __name__, url_prefix="/cases")


@packages.route("/<case_id>/packages", permission=Permission.NEED_POST)
def choose(case_id: str) -> ResponseReturnValue:
    found = services.choice(g.actor, case_id)
    return render_template("needs/packages.html", case=found.case, suiting=found.suiting, others=found.others)


def _blame(form: FlaskForm, error: InvalidInput) -> None:
    for name, message in error.fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, message]
        else:
            form.form_errors.append(message)


@packages.route("/<case_id>/packages/<package_id>", methods=["GET", "POST"], permission=Permission.NEED_POST)
def apply_one(case_id: str, package_id: str) -> ResponseReturnValue:
    found = services.preview(g.actor, case_id, package_id)
    lines = [str(item.position) for item in found.package.items]
    form = PackageForm(data={"urgency": found.urgency, "lines": lines} if request.method == "GET" else None)
    form.urgency.choices = choices.of(wording.URGENCIES)
    form.lines.choices = choices.of({str(item.position): item.title for item in found.package.items})
    if form.validate_on_submit():
        try:
            made = services.apply_package(
                g.actor,
                case_id,
                package_id,
                urgency=form.urgency.data,
                positions=frozenset(int(line) for line in form.lines.data),
                anyway=form.anyway.data,
            )
        except InvalidInput as error:
            _blame(form, error)
            found = services.preview(g.actor, case_id, package_id)
        else:
            text = ngettext("%(num)s need of the package is open.", "%(num)s needs of the package are open.", len(made))
            undo = url_for("packages.take_back", case_id=case_id, need=[need.public_id for need in made])
            message: Any = {"text": text, "url": undo, "action": _("Undo")}  # the layout makes a button of it
            flash(message, "success")
            return redirect(url_for("cases.show", case_id=case_id), 303)
    page = render_template(
        "needs/package.html", form=form, case=found.case, package=found.package, similar=found.similar
    )
    return page, 422 if form.errors else 200


@packages.route("/<case_id>/packages/take-back", methods=["POST"], permission=Permission.NEED_POST)
def take_back(case_id: str) -> ResponseReturnValue:
    number = services.take_back(g.actor, case_id, request.args.getlist("need"))
    text = ngettext("%(num)s need of the package is withdrawn.", "%(num)s needs of the package are withdrawn.", number)
    flash(text, "success")
    return redirect(url_for("cases.show", case_id=case_id), 303)
