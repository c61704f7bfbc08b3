"""take() and give_back(): never more than there is, also when two ask at once."""

import threading
from collections.abc import Callable

import pytest
from flask import Flask

from marketplace.errors import CapacityExhausted, StateConflict
from marketplace.extensions import db
from marketplace.projects.models import Capacity, Pool
from marketplace.projects.services import give_back, take
from marketplace.transitions import transaction
from tests.support import world


def counted(capacity: Capacity) -> tuple[int, int]:
    db.session.expire_all()
    row = db.session.get_one(Capacity, capacity.id)
    return row.allocated, row.committed_fen


def test_units_are_taken_with_their_cost_and_given_back(app: Flask) -> None:
    capacity = world.a_capacity(quantity=10, unit_cost_fen=250, budget_fen=2500)
    with transaction():
        take(capacity.id, 4)
    assert counted(capacity) == (4, 1000)
    with transaction():
        give_back(capacity.id, 3)
    assert counted(capacity) == (1, 250)


def test_a_loaded_record_shows_the_new_counter(app: Flask) -> None:
    capacity = world.a_capacity(quantity=10)
    with transaction() as session:
        row = session.get_one(Capacity, capacity.id)
        take(row.id, 4)
        assert row.free == 6


@pytest.mark.parametrize(
    "values",
    [
        {"quantity": 4},
        {"quantity": 9, "unit_cost_fen": 300, "budget_fen": 1499},
        {"quantity": 9, "active": False},
    ],
    ids=["units", "budget", "withdrawn"],
)
def test_more_than_is_free_is_refused_and_nothing_changes(app: Flask, values: dict[str, int]) -> None:
    capacity = world.a_capacity(**values)
    with pytest.raises(CapacityExhausted), transaction():
        take(capacity.id, 5)
    assert counted(capacity) == (0, 0)


def test_capacities_of_a_pool_share_its_quantity(app: Flask) -> None:
    pool = world.save(Pool(name="一辆车的行程", quantity=5))
    first, second = (world.a_capacity(quantity=10, pool_id=pool.id) for _ in range(2))
    with transaction():
        take(first.id, 3)
    with pytest.raises(CapacityExhausted), transaction():
        take(second.id, 3)
    with transaction():
        take(second.id, 2)
    assert (counted(first)[0], counted(second)[0]) == (3, 2)


def test_no_more_is_given_back_than_was_taken(app: Flask) -> None:
    capacity = world.a_capacity(allocated=2)
    with pytest.raises(StateConflict), transaction():
        give_back(capacity.id, 3)
    assert counted(capacity)[0] == 2


@pytest.mark.parametrize("change", [take, give_back])
def test_nothing_and_less_than_nothing_is_no_quantity(app: Flask, change: Callable[[int, int], None]) -> None:
    capacity = world.a_capacity(allocated=2)
    for quantity in (0, -1):
        with pytest.raises(ValueError, match="at least one unit"):
            change(capacity.id, quantity)


def test_two_suppliers_at_once_never_promise_a_unit_twice(app: Flask) -> None:
    capacity = world.a_capacity(quantity=7)
    key = capacity.id
    db.session.remove()
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def answer() -> None:
        with app.app_context():
            start.wait()
            for _ in range(5):
                try:
                    with transaction():
                        take(key, 1)
                    outcomes.append("taken")
                except CapacityExhausted:
                    outcomes.append("refused")
            db.session.remove()

    threads = [threading.Thread(target=answer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("taken") == 7
    assert outcomes.count("refused") == 13
    row = db.session.get_one(Capacity, key)
    assert row.allocated == 7
