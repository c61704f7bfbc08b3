"""Words for codes: states, kinds, urgencies, reasons, in the language of the page. Templates use these alone."""

from datetime import date, datetime
from typing import Any

from flask import Flask
from flask_babel import format_date, format_decimal, format_time, get_locale
from flask_babel import lazy_gettext as _

from marketplace import regions, taxonomy

_HOLDS: dict[str, Any] = {
    "requested": _("Waiting for a decision"),
    "granted": _("Granted"),
    "refused": _("Refused"),
    "withdrawn": _("Taken back"),
    "lapsed": _("No longer needed"),
}
_RUNS: dict[str, Any] = {
    "queued": _("Waiting"),
    "running": _("Running"),
    "done": _("Done"),
    "failed": _("Failed"),
    "cancelled": _("Cancelled"),
}
STATES: dict[str, dict[str, Any]] = {
    "organization": {
        "registered": _("Awaiting verification"),
        "verified": _("Verified"),
        "refused": _("Refused"),
        "suspended": _("Suspended"),
    },
    "project": {
        "draft": _("Draft"),
        "submitted": _("Submitted"),
        "open": _("Open"),
        "paused": _("Paused"),
        "closed": _("Closed"),
    },
    "capacity": {"offered": _("Offered"), "review": _("In review"), "returned": _("Sent back")},
    "need": {"draft": _("Draft"), "review": _("In review"), "open": _("Open"), "closed": _("Closed")},
    "closing": {"fulfilled": _("Fulfilled"), "withdrawn": _("Withdrawn"), "expired": _("Expired")},
    "allocation": {
        "proposed": _("Proposed"),
        "accepted": _("Accepted"),
        "delivering": _("Being delivered"),
        "delivered": _("Delivered"),
        "confirmed": _("Confirmed"),
        "declined": _("Declined"),
        "expired": _("Expired"),
        "superseded": _("Superseded"),
        "released": _("Released"),
        "reopened": _("Help failed"),
    },
    "case_proposal": {
        "open": _("Proposed"),
        "accepted": _("Accepted"),
        "declined": _("Declined"),
        "superseded": _("Replaced"),
    },
    "hold_exception": _HOLDS,
    "hold_release": _HOLDS,
    "match_run": _RUNS,
    "backtest": _RUNS,
    "foresight": {"on": _("Turned on"), "off": _("Turned off")},
}
NEED_KINDS = {
    "micro_wish": _("Micro-wish"),
    "goods": _("Goods"),
    "service": _("Service"),
    "employment": _("Supported employment"),
    "grant": _("Grant"),
}
URGENCIES = {"red": _("Red: urgent"), "yellow": _("Yellow: soon"), "blue": _("Blue: can wait")}
COLOURS = {
    "RED": _("Red: high-risk household"),
    "YELLOW": _("Yellow: ordinary household"),
    "BLUE": _("Blue: monitored household"),
    "UNRATED": _("Not yet rated"),
}
ORGANIZATION_KINDS = {
    "charity": _("Charity"),
    "foundation": _("Foundation"),
    "social_work": _("Social-work organization"),
    "law_firm": _("Law firm"),
    "hospital": _("Hospital"),
    "merchant": _("Merchant"),
    "enterprise": _("Enterprise"),
    "volunteer_team": _("Volunteer team"),
    "government": _("Government body"),
}
STOP_REASONS = {
    "no_capacity": _("No capacity left"),
    "no_funds": _("No money left"),
    "season": _("Out of season"),
    "staff": _("Staff are missing"),
    "completed": _("Its work is done"),
    "suspended": _("The organization is suspended"),
    "other": _("Another reason"),
}
DOCUMENT_KINDS = {
    "licence": _("Licence or registration certificate"),
    "permit": _("Permit or qualification"),
    "report": _("Yearly report"),
    "other": _("Another document"),
}
POSITIONS = {"manager": _("Manager"), "staff": _("Staff")}
FUNDINGS = {
    "charity": _("Charity funds"),
    "government_purchase": _("Bought by government"),
    "mixed": _("Mixed funds"),
}
DECLINE_REASONS = {
    "no_capacity": _("No capacity left"),
    "too_far": _("Too far away"),
    "wrong_service": _("Not a service we give"),
    "qualification": _("Nobody qualified is free"),
    "timing": _("The time does not suit"),
    "cannot_reach": _("The household could not be reached"),
    "other": _("Another reason"),
}
RELATIONS = {
    "self": _("Applicant"),
    "spouse": _("Spouse"),
    "child": _("Child"),
    "parent": _("Parent"),
    "grandchild": _("Grandchild"),
    "grandparent": _("Grandparent"),
    "sibling": _("Brother or sister"),
    "guardian": _("Guardian"),
    "other": _("Other"),
}
SOURCES = {"claim": _("Claimed by a volunteer"), "run": _("Proposed by matching"), "manual": _("Assigned by hand")}
#: Upper ends of the price bands of public wish cards, in fen; a band says no exact value.
PRICE_BANDS_FEN = (5_000, 10_000, 20_000, 30_000, 50_000)


def language() -> str:
    return "en" if str(get_locale() or "").startswith("en") else "zh_Hans_CN"


def region_name(code: str) -> str:
    return regions.name(code, language()) if regions.exists(code) else code


def region_full_name(code: str) -> str:
    return regions.full_name(code, language()) if regions.exists(code) else code


def category_name(code: str) -> str:
    return taxonomy.name(code, language()) if taxonomy.exists(code) else code


def group_name(code: str) -> str:
    return taxonomy.group_name(code, language())


def qualification_name(code: str) -> str:
    return taxonomy.qualification_name(code, language())


def unit_name(unit: str) -> str:
    return taxonomy.unit_name(unit, language())


def category_unit(code: str) -> str:
    """What help of a category is counted in."""
    return unit_name(taxonomy.unit(code)) if taxonomy.exists(code) else ""


def state_name(table: str, state: str) -> Any:
    return STATES.get(table, {}).get(state, state)


def person_name(person: Any) -> str:
    """Somebody of a household, told apart from others of the same family name by the place in it; nothing in full."""
    return " · ".join(str(part) for part in (person.name, RELATIONS.get(person.relation)) if part)


def person_choice(person: Any) -> str:
    """As `person_name`, and the end of the identity number, which tells two children of a household apart."""
    return " · ".join(str(part) for part in (person_name(person), person.id_number) if part)


def yuan(fen: int | None) -> str:
    """Fen as yuan, e.g. ¥1,234.50; empty for none."""
    return "" if fen is None else f"¥{format_decimal(fen / 100, format='#,##0.##')}"


def price_band(fen: int | None) -> Any:
    """The band of a wish's value, as its public card shows it."""
    if fen is None:
        return _("Price open")
    top = next((band for band in PRICE_BANDS_FEN if fen <= band), None)
    if top is None:
        return _("Over %(amount)s", amount=yuan(PRICE_BANDS_FEN[-1]))
    return _("Up to %(amount)s", amount=yuan(top))


def day(value: date | None) -> str:
    return "" if value is None else format_date(value, "medium")


def month_name(value: date | None) -> str:
    """A month with its year."""
    return "" if value is None else format_date(value, "yyyy年M月" if language() == "zh_Hans_CN" else "MMMM yyyy")


def weekday_name(value: date) -> str:
    """The short name of a day's weekday."""
    return str(format_date(value, "EEE"))


def moment(value: datetime | None) -> str:
    """A day and the time of day, without seconds, which no reader asks for."""
    return "" if value is None else f"{format_date(value, 'medium')} {format_time(value, 'short')}"


def init_app(app: Flask) -> None:
    """Offer these words to every template."""
    words = {
        "region_name": region_name,
        "region_full_name": region_full_name,
        "category_name": category_name,
        "group_name": group_name,
        "qualification_name": qualification_name,
        "unit_name": unit_name,
        "category_unit": category_unit,
        "state_name": state_name,
        "person_name": person_name,
        "NEED_KINDS": NEED_KINDS,
        "URGENCIES": URGENCIES,
        "COLOURS": COLOURS,
        "ORGANIZATION_KINDS": ORGANIZATION_KINDS,
        "DOCUMENT_KINDS": DOCUMENT_KINDS,
        "POSITIONS": POSITIONS,
        "FUNDINGS": FUNDINGS,
        "STOP_REASONS": STOP_REASONS,
        "DECLINE_REASONS": DECLINE_REASONS,
        "SOURCES": SOURCES,
        "yuan": yuan,
        "price_band": price_band,
        "day": day,
        "moment": moment,
        "month_name": month_name,
        "weekday_name": weekday_name,
    }
    app.jinja_env.globals.update(words)
