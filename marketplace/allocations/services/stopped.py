"""Proposals that nobody is to answer any more: of a closed project, a withdrawn capacity, a restricted case."""

from typing import Any

from sqlalchemy import ColumnElement, select

from marketplace import events
from marketplace.allocations.models import Allocation
from marketplace.allocations.services.links import revoke_links
from marketplace.cases.models import Case
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Actor
from marketplace.projects.models import Capacity, Project
from marketplace.transitions import move


@events.happened.connect_via("project:closed")
def end_proposals_of_project(_name: str, row: Project, actor: Actor, **_rest: Any) -> None:
    """A closed project answers no proposal any more."""
    _end(actor, Allocation.capacity_id.in_(select(Capacity.id).where(Capacity.project_id == row.id)))


@events.happened.connect_via("capacity:withdrawn")
@events.happened.connect_via("capacity:returned")
def end_proposals_of_capacity(_name: str, row: Capacity, actor: Actor, **_rest: Any) -> None:
    """Neither does a withdrawn capacity, nor a volunteer's offer that a coordinator sent back."""
    _end(actor, Allocation.capacity_id == row.id)


@events.happened.connect_via("case:restricted")
def end_proposals_for_case(_name: str, row: Case, actor: Actor, **_rest: Any) -> None:
    """Of a restricted case nobody is asked any more; its care team finds help in a run of its own."""
    needs = select(Need.id).where(Need.case_id == row.id)
    _end(actor, Allocation.need_id.in_(needs), reason="withdrawn")


def _end(actor: Actor, condition: ColumnElement[bool], *, reason: str = "supplier_stopped") -> None:
    open_ones = select(Allocation).where(Allocation.state == "proposed", condition).order_by(Allocation.id)
    proposals = list(db.session.scalars(open_ones.with_for_update(of=Allocation, skip_locked=True)))
    revoke_links([proposal.id for proposal in proposals])
    for proposal in proposals:
        move(actor, proposal, expect="proposed", to="superseded", reason=reason, expires_at=None)
