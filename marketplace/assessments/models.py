"""What was assessed before personal data was published, taken in or handed on (PIPL Articles 55 and 56)."""

from datetime import date
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped

from marketplace.data_levels import P1, P2, column
from marketplace.extensions import Model
from marketplace.records import Record

#: What may go live: wishes on the public board, records of other departments, data that anyone may fetch.
CHANNELS = ("wishes", "sources", "open_data")
#: Why Article 55 asks for an assessment.
GROUNDS = ("sensitive", "automated", "providing", "publishing", "abroad", "other")
CONCLUSIONS = ("proceed", "conditions", "stop")
#: By whom it is: an officer; the demonstration; the upgrade, for a channel that was live before the rule.
ORIGINS = ("officer", "demo", "live_before")
#: The questions of Article 56, and of the rules on children's data; each answered in words.
QUESTIONS = ("purpose", "necessity", "impact", "risks", "measures", "children")


class ImpactAssessment(Model, Record):
    """One edition of the assessment of a channel in a region and all below it; kept when a newer one replaces it."""

    __tablename__ = "impact_assessment"
    __scope__ = {"region": "region"}  # noqa: RUF012  # read by permissions.row_filter
    __moves__ = {  # noqa: RUF012  # read by transitions.move
        "draft": frozenset({"signed", "withdrawn"}),
        "signed": frozenset({"replaced", "withdrawn"}),
    }
    __table_args__ = (
        CheckConstraint(f"channel IN {CHANNELS}", name="channel_known"),
        CheckConstraint("state IN ('draft', 'signed', 'replaced', 'withdrawn')", name="state_known"),
        CheckConstraint(f"conclusion IN {CONCLUSIONS}", name="conclusion_known"),
        CheckConstraint(f"origin IN {ORIGINS}", name="origin_known"),
        CheckConstraint(
            "state IN ('draft', 'withdrawn') OR (signed_by IS NOT NULL AND signed_on IS NOT NULL)",
            name="signed_by_somebody",
        ),
        Index(
            "impact_assessment_one_in_force", "region", "channel", unique=True,
            sqlite_where=text("state = 'signed'"), postgresql_where=text("state = 'signed'"),
        ),
    )  # fmt: skip

    region: Mapped[str] = column(P1, "where the channel is to go live; row scope", String(6), index=True)
    channel: Mapped[str] = column(P1, "what goes live", String(12))
    edition: Mapped[int] = column(P1, "counts the assessments of a channel in a region")
    origin: Mapped[str] = column(P1, "an officer, the demonstration, or the upgrade", String(12), default="officer")
    grounds: Mapped[list[str]] = column(P1, "why an assessment is asked for (Article 55)", JSON, default=list)
    purpose: Mapped[str] = column(P1, "what is processed, why and how; why it is lawful", String(500))
    necessity: Mapped[str] = column(P1, "why each kind of data is needed, and no more", String(500))
    impact: Mapped[str] = column(P1, "what it may do to people's rights", String(500))
    risks: Mapped[str] = column(P1, "what may go wrong, how likely and how grave", String(500))
    measures: Mapped[str] = column(P1, "what protects people; lawful, effective, in proportion", String(500))
    children: Mapped[str] = column(P1, "how children under 14 are protected", String(500))
    conclusion: Mapped[str] = column(P1, "proceed, proceed on conditions, or stop", String(12))
    valid_until: Mapped[date] = column(P1, "when it is to be looked at again")
    state: Mapped[str] = column(P1, "life-cycle", String(10), default="draft")
    author: Mapped[str] = column(P2, "who wrote it: user:<key> or the system process", String(40))
    signed_by: Mapped[str | None] = column(P2, "the officer who signed: user:<key>, or the system process", String(40))
    signed_on: Mapped[date | None] = column(P1, "day of signing; kept for three years at least")

    def answers(self) -> dict[str, Any]:
        """What its form holds."""
        names = ("region", "channel", "grounds", *QUESTIONS, "conclusion", "valid_until")
        return {name: getattr(self, name) for name in names}
