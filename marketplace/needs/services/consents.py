"""A household's consents as its needs see them: copied when posted, gone when taken back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Select, select

from marketplace import audit, events
from marketplace.cases.models import Consent
from marketplace.cases.services import CONSENT_FIELDS, satisfies, who_must_agree
from marketplace.errors import InvalidInput
from marketplace.extensions import db
from marketplace.needs.anonymity import broad_group
from marketplace.needs.models import Need
from marketplace.permissions import Actor, system_actor
from marketplace.records import today
from marketplace.transitions import move, transaction

_COLUMNS = {"share": "share_consent_on", "publish": "publish_consent_on"}


@dataclass(frozen=True)
class Published:
    """On whose word a wish is published: since when, by whom, and what may be told (empty: all of the card)."""

    since: date
    given_by: str | None
    fields: tuple[str, ...] = ()


def _living(case_id: int, purpose: str, on: date, person_id: int | None) -> Select[Any]:
    return (
        select(Consent)
        .where(
            Consent.case_id == case_id,
            Consent.purpose == purpose,
            Consent.covering(person_id),
            Consent.lives_on(on),
        )
        .order_by(Consent.given_on.desc(), Consent.id.desc())
    )


def live_consent(case_id: int, purpose: str, on: date, person_id: int | None = None) -> Consent | None:
    """The newest consent to a purpose that holds on a day for a person, or for the household as a whole; or None."""
    found: Consent | None = db.session.scalars(_living(case_id, purpose, on, person_id)).first()
    return found


def publishing_consent(need: Need) -> Published:
    """The consent on which a wish is published today (P1, P2).

    Raises:
        InvalidInput: there is none, or none by whom it must come from.
    """
    missing = _("The household's consent to publish is not on record. Record it with the case first.")
    if need.case_id is None:
        if need.publish_consent_on is None:
            raise InvalidInput(missing)
        return Published(need.publish_consent_on, need.consent_by)
    asks = _who_must_agree(need)
    living = list(db.session.scalars(_living(need.case_id, "publish", today(), need.person_id)))
    for consent in living:
        if satisfies(consent, asks):
            return Published(consent.given_on, consent.given_by, tuple(consent.fields))
    if not living:
        # An imported wish carries the consent of its file where its case has none on record.
        lost = need.case and need.case.has_lost_consent("publish", need.person_id)
        if need.publish_consent_on is None or lost:
            raise InvalidInput(missing)
        if asks == "self" or need.consent_by == "guardian":
            return Published(need.publish_consent_on, need.consent_by)
    if asks == "guardian_and_child":
        raise InvalidInput(
            _("From 14 to 17 the guardian and the child both agree to publishing. Record both with the case.")
        )
    raise InvalidInput(
        _("A child's wish is published with the guardian's consent. Record it with the case.")
        if need.person is None or not need.person.needs_guardian
        else _("A guardian decides for this person. Record the guardian's consent with the case.")
    )


def shared_fields(need: Need) -> frozenset[str]:
    """What the household agreed to tell the supplier of a need; all of it where its consent names nothing."""
    everything = frozenset(CONSENT_FIELDS["share"])
    if need.case_id is None:
        return everything
    consent = live_consent(need.case_id, "share", today(), need.person_id)
    return frozenset(consent.fields) if consent and consent.fields else everything


def _who_must_agree(need: Need) -> str:
    """Whose yes publishing a wish takes; a wish for a child whose age nobody recorded takes the guardian's."""
    if need.person is None and broad_group(need.groups) == "child":
        return "guardian"
    return who_must_agree(need.person, today())


def _consent_for(need: Need, purpose: str) -> Consent | None:
    """The living consent that a need rests on; for an open wish's publication one by whom it must come from."""
    if need.case_id is None:
        return None
    asks = _who_must_agree(need) if purpose == "publish" and need.state == "open" else "self"
    living = db.session.scalars(_living(need.case_id, purpose, today(), need.person_id))
    return next((consent for consent in living if satisfies(consent, asks)), None)


def copy_consents(need: Need) -> None:
    """Write the case's living consents into a need that is being posted; none leaves the columns empty."""
    if need.case_id is None:
        return
    share = live_consent(need.case_id, "share", today(), need.person_id)
    publish = live_consent(need.case_id, "publish", today(), need.person_id) if need.wish else None
    need.share_consent_on = share.given_on if share else None
    need.publish_consent_on = publish.given_on if publish else None
    given = publish or share
    need.consent_by = given.given_by if given else None


@events.changed.connect_via("consent")
def _consents_changed(_table: str, ids: Iterable[int]) -> None:
    """A household gave or took back a consent: its needs that still wait follow, in the same transaction."""
    for consent in db.session.scalars(select(Consent).where(Consent.id.in_(list(ids)))):
        follow(system_actor("consent"), consent.case_id, consent.purpose)


@events.changed.connect_via("case")
def _cases_changed(_table: str, ids: Iterable[int]) -> None:
    """A case became restricted or moved: whoever lists its needs must look at them again."""
    needs = list(db.session.scalars(select(Need.id).where(Need.case_id.in_(list(ids)))))
    if needs:
        events.changed.send("need", ids=needs)


def follow(actor: Actor, case_id: int, purpose: str) -> None:
    """Bring the needs of a case that are not closed in line with its consents to a purpose."""
    name = _COLUMNS[purpose]
    with transaction() as session:
        query = select(Need).where(Need.case_id == case_id, Need.state != "closed").order_by(Need.id)
        for need in list(session.scalars(query.with_for_update())):
            if purpose == "publish" and not need.wish:
                continue
            consent = _consent_for(need, purpose)
            since = consent.given_on if consent else None
            if getattr(need, name) == since:
                continue
            if purpose == "publish" and since is None and need.state == "open" and not need.internal_only:
                _end_publication(actor, need)
                continue
            setattr(need, name, since)
            if consent:
                need.consent_by = consent.given_by
            session.flush()  # the audit event is written after the change it tells of
            audit.record(actor, "need:consent", need, changed=[name])
            events.changed.send("need", ids=[need.id])


def _end_publication(actor: Actor, need: Need) -> None:
    """A published wish whose household said no: hidden at once, and helped no less for it (P3).

    While a claim runs it stays as it is, out of public view (`Need.public_rows`). Else it is matched within the
    service where sharing is agreed to, and waits in review where it is not.
    """
    if need.allocated:
        events.changed.send("need", ids=[need.id])  # the index lets go of it
        return
    share = need.case_id and live_consent(need.case_id, "share", today(), need.person_id)
    if not share:
        move(
            actor, need, expect="open", to="review", reason="consent_withdrawn",
            publish_consent_on=None, approved_by=None,
        )  # fmt: skip
        return
    need.internal_only, need.publish_consent_on = True, None
    db.session.flush()  # the audit event is written after the change it tells of
    audit.record(
        actor, "need:internal", need, changed=["internal_only", "publish_consent_on"], reason="consent_withdrawn"
    )
    events.changed.send("need", ids=[need.id])


def follow_ended_consents() -> None:
    """Consents that ran out since yesterday: what withdrawing does at once, the calendar does here."""
    query = select(Consent.case_id, Consent.purpose).where(Consent.expires_on < today(), Consent.withdrawn_on.is_(None))
    waiting = select(Need.case_id).where(Need.state.in_(("draft", "review", "open")))
    for case_id, purpose in db.session.execute(query.where(Consent.case_id.in_(waiting)).distinct()).all():
        follow(system_actor("consent"), case_id, purpose)
