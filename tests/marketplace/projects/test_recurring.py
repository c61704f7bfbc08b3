"""Capacity that is offered anew every month."""

import threading
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import audit
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor
from marketplace.projects import services
from marketplace.projects.models import Capacity, Pool
from marketplace.projects.services.recurring import first_day, last_day
from marketplace.records import today
from marketplace.transitions import transaction
from tests.marketplace.projects.people import member_of
from tests.support import world

MONTHLY = services.RecurrenceFacts(quantity=10)


def month_after(day: date, months: int = 1) -> date:
    for _ in range(months):
        day = last_day(day) + timedelta(days=1)
    return first_day(day)


def monthly(facts: services.RecurrenceFacts = MONTHLY, **values: object) -> tuple[Actor, Capacity]:
    capacity = world.a_capacity(**values)
    member = member_of(capacity.organization)
    services.make_monthly(member, capacity.public_id, facts)
    db.session.expire_all()
    return member, capacity


def rows_of(capacity: Capacity) -> list[Capacity]:
    db.session.expire_all()
    query = select(Capacity).where(Capacity.recurrence_id == capacity.recurrence_id)
    return list(db.session.scalars(query.order_by(Capacity.month)))


def test_what_is_offered_now_becomes_this_months_part(app: Flask) -> None:
    _, capacity = monthly()
    assert (capacity.month, capacity.valid_until) == (first_day(today()), last_day(today()))
    assert services.renew() == 0


def test_a_new_month_copies_the_last_one_and_counts_anew(app: Flask) -> None:
    member, capacity = monthly(quantity=7, groups=["G-ELDALONE"], minimum_batch=9)
    with transaction():
        services.take(capacity.id, 3)
    nxt = month_after(today())
    assert services.renew(nxt + timedelta(days=2)) == 1
    assert services.renew(nxt + timedelta(days=2)) == 0
    old, new = rows_of(capacity)
    assert (old.quantity, old.allocated) == (7, 3)
    assert (new.quantity, new.allocated, new.carried_in, new.month) == (10, 0, 0, nxt)
    assert (new.valid_from, new.valid_until) == (nxt, last_day(nxt))
    assert (new.groups, new.categories, new.project_id, new.confirmed_on) == (
        ["G-ELDALONE"], ["S1102"], capacity.project_id, capacity.confirmed_on,
    )  # fmt: skip
    assert audit.history("capacity", new.id)[0].action == "capacity:renewed"
    assert new.public_id != old.public_id
    assert services.get_own_capacity(member, new.public_id).id == new.id


def test_what_a_month_left_is_gone_unless_it_is_carried_over(app: Flask) -> None:
    facts = services.RecurrenceFacts(quantity=10, budget_fen=100_000, carry_over=True)
    _, capacity = monthly(facts, quantity=10, budget_fen=90_000, unit_cost_fen=5_000)
    with transaction():
        services.take(capacity.id, 4)
    services.renew(month_after(today()))
    services.renew(month_after(today(), 2))
    first, second, third = rows_of(capacity)
    assert (first.quantity, first.budget_fen) == (4, 20_000)
    assert (second.quantity, second.carried_in, second.budget_fen) == (0, 6, 0)
    assert (third.quantity, third.carried_in, third.budget_fen) == (26, 16, 270_000)
    assert third.recurrence is not None
    months = services.months_of(third.recurrence)
    assert [(m.offered, m.carried_in, m.given, m.carried_out) for m in months] == [
        (26, 16, 0, 0), (16, 6, 0, 16), (10, 0, 4, 6),
    ]  # fmt: skip


def test_a_pools_quantity_is_for_a_month(app: Flask) -> None:
    pool = world.save(Pool(name="一辆车", quantity=10))
    _, capacity = monthly(pool_id=pool.id, quantity=10)
    with transaction():
        services.take(capacity.id, 9)
    services.renew(month_after(today()))
    old, new = rows_of(capacity)
    assert (old.pool_id, new.pool_id) == (None, pool.id)
    with transaction():
        services.take(new.id, 10)


def test_a_month_that_nobody_made_is_not_made_up_for(app: Flask) -> None:
    _, capacity = monthly()
    assert services.renew(month_after(today(), 3)) == 1
    assert [row.month for row in rows_of(capacity)] == [first_day(today()), month_after(today(), 3)]


def test_an_ended_rule_makes_no_further_month(app: Flask) -> None:
    member, capacity = monthly()
    services.end_months(member, capacity.public_id)
    assert services.renew(month_after(today())) == 0
    with pytest.raises(StateConflict):
        services.end_months(member, capacity.public_id)
    services.make_monthly(member, capacity.public_id, services.RecurrenceFacts(12))
    assert services.renew(month_after(today())) == 1
    assert rows_of(capacity)[-1].quantity == 12


def test_a_rule_ends_with_its_last_month_and_with_its_project(app: Flask) -> None:
    _, capacity = monthly(services.RecurrenceFacts(10, last_month=today()))
    assert services.renew(month_after(today())) == 0
    member, closed = monthly()
    assert closed.project is not None
    services.close(member, closed.project.public_id, services.StopFacts("completed"))
    assert services.renew(month_after(today())) == 0
    assert len(rows_of(capacity)) == len(rows_of(closed)) == 1


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        (services.RecurrenceFacts(0), "quantity"),
        (services.RecurrenceFacts(1, budget_fen=-1), "budget_fen"),
        (services.RecurrenceFacts(1, last_month=date(2020, 1, 1)), "last_month"),
    ],
)
def test_a_rule_names_the_field_that_is_wrong(app: Flask, facts: services.RecurrenceFacts, field: str) -> None:
    capacity = world.a_capacity()
    with pytest.raises(InvalidInput) as refused:
        services.make_monthly(member_of(capacity.organization), capacity.public_id, facts)
    assert set(refused.value.fields) == {field}
    assert db.session.get_one(Capacity, capacity.id).recurrence_id is None


def test_only_what_is_offered_by_the_members_own_organization_is_made_monthly(app: Flask) -> None:
    withdrawn, over = world.a_capacity(active=False), world.a_capacity(valid_until=today() - timedelta(days=1))
    for capacity in (withdrawn, over):
        with pytest.raises(StateConflict):
            services.make_monthly(member_of(capacity.organization), capacity.public_id, MONTHLY)
    stranger = member_of(world.an_organization())
    with pytest.raises(NotFound):
        services.make_monthly(stranger, over.public_id, MONTHLY)
    with pytest.raises(StateConflict):
        services.end_months(member_of(over.organization), over.public_id)


def test_workers_at_once_make_one_month(either_app: Flask) -> None:
    keys = [monthly(services.RecurrenceFacts(10, carry_over=True))[1].id for _ in range(6)]
    month = month_after(today())
    db.session.remove()
    start = threading.Barrier(4)
    made: list[int] = []

    def work() -> None:
        with either_app.app_context():
            start.wait()
            made.append(services.renew(month))
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(made) == 6
    for key in keys:
        rows = rows_of(db.session.get_one(Capacity, key))
        assert [(row.quantity, row.carried_in) for row in rows] == [(0, 0), (20, 10)]
