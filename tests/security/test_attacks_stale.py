"""Rights that were taken away: the next request of a session that was right before is denied, and changes nothing."""

from typing import Any

import pytest
from sqlalchemy import inspect

from marketplace.extensions import db
from marketplace.permissions import Role
from tests.support.client import Browser
from tests.support.world import XINGQING, a_capacity, a_case, a_need, a_user, a_wish, an_allocation


def _row(row: Any) -> dict[str, Any]:
    """The columns of a record as they are stored now."""
    stored = db.session.get_one(type(row), inspect(row).identity, populate_existing=True)
    values = {column.key: str(getattr(stored, column.key)) for column in inspect(type(row)).columns}
    db.session.rollback()
    return values


@pytest.mark.parametrize("change", ["moved", "demoted", "disabled"])
def test_a_session_that_was_right_before_is_denied_at_once(client: Browser, change: str) -> None:
    """T2: saved requests, replayed by a session that began when all of them were granted."""
    worker = a_user(Role.CASEWORKER)
    case = a_case()
    need, wish = a_need(case), a_wish(case)
    running = an_allocation(a_need(case), a_capacity(), state="delivered")
    person, consent = case.people[0].public_id, case.consents[0].public_id
    pages = [f"/cases/{case.public_id}{rest}" for rest in ("", "/edit", "/people/new", "/packages", "/consents/new")]
    pages += [f"/needs/{need.public_id}", f"/needs/{need.public_id}/edit", f"/needs/{need.public_id}/exception"]
    pages += [f"/allocations/{running.public_id}", f"/cases/{case.public_id}/people/{person}/edit"]
    presses = [f"/cases/{case.public_id}/{rest}" for rest in ("reveal", "discard", "edit", "triage", "restrict")]
    presses += [f"/cases/{case.public_id}/people/{person}/{rest}" for rest in ("reveal", "discard", "edit")]
    presses += [f"/cases/{case.public_id}/consents/{consent}/withdraw", f"/needs/{need.public_id}/reveal"]
    presses += [
        f"/needs/{need.public_id}/withdraw",
        f"/needs/{wish.public_id}/take-down",
        f"/needs/{need.public_id}/edit",
    ]
    presses += [f"/needs/{wish.public_id}/keep-internal", f"/needs/{need.public_id}/exception"]
    presses += [f"/allocations/{running.public_id}/{rest}" for rest in ("confirm", "dispute", "thank", "follow-ups")]
    client.sign_in(worker)
    assert {client.get(page).status_code for page in pages} <= {200, 409}
    token = client.csrf_token()
    if change == "moved":
        worker.region = XINGQING
    elif change == "demoted":
        worker.roles = []
    else:
        worker.active = False
    db.session.commit()
    records = (case, need, wish, running, case.people[0], case.consents[0])
    before = [_row(row) for row in records]
    form = {"csrf_token": token, "reason": "visit", "satisfaction": "5", "thanks": "谢谢"}
    answers = [client.get(page) for page in pages] + [client.post(press, data=form) for press in presses]
    assert len(answers) > 25
    denied = [404] if change == "moved" else [403] if change == "demoted" else [302, 401, 400]
    assert {answer.status_code for answer in answers} <= set(denied)
    assert {answer.location.partition("?")[0] for answer in answers if answer.location} <= {"/account/login"}
    assert [_row(row) for row in records] == before
