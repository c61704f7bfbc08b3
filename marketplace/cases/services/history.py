"""The trail of a record as people read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _

from marketplace import audit, trail
from marketplace.audit import AuditEvent
from marketplace.cases.models import Case
from marketplace.cases.services.discards import discarded_people
from marketplace.cases.services.triage import REVEAL_REASONS, TRIAGE_RULES
from marketplace.wording import COLOURS

_TITLES: dict[str, tuple[Any, str]] = {
    "case:created": (_("Case opened"), "folder"),
    "case:edited": (_("Case edited"), "edit"),
    "case:rated": (_("Triage colour set"), "flag"),
    "case:restricted": (_("Restricted: hidden from the marketplace"), "lock"),
    "case:unrestricted": (_("Restriction ended"), "lock-open"),
    "case:reveal": (_("Summary shown in the clear"), "eye"),
    "person:created": (_("Person added"), "user-plus"),
    "person:edited": (_("Person edited"), "edit"),
    "person:reveal": (_("Personal data shown in the clear"), "eye"),
    "case:discarded": (_("Put away"), "trash"),
    "case:restored": (_("Taken back"), "arrow-back-up"),
    "case:package_applied": (_("Service package applied"), "packages"),
    "case:matched": (_("Matched for the care team"), "arrows-shuffle"),
    "case:team_joined": (_("Joined the care team"), "user-plus"),
    "case:team_left": (_("Left the care team"), "user-minus"),
    "person:discarded": (_("Person put away"), "trash"),
    "person:restored": (_("Person taken back"), "arrow-back-up"),
    "consent:given": (_("Consent recorded"), "signature"),
    "consent:reveal": (_("Signed paper of a consent looked at"), "eye"),
    "consent:withdrawn": (_("Consent withdrawn"), "hand-stop"),
    "case:imported": (_("Taken from a file"), "file-import"),
    "case:demo_loaded": (_("Made for the demonstration"), "file-import"),
    "case:consent_imported": (_("Consent taken from a file"), "signature"),
    "need:imported": (_("Taken from a file"), "file-import"),
    "need:import_changed": (_("Changed by a file"), "file-import"),
    "need:demo_loaded": (_("Made for the demonstration"), "file-import"),
    "need:created": (_("Need drafted"), "pencil"),
    "need:edited": (_("Need edited"), "edit"),
    "need:review": (_("Sent to review"), "eye"),
    "need:open": (_("Opened"), "circle-dot"),
    "need:approved": (_("Approved by a second person and opened"), "circle-check"),
    "need:draft": (_("Sent back to the author"), "arrow-back-up"),
    "need:withdrawn": (_("Withdrawn"), "circle-x"),
    "need:expired": (_("Expired"), "clock"),
    "need:fulfilled": (_("Fulfilled"), "checks"),
    "need:reopened": (_("Opened again"), "refresh"),
    "need:consent": (_("Consent brought up to date"), "signature"),
    "need:consent_missing": (_("Stays closed: consent was withdrawn"), "hand-stop"),
    "need:discarded": (_("Draft put away"), "trash"),
    "need:restored": (_("Draft taken back"), "arrow-back-up"),
    "need:posted_anyway": (_("Posted although the household has a similar need"), "copy"),
    "need:internal": (_("Matched within the service only"), "lock"),
    "need:to_publish": (_("To be published after all"), "world"),
    "need:taken_down": (_("Taken out of public view"), "eye-off"),
    "need:shown_again": (_("Shown in public view again"), "eye"),
    "need:attached": (_("Added to a case"), "home-heart"),
    "need:moved": (_("Moved to another county with its case"), "map-pin"),
    "need:reveal": (_("Details shown in the clear"), "eye"),
}
_REASONS: dict[str, Any] = {
    **TRIAGE_RULES,
    **REVEAL_REASONS,
    "arrange": _("Arrange a visit or delivery"),
    "deliver": _("Deliver today"),
    "clarify": _("Ask about details"),
    "self": _("by the person"),
    "guardian": _("by the guardian"),
    "legal_basis": _("on a legal basis"),
    "consent_withdrawn": _("Consent to publish was withdrawn or has ended"),
    "marks_judged": _("Marked parts of the text were looked at"),
    "to_publish": _("To be published after all"),
    "text_changed": _("The public text changed"),
    "help_failed": _("The help failed"),
    "ended": _("The reason for it ended"),
    "not_needed": _("No longer needed"),
    "other_help": _("Helped elsewhere"),
    "household_asked": _("The household asked for it"),
    "duplicate": _("Entered twice"),
    "mistake": _("Entered by mistake"),
}
_PURPOSES = {"share": _("share with suppliers"), "publish": _("publish a wish")}


@dataclass(frozen=True)
class HistoryEntry:
    """One event as the timeline component shows it."""

    at: datetime
    title: Any
    actor: str
    text: str
    icon: str


def entries(events: Iterable[AuditEvent]) -> list[HistoryEntry]:
    """Events in words, newest first; who acted is told by role, not by name."""
    return [_entry(event) for event in sorted(events, key=lambda event: event.id, reverse=True)]


def case_history(case: Case) -> list[HistoryEntry]:
    """What happened to a case and its people."""
    found = audit.history("case", case.id)
    for person in (*case.people, *discarded_people(case)):
        found += audit.history("person", person.id)
    return entries(found)


def _entry(event: AuditEvent) -> HistoryEntry:
    title, icon = _TITLES.get(event.action, (event.action, "circle-dot"))
    parts = []
    if event.action == "case:rated":
        parts.append(f"{COLOURS.get(event.before or '', '')} → {COLOURS.get(event.after or '', '')}")
    if event.action.startswith("consent:"):
        parts.append(str(_PURPOSES.get(event.after or event.before or "", "")))
    if event.reason:
        # A supplier's look names its allocation behind the reason; people read the reason alone.
        reason = event.reason.partition(", ")[0] if event.action.endswith(":reveal") else event.reason
        parts.append(str(_REASONS.get(reason, reason)))
    return HistoryEntry(
        datetime.fromisoformat(event.occurred_at),
        title,
        trail.roles_in_words(event.actor_role),
        " · ".join(parts),
        icon,
    )
