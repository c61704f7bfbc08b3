"""Pools: quantities that several capacities of an organization share, such as the trips of one van."""

from dataclasses import dataclass

from flask_babel import lazy_gettext as _
from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from marketplace import audit, events
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.organizations import services as organizations
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor
from marketplace.projects.models import Capacity, Pool
from marketplace.projects.services.facts import MOST_POOL_UNITS
from marketplace.transitions import transaction


@dataclass(frozen=True)
class PoolUse:
    """A pool with what draws on it.

    Attributes:
        allocated: units that its capacities have given or promised.
        capacities: of the organization that draw on it.
        shared: whether other organizations draw on it too; then nobody of them changes it here.
    """

    pool: Pool
    allocated: int
    capacities: list[Capacity]
    shared: bool

    @property
    def free(self) -> int:
        return max(int(self.pool.quantity) - self.allocated, 0)


def pools_of(actor: Actor, organization_public_id: str) -> tuple[Organization, list[PoolUse]]:
    """An organization of the actor's with its pools, by name.

    Raises:
        NotFound: it is another organization.
    """
    organization = organizations.get_own(actor, organization_public_id)
    drawing = select(Capacity.pool_id).where(Capacity.organization_id == organization.id, Capacity.pool_id.is_not(None))
    query = select(Pool).where(or_(Pool.organization_id == organization.id, Pool.id.in_(drawing))).order_by(Pool.name)
    pools = list(db.session.scalars(query))
    members: dict[int, list[Capacity]] = {pool.id: [] for pool in pools}
    rows = select(Capacity).where(Capacity.pool_id.in_(members)).order_by(Capacity.title, Capacity.id)
    for capacity in db.session.scalars(rows):
        members[capacity.pool_id or 0].append(capacity)
    return organization, [
        PoolUse(
            pool,
            sum(capacity.allocated for capacity in members[pool.id]),
            [capacity for capacity in members[pool.id] if capacity.organization_id == organization.id],
            any(capacity.organization_id != organization.id for capacity in members[pool.id]),
        )
        for pool in pools
    ]


def add_pool(actor: Actor, organization_public_id: str, name: str, quantity: int) -> Pool:
    """A member makes a pool that capacities may then draw on.

    Raises:
        InvalidInput: the name is empty or taken, or the quantity is no number of units.
        NotFound: it is another organization.
    """
    name = _checked(name, quantity)
    with transaction() as session:
        organization = organizations.get_own(actor, organization_public_id, lock=True)
        _require_free(name)
        pool = Pool(name=name, quantity=quantity, organization_id=organization.id)
        session.add(pool)
        _flush_named()
        audit.record_many(actor, "pool:created", "pool", [(pool.id, organization.region)], changed=["name", "quantity"])
    return pool


def edit_pool(actor: Actor, organization_public_id: str, name: str, new_name: str, quantity: int) -> Pool:
    """A member renames a pool or changes its quantity, never below what is given or promised.

    Raises:
        InvalidInput: the new name is empty or taken, or the quantity would not hold what is out.
        NotFound: it is another organization.
        StateConflict: it has no such pool, or other organizations share it.
    """
    new_name = _checked(new_name, quantity)
    with transaction() as session:
        organization, pool = _own_pool(actor, organization_public_id, name)
        if new_name != pool.name:
            _require_free(new_name)
        out = session.scalar(select(func.sum(Capacity.allocated)).where(Capacity.pool_id == pool.id)) or 0
        if quantity < out:
            message = _("%(out)s units of the pool are given or promised; the lowest possible is %(out)s", out=out)
            raise InvalidInput(fields={"quantity": message})
        values = {"name": new_name, "quantity": quantity}
        changed = [column for column, value in values.items() if getattr(pool, column) != value]
        pool.name, pool.quantity = new_name, quantity
        _flush_named()
        audit.record_many(actor, "pool:edited", "pool", [(pool.id, organization.region)], changed=changed)
        _tell(pool)
    return pool


def remove_pool(actor: Actor, organization_public_id: str, name: str) -> None:
    """A member removes a pool that nothing draws on any more.

    Raises:
        NotFound: it is another organization.
        StateConflict: it has no such pool, or capacity draws on it.
    """
    with transaction() as session:
        organization, pool = _own_pool(actor, organization_public_id, name)
        if session.scalar(select(Capacity.id).where(Capacity.pool_id == pool.id).limit(1)) is not None:
            raise StateConflict(_("Capacity still draws on this pool. Take it out there first."))
        audit.record_many(actor, "pool:removed", "pool", [(pool.id, organization.region)])
        session.delete(pool)
        session.flush()


def _own_pool(actor: Actor, organization_public_id: str, name: str) -> tuple[Organization, Pool]:
    organization = organizations.get_own(actor, organization_public_id)
    pool = db.session.scalar(select(Pool).where(Pool.name == name).with_for_update())
    gone = StateConflict(_("Your organization has no pool of this name, or no longer."))
    if pool is None:
        raise gone
    users = set(db.session.scalars(select(Capacity.organization_id).where(Capacity.pool_id == pool.id)))
    if pool.organization_id != organization.id and organization.id not in users:
        raise gone
    if users - {organization.id}:
        raise StateConflict(_("Other organizations share this pool; its quantity stays"))
    return organization, pool


def _checked(name: str, quantity: int) -> str:
    name = name.strip()
    faults = {}
    if not name or len(name) > 120:
        faults["name"] = _("Give the pool a name of 1 to 120 characters")
    if not 0 <= quantity <= MOST_POOL_UNITS:
        faults["quantity"] = _("Enter 0 or more units")
    if faults:
        raise InvalidInput(fields=faults)
    return name


def _require_free(name: str) -> None:
    if db.session.scalar(select(Pool.id).where(Pool.name == name)) is not None:
        raise InvalidInput(fields={"name": _("Another pool has this name. Choose another one.")})


def _flush_named() -> None:
    """Write a name; another organization may have taken it a moment ago."""
    try:
        db.session.flush()
    except IntegrityError as taken:
        raise InvalidInput(fields={"name": _("Another pool has this name. Choose another one.")}) from taken


def _tell(pool: Pool) -> None:
    ids = list(db.session.scalars(select(Capacity.id).where(Capacity.pool_id == pool.id)))
    events.changed.send("capacity", ids=ids)
