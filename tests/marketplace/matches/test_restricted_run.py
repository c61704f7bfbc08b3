"""The restricted run: a restricted case matched for its care team, and for nobody else."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace import audit, jobs
from marketplace.accounts.services import actor_of
from marketplace.allocations.models import Allocation
from marketplace.cases.models import Case
from marketplace.cases.services import restrict
from marketplace.errors import MarketplaceError, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.matches.models import CaseProposal, MatchRun, RunOutcome, RunShortage
from marketplace.matches.scope import Scope, needs_in
from marketplace.notifications.models import Notification
from marketplace.oversight import services as oversight
from marketplace.permissions import Actor, Role, system_actor
from tests.support.client import Browser
from tests.support.world import (
    DAWUKOU,
    a_capacity,
    a_case,
    a_need,
    a_project,
    a_team_member,
    a_user,
    an_allocation,
    save,
)


def a_team(case: Case) -> Actor:
    """A coordinator of the care team of a case, as an actor."""
    return actor_of(a_team_member(case, a_user(Role.COORDINATOR), "coordinator").user)


def done(app: Flask, actor: Actor, case: Case) -> MatchRun:
    """A run of the case, done by a worker."""
    key = services.start_for_case(actor, case.public_id).id
    jobs.work_off(app)
    return db.session.get_one(MatchRun, key, populate_existing=True)


def test_the_team_gets_a_run_with_proposals_reasons_and_what_took_no_part(app: Flask) -> None:
    case = a_case(restricted=True)
    coordinator = a_team(case)
    need, unserved = a_need(case), a_need(case, category="S0301", unit="次")
    silent, elsewhere = a_need(case, share_consent_on=None), a_need()
    capacity = a_capacity()
    waiting = services.start_for_case(coordinator, case.public_id)
    with pytest.raises(StateConflict):
        services.start_for_case(coordinator, case.public_id)
    services.cancel_for_case(coordinator, waiting.public_id)
    run = done(app, coordinator, case)
    assert (run.state, run.case_id, run.summary["proposals"]) == ("done", case.id, 1)
    result = services.result_of(run, case)
    assert [(row.need_id, row.capacity_id, row.quantity) for row, _effect in result.proposals] == [
        (need.id, capacity.id, 2)
    ]
    row, effect = result.proposals[0]
    assert set(row.reasons) >= {"parts", "metres", "alternatives"}
    assert effect is not None
    assert (effect.free_after, effect.left_open) == (8, 0)
    assert [(one.id, outcome.quantity) for outcome, one in result.unserved] == [(unserved.id, 2)]
    assert [one.id for one in result.left_out] == [silent.id]
    assert services.explained_for_case(coordinator, run.public_id, need.public_id) is not None
    assert [one.id for one in services.runs_of_case(case).items] == [run.id, waiting.id]
    assert "case:matched" in {event.action for event in audit.history("case", case.id)}
    assert list(db.session.scalars(needs_in(Scope(DAWUKOU)))) == [elsewhere]


def test_a_case_without_needs_finds_nobody(app: Flask) -> None:
    case = a_case(restricted=True)
    actor = actor_of(a_team_member(case).user)
    run = done(app, actor, case)
    result = services.result_of(run, case)
    assert (run.state, result.proposals, result.unserved, result.left_out) == ("done", [], [], [])


def test_nothing_of_it_shows_to_suppliers_or_others(app: Flask, client: Browser) -> None:
    case = a_case(restricted=True)
    member = a_team(case)
    a_team_member(case, position="social_worker")
    a_team_member(case, a_user(Role.OFFICER), "officer")
    project = a_project()
    need, capacity = a_need(case, title="暖手宝两个"), a_capacity(project)
    a_need(case, category="S0301", unit="次", title="助餐")
    supplier = a_user(Role.CHARITY, organization=capacity.organization)
    run = done(app, member, case)
    # In no table that lists, counts, exports or notices of others read:
    assert db.session.scalar(select(func.count()).select_from(Allocation)) == 0
    assert db.session.scalar(select(func.count()).select_from(RunShortage)) == 0
    told = db.session.execute(select(Notification.user_id, Notification.event, Notification.about)).all()
    assert [(row.user_id, row.event) for row in told] == [(member.user_id, "match_run:case_done")]
    # An ordinary run of the region beside it neither counts it nor compares with it nor ends its proposals:
    ordinary = services.run_now(system_actor("test"), DAWUKOU)
    assert (ordinary.summary["needs"], services.compared(ordinary)) == (0, None)
    assert db.session.scalars(select(CaseProposal.state)).all() == ["open"]
    addresses = [f"/cases/runs/{run.public_id}{rest}" for rest in ("", "/progress", f"/needs/{need.public_id}")]
    addresses += [f"/cases/{case.public_id}/runs", f"/runs/{run.public_id}", f"/runs/{run.public_id}/progress"]
    addresses += [f"/runs/{run.public_id}/needs/{need.public_id}"]
    lists = ["/runs", "/allocations", "/needs", f"/projects/{project.public_id}", "/search?q=暖手宝"]
    readers = [a_user(role) for role in (Role.COORDINATOR, Role.CASEWORKER, Role.OFFICER, Role.AUDITOR)]
    for reader in (supplier, *readers, a_user(Role.ADMINISTRATOR)):
        client.sign_in(reader)
        assert {address: client.get(address).status_code for address in addresses[:4]} == dict.fromkeys(
            addresses[:4], 404
        )
        assert {client.get(address).status_code for address in addresses[4:]} <= {403, 404}
        for address in lists:
            page = client.get(address).get_data(as_text=True)
            assert run.public_id not in page, address
            assert "暖手宝两个" not in page, address
        assert client.submit(f"/cases/{case.public_id}/match").status_code == 404
        assert client.submit(f"/cases/runs/{run.public_id}/cancel").status_code == 404
    kept = set(db.session.scalars(select(audit.AuditEvent.action)))
    shown = {event.action for event in oversight.events(system_actor("test"), oversight.Wanted(), 1).items}
    assert {"match_run:case_queued", "match_run:case_done", "case_proposal:found", "case:matched"} <= kept - shown
    proposal = db.session.scalars(select(CaseProposal)).one()
    client.sign_in(readers[0])
    assert client.submit(f"/cases/runs/{run.public_id}/proposals/{proposal.public_id}/accept").status_code == 404
    with pytest.raises(NotFound):
        services.cancel(actor_of(readers[0]), run.public_id)


def test_a_coordinator_of_the_team_asks_and_accepts_in_the_suppliers_name(app: Flask, client: Browser) -> None:
    case = a_case(restricted=True)
    coordinator, worker = a_team_member(case, a_user(Role.COORDINATOR), "coordinator").user, a_team_member(case).user
    need, capacity = a_need(case), a_capacity()
    supplier = a_user(Role.CHARITY, organization=capacity.organization)
    client.sign_in(worker)
    address = client.submit(f"/cases/{case.public_id}/match").location
    assert f'hx-get="{address}/progress"' in client.get(address).get_data(as_text=True)
    jobs.work_off(app)
    proposal = db.session.scalars(select(CaseProposal)).one()
    accept = f"{address}/proposals/{proposal.public_id}/accept"
    assert accept not in client.get(address).get_data(as_text=True)
    assert client.submit(accept).status_code == 403
    client.sign_in(coordinator)
    assert accept in client.get(address).get_data(as_text=True)
    answer = client.submit(accept)
    made = db.session.scalars(select(Allocation)).one()
    assert answer.location == f"/allocations/{made.public_id}"
    db.session.refresh(proposal)
    assert (made.state, made.source, made.run_id, made.fit) == ("accepted", "run", proposal.run_id, proposal.fit)
    assert (made.need_id, made.quantity, made.reasons["parts"]) == (need.id, 2, proposal.reasons["parts"])
    assert (proposal.state, proposal.allocation_id) == ("accepted", made.id)
    actions = [event.action for event in audit.history("allocation", made.id)]
    assert actions == ["allocation:proposed", "allocation:agreed", "allocation:accepted"]
    assert client.submit(accept).status_code == 409
    told = db.session.scalars(select(Notification.event).where(Notification.user_id == supplier.id)).all()
    assert told == ["allocation:agreed"]
    client.sign_in(supplier)
    assert made.public_id in client.get("/allocations?tab=running").get_data(as_text=True)


def test_a_no_is_recorded_and_respected_by_the_next_run(app: Flask, client: Browser) -> None:
    case = a_case(restricted=True)
    coordinator = a_team_member(case, a_user(Role.COORDINATOR), "coordinator").user
    a_need(case)
    near, far = a_capacity(), a_capacity(categories=["S1102", "S1101", "S1103"])
    first = done(app, actor_of(coordinator), case)
    asked = db.session.scalars(select(CaseProposal)).one()
    assert asked.capacity_id == near.id
    client.sign_in(coordinator)
    decline = f"/cases/runs/{first.public_id}/proposals/{asked.public_id}/decline"
    assert client.submit(decline, {"reason": "nonsense"}).status_code == 422
    assert client.submit(decline, {"reason": "timing"}).status_code == 303
    second = done(app, actor_of(coordinator), case)
    found = db.session.scalars(select(CaseProposal).where(CaseProposal.run_id == second.id)).one()
    assert (found.capacity_id, found.state) == (far.id, "open")
    third = done(app, actor_of(coordinator), case)
    states = db.session.execute(select(CaseProposal.run_id, CaseProposal.state).order_by(CaseProposal.id)).all()
    assert [tuple(row) for row in states] == [(first.id, "declined"), (second.id, "superseded"), (third.id, "open")]


def test_restricting_a_case_ends_what_suppliers_were_asked_and_its_end_ends_the_team_s(app: Flask) -> None:
    officer = actor_of(a_user(Role.OFFICER))
    case = a_case()
    asked = an_allocation(need=a_need(case))
    restrict(officer, case.public_id, True, "R05")
    db.session.refresh(asked)
    assert asked.state == "superseded"
    coordinator = a_team(case)
    a_capacity()
    run = done(app, coordinator, case)
    waiting = services.start_for_case(coordinator, case.public_id)
    restrict(officer, case.public_id, False, "")
    assert set(db.session.scalars(select(CaseProposal.state))) == {"superseded"}
    db.session.refresh(waiting)
    assert waiting.state == "cancelled"
    with pytest.raises(NotFound):
        services.find_of_team(coordinator, run.public_id)


def test_only_a_restricted_case_of_the_own_team_has_such_runs(app: Flask) -> None:
    case, plain = a_case(restricted=True), a_case()
    member = a_team_member(case)
    a_team_member(plain, member.user)
    for role in (Role.CASEWORKER, Role.COORDINATOR, Role.OFFICER, Role.ADMINISTRATOR):
        with pytest.raises(NotFound):
            services.start_for_case(actor_of(a_user(role)), case.public_id)
    with pytest.raises(NotFound):
        services.start_for_case(actor_of(member.user), plain.public_id)


def test_what_changed_since_the_run_is_checked_when_it_is_accepted(app: Flask) -> None:
    case = a_case(restricted=True)
    coordinator = a_team(case)
    a_need(case)
    capacity = a_capacity()
    run = done(app, coordinator, case)
    proposal = db.session.scalars(select(CaseProposal)).one()
    capacity.allocated = 9
    save(capacity)
    with pytest.raises(MarketplaceError):
        services.accept_for_case(coordinator, run.public_id, proposal.public_id)
    db.session.refresh(proposal)
    assert (proposal.state, db.session.scalar(select(func.count()).select_from(Allocation))) == ("open", 0)
    assert db.session.scalar(select(func.count()).select_from(RunOutcome)) == 0
