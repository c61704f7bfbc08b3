"""The first manager of an organization that nobody answers for, invited by those who verify it."""

from flask import flash, g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.errors import InvalidInput
from marketplace.organizations import services
from marketplace.organizations.forms import FirstManagerForm
from marketplace.organizations.views.parts import full_address, organizations, show_errors
from marketplace.organizations.views.profiles import show_profile
from marketplace.permissions import Permission


@organizations.route("/<public_id>/first-manager", methods=["POST"], permission=Permission.ORGANIZATION_VERIFY)
def invite_first_manager(public_id: str) -> ResponseReturnValue:
    form = FirstManagerForm()
    if form.validate():
        try:
            sent = services.invite_first_manager(
                g.actor, public_id, form.email.data, lambda token: full_address("organizations.join", token=token)
            )
        except InvalidInput as error:
            show_errors(form, error)
        else:
            if not sent.mailed:  # shown this once, for the officer to hand over
                return show_profile(services.get(g.actor, public_id), link=sent.address)
            flash(_("The invitation is on its way by e-mail."), "success")
            return redirect(url_for("organizations.profile", public_id=public_id), 303)
    return show_profile(services.get(g.actor, public_id), inviting=form)


@organizations.route(
    "/<public_id>/first-manager/<first_invitation_id>/revoke",
    methods=["POST"],
    permission=Permission.ORGANIZATION_VERIFY,
)
def take_back_first_invitation(public_id: str, first_invitation_id: str) -> ResponseReturnValue:
    services.take_back_first_invitation(g.actor, public_id, first_invitation_id)
    flash(_("Taken back. Its link does not work any more."), "success")
    return redirect(url_for("organizations.profile", public_id=public_id), 303)
