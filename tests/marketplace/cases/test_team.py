"""The care team of a case (1+1+N), and who of it a restricted case is open to."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.accounts.services import actor_of
from marketplace.cases import services
from marketplace.cases.models import CareTeamMember
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Role
from tests.support.client import Browser
from tests.support.world import HUINONG, a_case, a_team_member, a_user

pytestmark = pytest.mark.both_databases


def test_each_place_takes_the_role_it_names(app: Flask) -> None:
    case, actor = a_case(), actor_of(a_user(Role.OFFICER))
    worker, coordinator = a_user(Role.CASEWORKER), a_user(Role.COORDINATOR)
    with pytest.raises(InvalidInput):
        services.add_to_team(actor, case.public_id, "officer", user_id=worker.public_id)
    services.add_to_team(actor, case.public_id, "social_worker", user_id=worker.public_id)
    services.add_to_team(actor, case.public_id, "coordinator", user_id=coordinator.public_id)
    guest = a_user(Role.VOLUNTEER, region=None, email="helper@example.org")
    services.add_to_team(actor, case.public_id, "resource", email="Helper@Example.org")
    assert [(one.position, one.user_id) for one in case.team] == [
        ("social_worker", worker.id), ("coordinator", coordinator.id), ("resource", guest.id),
    ]  # fmt: skip
    assert not case.team_is_led


@pytest.mark.parametrize("given", [{}, {"user_id": "0" * 32}, {"email": "nobody@example.org"}, {"email": " "}])
def test_an_unknown_account_takes_no_place(app: Flask, given: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        services.add_to_team(actor_of(a_user(Role.OFFICER)), a_case().public_id, "resource", **given)


def test_a_lead_is_one_and_nobody_is_on_a_team_twice(app: Flask) -> None:
    case, actor = a_case(), actor_of(a_user(Role.OFFICER))
    first = a_team_member(case, position="social_worker").user
    for position, user in (("social_worker", a_user(Role.CASEWORKER)), ("resource", first)):
        with pytest.raises(StateConflict):
            services.add_to_team(actor, case.public_id, position, user_id=user.public_id)
    db.session.expire_all()
    assert len(case.team) == 1


def test_of_many_who_take_a_lead_at_once_one_has_it(app: Flask) -> None:
    case_id, actor = a_case().public_id, actor_of(a_user(Role.OFFICER))
    users = [a_user(Role.CASEWORKER).public_id for _place in range(6)]
    db.session.rollback()

    def take(user_id: str) -> bool:
        with app.app_context():
            try:
                services.add_to_team(actor, case_id, "social_worker", user_id=user_id)
            except StateConflict:
                return False
            return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(take, users)) == 1
    assert db.session.scalar(select(func.count()).select_from(CareTeamMember)) == 1


def test_whoever_restricts_a_case_takes_the_free_lead_of_their_role(app: Flask) -> None:
    case, worker, officer = a_case(), actor_of(a_user(Role.CASEWORKER)), actor_of(a_user(Role.OFFICER))
    services.rate(worker, case.public_id, "RED", "R05")
    assert [(one.position, one.user_id) for one in case.team] == [("social_worker", worker.user_id)]
    services.restrict(officer, case.public_id, False, "")
    services.restrict(officer, case.public_id, True, "R07")
    assert case.team_is_led
    with pytest.raises(NotFound):
        services.load_case(actor_of(a_user(Role.CASEWORKER)), case.public_id)


def test_a_restricted_case_keeps_its_leads_and_hands_them_over(app: Flask) -> None:
    case, officer = a_case(), a_user(Role.OFFICER)
    actor = actor_of(officer)
    a_team_member(case, position="social_worker")
    member = a_team_member(case, officer, "officer")
    services.restrict(actor, case.public_id, True, "R05")
    with pytest.raises(StateConflict):
        services.remove_from_team(actor, case.public_id, member.public_id)
    successor = a_user(Role.OFFICER)
    services.hand_over(actor, case.public_id, member.public_id, successor.public_id)
    with pytest.raises(NotFound):
        services.load_case(actor, case.public_id)
    assert services.load_case(actor_of(successor), case.public_id).team_is_led


def test_a_failed_hand_over_leaves_the_place_as_it_was(app: Flask) -> None:
    case, actor = a_case(), actor_of(a_user(Role.OFFICER))
    member = a_team_member(case, position="social_worker")
    with pytest.raises(InvalidInput):
        services.hand_over(actor, case.public_id, member.public_id, a_user(Role.VOLUNTEER).public_id)
    db.session.expire_all()
    assert [one.user_id for one in case.team] == [member.user_id]


def test_candidates_serve_the_region_and_are_not_on_the_team(app: Flask) -> None:
    case = a_case()
    mine, above = a_user(Role.CASEWORKER), a_user(Role.OFFICER, region="640200")
    a_user(Role.CASEWORKER, region=HUINONG)
    on_team = a_team_member(case).user
    found = {candidate.user.id: candidate.positions for candidate in services.candidates(case)}
    assert found == {mine.id: ("social_worker", "resource"), above.id: ("officer", "resource")}
    assert on_team.id not in found


def test_the_team_by_hand(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.OFFICER))
    case, worker = a_case(), a_user(Role.CASEWORKER)
    address = f"/cases/{case.public_id}"
    form = {"position": "social_worker", "user": worker.public_id}
    assert client.submit(f"{address}/team", form).status_code == 303
    assert client.submit(f"{address}/team", {"position": "officer", "user": ""}).status_code == 422
    assert client.submit(f"{address}/team", {"position": "resource", "email": "x@example.org"}).status_code == 422
    db.session.expire_all()
    member = case.team[0]
    assert f"{address}/team/{member.public_id}/remove" in client.get(address).get_data(as_text=True)
    successor = a_user(Role.CASEWORKER)
    assert (
        client.submit(f"{address}/team/{member.public_id}/hand-over", {"user": successor.public_id}).status_code == 303
    )
    db.session.expire_all()
    assert [one.user_id for one in case.team] == [successor.id]
    assert client.submit(f"{address}/team/{case.team[0].public_id}/remove").status_code == 303
    assert client.submit(f"{address}/team/{'0' * 32}/remove").status_code == 404
