"""Accepting a part: the rest is declined and free for others, and what is to come whole cannot be divided."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import events
from marketplace.allocations import services
from marketplace.allocations.models import Allocation
from marketplace.errors import InvalidInput
from marketplace.extensions import db
from tests.marketplace.allocations.people import again, supplier_of
from tests.support import world


def test_a_part_is_accepted_and_the_rest_declined(app: Flask) -> None:
    proposal = world.an_allocation(world.a_need(quantity=5), quantity=5)
    services.accept(supplier_of(proposal.capacity), proposal.public_id, 2, "timing")
    rows = db.session.scalars(select(Allocation).order_by(Allocation.id)).all()
    assert [(row.state, row.quantity, row.decline_reason) for row in rows] == [
        ("accepted", 2, None),
        ("declined", 3, "timing"),
    ]
    assert (again(proposal).need.allocated, again(proposal).capacity.allocated) == (2, 2)
    assert services.declined_pairs() == {(proposal.need_id, proposal.capacity_id)}
    assert services.reconcile() == []


@pytest.mark.parametrize("values", [{"whole": True}, {"bundle": "package-1"}])
def test_what_comes_whole_is_not_divided(app: Flask, values: dict[str, Any]) -> None:
    proposal = world.an_allocation(world.a_need(quantity=3, **values), quantity=3)
    supplier = supplier_of(proposal.capacity)
    with pytest.raises(InvalidInput):
        services.accept(supplier, proposal.public_id, 2)
    assert again(proposal).state == "proposed"
    assert services.accept(supplier, proposal.public_id, 3).quantity == 3


@pytest.mark.parametrize("quantity", [0, -1, 4, 10**9])
def test_a_part_lies_within_the_proposal(app: Flask, quantity: int) -> None:
    proposal = world.an_allocation(world.a_need(quantity=3), quantity=3)
    with pytest.raises(InvalidInput):
        services.accept(supplier_of(proposal.capacity), proposal.public_id, quantity)
    assert (again(proposal).state, again(proposal).need.allocated) == ("proposed", 0)


def test_the_reason_for_the_rest_is_coded(app: Flask) -> None:
    proposal = world.an_allocation(world.a_need(quantity=3), quantity=3)
    with pytest.raises(InvalidInput):
        services.accept(supplier_of(proposal.capacity), proposal.public_id, 2, "because")
    assert again(proposal).state == "proposed"


def test_a_part_fits_where_the_whole_does_not(app: Flask) -> None:
    need = world.a_need(quantity=5)
    proposal = world.an_allocation(need, quantity=5)
    need.allocated = 0
    world.an_allocation(need, quantity=3, state="accepted")
    services.accept(supplier_of(proposal.capacity), proposal.public_id, 2)
    assert again(need).allocated == 5
    assert services.reconcile() == []


def test_interested_suppliers_hear_that_a_need_is_free_again(app: Flask) -> None:
    proposal = world.an_allocation()
    also_asked = world.an_allocation(proposal.need)
    world.an_allocation(proposal.need, state="superseded")
    world.an_allocation()
    heard: list[int] = []

    def hear(_sender: str, *, row: Any, **_rest: Any) -> None:
        heard.append(row.id)

    with events.happened.connected_to(hear, sender="allocation:free-again"):
        supplier = supplier_of(proposal.capacity)
        services.accept(supplier, proposal.public_id)
        assert heard == []
        services.release(supplier, proposal.public_id)
    assert heard == [also_asked.id]


def test_the_effect_on_others_is_told(app: Flask) -> None:
    capacity = world.a_capacity(quantity=4)
    need = world.a_need(quantity=5)
    proposal = world.an_allocation(need, capacity, quantity=3)
    world.an_allocation(world.a_need(), capacity, quantity=2)
    world.an_allocation(need)
    found = services.effect(again(proposal))
    assert found is not None
    assert (found.free_after, found.waiting, found.waiting_units, found.rivals, found.left_open) == (1, 1, 2, 1, 2)
    services.accept(supplier_of(capacity), proposal.public_id)
    assert services.effect(again(proposal)) is None
