"""Photos of what was handed over."""

from flask import Response, g
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import uploads
from marketplace.allocations import services
from marketplace.allocations.forms import PhotoForm
from marketplace.allocations.models import Evidence
from marketplace.allocations.views.pages import blame, onward, refused
from marketplace.allocations.views.slice import allocations
from marketplace.errors import InvalidInput
from marketplace.permissions import Permission


@allocations.route("/allocations/<allocation_id>/evidence", methods=["POST"], permission=Permission.ALLOCATION_DELIVER)
def add_photo(allocation_id: str) -> ResponseReturnValue:
    form = PhotoForm()
    if not form.validate_on_submit():
        return refused(allocation_id, form.errors, photo_form=form)
    try:
        services.add_evidence(g.actor, allocation_id, form.photo.data.stream if form.photo.data else None)
    except InvalidInput as error:
        blame(form, error)
        return refused(allocation_id, form.errors, photo_form=form)
    return onward(allocation_id, _("The photo is kept. Where it was taken, and with what, is not."))


@allocations.route("/allocations/<allocation_id>/evidence/<evidence_id>", permission=Permission.ALLOCATION_EVIDENCE)
def photo(allocation_id: str, evidence_id: str) -> ResponseReturnValue:
    return as_attachment(services.find_evidence(g.actor, allocation_id, evidence_id))


@allocations.route(
    "/allocations/<allocation_id>/evidence/<evidence_id>/remove",
    methods=["POST"],
    permission=Permission.ALLOCATION_DELIVER,
)
def remove_photo(allocation_id: str, evidence_id: str) -> ResponseReturnValue:
    services.remove_evidence(g.actor, allocation_id, evidence_id)
    return onward(allocation_id, _("The photo is removed."))


def as_attachment(row: Evidence) -> Response:
    """A photo as an answer: pages show it, opened by itself it is downloaded."""
    answer = uploads.send(row.file, row.media_type)
    answer.headers["Content-Disposition"] = f"attachment; filename={row.public_id}.jpg"
    return answer
