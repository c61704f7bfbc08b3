"""Consent of a household: to share its needs with suppliers, and, apart from that, to publish a wish (P1 to P3).

Services need no such consent: nobody is helped less for refusing either.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO

from flask_babel import lazy_gettext as _

from marketplace import audit, events, uploads
from marketplace.cases.models import CONSENT_METHODS, CONSENT_PURPOSES, Case, Consent, Person
from marketplace.cases.services.households import load_case
from marketplace.cases.services.private import age_of
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.permissions import Actor, Permission
from marketplace.records import today
from marketplace.transitions import transaction

#: Who says yes. A legal basis stands in for a yes to sharing, never to publishing (PIPL Art. 25).
GIVERS = ("self", "guardian", "legal_basis")
#: What may be told, by purpose; the first is what the purpose is about and always among them.
CONSENT_FIELDS = {
    "share": ("need", "name", "phone", "address", "details"),
    "publish": ("text", "price", "county", "age_band", "group", "deadline"),
}
#: Legal grounds on which a need is shared without a consent (PIPL Art. 13).
LEGAL_BASES = {
    "statutory_duty": _("A statutory duty"),
    "emergency": _("To protect life and health in an emergency"),
    "public_task": _("A public task within the law"),
}
#: Under this the guardian decides alone; up to adulthood guardian and child agree (P2).
CHILD_AGREES_FROM, ADULT_FROM = 14, 18


@dataclass(frozen=True)
class ConsentGiven:
    """A consent as a form gives it.

    Attributes:
        person: public id of whom it is about; empty for the household as a whole.
        fields: what may be told; empty for all that the purpose knows.
        child_agreed: the child's own yes, from 14 to 17.
        refusal_offered: that saying no costs nothing was told.
    """

    purpose: str
    given_by: str
    given_on: date
    expires_on: date | None = None
    person: str = ""
    fields: tuple[str, ...] = ()
    method: str = "paper"
    legal_basis: str = ""
    child_agreed: bool = False
    refusal_offered: bool = True


def who_must_agree(person: Person | None, on: date) -> str:
    """Whose yes a person's data need on a day: self, guardian, or guardian_and_child."""
    if person is None:
        return "self"
    age = age_of(person, on)
    if age is not None and age < ADULT_FROM:
        return "guardian" if age < CHILD_AGREES_FROM else "guardian_and_child"
    return "guardian" if person.needs_guardian else "self"


def satisfies(consent: Consent, asks: str) -> bool:
    """Whether a consent was given by whom it must come from."""
    if asks == "self" or consent.given_by == "legal_basis":
        return True
    return consent.given_by == "guardian" and (asks == "guardian" or bool(consent.child_agreed))


def give_consent(actor: Actor, case_id: str, given: ConsentGiven, evidence: BinaryIO | None = None) -> Consent:
    """Record a household's consent.

    Args:
        evidence: the signed paper as it was uploaded: a picture or a PDF.
    Raises:
        InvalidInput: a day that cannot be, somebody whose yes is not enough, a legal basis for publishing, or a
            file that is none.
    """
    _checked(actor, case_id, given)
    stored = uploads.keep_document(evidence, field="evidence") if evidence else None
    with uploads.tied_to_its_row(stored) if stored else nullcontext(), transaction() as session:
        case, person, asks = _checked(actor, case_id, given)
        consent = Consent(
            case_id=case.id,
            person_id=person.id if person else None,
            purpose=given.purpose,
            fields=_fields(given),
            given_on=given.given_on,
            expires_on=given.expires_on,
            given_by=given.given_by,
            child_agreed=given.child_agreed if asks == "guardian_and_child" else None,
            asks=asks,
            method=given.method,
            legal_basis=given.legal_basis if given.given_by == "legal_basis" else None,
            refusal_offered=given.refusal_offered,
            evidence_file=stored.name if stored else None,
            evidence_type=stored.media_type if stored else None,
        )
        session.add(consent)
        session.flush()  # its key goes into the audit event
        events.changed.send("consent", ids=[consent.id])  # needs are locked before the trail, as whoever reviews does
        audit.record(actor, "consent:given", case, changed=["consent"], after=given.purpose, reason=given.given_by)
        session.expire(case, ["consents"])
    return consent


def _checked(actor: Actor, case_id: str, given: ConsentGiven) -> tuple[Case, Person | None, str]:
    """The case, whom the consent is about, and whose yes it takes.

    Raises:
        InvalidInput: what is wrong with the consent.
    """
    case = load_case(actor, case_id, Permission.CASE_EDIT)
    person = next((one for one in case.people if one.public_id == given.person), None)
    asks = who_must_agree(person, given.given_on)
    faults = _faults(given, person, asks)
    if faults:
        raise InvalidInput(fields=faults)
    return case, person, asks


def _fields(given: ConsentGiven) -> list[str]:
    """What was ticked, and always what the purpose is about."""
    known = CONSENT_FIELDS[given.purpose]
    return [name for name in known if not given.fields or name in given.fields or name == known[0]]


def _faults(given: ConsentGiven, person: Person | None, asks: str) -> dict[str, Any]:
    """What is wrong with a consent, beside the fields it is about."""
    faults = _giver_faults(given, asks)
    if given.purpose not in CONSENT_PURPOSES:
        faults["purpose"] = _("Choose what the household agrees to.")
    if given.person and person is None:
        faults["person"] = _("Choose a person of this household.")
    if given.method not in CONSENT_METHODS:
        faults["method"] = _("Choose how the consent was given.")
    if given.purpose == "publish" and not given.refusal_offered:
        faults["refusal_offered"] = _("Tell the household first that saying no costs them nothing.")
    if given.given_on > today():
        faults["given_on"] = _("The day of the consent lies in the future.")
    if given.expires_on and given.expires_on < given.given_on:
        faults["expires_on"] = _("The consent would end before it begins.")
    return faults


def _giver_faults(given: ConsentGiven, asks: str) -> dict[str, Any]:
    """What is wrong with who gave it (P2)."""
    faults: dict[str, Any] = {}
    if given.given_by not in GIVERS:
        faults["given_by"] = _("Choose who gave the consent.")
    elif given.given_by == "legal_basis":
        if given.purpose == "publish":
            faults["given_by"] = _("Only the person or the guardian can agree to publishing a wish.")
        elif given.legal_basis not in LEGAL_BASES:
            faults["legal_basis"] = _("Choose the legal basis.")
    elif asks != "self" and given.given_by != "guardian":
        faults["given_by"] = _("For a child, and for an adult whom a guardian decides for, the guardian must agree.")
    elif asks == "guardian_and_child" and not given.child_agreed:
        faults["child_agreed"] = _("From 14 to 17 the child agrees too. Ask, and tick it once the child has said yes.")
    return faults


def withdraw_consent(actor: Actor, case_id: str, consent_id: str) -> Consent:
    """Take a consent back; what was published on its strength leaves the public view at once.

    Raises:
        StateConflict: it was taken back before.
    """
    with transaction() as session:
        case = load_case(actor, case_id, Permission.CASE_EDIT)
        consent = _of_case(case, consent_id)
        if consent.withdrawn_on is not None:
            raise StateConflict(_("This consent was taken back before."))
        consent.withdrawn_on = today()
        session.flush()  # the audit event is written after the change it tells of
        events.changed.send("consent", ids=[consent.id])  # as above: needs before the trail
        audit.record(
            actor, "consent:withdrawn", case, changed=["consent"], before=consent.purpose, reason=consent.given_by
        )
    return consent


def _of_case(case: Case, consent_id: str) -> Consent:
    consent = next((consent for consent in case.consents if consent.public_id == consent_id), None)
    if consent is None:
        raise NotFound
    return consent


def show_evidence(actor: Actor, case_id: str, consent_id: str) -> Consent:
    """A consent whose signed paper is to be looked at, leaving an audit event of who looked.

    Raises:
        NotFound: it is another region's.
        StateConflict: no paper is kept with it.
    """
    with transaction():
        case = load_case(actor, case_id, Permission.PERSON_REVEAL)
        consent = _of_case(case, consent_id)
        if consent.evidence_file is None:
            raise StateConflict(_("No paper is kept with this consent."))
        audit.record(actor, "consent:reveal", case, changed=["evidence"], before=consent.purpose)
    return consent
