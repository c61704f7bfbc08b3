"""Rules of impact assessments: who writes and signs one, which is in force, and what may not go live without."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask_babel import lazy_gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import Select, func, or_, select

from marketplace import audit, events, regions
from marketplace.assessments.models import CHANNELS, CONCLUSIONS, GROUNDS, QUESTIONS, ImpactAssessment
from marketplace.assessments.wording import CHANNELS as CHANNEL_NAMES
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, Permission, row_filter, scoped, system_actor
from marketplace.reasons import reason_given
from marketplace.records import today
from marketplace.transitions import move, transaction
from marketplace.wording import region_full_name

PER_PAGE = 20
#: Longest time until an assessment is looked at again.
MOST_DAYS = 3 * 366
#: Time that a channel which was live before the rule has for its first assessment.
PROVISIONAL_DAYS = 90


@dataclass(frozen=True)
class Entry:
    """What the form of an assessment holds; `answers` by the names of `QUESTIONS`."""

    region: str
    channel: str
    grounds: tuple[str, ...]
    answers: dict[str, str]
    conclusion: str
    valid_until: date | None


def in_force(channel: str, region: str, on: date | None = None) -> ImpactAssessment | None:
    """The assessment that lets a channel be live in a region: its own, or that of a region above."""
    places = [region, *(upper.code for upper in regions.ancestors(region))] if regions.exists(region) else [region]
    query = select(ImpactAssessment).where(
        ImpactAssessment.channel == channel,
        ImpactAssessment.region.in_(places),
        ImpactAssessment.state == "signed",
        ImpactAssessment.valid_until >= (on or today()),
    )
    own_first = {place: rank for rank, place in enumerate(places)}
    found = sorted(db.session.scalars(query), key=lambda row: own_first[row.region])
    # The nearest decides: a county may stop what the region above lets go live.
    return found[0] if found and found[0].conclusion != "stop" else None


def require(channel: str, region: str) -> None:
    """Refuse to let a channel go live, or something more through it, without an assessment in force.

    Raises:
        InvalidInput: there is none for the region; the message says what to do.
    """
    if in_force(channel, region) is None:
        raise InvalidInput(
            _(
                "No impact assessment in force covers “%(channel)s” in %(region)s. An officer of the region writes"
                " and signs one under “Impact assessments”; until then nothing goes public.",
                channel=CHANNEL_NAMES[channel],
                region=region_full_name(region),
            )
        )


def _readable(actor: Actor) -> Select[Any]:
    """Assessments of the actor's region, of those below it, and of those above, which hold there too."""
    above = [upper.code for upper in regions.ancestors(actor.region)] if actor.region else []
    whose = row_filter(ImpactAssessment, actor, Permission.ASSESSMENT_VIEW)
    return select(ImpactAssessment).where(or_(whose, ImpactAssessment.region.in_(above)))


#: What of assessments waits for whoever signs: drafts, and what is to be looked at again soon.
WAITING = ("draft", "review")
#: Days before its end from which on an assessment in force waits for the next one.
REVIEW_DAYS = 30


def assessments_waiting(actor: Actor, what: str) -> Select[Any]:
    """Assessments of regions for which the actor signs that wait for it.

    Args:
        what: one of `WAITING`.
    """
    query = scoped(ImpactAssessment, actor, Permission.ASSESSMENT_SIGN)
    if what == "draft":
        return query.where(ImpactAssessment.state == "draft", ImpactAssessment.valid_until >= today())
    soon = today() + timedelta(days=REVIEW_DAYS)
    return query.where(ImpactAssessment.state == "signed", ImpactAssessment.valid_until <= soon)


def listed(actor: Actor, page: int = 1, *, waiting: str = "") -> Pagination:
    """A page of assessments, those in force first, the newest first among them.

    Args:
        waiting: one of `WAITING`: only what waits for the actor.
    """
    query = assessments_waiting(actor, waiting) if waiting in WAITING else _readable(actor)
    query = query.order_by((ImpactAssessment.state == "signed").desc(), ImpactAssessment.id.desc())
    return db.paginate(query, page=page, per_page=PER_PAGE, error_out=False)


def find(actor: Actor, public_id: str) -> ImpactAssessment:
    """One assessment.

    Raises:
        NotFound: there is none, or it is of another region.
    """
    row: ImpactAssessment | None = db.session.scalar(
        _readable(actor).where(ImpactAssessment.public_id == public_id).execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    return row


def _own(actor: Actor, public_id: str) -> ImpactAssessment:
    query = scoped(ImpactAssessment, actor, Permission.ASSESSMENT_SIGN).where(ImpactAssessment.public_id == public_id)
    row: ImpactAssessment | None = db.session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if row is None:
        raise NotFound
    return row


def regions_of(actor: Actor) -> list[str]:
    """Regions for which the actor may sign."""
    return [region.code for region in regions.subtree(actor.region)] if actor.region else []


def write(actor: Actor, entry: Entry) -> ImpactAssessment:
    """Write a draft: the next edition for its channel and region.

    Raises:
        InvalidInput: an answer is missing, too long or names somebody, or a value is none of its list.
    """
    with transaction() as session:
        values = _checked(actor, entry)
        last = select(func.max(ImpactAssessment.edition)).where(
            ImpactAssessment.region == entry.region, ImpactAssessment.channel == entry.channel
        )
        row = ImpactAssessment(**values, edition=(session.scalar(last) or 0) + 1, author=actor.key, state="draft")
        session.add(row)
        session.flush()  # its key goes into the audit event
        audit.record(actor, "impact_assessment:created", row, after="draft")
        events.changed.send("impact_assessment", ids=[row.id])
        return row


def _checked(actor: Actor, entry: Entry) -> dict[str, Any]:
    faults: dict[str, Any] = {}
    if entry.region not in regions_of(actor):
        faults["region"] = _("Choose a region that you serve.")
    if entry.channel not in CHANNELS:
        faults["channel"] = _("Choose what is to go live.")
    if not entry.grounds or not set(entry.grounds) <= set(GROUNDS):
        faults["grounds"] = _("Say why an assessment is asked for.")
    if entry.conclusion not in CONCLUSIONS:
        faults["conclusion"] = _("Choose what follows from it.")
    until = entry.valid_until
    if until is None or not today() <= until <= today() + timedelta(days=MOST_DAYS):
        faults["valid_until"] = _("Choose a day within three years on which it is looked at again.")
    answers = {}
    for name in QUESTIONS:
        try:
            answers[name] = reason_given(
                entry.answers.get(name, ""), _("Answer this question; “not concerned” needs a reason, too."), field=name
            )
        except InvalidInput as error:
            faults |= error.fields
    if faults:
        raise InvalidInput(fields=faults)
    return {
        "region": entry.region,
        "channel": entry.channel,
        "grounds": sorted(entry.grounds),
        "conclusion": entry.conclusion,
        "valid_until": until,
        **answers,
    }


def sign(actor: Actor, public_id: str) -> ImpactAssessment:
    """Sign a draft: it is in force from now on, and the edition before it is kept as replaced.

    Raises:
        NotFound: none within the actor's region.
        StateConflict: it was signed or withdrawn, or its time is over.
    """
    with transaction() as session:
        row = _own(actor, public_id)
        if row.state != "draft" or row.valid_until < today():
            raise StateConflict(_("Only a draft whose day of review is still to come can be signed."))
        before = select(ImpactAssessment).where(
            ImpactAssessment.region == row.region,
            ImpactAssessment.channel == row.channel,
            ImpactAssessment.state == "signed",
        )
        for old in list(session.scalars(before.with_for_update())):
            move(actor, old, expect="signed", to="replaced")
        move(actor, row, expect="draft", to="signed", signed_by=actor.key, signed_on=today())
        return row


def withdraw(actor: Actor, public_id: str) -> ImpactAssessment:
    """Withdraw a draft, or what is in force: nothing more goes live under it.

    Raises:
        NotFound: none within the actor's region.
        StateConflict: it has ended already.
    """
    with transaction():
        row = _own(actor, public_id)
        if row.state not in ("draft", "signed"):
            raise StateConflict(_("This assessment has ended already."))
        move(actor, row, expect=("draft", "signed"), to="withdrawn")
        return row


def note_without_officer(channel: str, region: str, origin: str) -> ImpactAssessment:
    """Put an assessment on record that no officer has made: of the demonstration, or for what was live before.

    It says so, and holds for `PROVISIONAL_DAYS`. Joins the caller's transaction.
    """
    actor = system_actor("demo" if origin == "demo" else "upgrade")
    told = "示例" if origin == "demo" else "本规则施行前已上线,待负责人员在到期前补做评估"
    with transaction() as session:
        row = ImpactAssessment(
            region=region,
            channel=channel,
            edition=1,
            origin=origin,
            grounds=["publishing", "sensitive"],
            **dict.fromkeys(QUESTIONS, told),
            conclusion="conditions",
            valid_until=today() + timedelta(days=PROVISIONAL_DAYS),
            state="signed",
            author=actor.key,
            signed_by=actor.key,
            signed_on=today(),
        )
        session.add(row)
        session.flush()  # as above
        audit.record(actor, f"impact_assessment:{origin}", row, after="signed")
        events.changed.send("impact_assessment", ids=[row.id])
        return row


def any_on_record(channel: str) -> bool:
    """Whether a channel was ever assessed here, in whatever region."""
    return (
        db.session.scalar(select(ImpactAssessment.id).where(ImpactAssessment.channel == channel).limit(1)) is not None
    )
