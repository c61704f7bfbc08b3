"""What restricted runs propose: kept apart from allocations, answered by a coordinator of the care team."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from marketplace import audit, events
from marketplace.allocations import services as allocations
from marketplace.allocations.models import DECLINE_REASONS, Allocation
from marketplace.cases.models import Case
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches.models import CaseProposal, MatchRun
from marketplace.matches.scope import URGENCY_RANK
from marketplace.needs.models import Need
from marketplace.permissions import Actor, system_actor
from marketplace.records import now
from marketplace.transitions import move, transaction


def replace(actor: Actor, case_id: int, rows: Iterable[Mapping[str, Any]], *, run_id: int) -> None:
    """Write what a run of a restricted case found, in place of what earlier ones did; nobody is told.

    Args:
        rows: as `outcomes.written` gives them for ordinary proposals.
    """
    with transaction() as session:
        supersede(actor, case_id, reason="newer_run")
        made = [
            CaseProposal(
                run_id=run_id,
                **{name: row[name] for name in ("need_id", "capacity_id", "region", "quantity", "fit", "reasons")},
            )
            for row in rows
        ]
        session.add_all(made)
        session.flush()
        keys = [(row.id, row.region) for row in made]
        audit.record_many(actor, "case_proposal:found", "case_proposal", keys, changed=["state"], after="open")


def supersede(actor: Actor, case_id: int, *, reason: str) -> None:
    """End the open proposals for a restricted case, inside the caller's transaction()."""
    waiting = _of_case(case_id).where(CaseProposal.state == "open").order_by(CaseProposal.id)
    for row in list(db.session.scalars(waiting.with_for_update(of=CaseProposal))):
        move(actor, row, expect="open", to="superseded", reason=reason)


def give_up(actor: Actor, run: MatchRun) -> None:
    """Cancel a restricted run that waits or is under way, inside the caller's transaction()."""
    move(
        actor, run, expect=("queued", "running"), to="cancelled", action="match_run:case_cancelled", finished_at=now()
    )  # fmt: skip


def _of_case(case_id: int) -> Select[Any]:
    return select(CaseProposal).join(Need, Need.id == CaseProposal.need_id).where(Need.case_id == case_id)


def of_run(run: MatchRun) -> list[CaseProposal]:
    """Everything that a restricted run proposed, whatever became of it; the most urgent first.

    The caller has checked that the run may be seen.
    """
    shown = joinedload(CaseProposal.need), joinedload(CaseProposal.capacity)
    query = select(CaseProposal).join(Need, Need.id == CaseProposal.need_id).where(CaseProposal.run_id == run.id)
    query = query.order_by(URGENCY_RANK, CaseProposal.fit.desc(), CaseProposal.id)
    return list(db.session.scalars(query.options(*shown).execution_options(populate_existing=True)))


def _open_one(run: MatchRun, public_id: str) -> CaseProposal:
    query = select(CaseProposal).where(CaseProposal.run_id == run.id, CaseProposal.public_id == public_id)
    row = db.session.scalar(query.with_for_update(of=CaseProposal).execution_options(populate_existing=True))
    if row is None:
        raise NotFound
    if row.state != "open":
        raise StateConflict(_("This proposal has been answered or has ended."))
    return row


def accept(actor: Actor, run: MatchRun, public_id: str) -> Allocation:
    """The coordinator has asked the supplier, who agreed: it becomes an allocation, accepted in its name.

    Raises:
        NotFound: no proposal of the run, or the actor is no coordinator of the case's care team.
        StateConflict: it was answered, or is no longer possible; the message says why.
        InvalidInput, CapacityExhausted: the pair breaks a rule by now, or the units are gone.
    """
    with transaction():
        proposal = _open_one(run, public_id)
        found = allocations.Found(run.id, proposal.fit, proposal.reasons)
        made = allocations.propose_by_hand(
            actor,
            proposal.need.public_id,
            proposal.capacity.public_id,
            proposal.quantity,
            agreed=True,
            found=found,
        )
        move(actor, proposal, expect="open", to="accepted", answered_at=now(), allocation_id=made.id)
        return made


def decline(actor: Actor, run: MatchRun, public_id: str, reason: str) -> CaseProposal:
    """The coordinator has asked the supplier, who said no; later runs of the case respect it for some time.

    Raises:
        NotFound, StateConflict: as `accept`.
        InvalidInput: the reason is none of the list.
    """
    if reason not in DECLINE_REASONS:
        raise InvalidInput(fields={"reason": _("Choose a reason of the list.")})
    with transaction():
        proposal = _open_one(run, public_id)
        allocations.need_to_propose_for(actor, proposal.need.public_id)
        move(actor, proposal, expect="open", to="declined", reason=reason, decline_reason=reason, answered_at=now())
        return proposal


@events.happened.connect_via("case:unrestricted")
def _end_with_the_restriction(_sender: Any, *, row: Case, **_details: Any) -> None:
    """What was found for the care team alone ends with the restriction: ordinary runs match the case from now on."""
    _end(system_actor("restriction"), row, reason="unrestricted")


@events.moved.connect_via("case_with_needs")
def _end_where_it_was(_table: str, *, row: Case, actor: Actor, **_details: Any) -> None:
    """Of a household that moves the care team looks for help anew."""
    _end(actor, row, reason="moved")


def _end(actor: Actor, row: Case, *, reason: str) -> None:
    with transaction() as session:
        supersede(actor, row.id, reason=reason)
        under_way = select(MatchRun).where(MatchRun.case_id == row.id, MatchRun.state.in_(("queued", "running")))
        for run in list(session.scalars(under_way)):
            give_up(actor, run)
