"""HTTP of what waits for the reader."""

from dataclasses import dataclass
from typing import Any

from flask import g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from marketplace.permissions import Permission, Slice
from marketplace.records import today
from marketplace.waiting import services

waiting = Slice("waiting", __name__)


@dataclass(frozen=True)
class Shown:
    """How the page shows a kind: its words, its picture, and the list that holds exactly its rows."""

    label: Any
    icon: str
    endpoint: str
    values: dict[str, Any]

    def url(self, entry: services.Entry) -> str:
        if entry.organization is not None:
            return url_for(self.endpoint, public_id=entry.organization.public_id)
        return url_for(self.endpoint, **self.values)


_SHOWN = {
    "claims_held": Shown(
        _("Wishes you claimed: do them or set a day"), "heart", "allocations.claims", {"waiting": "accepted"}
    ),
    "claims_due": Shown(_("Wishes to hand over"), "gift", "allocations.claims", {"waiting": "delivering"}),
    "answers": Shown(_("Proposals to answer"), "inbox", "allocations.inbox", {"tab": "answer", "waiting": 1}),
    "deliveries": Shown(
        _("Accepted help to deliver"), "truck-delivery", "allocations.inbox", {"tab": "running", "waiting": 1}
    ),
    "confirmations": Shown(
        _("Deliveries to confirm"), "checks", "allocations.inbox", {"tab": "confirm", "waiting": 1}
    ),
    "visits": Shown(_("Follow-up visits due"), "calendar-check", "allocations.visits", {}),
    "urgent_needs": Shown(
        _("Red needs open for more than 7 days"), "urgent", "needs.index", {"waiting": "urgent"}
    ),
    "exceptions": Shown(
        _("Needs that should not wait: requests to decide"), "hand-stop", "holds.queue",
        {"kind": "exceptions", "waiting": 1},
    ),
    "releases": Shown(
        _("Units to be released: requests to decide"), "clock-pause", "holds.queue",
        {"kind": "releases", "waiting": 1},
    ),
    "handover": Shown(_("Running help to hand over"), "arrows-exchange", "allocations.handover", {}),
    "failed_runs": Shown(_("Matching runs that failed"), "alert-triangle", "runs.index", {"waiting": 1}),
    "wishes": Shown(_("Wishes to review"), "eye", "needs.index", {"waiting": "review"}),
    "sent_back": Shown(_("Wishes sent back to you"), "arrow-back-up", "needs.drafts", {"waiting": "sent-back"}),
    "consents": Shown(
        _("Open needs without consent to share"), "unlink", "needs.index", {"waiting": "consent"}
    ),
    "organizations": Shown(
        _("Organizations to verify"), "building-community", "organizations.index", {"tab": "queue"}
    ),
    "projects": Shown(_("Projects to open"), "folders", "projects.index", {"tab": "queue"}),
    "offers": Shown(_("Volunteers' offers to review"), "user-heart", "offers.queue", {"waiting": 1}),
    "assessment_drafts": Shown(
        _("Impact assessments to sign"), "signature", "assessments.index", {"waiting": "draft"}
    ),
    "assessment_reviews": Shown(
        _("Impact assessments to be looked at again"), "shield-check", "assessments.index", {"waiting": "review"}
    ),
    "invited": Shown(_("Staff invited who have not signed in"), "user-plus", "accounts.staff", {"state": "invited"}),
    "drafts": Shown(_("Your drafts"), "pencil", "needs.drafts", {"waiting": "begun"}),
    "photos": Shown(_("Photos of what you handed over"), "camera", "allocations.claims", {"waiting": "photo"}),
    services.CAPACITY: Shown(_("Capacity to confirm"), "packages", "projects.to_confirm", {}),
}  # fmt: skip


@waiting.route("/waiting", permission=Permission.ACCOUNT_OWN)
def index() -> ResponseReturnValue:
    """Where signing in leads; those for whom nothing can ever wait go on to the front page."""
    if not services.could_wait(g.actor):
        return redirect(url_for("home.welcome"), 303)
    found = services.waiting(g.actor)
    return render_template(
        "waiting/index.html",
        entries=[(entry, _SHOWN[entry.code], _SHOWN[entry.code].url(entry)) for entry in found],
        total=sum(entry.number for entry in found),
        most=services.MOST,
        today=today(),
    )
