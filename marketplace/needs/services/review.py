"""A second person's look at a wish, and how needs end and begin again."""

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.needs.anonymity import broad_group
from marketplace.needs.models import Need
from marketplace.needs.services.consents import live_consent
from marketplace.needs.services.lists import load_need
from marketplace.needs.services.posting import check_title
from marketplace.permissions import Actor, Permission, system_actor
from marketplace.records import today
from marketplace.transitions import move, transaction

#: Why a need is withdrawn; coded, so that the trail tells no story.
WITHDRAWAL_REASONS = {
    "not_needed": _("No longer needed"),
    "other_help": _("Helped elsewhere"),
    "household_asked": _("The household asked for it"),
    "duplicate": _("Entered twice"),
    "mistake": _("Entered by mistake"),
}


def approve(actor: Actor, public_id: str) -> Need:
    """Publish a wish: its text read by a second person, its household's consent on record (P1, P2, P4, P5).

    Raises:
        StateConflict: it is not in review, or the actor wrote it.
        InvalidInput: consent is missing, a child's wish lacks the guardian's, or the text tells too much.
    """
    with transaction():
        need = load_need(actor, public_id, Permission.NEED_REVIEW, to_change=True)
        if need.author == actor.key:
            raise StateConflict(_("You wrote this wish. Somebody else must approve it."))
        check_title(need.title, need.case)
        since, given_by = need.publish_consent_on, need.consent_by
        if need.case_id is not None:
            consent = live_consent(need.case_id, "publish", today())
            # An imported wish carries the consent of its file where its case has none on record.
            if consent:
                since, given_by = consent.given_on, consent.given_by
            elif need.case and need.case.has_lost_consent("publish"):
                since = None
        if since is None:
            raise InvalidInput(_("The household's consent to publish is not on record. Record it with the case first."))
        if broad_group(need.groups) == "child" and given_by == "self":
            raise InvalidInput(_("A child's wish is published with the guardian's consent. Record it with the case."))
        if need.case and need.case.restricted:
            raise InvalidInput(_("This case is restricted. Its needs are never published."))
        move(
            actor, need, expect="review", to="open", action="need:approved",
            approved_by=actor.key, publish_consent_on=since, consent_by=given_by, review_note=None,
        )  # fmt: skip
    return need


def send_back(actor: Actor, public_id: str, note: str) -> Need:
    """Return a wish to its author, saying what to mend.

    Raises:
        InvalidInput: no reason, or one that could tell who somebody is.
        StateConflict: it is not in review.
    """
    note = note.strip()
    if not note:
        raise InvalidInput(fields={"note": _("Say what the author should change.")})
    with transaction():
        need = load_need(actor, public_id, Permission.NEED_REVIEW, to_change=True)
        check_title(note, need.case, field="note")
        move(actor, need, expect="review", to="draft", reason=note[:500], review_note=note[:500])
    return need


def withdraw(actor: Actor, public_id: str, reason: str) -> Need:
    """Close a need that nobody is serving.

    Raises:
        InvalidInput: no reason of the list.
        StateConflict: units of it are promised, or it is closed.
    """
    with transaction():
        need = load_need(actor, public_id, Permission.NEED_WITHDRAW, to_change=True)
        if reason not in WITHDRAWAL_REASONS:
            raise InvalidInput(fields={"reason": _("Choose why it is withdrawn.")})
        if need.allocated:
            raise StateConflict(_("Help for this need is on its way. End that first, then withdraw the need."))
        move(
            actor, need, expect=("draft", "review", "open"), to="closed", action="need:withdrawn",
            reason=reason, closing="withdrawn",
        )  # fmt: skip
    return need


def reopen(actor: Actor, public_id: str, note: str) -> Need:
    """Open a closed need again.

    Raises:
        InvalidInput: no reason, or one that could tell who somebody is; a wish without living consent or approval.
        StateConflict: it is not closed, or every unit of it was served.
    """
    note = note.strip()
    if not note:
        raise InvalidInput(fields={"note": _("Say why it opens again.")})
    with transaction():
        need = load_need(actor, public_id, Permission.NEED_WITHDRAW, to_change=True)
        check_title(note, need.case, field="note")
        if need.closing == "fulfilled" or need.outstanding == 0:
            raise StateConflict(_("All of it was delivered. Report the failed delivery instead, or post a new need."))
        values: dict[str, object] = {"closing": None}
        if need.deadline and need.deadline < today():
            values["deadline"] = None
        if need.wish:
            if need.approved_by is None:
                raise InvalidInput(_("This wish was never approved. Post it anew."))
            if need.publish_consent_on is None or (need.case and need.case.has_lost_consent("publish")):
                raise InvalidInput(_("The household's consent to publish has ended. Record it with the case first."))
        move(actor, need, expect="closed", to="open", action="need:reopened", reason=note[:500], **values)
    return need


def close_overdue() -> int:
    """Close open needs past their last useful day that nobody is serving; how many."""
    overdue = select(Need).where(Need.state == "open", Need.allocated == 0, Need.deadline < today()).limit(500)
    if db.session.scalars(overdue).first() is None:
        return 0
    with transaction() as session:
        needs = session.scalars(overdue.with_for_update()).all()
        for need in needs:
            move(system_actor("calendar"), need, expect="open", to="closed", action="need:expired", closing="expired")
    return len(needs)
