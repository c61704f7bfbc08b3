"""The demo world as `marketplace demo` makes it: its known figures, its accounts, and what it refuses."""

import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace import audit, create_app, regions
from marketplace.accounts import services as accounts
from marketplace.allocations.models import HOLDS_CAPACITY, HOLDS_NEED, LIVE, Allocation, Delivery, FollowUp
from marketplace.cases.models import Person
from marketplace.extensions import db
from marketplace.matches.models import MatchRun
from marketplace.needs.models import Need
from marketplace.organizations.models import Alliance, AllianceMember, Package
from marketplace.permissions import Role
from marketplace.projects.freshness import CONFIRM_EVERY
from marketplace.projects.models import Capacity
from marketplace.records import today
from marketplace.search import index, services
from tests.conftest import settings_in
from tests.support.client import Browser
from tests.support.commands import Result, marketplace
from tests.support.world import DAWUKOU, HUINONG, XINGQING

#: Roles that the accounts are told by; those of the charities are their managers.
TOLD = [role for role in Role if role not in (Role.PUBLIC, Role.CHARITY_MANAGER)]
KEYS = {"SECRET_KEY": "s" * 40, "FIELD_KEYS": "k" * 40}  # those of tests.conftest.settings_in


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def accounts_in(path: Path) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = json.loads(path.read_text("utf-8"))
    return listed


@pytest.fixture(scope="module")
def made_before(folder: Path) -> list[dict[str, str]]:
    """Accounts of a demo that the one under test has replaced."""
    result = marketplace(folder, "demo", "--no-serve", "--accounts", folder / "before.json", **KEYS)
    assert result.returncode == 0, result.stderr
    return accounts_in(folder / "before.json")


@pytest.fixture(scope="module")
def made(folder: Path, made_before: list[dict[str, str]]) -> Result:
    result = marketplace(folder, "demo", "--no-serve", "--accounts", folder / "accounts.json", **KEYS)
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture
def demo(made: Result, folder: Path) -> Iterator[Flask]:
    app = create_app(settings_in(folder), TESTING=True, RATELIMIT_ENABLED=False)
    app.test_client_class = Browser
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="module")
def told(made: Result, folder: Path) -> list[dict[str, str]]:
    return accounts_in(folder / "accounts.json")


def count(*conditions: Any) -> int:
    return db.session.scalar(select(func.count()).where(*conditions)) or 0


def test_it_prints_the_result_and_an_account_of_each_role(made: Result, told: list[dict[str, str]]) -> None:
    assert "Served, red" in made.stdout
    assert "Unserved" in made.stdout
    for role in TOLD:
        assert len(re.findall(rf"\b{role}-\d\d@", made.stdout)) == 1
    assert made.stdout.count("@") == 7


@pytest.mark.parametrize("role", ["coordinator", "officer"])
def test_who_answers_for_runs_is_shown_the_one_that_was_made(
    made: Result, demo: Flask, told: list[dict[str, str]], role: str
) -> None:
    printed = next(account for account in told if account["role"] == role and account["email"] in made.stdout)
    browser = demo.test_client()
    assert isinstance(browser, Browser)
    browser.submit("/account/login", {"email": printed["email"], "password": printed["password"]})
    assert str(db.session.scalars(select(MatchRun.public_id)).one()) in browser.get("/runs").text


def test_the_accounts_file_holds_enough_of_each_role(told: list[dict[str, str]], folder: Path) -> None:
    roles = [account["role"] for account in told]
    assert roles.count("volunteer") >= 40
    for role in ("caseworker", "charity", "coordinator", "officer", "auditor", "administrator"):
        assert roles.count(role) == 3
    assert all(set(account) == {"role", "email", "password"} for account in told)
    assert len({account["password"] for account in told}) == len(told)
    assert (folder / "accounts.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("role", TOLD)
def test_an_account_signs_in_with_no_other_step(demo: Flask, told: list[dict[str, str]], role: Role) -> None:
    account = next(account for account in told if account["role"] == role)
    browser = demo.test_client()
    assert isinstance(browser, Browser)
    answer = browser.submit("/account/login", {"email": account["email"], "password": account["password"]})
    assert answer.status_code == 302
    assert browser.get("/account").status_code == 200


def test_every_account_holds_its_role_and_place(demo: Flask, told: list[dict[str, str]]) -> None:
    places: dict[str, set[str | None]] = {}
    for account in told:
        user = accounts.user_by_email(account["email"])
        assert user is not None
        actor = accounts.actor_of(user)
        assert Role(account["role"]) in actor.roles
        assert bool(actor.organization_ids) == (account["role"] == "charity")
        places.setdefault(account["role"], set()).add(actor.region)
        assert count(Allocation.claimant_id == user.id, Allocation.state.in_(LIVE)) == 0
    for role in ("caseworker", "coordinator", "officer"):
        assert DAWUKOU in places[role]
        assert len(places[role]) == 3


def test_the_charities_have_proposals_to_answer(demo: Flask, told: list[dict[str, str]]) -> None:
    for account in told:
        if account["role"] == "charity":
            user = accounts.user_by_email(account["email"])
            assert user is not None
            organizations = accounts.actor_of(user).organization_ids
            assert count(Allocation.organization_id.in_(organizations), Allocation.state == "proposed") > 0


def test_the_known_figures_come_out_of_the_records(demo: Flask) -> None:
    claimed = (Allocation.source == "claim", Allocation.region == DAWUKOU, Allocation.wish)
    assert count(*claimed, Allocation.state.in_(HOLDS_NEED)) == 137
    assert count(*claimed, Allocation.state == "confirmed") == 118
    alliance = db.session.execute(select(Alliance).where(Alliance.slug == "wu-bang-nin")).scalar_one()
    assert (alliance.name, count(AllianceMember.alliance_id == alliance.id)) == ("武帮您", 30)
    placements = select(func.count(Need.case_id.distinct())).join(Allocation, Allocation.need_id == Need.id)
    placements = placements.where(Need.kind == "employment", Allocation.state == "confirmed", Need.region == DAWUKOU)
    assert db.session.scalar(placements) == 10
    households = select(func.count(Need.case_id.distinct())).join(Allocation, Allocation.need_id == Need.id)
    assert db.session.scalar(households.where(Need.region == XINGQING, Allocation.state == "confirmed")) == 15
    given = select(func.sum(Delivery.value_fen)).join(Allocation).where(Allocation.region == HUINONG)
    assert db.session.scalar(given.where(Delivery.value_kind == "money")) == 6_500_000
    assert db.session.scalar(given.where(Delivery.value_kind == "goods")) == 56_500_000
    people = select(func.sum(Delivery.people_served)).join(Allocation).where(Allocation.region == HUINONG)
    assert db.session.scalar(people) == 750
    assert count(Need.state.in_(("open", "closed"))) >= 400
    assert db.session.scalar(select(func.count(Need.region.distinct()))) == len(regions.counties())
    assert (db.session.scalar(select(func.count(Person.hukou_region.distinct()))) or 0) >= 8


def test_counters_equal_the_allocations(demo: Flask) -> None:
    for model, key, states in (
        (Need, Allocation.need_id, HOLDS_NEED),
        (Capacity, Allocation.capacity_id, HOLDS_CAPACITY),
    ):
        query = select(key, func.sum(Allocation.quantity)).where(Allocation.state.in_(states)).group_by(key)
        sums = {key: total for key, total in db.session.execute(query) if key is not None}
        stored = {row.id: row.allocated for row in db.session.execute(select(model.id, model.allocated))}
        assert stored == {key: sums.get(key, 0) for key in stored}


def test_the_world_stands_on_today(demo: Flask) -> None:
    assert db.session.scalar(select(func.max(Need.posted_on))) <= today()
    assert db.session.scalar(select(func.max(Need.posted_on))) >= today() - timedelta(days=7)
    assert count(Need.state == "open", Need.deadline < today()) == 0
    assert count(Need.public_rows()) >= 50


def test_one_run_was_made_and_everything_is_indexed_and_audited(demo: Flask) -> None:
    run = db.session.execute(select(MatchRun)).scalar_one()
    assert (run.state, run.status, run.region) == ("done", "optimal", regions.NINGXIA)
    assert run.summary["needs"] >= 400
    assert services.behind() == 0
    assert index.current().contents() == services.expected_contents()
    assert audit.verify() == []
    assert accounts.is_demo_instance()


def test_a_demo_is_made_anew_with_other_passwords(
    demo: Flask, told: list[dict[str, str]], made_before: list[dict[str, str]]
) -> None:
    assert [account["email"] for account in told] == [account["email"] for account in made_before]
    assert not {account["password"] for account in told} & {account["password"] for account in made_before}
    assert count(Need.external_id.not_like("past-%")) == 767
    assert count(MatchRun.id.is_not(None)) == 1


def test_an_instance_with_data_of_its_own_is_left_untouched(tmp_path: Path) -> None:
    instance = tmp_path / "own"
    assert marketplace(instance, "init").returncode == 0
    before = {path: path.read_bytes() for path in instance.rglob("*") if path.is_file()}
    result = marketplace(instance, "demo", "--no-serve", "--accounts", tmp_path / "accounts.json")
    assert (result.returncode, result.stdout) == (2, "")
    assert {path: path.read_bytes() for path in instance.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "accounts.json").exists()


def test_a_demo_is_not_made_anew_for_a_port_that_is_taken(tmp_path: Path) -> None:
    instance = tmp_path / "new"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = marketplace(instance, "demo", "--port", str(port))
    assert (result.returncode, result.stdout) == (1, "")
    assert f"Port {port} cannot be used" in result.stderr
    with closing(sqlite3.connect(instance / "bangnin.db")) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_the_world_shows_months_offers_questions_and_visits(demo: Flask, told: list[dict[str, str]]) -> None:
    day = today()
    monthly = Capacity.organization_id.is_not(None), Capacity.recurrence_id.is_not(None)
    assert count(*monthly, Capacity.month == day.replace(day=1)) == 8
    assert count(Capacity.organization_id.is_not(None), Capacity.confirmed_on < day - CONFIRM_EVERY) == 6
    assert count(Capacity.owner_id.is_not(None), Capacity.state == "offered") == 4
    assert count(Capacity.owner_id.is_not(None), Capacity.state == "review") == 2
    assert count(FollowUp.id.is_not(None)) == 12
    assert count(FollowUp.visited_on.is_not(None)) > 0
    assert count(Package.id.is_not(None)) >= 3
