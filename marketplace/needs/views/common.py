"""What the pages of needs share."""

from typing import Any

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf import FlaskForm

from marketplace.cases.services import REVEAL_REASONS
from marketplace.errors import InvalidInput
from marketplace.needs import choices, services
from marketplace.needs.forms import ApprovalForm, AttachForm, NoteForm, ReasonForm
from marketplace.needs.models import Need
from marketplace.permissions import Slice

needs = Slice("needs", __name__, url_prefix="/needs")


def blame(form: FlaskForm, error: InvalidInput) -> None:
    """Show a service's refusal beside the fields it is about, or above the form."""
    for name, message in error.fields.items():
        form[name].errors = [*form[name].errors, message]
    if not error.fields:
        form.form_errors.append(error.message)


def saved(need: Need, *, sent: bool = False) -> ResponseReturnValue:
    """Where a saved need goes next, with a word on what became of it.

    Args:
        sent: it was to be posted: a draft all the same means that the household has one like it.
    """
    if sent and need.state == "draft":
        return redirect(url_for("needs.similar", need_id=need.public_id), 303)
    told = {
        "draft": _("The draft is saved."),
        "review": _("The wish waits for a second person's approval."),
        "open": _("The need is open."),
    }
    flash(told[need.state], "success")
    if need.draft_title is not None:
        flash(_("The text tells who somebody is. It stays private until you change it."), "warning")
    if need.state != "draft" and need.share_consent_on is None:
        flash(_("There is no consent to share it yet, so it stays out of matching until that is on record."), "warning")
    return redirect(url_for("needs.show", need_id=need.public_id), 303)


def need_page(need: Need, status: int = 200, **forms: Any) -> ResponseReturnValue:
    """A need's own page, with a form on it as it was refused."""
    withdraw_form = ReasonForm()
    withdraw_form.reason.choices = choices.of(services.WITHDRAWAL_REASONS, empty=_("Choose a reason"))
    shown = {
        "note_form": NoteForm(),
        "withdraw_form": withdraw_form,
        "approval_form": ApprovalForm(),
        "attach_form": AttachForm(),
    }
    page = render_template(
        "needs/show.html",
        need=need,
        history=services.need_history(need),
        may_edit=services.may_edit(need),
        may_attach=services.may_attach(need),
        own=need.author == g.actor.key,
        tells_people=services.tells_people(g.actor, need),
        tells_groups=services.tells_groups(g.actor, need),
        assessment=services.assess(need.title, need.case) if need.state in ("draft", "review") else None,
        similar=services.similar_needs(need) if need.state in ("draft", "review") else [],
        reveal_reasons=REVEAL_REASONS,
        **(shown | forms),
    )
    return page, status


def refused(need_id: str, error: InvalidInput) -> ResponseReturnValue:
    """Back on the need's page, which says what to do."""
    flash(str(error.message), "error")
    return redirect(url_for("needs.show", need_id=need_id), 303)
