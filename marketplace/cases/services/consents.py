"""Consent of a household: to share its needs with suppliers, and, apart from that, to publish a wish (P1 to P3)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _

from marketplace import audit, events
from marketplace.cases.models import CONSENT_PURPOSES, Consent
from marketplace.cases.services.households import load_case
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.permissions import Actor, Permission
from marketplace.records import today
from marketplace.transitions import transaction

#: Who says yes. A legal basis stands in for a yes to sharing, never to publishing (PIPL Art. 25).
GIVERS = ("self", "guardian", "legal_basis")


@dataclass(frozen=True)
class ConsentGiven:
    """A consent as a form gives it."""

    purpose: str
    given_by: str
    given_on: date
    expires_on: date | None = None


def give_consent(actor: Actor, case_id: str, given: ConsentGiven) -> Consent:
    """Record a household's consent.

    Raises:
        InvalidInput: a day that cannot be, or a legal basis for publishing.
    """
    faults: dict[str, Any] = {}
    if given.purpose not in CONSENT_PURPOSES:
        faults["purpose"] = _("Choose what the household agrees to.")
    if given.given_by not in GIVERS:
        faults["given_by"] = _("Choose who gave the consent.")
    if given.purpose == "publish" and given.given_by == "legal_basis":
        faults["given_by"] = _("Only the person or the guardian can agree to publishing a wish.")
    if given.given_on > today():
        faults["given_on"] = _("The day of the consent lies in the future.")
    if given.expires_on and given.expires_on < given.given_on:
        faults["expires_on"] = _("The consent would end before it begins.")
    if faults:
        raise InvalidInput(fields=faults)
    with transaction() as session:
        case = load_case(actor, case_id, Permission.CASE_EDIT)
        consent = Consent(
            case_id=case.id,
            purpose=given.purpose,
            given_on=given.given_on,
            expires_on=given.expires_on,
            given_by=given.given_by,
        )
        session.add(consent)
        session.flush()  # its key goes into the audit event
        audit.record(actor, "consent:given", case, changed=["consent"], after=given.purpose, reason=given.given_by)
        events.changed.send("consent", ids=[consent.id])
        session.expire(case, ["consents"])
    return consent


def withdraw_consent(actor: Actor, case_id: str, consent_id: str) -> Consent:
    """Take a consent back; what was published on its strength leaves the public view at once.

    Raises:
        StateConflict: it was taken back before.
    """
    with transaction() as session:
        case = load_case(actor, case_id, Permission.CASE_EDIT)
        consent = next((consent for consent in case.consents if consent.public_id == consent_id), None)
        if consent is None:
            raise NotFound
        if consent.withdrawn_on is not None:
            raise StateConflict(_("This consent was taken back before."))
        consent.withdrawn_on = today()
        session.flush()  # the audit event is written after the change it tells of
        audit.record(
            actor, "consent:withdrawn", case, changed=["consent"], before=consent.purpose, reason=consent.given_by
        )
        events.changed.send("consent", ids=[consent.id])
    return consent
