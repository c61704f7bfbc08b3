"""Capacity of which nothing is kept for later, because its supplier asked so and a coordinator granted it."""

from datetime import date

from sqlalchemy import select

from marketplace.extensions import db
from marketplace.matches.holds.models import HoldRelease


def released_capacities(day: date) -> set[int]:
    """Keys of capacities that are not kept for anybody on a day."""
    query = select(HoldRelease.capacity_id).where(HoldRelease.state == "granted", HoldRelease.until >= day)
    return set(db.session.scalars(query))
