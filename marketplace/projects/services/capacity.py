"""Capacity: what a project offers, to whom, where and when."""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import joinedload

from marketplace import audit, events
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, Permission, scoped
from marketplace.projects.models import Capacity, Pool, Project, Recurrence
from marketplace.projects.services.facts import CapacityFacts
from marketplace.projects.services.projects import EDITABLE, get_own
from marketplace.projects.services.recurring import RecurrenceFacts, end_monthly, offer_monthly
from marketplace.projects.services.wording import tell_of_wording
from marketplace.records import today
from marketplace.transitions import transaction


def get_own_capacity(actor: Actor, public_id: str, *, lock: bool = False) -> Capacity:
    """A capacity of an organization that the actor is a member of.

    Args:
        lock: keep others from changing it until the transaction ends.
    Raises:
        NotFound: there is none, or it is another organization's.
    """
    query = scoped(Capacity, actor, Permission.PROJECT_EDIT).where(Capacity.public_id == public_id)
    capacity: Capacity | None = db.session.scalar(query.with_for_update() if lock else query)
    if capacity is None:
        raise NotFound
    return capacity


def _require_editable(project: Project) -> None:
    if project.state not in EDITABLE:
        raise StateConflict(_("This project is closed. Draft a new one for what you offer next."))


def add(actor: Actor, project_public_id: str, facts: CapacityFacts) -> Capacity:
    """A member says what a project offers; from that day it counts as confirmed.

    Raises:
        InvalidInput: values break rules.
        NotFound: the project is another organization's.
        StateConflict: the project is closed.
    """
    values = facts.columns()
    with transaction() as session:
        project = get_own(actor, project_public_id, lock=True)
        _require_editable(project)
        capacity = Capacity(
            project_id=project.id,
            organization_id=project.organization_id,
            region=project.region,
            pool_id=_pool(project.organization_id, facts),
            confirmed_on=today(),
            **values,
        )
        session.add(capacity)
        session.flush()
        audit.record(actor, "capacity:created", capacity, changed=sorted(values))
        tell_of_wording(actor, project, after=capacity.title)
        _tell(capacity)
    return capacity


def _tell(capacity: Capacity) -> None:
    events.changed.send("capacity", ids=[capacity.id])
    events.changed.send("project", ids=[capacity.project_id])


def edit_capacity(actor: Actor, public_id: str, version: int, facts: CapacityFacts) -> Capacity:
    """A member changes a capacity, never below what was given or promised.

    Raises:
        InvalidInput: values break rules, or the quantity, budget or pool would not hold what is out.
        NotFound: the capacity is another organization's.
        StateConflict: it was changed after the form was opened, or its project is closed.
    """
    values = facts.columns()
    with transaction() as session:
        # The pool before the capacity, as whoever takes units of it: no deadlocks.
        session.execute(select(Pool.id).where(Pool.name == facts.pool_name.strip()).with_for_update())
        capacity = get_own_capacity(actor, public_id, lock=True)
        project, read = session.get_one(Project, capacity.project_id), capacity.title
        _require_editable(project)
        values["pool_id"] = _pool(capacity.organization_id, facts, joining=capacity)
        changed = sorted(name for name, value in values.items() if getattr(capacity, name) != value)
        done = session.execute(
            update(Capacity)
            .where(
                Capacity.id == capacity.id,
                Capacity.version == version,
                Capacity.allocated <= facts.quantity,
                or_(Capacity.allocated == 0, Capacity.unit_cost_fen == facts.unit_cost_fen),
                *([] if facts.budget_fen is None else [Capacity.committed_fen <= facts.budget_fen]),
            )
            .values(version=version + 1, confirmed_on=today(), **values)
            .execution_options(synchronize_session=False)
        )
        session.expire(capacity)
        if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            raise _why_refused(capacity, version, facts)
        audit.record(actor, "capacity:edited", capacity, changed=changed)
        tell_of_wording(actor, project, before=read, after=capacity.title)
        _tell(capacity)
    return capacity


def _why_refused(capacity: Capacity, version: int, facts: CapacityFacts) -> Exception:
    """What kept an edit's UPDATE from its row, as it stands now."""
    from marketplace.wording import yuan

    if capacity.version != version:
        return StateConflict()
    if capacity.allocated > facts.quantity:
        return InvalidInput(
            fields={
                "quantity": _(
                    "%(allocated)s of %(quantity)s are given or promised; the lowest possible is %(allocated)s",
                    allocated=capacity.allocated,
                    quantity=capacity.quantity,
                )
            }
        )
    if facts.budget_fen is not None and capacity.committed_fen > facts.budget_fen:
        message = _("%(amount)s is given or promised; the lowest possible is that", amount=yuan(capacity.committed_fen))
        return InvalidInput(fields={"budget_fen": message})
    message = _("Units at the present cost are given or promised. Add another capacity for the new cost.")
    return InvalidInput(fields={"unit_cost_fen": message})


def _pool(organization_id: int | None, facts: CapacityFacts, joining: Capacity | None = None) -> int | None:
    """The pool that a capacity draws on, made or changed as the member asks.

    A pool's name is its name in files, one for the whole instance: members use those of their own organization,
    and a pool that others share keeps its quantity.
    """
    name = facts.pool_name.strip()
    if not name:
        return None
    pool = db.session.scalar(select(Pool).where(Pool.name == name).with_for_update())
    if pool is None:
        if facts.pool_quantity is None:
            raise InvalidInput(fields={"pool_quantity": _("Say how many units the new pool shares")})
        pool = Pool(name=name, quantity=facts.pool_quantity, organization_id=organization_id)
        db.session.add(pool)
        db.session.flush()
    users = set(db.session.scalars(select(Capacity.organization_id).where(Capacity.pool_id == pool.id)))
    if (users and organization_id not in users) or (pool.organization_id or organization_id) != organization_id:
        raise InvalidInput(fields={"pool_name": _("Another organization uses this name. Choose another one.")})
    quantity = pool.quantity if facts.pool_quantity is None else facts.pool_quantity
    if quantity != pool.quantity and users - {organization_id}:
        raise InvalidInput(fields={"pool_quantity": _("Other organizations share this pool; its quantity stays")})
    others = select(func.coalesce(func.sum(Capacity.allocated), 0)).where(Capacity.pool_id == pool.id)
    own = 0
    if joining is not None:
        others = others.where(Capacity.id != joining.id)
        own = joining.allocated
    out = (db.session.scalar(others) or 0) + own
    if quantity < out:
        message = _("%(out)s units of the pool are given or promised; the lowest possible is %(out)s", out=out)
        raise InvalidInput(fields={"pool_quantity": message})
    pool.quantity = quantity
    db.session.flush()
    return int(pool.id)


def _set_active(actor: Actor, public_id: str, active: bool, action: str) -> Capacity:
    with transaction() as session:
        capacity = get_own_capacity(actor, public_id, lock=True)
        _require_editable(session.get_one(Project, capacity.project_id))
        done = session.execute(
            update(Capacity)
            .where(Capacity.id == capacity.id, Capacity.active.is_(not active))
            .values(active=active, version=Capacity.version + 1)
            .execution_options(synchronize_session=False)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            raise StateConflict
        session.expire(capacity)
        audit.record(actor, action, capacity, changed=["active"])
        _tell(capacity)
        events.happened.send(action, row=capacity, actor=actor)
    return capacity


def withdraw(actor: Actor, public_id: str) -> Capacity:
    """A member offers a capacity no longer; what was promised stays promised."""
    return _set_active(actor, public_id, False, "capacity:withdrawn")


def restore(actor: Actor, public_id: str) -> Capacity:
    """A member offers a withdrawn capacity again."""
    return _set_active(actor, public_id, True, "capacity:restored")


@dataclass(frozen=True)
class InTheWay:
    """What keeps a capacity from being lowered.

    Attributes:
        running: the first of the allocations that are not confirmed, each a reader may open; number: of all.
        units: theirs.
        spent: units that were given for good.
    """

    running: list[Any]
    number: int
    units: int
    spent: int


def in_the_way(capacity: Capacity, shown: int = 20) -> InTheWay:
    """What is given or promised of a capacity, by what can still be handed over or released."""
    promised: Any = Capacity.running.property.mapper.class_
    of_it = select(Capacity).join(Capacity.running).where(Capacity.id == capacity.id)
    number, units = db.session.execute(
        of_it.with_only_columns(func.count(), func.coalesce(func.sum(promised.quantity), 0), maintain_column_froms=True)
    ).one()
    first = of_it.with_only_columns(promised, maintain_column_froms=True).options(joinedload(promised.need))
    rows = list(db.session.scalars(first.order_by(promised.id).limit(shown)))
    return InTheWay(rows, int(number), int(units), max(int(capacity.allocated) - int(units), 0))


def make_monthly(actor: Actor, public_id: str, facts: RecurrenceFacts) -> Recurrence:
    """A member offers a capacity anew every month, or changes the rule by which it is.

    Raises:
        InvalidInput: a value breaks a rule.
        NotFound: the capacity is another organization's.
        StateConflict: it was withdrawn, its time is over, or its project is closed.
    """
    with transaction() as session:
        capacity = get_own_capacity(actor, public_id, lock=True)
        _require_editable(session.get_one(Project, capacity.project_id))
        return offer_monthly(actor, capacity, facts)


def end_months(actor: Actor, public_id: str) -> None:
    """A member ends a monthly rule: what this month offers stays, and no further month comes.

    Raises:
        NotFound: the capacity is another organization's.
        StateConflict: it is not offered monthly, or no longer.
    """
    with transaction():
        end_monthly(actor, get_own_capacity(actor, public_id, lock=True))
