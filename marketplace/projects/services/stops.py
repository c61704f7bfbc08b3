"""Projects that rest or end: why, until when, and what that does to what is proposed and promised.

A pause leaves everything where it is: open proposals wait (they cannot be accepted meanwhile, and lapse on their
day), and what was promised is carried through. The end closes open proposals at once, so that the next run looks
for somebody else, and what was promised is still carried through.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from marketplace import events
from marketplace.errors import InvalidInput
from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, system_actor
from marketplace.projects.models import STOP_REASONS, Capacity, Project
from marketplace.projects.services.projects import get_own, require_verified
from marketplace.reasons import reason_given
from marketplace.records import today
from marketplace.transitions import move, transaction

#: What members choose from; a suspension is not theirs to give.
OWN_REASONS = tuple(reason for reason in STOP_REASONS if reason != "suspended")


@dataclass(frozen=True)
class StopFacts:
    """Why a project rests or ends.

    Attributes:
        reason: one of OWN_REASONS.
        note: in the members' words; officers and coordinators read it. No personal data.
        resumes_on: when the members expect to take it up again; of a pause only.
    """

    reason: str
    note: str = ""
    resumes_on: date | None = None

    def columns(self) -> dict[str, Any]:
        """Column values.

        Raises:
            InvalidInput: a value breaks a rule.
        """
        if self.reason not in OWN_REASONS:
            raise InvalidInput(fields={"reason": _("Choose a reason of the list.")})
        if self.reason == "other" and not self.note.strip():
            raise InvalidInput(fields={"note": _("Say in a sentence what the other reason is")})
        if self.resumes_on is not None and self.resumes_on <= today():
            raise InvalidInput(fields={"resumes_on": _("Choose a day after today, or leave it empty")})
        note = reason_given(self.note, _("Say why"), field="note") if self.note.strip() else None
        return {"stop_reason": self.reason, "stop_note": note, "resumes_on": self.resumes_on}


@dataclass(frozen=True)
class Effects:
    """What a pause or the end of a project would meet.

    Attributes:
        proposals: open proposals to its capacity.
        running: allocations that were accepted and are not confirmed. units: theirs.
        planned: monthly rules that offer capacity anew.
    """

    proposals: int
    running: int
    units: int
    planned: int


def effects(project: Project) -> Effects:
    """Count what a pause or the end of a project would meet."""
    own = select(Capacity).where(Capacity.project_id == project.id)
    proposals = own.join(Capacity.proposals).with_only_columns(func.count())
    promised: Any = Capacity.running.property.mapper.class_
    running = own.join(Capacity.running).with_only_columns(
        func.count(), func.coalesce(func.sum(promised.quantity), 0), maintain_column_froms=True
    )
    rules = own.where(Capacity.recurrence.has(active=True)).with_only_columns(
        func.count(func.distinct(Capacity.recurrence_id))
    )
    number, units = db.session.execute(running).one()
    return Effects(
        proposals=db.session.scalar(proposals) or 0,
        running=int(number),
        units=int(units),
        planned=db.session.scalar(rules) or 0,
    )


def pause(actor: Actor, public_id: str, facts: StopFacts) -> None:
    """A member takes an open project out of matching for a while; what was promised stays promised.

    Raises:
        InvalidInput: no reason, or one that tells who somebody is.
        NotFound: the project is another organization's.
        StateConflict: it is not open.
    """
    values = facts.columns()
    with transaction():
        move(
            actor, get_own(actor, public_id, lock=True), expect="open", to="paused", reason=_told(facts), **values
        )  # fmt: skip


def resume(actor: Actor, public_id: str) -> None:
    """A member takes a paused project up again; its organization is verified."""
    with transaction():
        project = get_own(actor, public_id, lock=True)
        require_verified(project)
        move(
            actor, project, expect="paused", to="open", action="project:resumed",
            stop_reason=None, stop_note=None, resumes_on=None,
        )  # fmt: skip


def close(actor: Actor, public_id: str, facts: StopFacts) -> None:
    """A member ends a project for good: its open proposals end, what was promised stays promised.

    Raises:
        InvalidInput, NotFound, StateConflict: as in `pause`.
    """
    values = facts.columns() | {"resumes_on": None}
    with transaction():
        project = get_own(actor, public_id, lock=True)
        move(actor, project, expect=("open", "paused"), to="closed", reason=_told(facts), **values)


def _told(facts: StopFacts) -> str:
    """The reason as the trail keeps it: its code, and the note that was checked for personal data."""
    note = facts.columns()["stop_note"]
    return f"{facts.reason}: {note}" if note else facts.reason


def pause_projects_of_suspended(_table: str, ids: list[int]) -> None:
    """An organization's suspension pauses its open projects, in the same transaction."""
    query = (
        select(Project)
        .join(Organization)
        .where(Organization.id.in_(ids), Organization.state == "suspended", Project.state == "open")
    )
    for project in list(db.session.scalars(query)):
        move(
            system_actor("suspension"), project, expect="open", to="paused",
            reason="suspended", stop_reason="suspended", stop_note=None, resumes_on=None,
        )  # fmt: skip


events.changed.connect(pause_projects_of_suspended, sender="organization")
