"""The same run over PostgreSQL: one snapshot, proposals in one transaction, the counters add up."""

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import jobs
from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.matches.models import MatchRun
from marketplace.permissions import Role
from tests.marketplace.allocations.engines import postgresql_app, postgresql_cluster, postgresql_url
from tests.support import world

__all__ = ["postgresql_app", "postgresql_cluster", "postgresql_url"]


@pytest.mark.postgresql
def test_from_a_queued_run_to_a_fulfilled_need(postgresql_app: Flask) -> None:
    capacity = world.a_capacity(quantity=3)
    need, later = world.a_need(urgency="red", quantity=2), world.a_need(urgency="blue", quantity=2)
    coordinator = actor_of(world.a_user(Role.COORDINATOR))
    supplier = actor_of(world.a_user(region=None, organization=capacity.organization))
    caseworker = actor_of(world.a_user(Role.CASEWORKER))
    key = services.start(coordinator, world.DAWUKOU).id
    jobs.work_off(postgresql_app)
    run = db.session.get_one(MatchRun, key, populate_existing=True)
    assert (run.state, run.summary["served"]) == ("done", {"red": 2, "yellow": 0, "blue": 1})
    assert services.shortages_of(run).items[0].units == {"red": 0, "yellow": 0, "blue": 1}
    assert services.preview(coordinator, world.DAWUKOU).needs == 2
    assert services.suggest(caseworker, later.public_id).eligible == 1
    assert services.outcomes_of(run).items[0].need_id == later.id
    first = db.session.scalars(select(Allocation).where(Allocation.need_id == need.id)).one().public_id
    services.run_now(coordinator, world.DAWUKOU)
    replaced = db.session.scalars(select(Allocation).where(Allocation.public_id == first)).one()
    db.session.refresh(replaced)
    assert replaced.state == "superseded"
    address = allocations.inbox(supplier, "answer").items[0].public_id
    allocations.accept(supplier, address)
    allocations.mark_delivered(supplier, address)
    allocations.confirm(caseworker, address, 5)
    db.session.refresh(need)
    assert need.closing == "fulfilled"
    assert allocations.expire_overdue() == 0
    assert allocations.reconcile() == []
