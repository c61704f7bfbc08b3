"""HTTP of the trail: one list, and the proof that nobody changed it."""

from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectChoice

from marketplace import trail
from marketplace.oversight import services, wording
from marketplace.oversight.forms import TrailFilterForm
from marketplace.paging import page_addresses
from marketplace.permissions import Permission, Slice

oversight = Slice("oversight", __name__, url_prefix="/audit")


@oversight.route("", permission=Permission.AUDIT_VIEW)
def index() -> ResponseReturnValue:
    return _show(TrailFilterForm(request.args))


@oversight.route("/verify", methods=["POST"], permission=Permission.AUDIT_VIEW)
def verify() -> ResponseReturnValue:
    """Re-compute one chain and say on the page what was found; nothing is kept of it."""
    chain = request.form.get("chain", "")
    faults = services.verify(g.actor, chain)
    return _show(TrailFilterForm(formdata=None, data={"chain": chain}), verified=chain, faults=faults)


def _show(form: TrailFilterForm, verified: str = "", faults: list[str] | None = None) -> ResponseReturnValue:
    chains = services.chains(g.actor)
    form.chain.choices = [
        SelectChoice("", _("All counties")),
        *(SelectChoice(row.chain, wording.chain(row.chain)) for row in chains),
    ]
    form.record_type.choices = [
        SelectChoice("", _("All records")),
        *(SelectChoice(code, str(words)) for code, words in wording.RECORD_TYPES.items()),
    ]
    wanted = services.Wanted(**form.data) if form.validate() else services.Wanted()
    page = services.events(g.actor, wanted, request.args.get("page", 1, type=int))
    shown = render_template(
        "oversight/index.html",
        form=form,
        page=page,
        chains=chains,
        verified=verified,
        faults=faults,
        words=wording,
        actor_words=trail.actor_in_words,
        url_for_page=page_addresses("oversight.index", form),
    )
    return shown, 422 if form.errors else 200
