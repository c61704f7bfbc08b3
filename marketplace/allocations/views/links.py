"""A supplier without an account answers under a signed link; the coordinator makes it."""

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import mail
from marketplace.allocations import services
from marketplace.allocations.forms import AcceptPartForm, LinkForm, ReasonForm
from marketplace.allocations.views.pages import blame, page_of, public_address
from marketplace.allocations.views.slice import allocations
from marketplace.errors import InvalidInput
from marketplace.extensions import limiter
from marketplace.permissions import Permission


@allocations.route("/allocations/<allocation_id>/link", methods=["POST"], permission=Permission.ALLOCATION_PROPOSE)
def make_link(allocation_id: str) -> ResponseReturnValue:
    form = LinkForm()
    if not form.validate_on_submit():
        return page_of(allocation_id, 422, link_form=form)
    token, sent = services.make_link(g.actor, allocation_id, send_to=form.send_to.data or "", letter=_letter)
    if form.send_to.data and not sent:
        flash(_("No mail is set up here. Copy the link, or print this page."), "warning")
    elif sent:
        flash(_("The link is on its way by e-mail."), "success")
    return page_of(allocation_id, answer_url=_address(token), can_mail=mail.is_configured())


def _address(token: str) -> str:
    return public_address("allocations.question", token=token)


def _letter(token: str) -> tuple[str, str]:
    return _("A request for help: can you give it?"), _(
        "A household needs help that you could give. What it is about, and two buttons to answer, are here:\n\n"
        "%(address)s\n\nThe link works once, and only for a while. You need no account.",
        address=_address(token),
    )


@allocations.route("/answers/<token>", permission=Permission.PUBLIC_VIEW)
def question(token: str) -> ResponseReturnValue:
    return _page(token)


def _page(
    token: str, status: int = 200, *, reason_form: ReasonForm | None = None, part_form: AcceptPartForm | None = None
) -> ResponseReturnValue:
    asked = services.question(token)
    page = render_template(
        "allocations/question.html",
        asked=asked,
        token=token,
        reason_form=reason_form or ReasonForm(),
        part_form=part_form or AcceptPartForm(quantity=max(asked.quantity - 1, 1)),
    )
    return page, status


@allocations.route("/answers/<token>/accept", methods=["POST"], permission=Permission.PUBLIC_VIEW)
@limiter.limit("30 per minute")
def answer_yes(token: str) -> ResponseReturnValue:
    if "quantity" not in request.form:
        services.answer_yes(token)
    else:
        form = AcceptPartForm()
        if not form.validate_on_submit():
            return _page(token, 422, part_form=form)
        try:
            services.answer_yes(token, form.quantity.data, form.rest_reason.data)
        except InvalidInput as error:
            blame(form, error)
            return _page(token, 422, part_form=form)
    return redirect(url_for("allocations.question", token=token), 303)


@allocations.route("/answers/<token>/delivered", methods=["POST"], permission=Permission.PUBLIC_VIEW)
@limiter.limit("30 per minute")
def answer_done(token: str) -> ResponseReturnValue:
    services.answer_done(token)
    flash(_("Marked as done. A caseworker confirms it with the household."), "success")
    return redirect(url_for("allocations.question", token=token), 303)


@allocations.route("/answers/<token>/decline", methods=["POST"], permission=Permission.PUBLIC_VIEW)
@limiter.limit("30 per minute")
def answer_no(token: str) -> ResponseReturnValue:
    form = ReasonForm()
    if not form.validate_on_submit():
        return _page(token, 422, reason_form=form)
    services.answer_no(token, form.reason.data)
    return redirect(url_for("allocations.question", token=token), 303)
