"""Pages and buttons of the life-cycle, by role."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.allocations.models import Allocation
from marketplace.allocations.wording import event_line
from marketplace.extensions import db
from marketplace.permissions import Role
from marketplace.records import today
from tests.marketplace.allocations.people import again
from tests.support import world
from tests.support.canary import CanaryWatch
from tests.support.client import Browser


@pytest.fixture
def proposal(app: object) -> Allocation:
    return world.an_allocation(
        world.a_need(quantity=1),
        reasons={
            "parts": {"closeness": 8000, "specialisation": 10000, "group_fit": 5000, "waiting": 300},
            "metres": 4200,
            "waiting_days": 3,
            "alternatives": [{"capacity": world.a_capacity(title="备选冬衣").id, "fit": 4000, "metres": 9000}],
        },
    )


@pytest.fixture
def supplier(client: Browser, proposal: Allocation) -> Browser:
    return client.sign_in(world.a_user(region=None, organization=proposal.capacity.organization))


@pytest.fixture
def caseworker(new_client: Callable[[], Browser]) -> Browser:
    return new_client().sign_in(world.a_user(Role.CASEWORKER))


def state_of(row: Allocation) -> str:
    db.session.rollback()
    state = str(db.session.get_one(Allocation, row.id, populate_existing=True).state)
    db.session.rollback()  # a reader that stays would keep the next request from committing
    return state


def test_one_press_claims_and_one_press_undoes(client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER, region=None))
    wish = world.a_wish()
    answer = client.submit(f"/wishes/{wish.public_id}/claim")
    assert (answer.status_code, answer.location) == (303, "/account/claims")
    page = client.get("/account/claims").get_data(as_text=True)
    assert set(re.findall(r'href="(/wishes/[^"]+)"', page)) == {f"/wishes/{wish.public_id}"}
    released = re.search(r'action="(/allocations/\w+/release)"', page)
    assert released
    assert client.submit(released.group(1), {"to_claims": "1"}).location == "/account/claims"
    assert wish.public_id not in client.get("/account/claims").get_data(as_text=True)


def test_claims_are_listed_newest_first(client: Browser) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER, region=None))
    wishes = [world.a_wish() for _ in range(3)]
    for wish in wishes:
        client.submit(f"/wishes/{wish.public_id}/claim")
    page = client.get("/account/claims").get_data(as_text=True)
    assert re.findall(r'href="/wishes/([^"]+)"', page) == [wish.public_id for wish in reversed(wishes)]
    assert client.submit(f"/wishes/{world.a_wish().public_id}/claim").status_code == 409


def test_who_is_second_sees_similar_wishes(client: Browser, new_client: Callable[[], Browser]) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER, region=None))
    second = new_client().sign_in(world.a_user(Role.VOLUNTEER, region=None))
    wish, similar, taken = world.a_wish(), world.a_wish(), world.a_wish()
    client.submit(f"/wishes/{taken.public_id}/claim")
    client.submit(f"/wishes/{wish.public_id}/claim")
    answer = second.submit(f"/wishes/{wish.public_id}/claim")
    assert answer.status_code == 409
    page = answer.get_data(as_text=True)
    assert set(re.findall(r'href="/wishes/([^"]+)"', page)) == {similar.public_id}


def test_claims_ask_for_a_volunteer(client: Browser, caseworker: Browser) -> None:
    wish = world.a_wish()
    assert client.submit(f"/wishes/{wish.public_id}/claim").status_code == 401
    assert caseworker.submit(f"/wishes/{wish.public_id}/claim").status_code == 403


def test_a_volunteer_sets_a_day_and_is_done(client: Browser, caseworker: Browser) -> None:
    user = world.a_user(Role.VOLUNTEER, region=None)
    client.sign_in(user)
    wish = world.a_wish()
    claimed = services.claim(actor_of(user), wish.public_id)
    db.session.rollback()
    address = f"/allocations/{claimed.public_id}"
    past = client.submit(f"{address}/start", {"due_on": world.in_days(-1).isoformat(), "to_claims": "1"})
    assert (past.status_code, state_of(claimed)) == (303, "accepted")
    client.submit(f"{address}/start", {"due_on": world.in_days(2).isoformat(), "to_claims": "1"})
    assert state_of(claimed) == "delivering"
    client.submit(f"{address}/delivered", {"to_claims": "1"})
    assert state_of(claimed) == "delivered"
    assert wish.reference in caseworker.get("/allocations").get_data(as_text=True)
    assert caseworker.submit(f"{address}/confirm", {"satisfaction": "5"}).status_code == 303
    assert state_of(claimed) == "confirmed"


def test_a_supplier_sees_why_and_accepts(supplier: Browser, proposal: Allocation, caseworker: Browser) -> None:
    inbox = supplier.get("/allocations").get_data(as_text=True)
    assert proposal.need.reference in inbox
    address = f"/allocations/{proposal.public_id}"
    page = supplier.get(address).get_data(as_text=True)
    assert "4.2" in page
    assert "备选冬衣" in page
    assert supplier.submit(f"{address}/accept").location == address
    assert state_of(proposal) == "accepted"
    assert supplier.submit(f"{address}/accept").status_code == 409
    assert supplier.submit(f"{address}/start", {"due_on": "nonsense"}).status_code == 422
    assert supplier.submit(f"{address}/start", {"due_on": world.in_days(-3).isoformat()}).status_code == 422
    assert supplier.submit(f"{address}/start", {"due_on": world.in_days(3).isoformat()}).status_code == 303
    form = {"delivered_on": world.in_days(0).isoformat(), "quantity": "7", "people_served": "1", "value_kind": "goods"}
    assert supplier.submit(f"{address}/delivered", form).status_code == 422
    form |= {"quantity": "1", "value_yuan": "120.50"}
    assert supplier.submit(f"{address}/delivered", form).status_code == 303
    assert state_of(proposal) == "delivered"
    assert proposal.deliveries[0].value_fen == 12050
    assert caseworker.submit(f"{address}/dispute", {"reason": "数量不符"}).status_code == 303
    assert state_of(proposal) == "delivering"
    supplier.submit(f"{address}/delivered")
    caseworker.submit(f"{address}/confirm", {"satisfaction": "4"})
    assert state_of(proposal) == "confirmed"
    assert caseworker.submit(f"{address}/reopen", {"reason": "不合用"}).status_code == 303
    assert state_of(proposal) == "reopened"
    assert supplier.get("/allocations?tab=past").status_code == 200


def test_declining_asks_for_a_reason(supplier: Browser, proposal: Allocation) -> None:
    address = f"/allocations/{proposal.public_id}/decline"
    assert supplier.submit(address).status_code == 422
    assert supplier.submit(address, {"reason": "hukou"}).status_code == 422
    assert supplier.submit(address, {"reason": "timing"}).status_code == 303
    assert state_of(proposal) == "declined"


def test_a_selection_is_accepted_or_declined(supplier: Browser, proposal: Allocation) -> None:
    more = [world.an_allocation(world.a_need(), proposal.capacity) for _ in range(3)]
    gone = more[0]
    gone.need.state, gone.need.closing = "closed", "withdrawn"
    db.session.commit()
    chosen = {"allocation": [gone.public_id, more[1].public_id]}
    answer = supplier.submit("/allocations/accept-selected", chosen, follow_redirects=True).get_data(as_text=True)
    assert gone.need.reference in answer
    assert [state_of(row) for row in more] == ["proposed", "accepted", "proposed"]
    supplier.submit("/allocations/decline-selected", {"allocation": [more[2].public_id], "reason": "too_far"})
    assert state_of(more[2]) == "declined"
    assert supplier.submit("/allocations/accept-selected").status_code == 303
    assert supplier.submit("/allocations/decline-selected", {"allocation": ["x"], "reason": "?"}).status_code == 422


def test_the_contact_is_shown_once_and_only_after_acceptance(
    supplier: Browser, proposal: Allocation, canary: CanaryWatch, caseworker: Browser
) -> None:
    address = f"/allocations/{proposal.public_id}"
    assert supplier.submit(f"{address}/reveal", {"reason": "arrange"}).status_code == 409
    supplier.submit(f"{address}/accept")
    assert supplier.submit(f"{address}/reveal").status_code == 422
    canary.allow("allocations.reveal")
    shown = supplier.submit(f"{address}/reveal", {"reason": "arrange"}).get_data(as_text=True)
    for name in ("name", "phone", "address", "details"):
        assert world.CANARIES[name] in shown
    assert caseworker.submit(f"{address}/reveal", {"reason": "arrange"}).status_code == 403
    assert supplier.get(address).status_code == 200


def test_another_organizations_allocation_looks_absent(client: Browser, proposal: Allocation) -> None:
    foreign = client.sign_in(world.a_user(region=None, organization=world.an_organization()))
    address = f"/allocations/{proposal.public_id}"
    assert foreign.get(address).status_code == 404
    for move in ("accept", "start", "delivered", "release", "decline", "reveal"):
        form = {"due_on": world.in_days(1).isoformat(), "reason": "deliver" if move == "reveal" else "timing"}
        assert foreign.submit(f"{address}/{move}", form).status_code == 404, move
    assert proposal.need.reference not in foreign.get("/allocations").get_data(as_text=True)


def test_staff_of_another_region_find_nothing(new_client: Callable[[], Browser], proposal: Allocation) -> None:
    for role in (Role.CASEWORKER, Role.OFFICER, Role.COORDINATOR):
        elsewhere = new_client().sign_in(world.a_user(role, region=world.XINGQING))
        assert elsewhere.get(f"/allocations/{proposal.public_id}").status_code == 404
        assert proposal.need.reference not in elsewhere.get("/allocations?tab=answer").get_data(as_text=True)


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.VOLUNTEER, 404),
        (Role.CASEWORKER, 200),
        (Role.COORDINATOR, 200),
        (Role.OFFICER, 200),
        (Role.AUDITOR, 200),
        (Role.ADMINISTRATOR, 200),
    ],
)
def test_who_may_look(client: Browser, proposal: Allocation, role: Role, status: int) -> None:
    client.sign_in(world.a_user(role))
    assert client.get(f"/allocations/{proposal.public_id}").status_code == status
    assert client.get("/allocations").status_code == 200
    for tab in ("answer", "running", "past", "nonsense"):
        assert client.get(f"/allocations?tab={tab}&urgency=red&category=S11&reference=W-1").status_code == 200
    # A volunteer answers proposals to an offer of their own; another's looks absent.
    refused = 404 if role is Role.VOLUNTEER else 403
    for move in ("accept", "decline", "delivered"):
        assert client.submit(f"/allocations/{proposal.public_id}/{move}").status_code == refused


def test_a_coordinator_releases_for_a_supplier(client: Browser, new_client: Callable[[], Browser]) -> None:
    row = world.an_allocation(state="accepted")
    client.sign_in(world.a_user(Role.COORDINATOR))
    assert client.submit(f"/allocations/{row.public_id}/release").status_code == 422
    assert client.submit(f"/allocations/{row.public_id}/release", {"reason": "timing"}).status_code == 303
    assert state_of(row) == "released"
    assert services.reconcile() == []


def test_the_list_is_paged_and_filtered(client: Browser, new_client: Callable[[], Browser]) -> None:
    capacity = world.a_capacity(quantity=100)
    client.sign_in(world.a_user(region=None, organization=capacity.organization))
    rows = [world.an_allocation(world.a_need(urgency="red" if n < 2 else "blue"), capacity) for n in range(23)]
    first = client.get("/allocations").get_data(as_text=True)
    assert len(set(re.findall(r'href="/allocations/(\w{32})"', first))) == 20
    red = client.get("/allocations?urgency=red").get_data(as_text=True)
    assert set(re.findall(r'href="/allocations/(\w{32})"', red)) == {row.public_id for row in rows[:2]}
    one = client.get(f"/allocations?reference={rows[5].need.reference.lower()}").get_data(as_text=True)
    assert set(re.findall(r'href="/allocations/(\w{32})"', one)) == {rows[5].public_id}


def test_the_page_of_a_need_says_who_helps(caseworker: Browser, proposal: Allocation) -> None:
    supplier, need = proposal.capacity.organization.name, proposal.need.public_id
    page = caseworker.get(f"/needs/{need}").get_data(as_text=True)
    assert supplier in page
    assert f'href="/allocations/{proposal.public_id}"' in page


def test_all_proposals_shown_are_accepted_by_one_press(client: Browser) -> None:
    capacity = world.a_capacity(quantity=2)
    rows = [world.an_allocation(world.a_need(), capacity) for _ in range(3)]
    client.sign_in(world.a_user(region=None, organization=capacity.organization))
    page = client.get("/allocations").get_data(as_text=True)
    (form,) = re.findall(r'<form class="post-button mb-3".*?</form>', page, re.DOTALL)
    chosen = re.findall(r'name="allocation" value="(\w+)"', form)
    assert sorted(chosen) == sorted(row.public_id for row in rows)
    assert client.submit("/allocations/accept-selected", {"allocation": chosen}).status_code == 303
    assert sorted(state_of(row) for row in rows) == ["accepted", "accepted", "proposed"]


@pytest.mark.parametrize(
    ("reason", "status", "kept"), [("timing", 303, "timing"), ("", 303, "other"), ("x", 422, None)]
)
def test_a_volunteer_gives_back_with_a_reason(client: Browser, reason: str, status: int, kept: str | None) -> None:
    user = world.a_user(Role.VOLUNTEER, region=None)
    claim = services.claim(actor_of(user), world.a_wish().public_id)
    client.sign_in(user)
    assert 'name="reason"' in client.get("/account/claims").get_data(as_text=True)
    answer = client.submit(f"/allocations/{claim.public_id}/release", {"to_claims": "1", "reason": reason})
    assert answer.status_code == status
    assert state_of(claim) == ("released" if kept else "accepted")
    assert db.session.get_one(Allocation, claim.id, populate_existing=True).decline_reason == kept


def test_everything_that_happens_to_an_allocation_has_words(app: Flask) -> None:
    folder = Path(services.__file__).parent
    found = {name for file in folder.glob("*.py") for name in re.findall(r'"(allocation:[a-z_]+)"', file.read_text())}
    found |= {f"allocation:{state}" for states in Allocation.__moves__.values() for state in states}
    told = {"allocation:handover", "allocation:handed_over", "allocation:link_failed"}  # no events
    told |= {"allocation:moved_away"}
    event: Any = audit.AuditEvent
    moment = "2026-11-25T00:00:00.000+00:00"
    silent = {
        action
        for action in found - told | {"allocation:demo_loaded"}
        if event_line(event(action=action, occurred_at=moment, actor_role="")).title == action
    }
    assert silent == set()


def test_a_day_that_is_set_stands_in_the_form_that_changes_it(supplier: Browser, proposal: Allocation) -> None:
    page = f"/allocations/{proposal.public_id}"
    supplier.submit(f"{page}/accept")
    day = (today() + timedelta(days=4)).isoformat()
    supplier.submit(f"{page}/start", {"due_on": day})
    form = supplier.get(page).get_data(as_text=True).split(f'action="{page}/start"')[1].split("</form>")[0]
    assert f'value="{day}"' in form
    assert supplier.submit(f"{page}/start", {"due_on": "2001-01-01"}).status_code == 422
    later = (today() + timedelta(days=6)).isoformat()
    assert supplier.submit(f"{page}/start", {"due_on": later}).status_code == 303
    assert again(proposal).due_on.isoformat() == later
