"""Notices and what each user chose about them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from marketplace.data_levels import P1, P2, column
from marketplace.extensions import Model
from marketplace.records import UtcDateTime, new_public_id

#: When a notice also goes out by e-mail.
MAILS = ("never", "daily", "at_once")
#: What a notice's e-mail has come to: none wanted, waiting for the day's digest, handed to the outbox.
MAIL_STATES = ("none", "waiting", "posted")
TOPICS = ("proposals", "deliveries", "claims", "reviews", "needs", "runs", "organization", "capacity")


class Notification(Model):
    """One thing that one user may want to know. It names records by their public facts, never people."""

    __tablename__ = "notification"
    __scope__ = {"own": "user_id"}  # noqa: RUF012  # read by permissions.row_filter
    __table_args__ = (
        UniqueConstraint("user_id", "key"),
        CheckConstraint(f"topic IN {TOPICS}", name="topic_known"),
        CheckConstraint(f"mail IN {MAIL_STATES}", name="mail_known"),
        CheckConstraint("count > 0", name="count_positive"),
        Index("notification_unread", "user_id", "read_at", "created_at"),
        Index("notification_digest", "mail", "user_id"),
    )

    id: Mapped[int] = column(P1, "identifies the notice", primary_key=True)
    public_id: Mapped[str] = column(P1, "names the notice in addresses", String(32), unique=True, default=new_public_id)
    user_id: Mapped[int] = column(P2, "reader", ForeignKey("user.id"))
    key: Mapped[str] = column(P2, "the occasion: one notice for a reader and a key", String(120))
    topic: Mapped[str] = column(P1, "what a reader may switch off", String(16))
    event: Mapped[str] = column(P1, "what happened, as in the audit", String(60))
    record_type: Mapped[str] = column(P1, "table of the record", String(40))
    record_public_id: Mapped[str] = column(P1, "the record, for the link", String(40))
    about: Mapped[str] = column(P2, "reference, title or name of the record; no personal data", String(160))
    count: Mapped[int] = column(P1, "how many records it stands for", default=1)
    created_at: Mapped[datetime] = column(P1, "order and retention", UtcDateTime)
    read_at: Mapped[datetime | None] = column(P1, "whether it is news", UtcDateTime)
    mail: Mapped[str] = column(P1, "what its e-mail has come to", String(8), default="none")


class NotificationChoice(Model):
    """When a user wants e-mail about a topic; without a row, the topic's usual answer holds."""

    __tablename__ = "notification_choice"
    __table_args__ = (
        CheckConstraint(f"topic IN {TOPICS}", name="topic_known"),
        CheckConstraint(f"mail IN {MAILS}", name="mail_known"),
    )

    user_id: Mapped[int] = column(P2, "reader", ForeignKey("user.id"), primary_key=True)
    topic: Mapped[str] = column(P1, "topic", String(16), primary_key=True)
    mail: Mapped[str] = column(P1, "never, daily or at once", String(8))
