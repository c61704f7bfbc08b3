"""Rules of notices: written down in the transaction of what happened, read, chosen, mailed once."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import delete, func, select, update

from marketplace import events, jobs, mail
from marketplace.accounts.models import User
from marketplace.allocations.models import Allocation
from marketplace.errors import InvalidInput, NotFound
from marketplace.extensions import db, insert_once
from marketplace.notifications import readers
from marketplace.notifications.models import MAILS, TOPICS, Notification, NotificationChoice
from marketplace.notifications.rules import GATHERED, RULES, USUAL_MAIL, Rule, text_of
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission, scoped
from marketplace.records import LOCAL_TIME, new_public_id, now
from marketplace.transitions import transaction

#: The day's digest goes out at this hour where the people served live.
DIGEST_HOUR = 8
#: Read notices are kept this long.
KEPT = timedelta(days=90)
BATCH = 200
PER_PAGE = 20


# --- told in the transaction of what happened ---------------------------------------------------------------------


@events.happened.connect
def note(sender: str, *, row: Any, actor: Actor | None = None, occasion: str = "", **_details: Any) -> None:
    """Write down a notice for each reader of what happened, inside its transaction.

    Args:
        occasion: tells one happening from the next where the record's version does not, e.g. the day of a question.
    """
    if rule := RULES.get(sender):
        skipped = actor.user_id if actor else None  # nobody is told what they did themselves
        told = [user_id for user_id in dict.fromkeys(rule.told(row)) if user_id != skipped]
        when = occasion or str(getattr(row, "version", 0))
        _write(sender, rule, told, row=row, key=f"{sender}:{row.__tablename__}:{row.id}:{when}")
    if sender == "match_run:done":
        _gather_proposals(row)


def _gather_proposals(run: Any) -> None:
    """One notice for each supplier of a run, however many needs it proposes to them."""
    query = (
        select(Allocation.organization_id, Allocation.claimant_id, func.count())
        .where(Allocation.run_id == run.id, Allocation.state == "proposed")
        .group_by(Allocation.organization_id, Allocation.claimant_id)
    )
    for organization_id, claimant_id, count in db.session.execute(query).all():
        organization = db.session.get(Organization, organization_id) if organization_id else None
        told = readers.members_of(organization_id) if organization_id else [int(claimant_id or 0)]
        about = organization.name if organization else _("you")
        key = f"proposals:gathered:{run.id}:{organization_id or 'volunteer'}"
        _write("proposals:gathered", GATHERED, told, row=organization or run, key=key, about=about, count=count)


def _write(
    event: str, rule: Rule, told: Iterable[int], *, row: Any, key: str, about: str | None = None, count: int = 1
) -> None:
    told = list(told)
    if not told:
        return
    users = list(db.session.scalars(select(User).where(User.id.in_(told), User.active)))
    wanted = _mails(rule.topic, [user.id for user in users])
    link = rule.link(row)
    name = (about if about is not None else rule.about(row))[:160]
    for user in users:
        at_once = wanted[user.id] == "at_once"
        values = {
            "public_id": new_public_id(),
            "user_id": user.id,
            "key": key[:120],
            "topic": rule.topic,
            "event": event,
            "record_type": link.__tablename__,
            "record_public_id": str(link.public_id),
            "about": name,
            "count": count,
            "created_at": now(),
            "mail": "posted" if at_once else "waiting" if wanted[user.id] == "daily" else "none",
        }
        if insert_once(Notification, values) and at_once:  # the same occasion is told a reader once
            _post_at_once(user, event, name, count, key)


def _mails(topic: str, user_ids: list[int]) -> dict[int, str]:
    """When each user wants e-mail about a topic."""
    query = select(NotificationChoice.user_id, NotificationChoice.mail).where(
        NotificationChoice.topic == topic, NotificationChoice.user_id.in_(user_ids)
    )
    chosen: dict[int, str] = {row.user_id: row.mail for row in db.session.execute(query)}
    return {user_id: chosen.get(user_id, USUAL_MAIL[topic]) for user_id in user_ids}


# --- e-mail -------------------------------------------------------------------------------------------------------


def _locale(user: User) -> str:
    return user.locale or mail.usual_locale()


def _post_at_once(user: User, event: str, about: str, count: int, key: str) -> None:
    with force_locale(_locale(user)):
        text = text_of(event, about, count)
        mail.post(user.email, _("Bangnin: news for you"), _letter([text]), key=f"notice:{user.id}:{key}")


def _letter(lines: list[str]) -> str:
    address = mail.address_of("/account/notifications")
    return "\n".join(
        [
            *lines,
            "",
            _("Read more after signing in: %(address)s", address=address),
            _("Choose there which notices you get by e-mail."),
        ]
    )


@jobs.sweeper
def send_digests(at: datetime | None = None) -> None:
    """From the digest hour on, one letter a reader with everything since the last one.

    Args:
        at: the moment it is; now by default.
    """
    here = (at or now()).astimezone(LOCAL_TIME)
    if here.hour < DIGEST_HOUR or not mail.is_configured():
        return
    until = here.replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    for user_id in _with_waiting(until):
        _send_digest(user_id, until)


def _with_waiting(until: datetime) -> list[int]:
    query = (
        select(Notification.user_id)
        .where(Notification.mail == "waiting", Notification.created_at < until)
        .distinct()
        .limit(BATCH)
    )
    found = list(db.session.scalars(query))
    db.session.rollback()
    return found


def _send_digest(user_id: int, until: datetime) -> None:
    with transaction() as session:
        waiting = list(
            session.scalars(
                select(Notification)
                .where(Notification.user_id == user_id, Notification.mail == "waiting", Notification.created_at < until)
                .order_by(Notification.id)
                .with_for_update()
            )
        )
        if not waiting:
            return
        unread = [notice for notice in waiting if notice.read_at is None]
        user = session.get_one(User, user_id)
        if unread and user.active:
            with force_locale(_locale(user)):
                lines = [text_of(notice.event, notice.about, notice.count) for notice in unread[:50]]
                if len(unread) > len(lines):
                    lines.append(_("… and %(count)s more.", count=len(unread) - len(lines)))
                mail.post(user.email, _("Bangnin: your day"), _letter(lines), key=f"digest:{user_id}:{until:%Y-%m-%d}")
        session.execute(
            update(Notification)
            .where(Notification.id.in_([notice.id for notice in waiting]), Notification.mail == "waiting")
            .values(mail="posted")
            .execution_options(synchronize_session=False)
        )


@jobs.sweeper
def forget_old() -> None:
    """Read notices go after 90 days: their records keep their own history."""
    old = select(Notification.id).where(Notification.read_at < now() - KEPT).limit(1)
    if db.session.scalar(old) is None:
        db.session.rollback()
        return
    with transaction() as session:
        session.execute(delete(Notification).where(Notification.read_at < now() - KEPT))


# --- reading and choosing -----------------------------------------------------------------------------------------


def unread_count(actor: Actor) -> int:
    """How many notices are news to the actor."""
    if not actor.signed_in:
        return 0
    query = select(func.count()).where(Notification.user_id == actor.user_id, Notification.read_at.is_(None))
    return db.session.scalar(query) or 0


def page(actor: Actor, number: int, *, unread_only: bool = False) -> Pagination:
    """The actor's notices, newest first."""
    query = scoped(Notification, actor, Permission.ACCOUNT_OWN)
    if unread_only:
        query = query.where(Notification.read_at.is_(None))
    return db.paginate(query.order_by(Notification.id.desc()), page=number, per_page=PER_PAGE, error_out=False)


def mark_read(actor: Actor, public_id: str) -> Notification:
    """A notice is read; it stays in the list.

    Raises:
        NotFound: no such notice of the actor's.
    """
    with transaction() as session:
        query = scoped(Notification, actor, Permission.ACCOUNT_OWN).where(Notification.public_id == public_id)
        notice: Notification | None = session.scalar(query)
        if notice is None:
            raise NotFound
        if notice.read_at is None:
            notice.read_at = now()
    return notice


def mark_all_read(actor: Actor) -> int:
    """Everything is read; how many notices were news."""
    with transaction() as session:
        done = session.execute(
            update(Notification)
            .where(Notification.user_id == actor.user_id, Notification.read_at.is_(None))
            .values(read_at=now())
        )
    return int(done.rowcount)  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result


def choices(actor: Actor) -> dict[str, str]:
    """When the actor gets e-mail, by topic."""
    query = select(NotificationChoice).where(NotificationChoice.user_id == actor.user_id)
    chosen = {row.topic: row.mail for row in db.session.scalars(query)}
    return {topic: chosen.get(topic, USUAL_MAIL[topic]) for topic in TOPICS}


def choose(actor: Actor, wanted: Mapping[str, str]) -> None:
    """Keep the actor's choices.

    Raises:
        InvalidInput: a topic or an answer that does not exist.
    """
    if any(topic not in TOPICS or answer not in MAILS for topic, answer in wanted.items()):
        raise InvalidInput
    with transaction() as session:
        for topic, answer in wanted.items():
            session.merge(NotificationChoice(user_id=actor.user_id, topic=topic, mail=answer))
