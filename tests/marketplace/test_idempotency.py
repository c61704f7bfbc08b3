"""A request sent twice has one effect, and its answer can be had again."""

import uuid

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace import audit
from marketplace.allocations.models import Allocation
from marketplace.errors import StateConflict
from marketplace.extensions import db
from marketplace.idempotency import FIELD, HEADER, IdempotentRequest, forget_old_keys
from marketplace.permissions import Role, system_actor
from marketplace.records import now
from marketplace.transitions import afterwards, move, transaction
from tests.support import world
from tests.support.client import Browser

ROBOT = system_actor("test")


def count(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_the_same_claim_twice_is_one_claim_with_one_answer(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER))
    url = f"/wishes/{world.a_wish().public_id}/claim"
    key = uuid.uuid4().hex
    first = client.submit(url, headers={HEADER: key})
    again = client.submit(url, {FIELD: key})
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.headers["Location"] == again.headers["Location"]
    assert count(Allocation) == 1


def test_one_key_for_two_requests_is_refused(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER))
    for place, wanted in ((0, 303), (1, 422)):
        url = f"/wishes/{world.a_wish().public_id}/claim"
        assert client.submit(url, headers={HEADER: "same"}).status_code == wanted, place
    assert count(Allocation) == 1


def test_keys_are_their_senders_own(app: Flask, client: Browser, new_client: type[Browser]) -> None:
    for browser in (client, new_client()):
        browser.sign_in(world.a_user(Role.VOLUNTEER))
        url = f"/wishes/{world.a_wish().public_id}/claim"
        assert browser.submit(url, headers={HEADER: "same"}).status_code == 303
    assert count(Allocation) == 2


def test_a_refused_request_may_be_sent_again_with_its_key(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER))
    wish = world.a_wish(state="review")
    url = f"/wishes/{wish.public_id}/claim"
    assert client.submit(url, headers={HEADER: "k"}).status_code == 404
    assert count(IdempotentRequest) == 0
    wish.state = "open"
    db.session.commit()
    assert client.submit(url, headers={HEADER: "k"}).status_code == 303


def test_old_keys_are_forgotten(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER))
    for name in ("old", "new"):
        client.submit(f"/wishes/{world.a_wish().public_id}/claim", headers={HEADER: name})
    with transaction() as session:
        old = session.scalars(select(IdempotentRequest).where(IdempotentRequest.key == "old")).one()
        old.created_at = now().replace(year=2020)
    forget_old_keys()
    assert list(db.session.scalars(select(IdempotentRequest.key))) == ["new"]


def test_a_part_of_a_transaction_can_fail_alone(app: Flask) -> None:
    kept, failed = (world.an_allocation() for _index in range(2))
    done: list[str] = []
    with transaction():
        move(ROBOT, kept, expect="proposed", to="accepted")
        with pytest.raises(StateConflict):
            _move_then_fail(failed, done)
        afterwards("kept", lambda: done.append("kept"))
    assert (kept.state, failed.state) == ("accepted", "proposed")
    assert done == ["kept"]
    assert len(audit.history("allocation", failed.id)) == 0


def _move_then_fail(row: Allocation, done: list[str]) -> None:
    with transaction():
        move(ROBOT, row, expect="proposed", to="accepted")
        afterwards("failed", lambda: done.append("failed"))
        move(ROBOT, row, expect="proposed", to="declined", decline_reason="timing")
