"""HTTP of files that people send and take: a member's capacity, a caseworker's needs."""

from typing import Any

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.exchange import blanks
from marketplace.exchange.forms import FileForm
from marketplace.exchange.services import Outcome, sending
from marketplace.permissions import Permission, Slice
from marketplace.projects import services as projects
from marketplace.wording import language
from matching.tables import InvalidTable, Language

exchange = Slice("exchange", __name__)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _language() -> Language:
    return "en" if language() == "en" else "zh"


def _blank(kind: str) -> Response:
    answer = Response(blanks.blank(kind, _language()), mimetype=_XLSX)
    answer.headers["Content-Disposition"] = f'attachment; filename="{kind}.xlsx"'
    return answer


def _sent(form: FileForm) -> tuple[str, bytes]:
    """The name and the bytes of what was sent; of the name only what a message may show."""
    name = (form.file.data.filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    return name[:80] or "file", form.file.data.read()


def _page(status: int = 200, **given: Any) -> ResponseReturnValue:
    values: dict[str, Any] = {"preview": None, "language": _language(), "form": FileForm(formdata=None)}
    return render_template("exchange/file.html", **(values | given)), status


def _done(outcome: Outcome) -> None:
    text = _(
        "Brought in: %(new)s new, %(changed)s changed, %(unchanged)s as they were.",
        new=outcome.new,
        changed=outcome.changed,
        unchanged=outcome.unchanged,
    )
    flash(text, "success")
    if outcome.without_consent:
        flash(
            _("%(number)s needs have no consent date and stay out of runs.", number=outcome.without_consent), "warning"
        )


def _faulty(refused: InvalidTable) -> sending.Preview:
    return sending.Preview(faults=refused.faults[: sending.MOST_FAULTS])


@exchange.route("/projects/<public_id>/capacity/file", methods=["GET", "POST"], permission=Permission.PROJECT_EDIT)
def capacity_file(public_id: str) -> ResponseReturnValue:
    return _capacity(public_id, FileForm())


def _capacity(public_id: str, form: FileForm, preview: sending.Preview | None = None) -> ResponseReturnValue:
    project = projects.get_own(g.actor, public_id)
    if preview is None and form.validate_on_submit():
        preview = sending.preview_capacity(g.actor, public_id, *_sent(form), _language())
    return _page(
        422 if form.errors or (preview and preview.faults) else 200,
        form=form,
        preview=preview,
        title=_("Capacity from a file"),
        subtitle=project.title,
        blank=url_for("exchange.capacity_blank", public_id=public_id),
        confirm=url_for("exchange.bring_capacity", public_id=public_id),
        back=url_for("projects.show", public_id=public_id),
    )


@exchange.route("/projects/<public_id>/capacity/file/confirm", methods=["POST"], permission=Permission.PROJECT_EDIT)
def bring_capacity(public_id: str) -> ResponseReturnValue:
    try:
        outcome = sending.bring_capacity(g.actor, public_id, request.form.get("token", ""))
    except InvalidTable as refused:
        return _capacity(public_id, FileForm(formdata=None), _faulty(refused))
    _done(outcome)
    return redirect(url_for("projects.show", public_id=public_id), 303)


@exchange.route("/projects/<public_id>/capacity/file/blank", permission=Permission.PROJECT_EDIT)
def capacity_blank(public_id: str) -> ResponseReturnValue:
    projects.get_own(g.actor, public_id)
    return _blank("capacity")


@exchange.route("/needs/file", methods=["GET", "POST"], permission=Permission.NEED_POST)
def needs_file() -> ResponseReturnValue:
    return _needs(FileForm())


def _needs(form: FileForm, preview: sending.Preview | None = None) -> ResponseReturnValue:
    if preview is None and form.validate_on_submit():
        preview = sending.preview_needs(g.actor, *_sent(form), _language())
    return _page(
        422 if form.errors or (preview and preview.faults) else 200,
        form=form,
        preview=preview,
        title=_("Needs from a file"),
        subtitle=_(
            "Micro-wishes go to review, other needs open at once. No names, numbers or addresses in the titles."
        ),
        blank=url_for("exchange.needs_blank"),
        confirm=url_for("exchange.bring_needs"),
        back=url_for("needs.index"),
    )


@exchange.route("/needs/file/confirm", methods=["POST"], permission=Permission.NEED_POST)
def bring_needs() -> ResponseReturnValue:
    try:
        outcome = sending.bring_needs(g.actor, request.form.get("token", ""))
    except InvalidTable as refused:
        return _needs(FileForm(formdata=None), _faulty(refused))
    _done(outcome)
    return redirect(url_for("needs.index"), 303)


@exchange.route("/needs/file/blank", permission=Permission.NEED_POST)
def needs_blank() -> ResponseReturnValue:
    return _blank("needs")
