"""The restricted run: a restricted case matched for its care team, and for nobody else."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.allocations.models import Allocation
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.matches.models import MatchRun
from marketplace.matches.scope import Scope, needs_in
from marketplace.permissions import Role
from tests.support.client import Browser
from tests.support.world import DAWUKOU, a_capacity, a_case, a_need, a_team_member, a_user


def test_the_team_sees_who_could_help_and_nothing_is_kept(app: Flask) -> None:
    case = a_case(restricted=True)
    coordinator = a_team_member(case, a_user(Role.COORDINATOR), "coordinator").user
    need, unserved = a_need(case), a_need(case, category="S0301", unit="次")
    silent = a_need(case, share_consent_on=None)
    elsewhere = a_need()
    capacity = a_capacity()
    found = services.match_case(actor_of(coordinator), case.public_id)
    assert [(pair.need.id, pair.capacity.id, pair.units) for pair in found.pairs] == [(need.id, capacity.id, 2)]
    assert [(row.id, units) for row, units, _reason in found.unserved] == [(unserved.id, 2)]
    assert [row.id for row in found.left_out] == [silent.id]
    assert db.session.scalar(select(func.count()).select_from(MatchRun)) == 0
    assert db.session.scalar(select(func.count()).select_from(Allocation)) == 0
    assert audit.history("case", case.id)[-1].action == "case:matched"
    assert list(db.session.scalars(needs_in(Scope(DAWUKOU)))) == [elsewhere]


def test_a_case_without_needs_finds_nobody(app: Flask) -> None:
    case = a_case(restricted=True)
    actor = actor_of(a_team_member(case).user)
    found = services.match_case(actor, case.public_id)
    assert (found.pairs, found.unserved, found.left_out) == ((), (), ())


def test_nobody_else_may_and_no_other_case(app: Flask, client: Browser) -> None:
    case, plain = a_case(restricted=True), a_case()
    a_need(case, title="暖手宝两个")
    member = a_team_member(case)
    a_team_member(plain, member.user)
    for role in (Role.CASEWORKER, Role.COORDINATOR, Role.OFFICER, Role.ADMINISTRATOR):
        with pytest.raises(NotFound):
            services.match_case(actor_of(a_user(role)), case.public_id)
    with pytest.raises(NotFound):
        services.match_case(actor_of(member.user), plain.public_id)
    client.sign_in(member.user)
    assert f"/cases/{case.public_id}/match" in client.get("/cases/care").get_data(as_text=True)
    assert "暖手宝两个" in client.submit(f"/cases/{case.public_id}/match").get_data(as_text=True)
    client.sign_in(a_user(Role.OFFICER))
    assert client.submit(f"/cases/{case.public_id}/match").status_code == 404
