"""E-mail through an outbox: a message is written down in the transaction that causes it and sent after it.

A rollback sends nothing, a lost worker loses nothing: whatever is not known to be sent is tried again. SMTP has no
"exactly once", so a message taken twice (its sender died between the server's yes and our note of it) carries the
same Message-ID, by which mail systems drop the second copy. Bodies may hold secret links: they are encrypted, and
erased once sent. Subjects hold no personal data.
"""

import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import structlog
from flask import Flask, current_app
from sqlalchemy import CheckConstraint, Index, String, func, or_, select, update
from sqlalchemy.orm import Mapped

from marketplace import events, jobs
from marketplace.data_levels import P1, P2, P3, P4, column
from marketplace.extensions import Model, db, insert_once
from marketplace.privacy import Encrypted, Sealed, mask_email
from marketplace.records import UtcDateTime, now
from marketplace.settings import Settings, SettingsError
from marketplace.transitions import in_transaction, transaction

log = structlog.get_logger(__name__)

STATES = ("queued", "sending", "sent", "failed")
#: How long a message may be "sending" before its sender counts as lost.
LEASE = timedelta(minutes=10)
#: Waits before each further try; after the last the message has failed.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720, 1440))
BATCH = 50
#: So far back failed messages are counted for those who run the site.
LOOKED_BACK = timedelta(days=30)
TIMEOUT_SECONDS = 30


class OutboxMessage(Model):
    """One e-mail to one address."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_says_when"),
        Index("outbox_message_due", "state", "due_at"),
    )

    id: Mapped[int] = column(P1, "identifies the message", primary_key=True)
    key: Mapped[str] = column(P2, "what it is about; one message a key", String(120), unique=True)
    address: Mapped[Sealed] = column(
        P3, "where it goes", Encrypted("outbox_message.address", mask_email), nullable=False
    )
    subject: Mapped[str] = column(P1, "first line, without personal data", String(200))
    body: Mapped[Sealed | None] = column(P4, "text, may hold a secret link; erased once sent", Encrypted("outbox.body"))
    state: Mapped[str] = column(P1, "life-cycle", String(8), default="queued")
    attempts: Mapped[int] = column(P1, "tries so far", default=0)
    due_at: Mapped[datetime] = column(P1, "not to be tried before", UtcDateTime)
    taken_at: Mapped[datetime | None] = column(P1, "tells a living sender from a lost one", UtcDateTime)
    sent_at: Mapped[datetime | None] = column(P1, "when the mail server took it", UtcDateTime)
    failure: Mapped[str | None] = column(P1, "type of the last error", String(80))


def is_configured() -> bool:
    """Whether this installation sends mail. Where it does not, offer the link on the page instead."""
    return bool(current_app.extensions["marketplace.mail"].url)


def address_of(path: str) -> str:
    """A page's whole address, as letters name it."""
    server: Server = current_app.extensions["marketplace.mail"]
    return f"{server.base_url}{path}"


def usual_locale() -> str:
    """The language of letters to those who chose none."""
    server: Server = current_app.extensions["marketplace.mail"]
    return server.usual_locale


def post(address: str, subject: str, body: str, *, key: str) -> bool:
    """Write a message down, inside the caller's transaction; it is sent soon after the commit.

    Args:
        address: in the clear; it is encrypted as it is stored.
        subject: without personal data.
        body: plain text.
        key: names the occasion and the reader, e.g. "invitation:12"; a second message with the same key is dropped.
    Returns:
        Whether it was written down: False where no mail is set up (MAIL_URL) or the key has its message.
    Raises:
        RuntimeError: outside a transaction.
    """
    if not in_transaction():
        raise RuntimeError("mail is posted inside the transaction that causes it")
    if not is_configured():
        return False
    values = {
        "key": key[:120],
        "address": address.strip(),
        "subject": " ".join(subject.split())[:200],
        "body": body,
        "state": "queued",
        "attempts": 0,
        "due_at": now(),
    }
    jobs.enqueue("mail.deliver")
    return insert_once(OutboxMessage, values)


def undelivered() -> int:
    """How many messages of the last 30 days were given up."""
    # The last try set when the next would have been.
    failed = (OutboxMessage.state == "failed") & (OutboxMessage.due_at >= now() - LOOKED_BACK)
    return db.session.scalar(select(func.count()).select_from(OutboxMessage).where(failed)) or 0


@jobs.job("mail.deliver")
def deliver_job() -> None:
    deliver()


@jobs.sweeper
def deliver_what_is_due() -> None:
    """Send what waited for its next try, and what a lost sender left."""
    deliver()


def deliver() -> int:
    """Send everything that is due; how many messages the mail server took."""
    server: Server = current_app.extensions["marketplace.mail"]
    sent = 0
    while server.url and (batch := _due()):
        before = sent
        reached = False
        try:
            with server.connection() as connection:
                reached = True
                for message_id in batch:
                    sent += _deliver_one(server, connection, message_id)
        except OSError as error:  # smtplib's own errors are of this kind too
            log.warning("mail_server_unreachable", type=type(error).__name__)
            if not reached:
                for message_id in batch:
                    _put_off(message_id, error, expect="queued")
        if sent == before:
            break
    return sent


def _due() -> list[int]:
    lost = now() - LEASE
    due = or_(
        (OutboxMessage.state == "queued") & (OutboxMessage.due_at <= now()),
        (OutboxMessage.state == "sending") & (OutboxMessage.taken_at < lost),
    )
    found = list(db.session.scalars(select(OutboxMessage.id).where(due).order_by(OutboxMessage.id).limit(BATCH)))
    db.session.rollback()
    return found


def _deliver_one(server: "Server", connection: smtplib.SMTP, message_id: int) -> int:
    message = _take(message_id)
    if message is None:  # another sender has it
        return 0
    try:
        connection.send_message(server.letter(message))
    except OSError as error:
        _put_off(message_id, error, expect="sending")
        if isinstance(error, smtplib.SMTPServerDisconnected) or not isinstance(error, smtplib.SMTPException):
            raise  # nothing more goes through this connection
        return 0
    with transaction() as session:
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == message_id, OutboxMessage.state == "sending")
            .values(state="sent", sent_at=now(), body=None, failure=None)
        )
    return 1


def _take(message_id: int) -> OutboxMessage | None:
    """Make a message ours; None when another sender was faster."""
    with transaction() as session:
        free = or_(
            OutboxMessage.state == "queued",
            (OutboxMessage.state == "sending") & (OutboxMessage.taken_at < now() - LEASE),
        )
        taken = session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == message_id, free)
            .values(state="sending", taken_at=now(), attempts=OutboxMessage.attempts + 1)
            .execution_options(synchronize_session=False)
        )
        if taken.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            return None
        return session.get_one(OutboxMessage, message_id, populate_existing=True)


def _put_off(message_id: int, error: Exception, *, expect: str) -> None:
    """Try later, or give up: at once where the server says that it will never take the message."""
    with transaction() as session:
        message = session.get_one(OutboxMessage, message_id, populate_existing=True)
        never = isinstance(error, smtplib.SMTPRecipientsRefused) and all(
            500 <= code < 600 for code, _text in error.recipients.values()
        )
        tries = message.attempts + (0 if expect == "sending" else 1)
        over = never or tries > len(WAITS)
        done = session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == message_id, OutboxMessage.state == expect)
            .values(
                state="failed" if over else "queued",
                attempts=tries,
                due_at=now() + WAITS[min(tries, len(WAITS)) - 1],
                failure=type(error).__name__[:80],
            )
        )
        if over and done.rowcount == 1:  # type: ignore[attr-defined]  # as above
            events.happened.send("mail:failed", row=message)
    log.warning("mail_not_sent", message=message_id, type=type(error).__name__, given_up=over)


class Server:
    """The mail server of MAIL_URL, e.g. smtps://user:password@mail.example.org?from=help@example.org."""

    def __init__(self, settings: Settings) -> None:
        self.url: SplitResult | None = urlsplit(settings.mail_url) if settings.mail_url else None
        self.base_url, self.usual_locale = settings.base_url, settings.default_locale
        self.host = urlsplit(settings.base_url).hostname or "localhost"
        if self.url is None:
            return
        if self.url.scheme not in ("smtp", "smtps") or not self.url.hostname:
            raise SettingsError("MAIL_URL must look like smtp://user:password@host:port or smtps://…")
        asked = parse_qs(self.url.query).get("from", [""])[0]
        user = unquote(self.url.username or "")
        self.sender = asked or (user if "@" in user else f"no-reply@{self.host}")

    @contextmanager
    def connection(self) -> Iterator[smtplib.SMTP]:
        """An open, signed-in connection; encrypted unless the server is on this machine."""
        if self.url is None or self.url.hostname is None:
            raise RuntimeError("no mail server is set up")
        context = ssl.create_default_context()
        if self.url.scheme == "smtps":
            made: smtplib.SMTP = smtplib.SMTP_SSL(
                self.url.hostname, self.url.port or 465, timeout=TIMEOUT_SECONDS, context=context
            )
        else:
            made = smtplib.SMTP(self.url.hostname, self.url.port or 587, timeout=TIMEOUT_SECONDS)
        with made as connection:
            if self.url.scheme == "smtp" and not _on_this_machine(self.url.hostname):
                connection.starttls(context=context)
            if self.url.username:
                connection.login(unquote(self.url.username), unquote(self.url.password or ""))
            yield connection

    def letter(self, message: OutboxMessage) -> EmailMessage:
        """The message as it goes out. The same message always has the same Message-ID."""
        letter = EmailMessage()
        letter["From"] = self.sender
        letter["To"] = message.address.plain()
        letter["Subject"] = message.subject
        letter["Message-ID"] = f"<{hashlib.sha256(message.key.encode()).hexdigest()[:40]}@{self.host}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(message.body.plain() if message.body else "")
        return letter


def _on_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def init_app(app: Flask, settings: Settings) -> None:
    app.extensions["marketplace.mail"] = Server(settings)
