"""Members of an organization, and invitations."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectChoice

from marketplace import wording
from marketplace.errors import InvalidInput, SignInRequired
from marketplace.organizations import services
from marketplace.organizations.forms import InviteForm
from marketplace.organizations.views.parts import full_address, organizations, show_errors
from marketplace.permissions import Permission


def _form(**options: Any) -> InviteForm:
    form = InviteForm(**options)
    form.position.choices = [SelectChoice(position, name) for position, name in wording.POSITIONS.items()]
    return form


def _show(public_id: str, form: InviteForm, link: str | None = None) -> ResponseReturnValue:
    organization, found = services.members(g.actor, public_id)
    managers = [one.user_id for one in found.members if one.position == "manager" and one.user.active]
    page = render_template(
        "organizations/members.html",
        organization=organization,
        members=found.members,
        invitations=found.invitations,
        form=form,
        link=link,
        manages=organization.id in g.actor.managed_ids,
        only_manager=managers == [g.actor.user_id],
    )
    return page, 422 if form.errors else 200


@organizations.route("/<public_id>/members", permission=Permission.MEMBER_VIEW)
def members(public_id: str) -> ResponseReturnValue:
    return _show(public_id, _form())


@organizations.route("/<public_id>/members/invite", methods=["POST"], permission=Permission.MEMBER_MANAGE)
def invite(public_id: str) -> ResponseReturnValue:
    form = _form()
    if form.validate():
        try:
            sent = services.invite_member(
                g.actor,
                public_id,
                form.email.data,
                form.position.data,
                lambda token: full_address("organizations.join", token=token),
            )
        except InvalidInput as error:
            show_errors(form, error)
        else:
            if not sent.mailed:  # shown this once, for the manager to hand over
                return _show(public_id, _form(formdata=None), sent.address)
            flash(_("The invitation is on its way by e-mail."), "success")
            return redirect(url_for("organizations.members", public_id=public_id), 303)
    return _show(public_id, form)


@organizations.route(
    "/<public_id>/invitations/<invitation_id>/revoke", methods=["POST"], permission=Permission.MEMBER_MANAGE
)
def revoke(public_id: str, invitation_id: str) -> ResponseReturnValue:
    services.revoke_invitation(g.actor, public_id, invitation_id)
    flash(_("Taken back. Its link does not work any more."), "success")
    return redirect(url_for("organizations.members", public_id=public_id), 303)


@organizations.route("/<public_id>/members/<member_id>/place", methods=["POST"], permission=Permission.MEMBER_MANAGE)
def place_member(public_id: str, member_id: str) -> ResponseReturnValue:
    services.place_member(g.actor, public_id, member_id, request.form.get("position", ""))
    flash(_("Saved. It counts from now on."), "success")
    return redirect(url_for("organizations.members", public_id=public_id), 303)


@organizations.route("/<public_id>/members/<member_id>/remove", methods=["POST"], permission=Permission.MEMBER_MANAGE)
def remove_member(public_id: str, member_id: str) -> ResponseReturnValue:
    services.part_from_member(g.actor, public_id, member_id)
    flash(_("The membership has ended."), "success")
    return redirect(url_for("organizations.members", public_id=public_id), 303)


@organizations.route("/<public_id>/leave", methods=["POST"], permission=Permission.MEMBER_VIEW)
def leave(public_id: str) -> ResponseReturnValue:
    services.leave(g.actor, public_id)
    flash(_("You have left the organization."), "success")
    return redirect(url_for("organizations.index"), 303)


@organizations.route("/join/<token>", methods=["GET", "POST"], permission=Permission.PUBLIC_VIEW)
def join(token: str) -> ResponseReturnValue:
    link, organization = services.invitation(token)
    if request.method == "POST":
        if not g.actor.signed_in:
            raise SignInRequired
        services.accept_invitation(g.actor, token)
        flash(_("Welcome. You belong to the organization now."), "success")
        return redirect(url_for("organizations.profile", public_id=organization.public_id), 303)
    return render_template("organizations/join.html", link=link, organization=organization, token=token)
