"""A household's consents as its needs see them: copied when posted, gone when taken back."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import select

from marketplace import audit, events
from marketplace.cases.models import Consent
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Actor, system_actor
from marketplace.records import today
from marketplace.transitions import move, transaction

_COLUMNS = {"share": "share_consent_on", "publish": "publish_consent_on"}


def live_consent(case_id: int, purpose: str, on: date) -> Consent | None:
    """The household's newest consent to a purpose that holds on a day, or None."""
    query = (
        select(Consent)
        .where(Consent.case_id == case_id, Consent.purpose == purpose, Consent.lives_on(on))
        .order_by(Consent.given_on.desc(), Consent.id.desc())
    )
    return db.session.scalars(query).first()


def copy_consents(need: Need) -> None:
    """Write the case's living consents into a need that is being posted; none leaves the columns empty."""
    if need.case_id is None:
        return
    share = live_consent(need.case_id, "share", today())
    publish = live_consent(need.case_id, "publish", today()) if need.wish else None
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
    """Bring the needs of a case that are not closed in line with its consents to a purpose.

    An open wish without consent to publish goes back to review unless somebody has claimed it; then it
    leaves the public view (`Need.public_rows`) and its claim runs on.
    """
    name = _COLUMNS[purpose]
    with transaction() as session:
        consent = live_consent(case_id, purpose, today())
        since = consent.given_on if consent else None
        query = select(Need).where(Need.case_id == case_id, Need.state != "closed").with_for_update()
        for need in session.scalars(query):
            if (purpose == "publish" and not need.wish) or getattr(need, name) == since:
                continue
            if purpose == "publish" and since is None and need.state == "open":
                if need.allocated == 0:
                    move(
                        actor, need, expect="open", to="review", reason="consent_withdrawn",
                        publish_consent_on=None, approved_by=None,
                    )  # fmt: skip
                continue
            setattr(need, name, since)
            if consent:
                need.consent_by = consent.given_by
            session.flush()  # the audit event is written after the change it tells of
            audit.record(actor, "need:consent", need, changed=[name])
            events.changed.send("need", ids=[need.id])


def follow_ended_consents() -> None:
    """Consents that ran out since yesterday: what withdrawing does at once, the calendar does here."""
    query = select(Consent.case_id, Consent.purpose).where(Consent.expires_on < today(), Consent.withdrawn_on.is_(None))
    waiting = select(Need.case_id).where(Need.state.in_(("draft", "review", "open")))
    for case_id, purpose in db.session.execute(query.where(Consent.case_id.in_(waiting)).distinct()).all():
        follow(system_actor("consent"), case_id, purpose)
