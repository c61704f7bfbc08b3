"""Words for what happened to an allocation and for why it was proposed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import format_decimal, gettext

from marketplace.allocations.models import Allocation
from marketplace.audit import AuditEvent
from marketplace.trail import roles_in_words
from marketplace.wording import DECLINE_REASONS


def _(text: str, **values: Any) -> str:
    """The text in the language of the page."""
    return str(gettext(text, **values))


@dataclass(frozen=True)
class Line:
    """One line of a history, as the timeline component reads it."""

    at: datetime
    title: str
    text: str | None
    actor: str
    icon: str


def event_line(event: AuditEvent) -> Line:
    """An audit event in words; it names roles, never people."""
    titles = {
        "allocation:demo_loaded": (_("Made for the demonstration"), "file-import"),
        "allocation:proposed": (_("Proposed"), "arrows-split"),
        "allocation:claimed": (_("Claimed by a volunteer"), "heart"),
        "allocation:accepted": (_("Accepted by the supplier"), "check"),
        "allocation:declined": (_("Declined by the supplier"), "x"),
        "allocation:superseded": (_("Replaced by a newer run"), "history"),
        "allocation:expired": (_("Lapsed without action"), "clock"),
        "allocation:delivering": (_("Day of delivery set"), "truck-delivery"),
        "allocation:day_changed": (_("Day of delivery changed"), "truck-delivery"),
        "allocation:delivery": (_("A delivery was recorded"), "package"),
        "allocation:delivered": (_("Delivered"), "package"),
        "allocation:confirmed": (_("Confirmed by the caseworker"), "checks"),
        "allocation:disputed": (_("Disputed by the caseworker"), "flag"),
        "allocation:reopened": (_("The help failed; the need opened again"), "arrow-back-up"),
        "allocation:released": (_("Released"), "arrow-back-up"),
        "allocation:split": (_("The part not delivered was set apart"), "arrows-split"),
        "allocation:link_made": (_("A signed link for the supplier was made"), "link"),
        "allocation:agreed": (_("The coordinator asked the supplier, who agreed"), "phone"),
        "allocation:evidence": (_("A photo was handed in"), "camera"),
        "allocation:evidence_removed": (_("A photo was removed"), "camera"),
        "allocation:moved": (_("Went along with the household to another county"), "map-pin"),
        "allocation:thanked": (_("The caseworker thanked the volunteer"), "heart"),
        "allocation:reveal": (_("The household's contact was looked at"), "eye"),
    }
    if event.action == "allocation:delivering" and event.reason == "part":
        return Line(
            datetime.fromisoformat(event.occurred_at),
            _("Delivery in parts began"),
            None,
            roles_in_words(event.actor_role),
            "truck-delivery",
        )
    title, icon = titles.get(event.action, (event.action, "circle-dot"))
    return Line(
        datetime.fromisoformat(event.occurred_at), title, _reason(event), roles_in_words(event.actor_role), icon
    )


def _reason(event: AuditEvent) -> str | None:
    if event.reason is None or event.action in ("allocation:reveal", "allocation:expired", "allocation:agreed"):
        return None
    if event.reason == "split":
        return _("The rest came back.")
    if event.reason.startswith("follow-up: "):
        return _("A follow-up visit found that the help has failed.")
    if event.reason == "supplier_suspended":
        return _("Its supplier was suspended.")
    if event.reason == "supplier_stopped":
        return _("Its supplier has stopped offering it.")
    if event.reason == "moved":
        return _("The household moved to another county.")
    if event.reason.startswith("from "):
        return None
    if event.reason == "withdrawn":
        return _("The need is not offered to suppliers any more.")
    return str(DECLINE_REASONS.get(event.reason, event.reason))


def fit_reasons(allocation: Allocation) -> list[tuple[str, str, int]]:
    """Why it was proposed: of each part of the fit, its icon, a sentence, and 0 to 100."""
    parts = allocation.reasons.get("parts") or {}
    sentences = []
    if "closeness" in parts:
        kilometres = format_decimal(allocation.reasons.get("metres", 0) / 1000, format="#,##0.#")
        sentences.append(("map-pin", _("%(kilometres)s km away", kilometres=kilometres), parts["closeness"]))
    if "specialisation" in parts:
        sentences.append(("tool", _specialisation(parts["specialisation"]), parts["specialisation"]))
    if "group_fit" in parts:
        sentences.append(("users", _groups(parts["group_fit"]), parts["group_fit"]))
    if "waiting" in parts:
        days = allocation.reasons.get("waiting_days", 0)
        sentences.append(("clock", _("The need has waited %(days)s days", days=days), parts["waiting"]))
    if parts.get("continuity"):
        sentences.append(("history", _("The supplier has helped this household before"), parts["continuity"]))
    return [(icon, text, round(value / 100)) for icon, text, value in sentences]


def _specialisation(value: int) -> str:
    if value >= 10_000:
        return _("The capacity is for this service alone")
    return (
        _("The capacity is for this and other services") if value >= 2_000 else _("The capacity is for many services")
    )


def _groups(value: int) -> str:
    if value >= 7_500:
        return _("The capacity is meant for several groups of this household")
    return (
        _("The capacity is meant for a group of this household")
        if value >= 5_000
        else _("The capacity is for everyone")
    )


def percent(fit: int | None) -> Any:
    """A fit of 0 to 10000 as percent, or a dash."""
    return "—" if fit is None else f"{round(fit / 100)}%"
