"""A need's page, a second person's look at it, its way to a case, and how it leaves and comes back."""

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.errors import InvalidInput
from marketplace.needs import services
from marketplace.needs.forms import ApprovalForm, AttachForm, NoteForm
from marketplace.needs.views.common import blame, need_page, needs, refused
from marketplace.permissions import Permission


@needs.route("/<need_id>", permission=Permission.NEED_VIEW)
def show(need_id: str) -> ResponseReturnValue:
    return need_page(services.load_need(g.actor, need_id))


@needs.route("/<need_id>/approve", methods=["POST"], permission=Permission.NEED_REVIEW)
def approve(need_id: str) -> ResponseReturnValue:
    form = ApprovalForm()
    try:
        need = services.approve(g.actor, need_id, judged=bool(form.judged.data))
    except InvalidInput as error:
        if "judged" not in error.fields:
            return refused(need_id, error)
        blame(form, error)
        return need_page(services.load_need(g.actor, need_id, Permission.NEED_REVIEW), 422, approval_form=form)
    told = _("The wish is approved for matching within the service; it is not published.")
    flash(told if need.internal_only else _("The wish is approved and public now."), "success")
    return redirect(url_for("needs.index", state="review"), 303)


@needs.route("/<need_id>/send-back", methods=["POST"], permission=Permission.NEED_REVIEW)
def send_back(need_id: str) -> ResponseReturnValue:
    form = NoteForm()
    if form.validate_on_submit():
        try:
            services.send_back(g.actor, need_id, form.note.data)
        except InvalidInput as error:
            blame(form, error)
        else:
            flash(_("The wish is back with its author."), "success")
            return redirect(url_for("needs.index", state="review"), 303)
    return need_page(services.load_need(g.actor, need_id, Permission.NEED_REVIEW), 422, note_form=form)


@needs.route("/<need_id>/withdraw", methods=["POST"], permission=Permission.NEED_WITHDRAW)
def withdraw(need_id: str) -> ResponseReturnValue:
    try:
        services.withdraw(g.actor, need_id, request.form.get("reason", ""))
    except InvalidInput as error:
        return refused(need_id, error)
    flash(_("The need is withdrawn."), "success")
    return redirect(url_for("needs.show", need_id=need_id), 303)


@needs.route("/<need_id>/reopen", methods=["POST"], permission=Permission.NEED_WITHDRAW)
def reopen(need_id: str) -> ResponseReturnValue:
    form = NoteForm()
    if form.validate_on_submit():
        try:
            services.reopen(g.actor, need_id, form.note.data)
        except InvalidInput as error:
            blame(form, error)
        else:
            flash(_("The need is open again."), "success")
            return redirect(url_for("needs.show", need_id=need_id), 303)
    return need_page(services.load_need(g.actor, need_id, Permission.NEED_WITHDRAW), 422, note_form=form)


@needs.route("/<need_id>/attach", methods=["POST"], permission=Permission.NEED_POST)
def attach(need_id: str) -> ResponseReturnValue:
    form = AttachForm()
    if form.validate_on_submit():
        try:
            services.attach(g.actor, need_id, form.number.data)
        except InvalidInput as error:
            blame(form, error)
        else:
            flash(_("The need belongs to the case now, and rests on its consents."), "success")
            return redirect(url_for("needs.show", need_id=need_id), 303)
    return need_page(services.load_need(g.actor, need_id, Permission.NEED_POST), 422, attach_form=form)


@needs.route("/<need_id>/reveal", methods=["POST"], permission=Permission.PERSON_REVEAL)
def reveal(need_id: str) -> ResponseReturnValue:
    try:
        need, details = services.reveal_details(g.actor, need_id, request.form.get("reason", ""))
    except InvalidInput as error:
        return refused(need_id, error)
    return render_template("needs/reveal.html", need=need, details=details)


@needs.route("/<need_id>/keep-internal", methods=["POST"], permission=Permission.NEED_WITHDRAW)
def keep_internal(need_id: str) -> ResponseReturnValue:
    services.keep_internal(g.actor, need_id)
    flash(_("The wish is not published. It is matched within the service all the same."), "success")
    return redirect(url_for("needs.show", need_id=need_id), 303)


@needs.route("/<need_id>/publish", methods=["POST"], permission=Permission.NEED_POST)
def publish(need_id: str) -> ResponseReturnValue:
    try:
        need = services.publish_after_all(g.actor, need_id)
    except InvalidInput as error:
        return refused(need_id, error)
    told = _("A second person reads the wish before it is published.")
    flash(told if need.state != "draft" else _("The wish will be published once it is posted and approved."), "success")
    return redirect(url_for("needs.show", need_id=need_id), 303)


@needs.route("/<need_id>/take-down", methods=["POST"], permission=Permission.NEED_WITHDRAW)
def take_down(need_id: str) -> ResponseReturnValue:
    services.take_down(g.actor, need_id)
    flash(_("The wish is out of public view. You can show it again here."), "success")
    return redirect(url_for("needs.show", need_id=need_id), 303)


@needs.route("/<need_id>/show-again", methods=["POST"], permission=Permission.NEED_WITHDRAW)
def show_again(need_id: str) -> ResponseReturnValue:
    try:
        services.show_again(g.actor, need_id)
    except InvalidInput as error:
        return refused(need_id, error)
    flash(_("The wish is in public view again."), "success")
    return redirect(url_for("needs.show", need_id=need_id), 303)
