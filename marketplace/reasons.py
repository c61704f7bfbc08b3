"""Free texts that others read: officers' reasons, notes. They hold no personal data."""

from collections.abc import Iterable
from typing import Any

from flask_babel import lazy_gettext as _

from marketplace.errors import InvalidInput
from marketplace.screening import Finding, screen

MAXIMUM_LENGTH = 500
FINDINGS = {
    "id_number": _("an identity number"),
    "mobile": _("a phone number"),
    "landline": _("a phone number"),
    "bank_card": _("a bank card number"),
    "email": _("an e-mail address"),
    "messenger": _("a WeChat or QQ number"),
    "plate": _("a number plate"),
    "address": _("part of an address"),
    "school": _("a school or class"),
    "health": _("an illness"),
    "sensitive": _("a family's private circumstances"),
    "name": _("a name"),
}
#: What tells who somebody is. A reason may well name an address on a licence, an illness or the household register.
IDENTIFYING = frozenset({"id_number", "mobile", "landline", "bank_card", "email", "messenger", "plate", "name"})


def quoted(found: Iterable[Finding]) -> Any:
    """Findings for a message: each part as it was written, and what it is."""
    parts = [_("“%(text)s” (%(kind)s)", text=finding.text, kind=FINDINGS[finding.kind]) for finding in found]
    return "; ".join(str(part) for part in parts)


def reason_given(text: str, missing: Any, *, field: str = "reason") -> str:
    """A reason as it may be stored: trimmed and short.

    Args:
        missing: the message where none is given.
        field: the form field that a refusal speaks of.
    Raises:
        InvalidInput: it is empty, or tells who somebody is.
    """
    reason = text.strip()[:MAXIMUM_LENGTH]
    if not reason:
        raise InvalidInput(fields={field: missing})
    found = [finding for finding in screen(reason) if finding.kind in IDENTIFYING]
    if found:
        raise InvalidInput(fields={field: _("Others read this text. Take out: %(parts)s.", parts=quoted(found))})
    return reason
