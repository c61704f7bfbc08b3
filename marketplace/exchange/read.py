"""Records of the database as rows of files, in the columns that an import reads."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import func, or_, select

from marketplace import money
from marketplace.cases.models import Case
from marketplace.exchange.capacity import NAMELESS
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.organizations.models import Organization
from marketplace.projects.models import Capacity, Pool

Record = list[str]


def need_records() -> Iterator[Record]:
    """Every need but those of restricted cases (rules R05 and R07), which leave the application in no list."""
    household = func.coalesce(Case.external_id, Case.public_id)
    query = (
        select(Need, household)
        .outerjoin(Case, Need.case_id == Case.id)
        .where(or_(Need.case_id.is_(None), ~Case.restricted))
        .order_by(Need.id)
        .execution_options(yield_per=2000)
    )
    for need, case in db.session.execute(query):
        yield [
            need.external_id or need.public_id,
            need.kind,
            need.category,
            need.region,
            _number(need.latitude),
            _number(need.longitude),
            str(need.quantity),
            need.urgency,
            ";".join(need.groups),
            ";".join(need.requires),
            _day(need.deadline),
            _day(need.posted_on),
            case or "",
            need.bundle or "",
            "yes" if need.whole else "",
            _yuan(need.value_fen),
            need.title,
            _day(need.share_consent_on),
            need.consent_by or "",
        ]


def capacity_records() -> Iterator[Record]:
    """Every capacity that is not withdrawn."""
    query = (
        select(Capacity, Organization.name, Pool.name, Pool.quantity)
        .join(Organization, Capacity.organization_id == Organization.id)
        .outerjoin(Pool, Capacity.pool_id == Pool.id)
        .where(Capacity.active)
        .order_by(Capacity.id)
        .execution_options(yield_per=2000)
    )
    for capacity, organization, pool, pool_quantity in db.session.execute(query):
        yield [
            capacity.external_id or capacity.public_id,
            "" if organization == NAMELESS else organization,
            pool or "",
            "" if pool is None else str(pool_quantity),
            ";".join(capacity.categories),
            ";".join(capacity.regions),
            _number(capacity.latitude),
            _number(capacity.longitude),
            _number(capacity.radius_km),
            str(capacity.quantity),
            _yuan(capacity.budget_fen),
            _yuan(capacity.unit_cost_fen or None),
            ";".join(capacity.groups),
            ";".join(capacity.qualifications),
            str(capacity.minimum_batch or ""),
            _day(capacity.valid_from),
            _day(capacity.valid_until),
            capacity.title,
        ]


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _day(value: date | None) -> str:
    return "" if value is None else value.isoformat()


def _yuan(fen: Any) -> str:
    return "" if fen is None else money.yuan_text(fen)
