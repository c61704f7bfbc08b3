"""What waits for an actor, of every subject: how many, and the oldest or what is due first.

Each kind counts exactly the rows of the list that its link opens: both ask the slice whose rows they are. All of them
are counted in one statement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Select, func, select, true

from marketplace.accounts import services as accounts
from marketplace.accounts.models import User
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation, FollowUp
from marketplace.assessments import services as assessments
from marketplace.assessments.models import ImpactAssessment
from marketplace.extensions import ListPage, db
from marketplace.matches import services as matches
from marketplace.matches.holds import services as holds
from marketplace.matches.holds.models import HoldException, HoldRelease
from marketplace.matches.models import MatchRun
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.organizations import services as organizations
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission
from marketplace.projects import services as projects
from marketplace.projects.models import Capacity, Project
from marketplace.records import LOCAL_TIME, now, today

MOST = ListPage.MOST
"""Counting ends where the lists end."""


@dataclass(frozen=True)
class Kind:
    """Something that may wait.

    Attributes:
        code: names it.
        permission: it waits for those alone who hold it.
        rows: what waits for an actor.
        moment: column that says since when, or until when.
        due: the column is a deadline.
    """

    code: str
    permission: Permission
    rows: Callable[[Actor], Select[Any]]
    moment: Any
    due: bool = False


#: In the order of the page: what somebody else stands still for first.
KINDS = (
    Kind("claims_held", Permission.WISH_CLAIM, partial(allocations.claims_waiting, what="accepted"),
         Allocation.expires_at, due=True),
    Kind("claims_due", Permission.WISH_CLAIM, partial(allocations.claims_waiting, what="delivering"),
         Allocation.due_on, due=True),
    Kind("answers", Permission.ALLOCATION_ANSWER, partial(allocations.allocations_waiting, tab="answer"),
         Allocation.expires_at, due=True),
    Kind("deliveries", Permission.ALLOCATION_DELIVER, partial(allocations.allocations_waiting, tab="running"),
         Allocation.due_on, due=True),
    Kind("confirmations", Permission.ALLOCATION_CONFIRM, partial(allocations.allocations_waiting, tab="confirm"),
         Allocation.delivered_at),
    Kind("visits", Permission.ALLOCATION_CONFIRM, allocations.visits_waiting, FollowUp.due_on, due=True),
    Kind("urgent_needs", Permission.RUN_START, partial(needs.needs_waiting, what="urgent"), Need.posted_on),
    Kind("exceptions", Permission.HOLD_DECIDE, partial(holds.to_decide, kind="exceptions"), HoldException.created_at),
    Kind("releases", Permission.HOLD_DECIDE, partial(holds.to_decide, kind="releases"), HoldRelease.created_at),
    Kind("handover", Permission.ALLOCATION_PROPOSE, allocations.help_to_hand_over, Allocation.accepted_at),
    Kind("failed_runs", Permission.RUN_START, matches.failed_runs, MatchRun.created_at),
    Kind("wishes", Permission.NEED_REVIEW, partial(needs.needs_waiting, what="review"), Need.posted_on),
    Kind("sent_back", Permission.NEED_POST, partial(needs.drafts_of, sent_back=True), Need.posted_on),
    Kind("consents", Permission.NEED_POST, partial(needs.needs_waiting, what="consent"), Need.posted_on),
    Kind("organizations", Permission.ORGANIZATION_VERIFY, organizations.to_verify, Organization.created_at),
    Kind("projects", Permission.PROJECT_APPROVE, projects.to_open, Project.created_at),
    Kind("offers", Permission.OFFER_REVIEW, projects.offers_to_review, Capacity.created_at),
    Kind("assessment_drafts", Permission.ASSESSMENT_SIGN, partial(assessments.assessments_waiting, what="draft"),
         ImpactAssessment.created_at),
    Kind("assessment_reviews", Permission.ASSESSMENT_SIGN, partial(assessments.assessments_waiting, what="review"),
         ImpactAssessment.valid_until, due=True),
    Kind("invited", Permission.ACCOUNT_MANAGE, accounts.not_joined, User.created_at),
    Kind("drafts", Permission.NEED_POST, partial(needs.drafts_of, sent_back=False), Need.posted_on),
    Kind("photos", Permission.WISH_CLAIM, partial(allocations.claims_waiting, what="photo"), Allocation.delivered_at),
)  # fmt: skip
CAPACITY = "capacity"
"""The one kind with an entry for each organization of the actor's: each has a list of its own."""


@dataclass(frozen=True)
class Entry:
    """What waits of a kind.

    Attributes:
        code: of `KINDS`, or CAPACITY.
        number: how many; `MOST` stands for that many or more.
        since: since when the oldest waits, or when it was last confirmed; None where that is unknown.
        until: end of what is due first: a day, or a moment.
        organization: whose capacity it is, for CAPACITY.
    """

    code: str
    number: int
    since: date | None = None
    until: date | None = None
    organization: Organization | None = None

    @property
    def overdue(self) -> bool:
        """Whether what is due first is past its end."""
        if isinstance(self.until, datetime):
            return self.until < now()
        return self.until is not None and self.until < today()


def could_wait(actor: Actor) -> bool:
    """Whether there is anything that can wait for an actor, now or another day."""
    return actor.may(Permission.CAPACITY_CONFIRM) or any(actor.may(kind.permission) for kind in KINDS)


def waiting(actor: Actor) -> list[Entry]:
    """What waits for an actor, in the order of `KINDS`; nothing of what does not."""
    found = _counted(actor, [kind for kind in KINDS if actor.may(kind.permission)])
    if actor.may(Permission.CAPACITY_CONFIRM):
        found += [
            Entry(CAPACITY, unconfirmed.number, since=unconfirmed.oldest, organization=unconfirmed.organization)
            for unconfirmed in projects.waiting_for_confirmation(actor)
        ]
    return found


def _counted(actor: Actor, kinds: list[Kind]) -> list[Entry]:
    parts = [_part(actor, kind) for kind in kinds]
    if not parts:
        return []
    side_by_side: Any = parts[0]
    for part in parts[1:]:  # each is one row
        side_by_side = side_by_side.join(part, true())
    row = db.session.execute(select(*(column for part in parts for column in part.c)).select_from(side_by_side)).one()
    pairs = zip(row[::2], row[1::2], strict=True)
    return [_entry(kind, number, first) for kind, (number, first) in zip(kinds, pairs, strict=True) if number]


def _part(actor: Actor, kind: Kind) -> Any:
    """One row: how many, and the first moment."""
    rows = kind.rows(actor).with_only_columns(kind.moment.label("moment"), maintain_column_froms=True)
    oldest_first = rows.order_by(kind.moment).limit(MOST).subquery()
    return select(func.count().label("number"), func.min(oldest_first.c.moment).label("first")).subquery(kind.code)


def _entry(kind: Kind, number: int, first: date | None) -> Entry:
    if kind.due:
        return Entry(kind.code, number, until=first)
    if isinstance(first, datetime):
        first = first.astimezone(LOCAL_TIME).date()
    return Entry(kind.code, number, since=first)
