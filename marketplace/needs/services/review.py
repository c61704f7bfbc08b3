"""A second person's look at a wish, and how needs end and begin again."""

from datetime import timedelta
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from marketplace import audit, events
from marketplace.assessments.services import require
from marketplace.cases.services import age_of
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.needs.anonymity import age_band_of
from marketplace.needs.models import SHOWN_AFTER_CLAIM_DAYS, Need
from marketplace.needs.services.consents import copy_consents, publishing_consent
from marketplace.needs.services.lists import load_need
from marketplace.needs.services.marks import check_title, findings
from marketplace.needs.services.settle import close_if_delivered
from marketplace.permissions import Actor, Permission, system_actor
from marketplace.records import today
from marketplace.transitions import move, transaction

_A_DAY = timedelta(days=1)
#: Why a need is withdrawn; coded, so that the trail tells no story.
WITHDRAWAL_REASONS = {
    "not_needed": _("No longer needed"),
    "other_help": _("Helped elsewhere"),
    "household_asked": _("The household asked for it"),
    "duplicate": _("Entered twice"),
    "mistake": _("Entered by mistake"),
}


def approve(actor: Actor, public_id: str, *, judged: bool = False) -> Need:
    """Open a wish whose text a second person has read: published with consent, or for matching alone (P1 to P5).

    Args:
        judged: the actor looked at what the assistant marked as possible, and it tells nobody.
    Raises:
        StateConflict: it is not in review, or the actor wrote it.
        InvalidInput: consent is missing or not by whom it must come from, or the text tells too much.
    """
    with transaction():
        need = load_need(actor, public_id, Permission.NEED_REVIEW, to_change=True)
        if need.author == actor.key:
            raise StateConflict(_("You wrote this wish. Somebody else must approve it."))
        check_title(need.title, need.case)
        doubtful = bool(findings(need.title, need.case, possible=True))
        if doubtful and not judged:
            raise InvalidInput(
                fields={"judged": _("Look at each part that is marked, and say that none tells who this is.")}
            )
        if need.case and need.case.restricted:
            raise InvalidInput(_("This case is restricted. Its needs are never published."))
        values: dict[str, Any] = {"approved_by": actor.key, "review_note": None, "hidden_on": None}
        if not need.internal_only:
            require("wishes", need.region)
            consent = publishing_consent(need)
            told = not consent.fields or "age_band" in consent.fields
            values |= {
                "publish_consent_on": consent.since,
                "consent_by": consent.given_by,
                "age_band": age_band_of(age_of(need.person, today())) if need.person and told else None,
            }
        move(
            actor, need, expect="review", to="open", action="need:approved",
            reason="marks_judged" if doubtful else None, **values,
        )  # fmt: skip
        if not need.internal_only:
            events.happened.send("need:published", row=need, actor=actor)
        close_if_delivered(actor, need)
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
            if not need.internal_only:
                _check_publication(need)
        move(actor, need, expect="closed", to="open", action="need:reopened", reason=note[:500], **values)
    return need


def _check_publication(need: Need) -> None:
    """Refuse to show a wish again whose consent to publish has ended, or where no assessment covers it (P16)."""
    require("wishes", need.region)
    ended = need.publish_consent_on is None or (need.case and need.case.has_lost_consent("publish", need.person_id))
    if ended:
        raise InvalidInput(_("The household's consent to publish has ended. Record it with the case first."))
    publishing_consent(need)


def keep_internal(actor: Actor, public_id: str) -> Need:
    """The household does not want a wish published: it is matched within the service all the same (P3).

    Raises:
        StateConflict: it is closed, or no wish.
    """
    with transaction() as session:
        need = load_need(actor, public_id, Permission.NEED_WITHDRAW, to_change=True)
        if not need.wish or need.state == "closed":
            raise StateConflict(_("Only a wish that is not closed can be kept within the service."))
        if not need.internal_only:
            need.internal_only = True
            session.flush()  # the audit event is written after the change it tells of
            audit.record(actor, "need:internal", need, changed=["internal_only"], reason="household_asked")
            events.changed.send("need", ids=[need.id])
            events.happened.send("need:taken_down", row=need, actor=actor)
    return need


def publish_after_all(actor: Actor, public_id: str) -> Need:
    """The household agrees to publishing a wish that was kept within the service: a second person reads it first.

    Raises:
        StateConflict: it is published, claimed or closed.
        InvalidInput: the consent to publish is not on record.
    """
    with transaction() as session:
        need = load_need(actor, public_id, Permission.NEED_POST, to_change=True)
        if not need.wish or not need.internal_only or need.state == "closed" or need.allocated:
            raise StateConflict
        publishing_consent(need)
        if need.state == "open":
            move(
                actor, need, expect="open", to="review", reason="to_publish",
                internal_only=False, approved_by=None, author=actor.key,
            )  # fmt: skip
        need.internal_only, need.author, need.approved_by = False, actor.key, None
        copy_consents(need)
        session.flush()  # as above
        audit.record(actor, "need:to_publish", need, changed=["internal_only"])
        events.changed.send("need", ids=[need.id])
    return need


def take_down(actor: Actor, public_id: str) -> Need:
    """Take a wish out of public view at once, on request; a claim of it, and its matching, run on (P11).

    Raises:
        StateConflict: it is not in public view.
    """
    with transaction() as session:
        need = load_need(actor, public_id, Permission.NEED_WITHDRAW, to_change=True)
        if not (need.is_public or need.is_shown_realised):
            raise StateConflict(_("This wish is not in public view."))
        need.hidden_on = today()
        session.flush()  # as above
        audit.record(actor, "need:taken_down", need, changed=["hidden_on"], reason="household_asked")
        events.changed.send("need", ids=[need.id])
        events.happened.send("need:taken_down", row=need, actor=actor)
    return need


def show_again(actor: Actor, public_id: str) -> Need:
    """Undo of `take_down`, while the consent to publish lives.

    Raises:
        StateConflict: it was not taken down.
        InvalidInput: the consent to publish has ended.
    """
    with transaction() as session:
        need = load_need(actor, public_id, Permission.NEED_WITHDRAW, to_change=True)
        if need.hidden_on is None or not (need.state == "open" or need.closing == "fulfilled"):
            raise StateConflict
        _check_publication(need)
        need.hidden_on = None
        session.flush()  # as above
        audit.record(actor, "need:shown_again", need, changed=["hidden_on"])
        events.changed.send("need", ids=[need.id])
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


def leave_public_view() -> int:
    """Tell the index of wishes that were claimed so long ago that they are in public view no more; how many."""
    last = today() - timedelta(days=SHOWN_AFTER_CLAIM_DAYS)
    query = select(Need.id).where(Need.kind == "micro_wish", Need.state == "open", Need.taken_on == last - _A_DAY)
    ids = list(db.session.scalars(query))
    if ids:
        with transaction():
            events.changed.send("need", ids=ids)
    return len(ids)
