"""Scans that an organization hands in."""

from typing import Any

from flask import Response, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import uploads
from marketplace.errors import InvalidInput
from marketplace.organizations import services
from marketplace.organizations.views.parts import organizations, show_errors
from marketplace.organizations.views.profiles import document_form, show_profile
from marketplace.permissions import Permission


@organizations.route("/<public_id>/documents", methods=["POST"], permission=Permission.ORGANIZATION_EDIT)
def add_document(public_id: str) -> ResponseReturnValue:
    form = document_form()
    organization = services.get_own(g.actor, public_id)
    if form.validate():
        try:
            services.add_document(g.actor, public_id, form.kind.data, form.file.data.stream)
        except InvalidInput as error:
            show_errors(form, error)
        else:
            flash(_("Handed in. The officer of the region sees it."), "success")
            return redirect(url_for("organizations.profile", public_id=public_id), 303)
        organization = services.get_own(g.actor, public_id)
    return show_profile(organization, upload=form)


@organizations.route("/<public_id>/documents/<document_id>", permission=Permission.ORGANIZATION_DOCUMENTS)
def document(public_id: str, document_id: str) -> Response:
    found = services.look_at_document(g.actor, public_id, document_id)
    return uploads.send(found.file, found.media_type)


@organizations.route(
    "/<public_id>/documents/<document_id>/discard", methods=["POST"], permission=Permission.ORGANIZATION_EDIT
)
def discard_document(public_id: str, document_id: str) -> ResponseReturnValue:
    services.discard_document(g.actor, public_id, document_id)
    undo = url_for("organizations.restore_document", public_id=public_id, document_id=document_id)
    message: Any = {"text": _("Removed."), "url": undo, "action": _("Undo")}  # the layout makes a button of it
    flash(message, "success")
    return redirect(url_for("organizations.profile", public_id=public_id), 303)


@organizations.route(
    "/<public_id>/documents/<document_id>/restore", methods=["POST"], permission=Permission.ORGANIZATION_EDIT
)
def restore_document(public_id: str, document_id: str) -> ResponseReturnValue:
    services.restore_document(g.actor, public_id, document_id)
    flash(_("The document is back."), "success")
    return redirect(url_for("organizations.profile", public_id=public_id), 303)
