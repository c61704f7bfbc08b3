"""The restricted run: the needs of one restricted case (R05, R07), matched for its care team alone.

It is queued and kept as any run is, but no list, notice, count or page of others tells of it, and what it finds is
no allocation (`CaseProposal`). A coordinator of the team asks a supplier, then accepts in its name.
"""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from marketplace import audit, jobs
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.cases.models import CareTeamMember, Case
from marketplace.errors import NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches import scope
from marketplace.matches.models import CaseProposal, MatchRun, RunOutcome
from marketplace.matches.services import case_proposals
from marketplace.matches.services.explaining import Told, explained
from marketplace.matches.services.performing import JOB
from marketplace.matches.services.reading import PER_PAGE, Page
from marketplace.matches.services.settings import policy_for
from marketplace.needs.models import Need
from marketplace.permissions import Actor
from marketplace.records import now
from marketplace.transitions import transaction


def case_of_team(actor: Actor, case_id: str) -> Case:
    """A restricted case whose care team the actor is of.

    Raises:
        NotFound: no such case, it is not restricted, or the actor is not of its care team.
    """
    return _of_team(actor, Case.public_id == case_id)


def _of_team(actor: Actor, which: Any) -> Case:
    team = select(CareTeamMember.id).where(CareTeamMember.case_id == Case.id, CareTeamMember.user_id == actor.user_id)
    case = db.session.scalar(select(Case).where(which, Case.restricted, team.exists()))
    if case is None:
        raise NotFound
    return case


def start_for_case(actor: Actor, case_id: str) -> MatchRun:
    """Queue a run over the needs of a restricted case, with all capacity that ordinary runs would use.

    Raises:
        NotFound: as `case_of_team`.
        StateConflict: a run of the case is under way.
    """
    with transaction() as session:
        case = case_of_team(actor, case_id)
        # Whoever starts a run of the case at the same moment waits here: a run is no row yet.
        session.execute(select(Case.id).where(Case.id == case.id).with_for_update(key_share=True))
        under_way = select(MatchRun.id).where(MatchRun.case_id == case.id, MatchRun.state.in_(("queued", "running")))
        if session.scalar(under_way) is not None:
            raise StateConflict(_("A run of this case is under way. Wait for it, or cancel it first."))
        run = MatchRun(
            region=case.region,
            case_id=case.id,
            started_by=actor.key,
            state="queued",
            policy=policy_for(case.region).as_dict(),
            heartbeat_at=now(),
        )
        session.add(run)
        session.flush()
        audit.record(actor, "match_run:case_queued", run, changed=["state"], after="queued")
        audit.record(actor, "case:matched", case)
    jobs.enqueue(JOB, run.id)
    return run


def find_of_team(actor: Actor, run_id: str) -> tuple[MatchRun, Case]:
    """A restricted run and its case.

    Raises:
        NotFound: there is none, or the actor is not of the care team of its case, or the restriction has ended.
    """
    run = db.session.scalar(
        select(MatchRun)
        .where(MatchRun.public_id == run_id, MatchRun.case_id.is_not(None))
        .execution_options(populate_existing=True)
    )
    if run is None:
        raise NotFound
    return run, _of_team(actor, Case.id == run.case_id)


def runs_of_case(case: Case, page: int = 1) -> Page:
    """A page of the runs of a case, the newest first; the caller has checked that the case may be seen."""
    page = min(max(page, 1), db.LAST_PAGE)
    query = select(MatchRun, func.count().over()).where(MatchRun.case_id == case.id).order_by(MatchRun.id.desc())
    rows = db.session.execute(query.offset((page - 1) * PER_PAGE).limit(PER_PAGE)).all()
    return Page([run for run, _ in rows], page, rows[0][1] if rows else 0)


@dataclass(frozen=True)
class CaseResult:
    """What a restricted run found.

    Attributes:
        proposals: what it proposes, and what accepting each that is open would do to others.
        unserved: outcomes with their needs, the most urgent first.
        left_out: open needs of the case that may not take part now: no consent to share, or too late.
    """

    proposals: list[tuple[CaseProposal, allocations.Effect | None]]
    unserved: list[tuple[RunOutcome, Need]]
    left_out: list[Need]


def result_of(run: MatchRun, case: Case) -> CaseResult:
    """What a run of a case found; the caller has checked that it may be seen."""
    outcomes = (
        select(RunOutcome, Need)
        .join(Need, Need.id == RunOutcome.need_id)
        .where(RunOutcome.run_id == run.id)
        .order_by(scope.URGENCY_RANK, RunOutcome.id)
    )
    waiting = select(Need).where(Need.case_id == case.id, Need.state == "open", Need.allocated < Need.quantity)
    of_run = scope.needs_in(scope.Scope(case.region, case_id=case.id)).with_only_columns(Need.id)
    return CaseResult(
        proposals=[
            (row, allocations.effect_on_others(row.need, row.capacity, row.quantity) if row.state == "open" else None)
            for row in case_proposals.of_run(run)
        ],
        unserved=[(row, need) for row, need in db.session.execute(outcomes)],
        left_out=list(db.session.scalars(waiting.where(Need.id.not_in(of_run)).order_by(Need.id))),
    )


def cancel_for_case(actor: Actor, run_id: str) -> MatchRun:
    """Stop a restricted run that waits or is under way; nothing of it is written.

    Raises:
        NotFound: as `find_of_team`.
        StateConflict: it has ended.
    """
    with transaction():
        run, _case = find_of_team(actor, run_id)
        if run.state not in ("queued", "running"):
            raise StateConflict(_("This run has ended; there is nothing to cancel."))
        case_proposals.give_up(actor, run)
        return run


def accept_for_case(actor: Actor, run_id: str, proposal_id: str) -> Allocation:
    """Accept what a restricted run found in the supplier's name, who was asked; see `case_proposals.accept`."""
    with transaction():
        run, _case = find_of_team(actor, run_id)
        return case_proposals.accept(actor, run, proposal_id)


def decline_for_case(actor: Actor, run_id: str, proposal_id: str, reason: str) -> None:
    """Record that the supplier, who was asked, said no; see `case_proposals.decline`."""
    with transaction():
        run, _case = find_of_team(actor, run_id)
        case_proposals.decline(actor, run, proposal_id, reason)


def explained_for_case(actor: Actor, run_id: str, need_id: str) -> Told | None:
    """One need of a restricted run explained; None where the run is no longer kept in full.

    Raises:
        NotFound: as `find_of_team`, or the need is not of the case.
    """
    run, _case = find_of_team(actor, run_id)
    return explained(run, need_id)
