"""The trail of a record as those with the right to it read it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _

from marketplace import audit, wording
from marketplace.permissions import ROLE_NAMES, Actor, Permission, Role, may_reach

#: Words for the processes that act by themselves (`permissions.system_actor`).
PROCESSES = {
    "calendar": _("Calendar of capacity"),
    "consent": _("Watch over consents"),
    "demo": _("Demonstration data"),
    "expiry": _("Watch over terms"),
    "foresight": _("Foresight"),
    "freshness": _("Monthly question to suppliers"),
    "guest_claimant": _("Claim from a printed card"),
    "holds": _("Units kept for later"),
    "import": _("Import of files"),
    "init": _("Installation"),
    "matching": _("Matching run"),
    "nightly": _("Nightly schedule"),
    "reminders": _("Reminders"),
    "renewal": _("Renewal for the month"),
    "restriction": _("Restriction of a case"),
    "run": _("Matching run"),
    "search": _("Search index"),
    "signed_link": _("Answer under a link"),
    "suspension": _("Suspension of an organization"),
}


@dataclass(frozen=True)
class Entry:
    """One event of a record's trail, in words."""

    at: datetime
    title: Any
    actor: str
    text: str | None
    icon: str = "history"


def history(actor: Actor, record: Any, actions: Mapping[str, Any]) -> list[Entry]:
    """The trail of a record, newest first; empty for those without the right to it.

    Args:
        actions: words for the actions of the trail; one without words is shown as it is kept.
    """
    if not may_reach(actor, Permission.AUDIT_VIEW, record):
        return []
    return [
        Entry(
            at=datetime.fromisoformat(event.occurred_at),
            title=actions.get(event.action, event.action),
            actor=actor_in_words(event),
            text=reason_in_words(event),
        )
        for event in reversed(audit.history(record.__tablename__, record.id))
    ]


#: Words for the reasons that services keep as codes; people's own words stay as they are.
_REASONS = {
    **wording.STOP_REASONS,
    **wording.DECLINE_REASONS,
    "consent_withdrawn": _("A consent was withdrawn"),
    "help_failed": _("The help failed"),
    "household_asked": _("The household asked for it"),
    "in the supplier's name": _("In the supplier's name"),
    "marks_judged": _("Marked words were looked at and judged harmless"),
    "newer_run": _("A newer run took its place"),
    "overdue": _("Its day passed"),
    "split": _("Split into parts"),
    "supplier_suspended": _("The organization is suspended"),
    "text_changed": _("The text was changed"),
    "to_publish": _("To be published"),
    "unrestricted": _("The restriction ended"),
    "withdrawn": _("Withdrawn"),
}
_OF_ACCOUNTS = re.compile(r"\b(?:" + "|".join(sorted(ROLE_NAMES, key=len, reverse=True)) + r"|\d{6})\b")


def reason_in_words(event: audit.AuditEvent) -> str | None:
    """Why it was done, in the language of the page: codes of reasons, of roles and of regions become words."""
    if event.reason is None:
        return None
    if event.record_type == "user":
        return _OF_ACCOUNTS.sub(lambda code: _role_or_region(code.group()), event.reason)
    return str(_REASONS.get(event.reason, event.reason))


def _role_or_region(code: str) -> str:
    return wording.region_full_name(code) if code.isdigit() else str(ROLE_NAMES[Role(code)])


def actor_in_words(event: audit.AuditEvent) -> str:
    """Who acted: the roles held then and the number of the account, or the system's process."""
    return (roles_in_words(event.actor_role) + (f" #{event.actor_id}" if event.actor_id else "")).strip()


def roles_in_words(kept: str) -> str:
    """The roles of an audit event, or the process that acted, in the language of the page."""
    names = {str(role): str(name) for role, name in ROLE_NAMES.items()} | PROCESSES
    return ", ".join(str(names.get(part, part)) for part in kept.split(",") if part != Role.PUBLIC)
