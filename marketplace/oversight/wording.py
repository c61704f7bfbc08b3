"""Words for the events of the trail, in the language of the page."""

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _

from marketplace import trail, wording
from marketplace.allocations import services as allocations
from marketplace.audit import WHOLE_PROVINCE, AuditEvent
from marketplace.cases import services as cases

RECORD_TYPES = {
    "alliance": _("Alliance"),
    "allocation": _("Allocation"),
    "backtest": _("Backtest of foresight"),
    "capacity": _("Capacity"),
    "case": _("Case"),
    "case_proposal": _("Proposal of a restricted run"),
    "consent": _("Consent"),
    "expectation": _("Expected needs"),
    "follow_up": _("Follow-up visit"),
    "foresight": _("Foresight"),
    "guest_claimant": _("Claimant without an account"),
    "hold_exception": _("Exception from what is kept for later"),
    "hold_release": _("Release of kept units"),
    "impact_assessment": _("Impact assessment"),
    "match_run": _("Matching run"),
    "need": _("Need"),
    "organization": _("Organization"),
    "person": _("Person"),
    "pool": _("Pool of capacity"),
    "project": _("Project"),
    "recurrence": _("Monthly capacity"),
    "run_setting": _("Policy of runs"),
    "user": _("Account"),
}
_VERBS = {
    "agreed": _("Agreed in the supplier's name"),
    "approved": _("Approved"),
    "attached": _("Added to a case"),
    "carried_over": _("Carried over"),
    "case_cancelled": _("Cancelled"),
    "case_queued": _("Waiting"),
    "changed": _("Changed"),
    "claimed": _("Claimed"),
    "cleared": _("Cleared"),
    "confirmed": _("Confirmed"),
    "consent": _("Consent changed"),
    "consent_imported": _("Consent imported"),
    "consent_missing": _("Consent missing"),
    "created": _("Created"),
    "day_changed": _("Day of delivery changed"),
    "delivery": _("Delivery recorded"),
    "demo": _("Loaded as demonstration data"),
    "demo_loaded": _("Loaded as demonstration data"),
    "disabled": _("Disabled"),
    "discarded": _("Put away"),
    "disputed": _("Disputed by the caseworker"),
    "document_added": _("Document handed in"),
    "document_removed": _("Document removed"),
    "document_restored": _("Document taken back"),
    "document_seen": _("Document looked at"),
    "edited": _("Edited"),
    "enabled": _("Enabled"),
    "ended": _("Ended"),
    "evidence": _("Evidence handed in"),
    "evidence_removed": _("Evidence removed"),
    "expired": _("Expired"),
    "found": _("Found by a restricted run"),
    "fulfilled": _("Fulfilled"),
    "given": _("Given"),
    "import_changed": _("Changed by an import"),
    "imported": _("Imported"),
    "internal": _("Kept internal"),
    "invitation_revoked": _("Invitation taken back"),
    "invited": _("Somebody invited"),
    "joined": _("Member joined"),
    "left": _("Member left"),
    "link_made": _("Link made"),
    "made_monthly": _("Made monthly"),
    "manager_invited": _("First manager invited"),
    "matched": _("Matched"),
    "moved": _("Moved"),
    "offer_posted": _("Offer posted"),
    "organizer_named": _("Organizer named"),
    "package_applied": _("Package applied"),
    "package_created": _("Package made"),
    "package_edited": _("Package edited"),
    "package_offered": _("Package offered again"),
    "package_withdrawn": _("Package no longer offered"),
    "password_link_sent": _("Password link made"),
    "password_set": _("Password set"),
    "planned": _("Planned"),
    "posted_anyway": _("Posted in spite of a similar one"),
    "proposed": _("Proposed"),
    "rated": _("Urgency rated"),
    "recovery_code_used": _("Recovery code used"),
    "recovery_codes_made": _("Recovery codes made"),
    "reinstated": _("May work again"),
    "removed": _("Removed"),
    "renewed": _("Renewed for the month"),
    "reopened": _("Opened again"),
    "replaced": _("Replaced"),
    "restored": _("Taken back"),
    "restricted": _("Restricted to the care team"),
    "resumed": _("Goes on again"),
    "reveal": _("Personal data looked at"),
    "reviewed": _("Made again for the month"),
    "rights_changed": _("Rights changed"),
    "second_factor_begun": _("Second factor begun"),
    "second_factor_off": _("Second factor taken away"),
    "second_factor_on": _("Second factor set up"),
    "sent_back": _("Sent back"),
    "shown_again": _("Public again"),
    "signed_in": _("Signed in to the account"),
    "signed_out": _("Signed out of the account"),
    "signed_out_everywhere": _("Signed out everywhere"),
    "signed": _("Signed"),
    "split": _("Split"),
    "stale": _("Not confirmed in time"),
    "superseded": _("Superseded"),
    "taken_down": _("Taken off the public list"),
    "team_joined": _("Joined the care team"),
    "team_left": _("Left the care team"),
    "thanked": _("Thank-you note written"),
    "told": _("Written down"),
    "to_publish": _("Handed in for publication"),
    "trial_failed": _("A trial of the policy failed"),
    "trial_forgotten": _("A trial of the policy was put away"),
    "tried": _("Policy tried out"),
    "unrestricted": _("The restriction ended"),
    "visited": _("Visit recorded"),
    "withdrawn": _("Withdrawn"),
}
#: Where the same verb means something else.
_ACTIONS = {
    "membership:changed": _("Other place in an organization"),
    "membership:created": _("Joined an organization"),
    "membership:ended": _("Left an organization"),
}


def record_type(code: str) -> Any:
    """A kind of record; one without words as the trail keeps it."""
    return RECORD_TYPES.get(code, code)


def action(event: AuditEvent) -> Any:
    """What was done; a move of a record is told by the state it came to."""
    subject, _colon, verb = event.action.partition(":")
    state_words = wording.STATES.get(subject, {}).get(verb)
    return _ACTIONS.get(event.action) or state_words or _VERBS.get(verb) or event.action


def state(event: AuditEvent, code: str | None) -> Any:
    """A state before or after, in the words of its record."""
    return wording.STATES.get(event.record_type, {}).get(code or "", code)


#: Why somebody looked at personal data, what rated or restricted a case, and why help ended or began.
_REASONS = {
    **allocations.CALL_REASONS,
    **allocations.REVEAL_REASONS,
    **cases.REVEAL_REASONS,
    **cases.TRIAGE_RULES,
    "moved": _("The household moved to another county."),
    "part": _("Delivery in parts began"),
    "supplier_stopped": _("Its supplier has stopped offering it."),
}


def reason(event: AuditEvent) -> str | None:
    """Why it was done; of a look at a household that a supplier took, also for which help."""
    code, _comma, allocation = (event.reason or "").partition(", allocation ")
    if code not in _REASONS:
        return trail.reason_in_words(event)
    words = str(_REASONS[code])
    return f"{words} · {RECORD_TYPES['allocation']} {allocation[:8]}" if allocation else words


def chain(code: str) -> str:
    """The county of a chain; what belongs to none is the province's."""
    return str(_("No county")) if code == WHOLE_PROVINCE else wording.region_full_name(code)


def moment_of(event: AuditEvent) -> datetime:
    """When it was; the trail keeps moments as text, which its hashes cover."""
    return datetime.fromisoformat(event.occurred_at)
