"""The change log that the index follows."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped

from marketplace.data_levels import P1, column
from marketplace.extensions import Model
from marketplace.records import UtcDateTime, now


class IndexChange(Model):
    """A record that changed since the index last looked, written in the same transaction as the change."""

    __tablename__ = "index_change"
    __table_args__ = (Index("index_change_record", "record_type", "record_id"),)

    id: Mapped[int] = column(P1, "order of changes", primary_key=True)
    record_type: Mapped[str] = column(P1, "table of the record", String(40))
    record_id: Mapped[int] = column(P1, "key of the record")
    changed_at: Mapped[datetime] = column(P1, "age of the oldest change not indexed", UtcDateTime, default=now)
