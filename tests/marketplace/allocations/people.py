"""People of these tests."""

from typing import Any

from sqlalchemy import select

from marketplace.accounts.services import actor_of
from marketplace.allocations.models import Allocation
from marketplace.cases.models import Consent
from marketplace.extensions import db
from marketplace.permissions import Actor, Role
from marketplace.records import today
from tests.support import world


def a_volunteer() -> Actor:
    return actor_of(world.a_user(Role.VOLUNTEER, region=None))


def a_coordinator(region: str = world.DAWUKOU) -> Actor:
    return actor_of(world.a_user(Role.COORDINATOR, region=region))


def supplier_of(capacity: Any) -> Actor:
    """A manager of the organization that offers a capacity."""
    return actor_of(world.a_user(region=None, organization=capacity.organization))


def again(row: Any) -> Any:
    """The row as the database has it now."""
    db.session.rollback()
    return db.session.get(type(row), row.id, populate_existing=True)


def withdraw_share_consent(proposal: Allocation) -> None:
    """The household takes back its consent to sharing."""
    consent = db.session.scalars(select(Consent).where(Consent.case_id == proposal.need.case_id)).first()
    assert consent is not None
    consent.withdrawn_on = today()
