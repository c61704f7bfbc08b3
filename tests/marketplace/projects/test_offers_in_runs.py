"""A run proposes to a volunteer's own offer as to any capacity."""

from flask import Flask

from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.matches import services as runs
from marketplace.permissions import Role
from tests.marketplace.matches.run_support import SYSTEM
from tests.support import world


def test_a_run_proposes_to_a_volunteer_who_accepts(app: Flask) -> None:
    user = world.a_user(Role.VOLUNTEER, region=None)
    offer = world.a_volunteers_offer(user, state="offered", reviewed_by="user:0", quantity=3)
    world.a_volunteers_offer(categories=["S0103"])  # nobody has approved this one
    need = world.a_need(category="S0103", kind="service", unit="次", quantity=2)
    runs.run_now(SYSTEM, world.DAWUKOU)
    [proposal] = db.session.query(Allocation).all()
    assert (proposal.need_id, proposal.capacity_id, proposal.claimant_id, proposal.organization_id) == (
        need.id, offer.id, user.id, None,
    )  # fmt: skip
    allocations.accept(actor_of(user), proposal.public_id)
    db.session.expire_all()
    assert (proposal.state, offer.allocated, need.allocated) == ("accepted", 2, 2)
    assert allocations.reconcile() == []
