"""Whether what was offered still holds: asked once a month, left out of runs after a grace, one click to confirm."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import audit, events
from marketplace.errors import NotFound, StateConflict
from marketplace.extensions import db
from marketplace.matches.scope import Scope, capacities_in
from marketplace.permissions import Role
from marketplace.projects import services
from marketplace.projects.freshness import fresh_condition, last_day_of_grace
from marketplace.projects.models import Capacity
from marketplace.records import today
from marketplace.settings import SettingsError, load
from tests.marketplace.projects.people import member_of
from tests.support import world
from tests.support.client import Browser


def days_ago(days: int) -> Any:
    return today() - timedelta(days=days)


def fresh() -> set[int]:
    return set(db.session.scalars(select(Capacity.id).where(fresh_condition(today()))))


def test_capacity_counts_for_its_month_and_the_grace(app: Flask) -> None:
    confirmed, asked, last, late, never = (
        world.a_capacity(confirmed_on=days) for days in (today(), days_ago(32), days_ago(60), days_ago(61), None)
    )
    assert fresh() == {confirmed.id, asked.id, last.id}
    assert [services.is_stale(row) for row in (confirmed, asked, never)] == [False, True, True]
    assert [services.is_left_out(row) for row in (asked, last, late, never)] == [False, False, True, True]
    assert last_day_of_grace(days_ago(60)) == today()
    taken = set(db.session.scalars(capacities_in(Scope(region="640000")).with_only_columns(Capacity.id)))
    assert taken == fresh()


def test_the_grace_is_a_setting(app: Flask, tmp_path: Any) -> None:
    late = world.a_capacity(confirmed_on=days_ago(40))
    app.config["CAPACITY_GRACE_DAYS"] = 0
    assert fresh() == set()
    assert services.is_left_out(late)
    environ = {"INSTANCE_DIR": str(tmp_path / "other")}
    assert load(environ | {"CAPACITY_GRACE_DAYS": "14"}).capacity_grace_days == 14
    with pytest.raises(SettingsError, match="CAPACITY_GRACE_DAYS"):
        load(environ | {"CAPACITY_GRACE_DAYS": "soon"})


class Told:
    """Hears the questions."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        events.happened.connect(self.hear, sender="capacity:stale")

    def hear(self, _name: str, row: Capacity, **_rest: Any) -> None:
        self.rows.append(row.id)


def test_a_supplier_is_asked_once_a_month_however_much_it_offers(app: Flask) -> None:
    project = world.a_project()
    oldest = world.a_capacity(project, confirmed_on=days_ago(50))
    world.a_capacity(project, confirmed_on=days_ago(40))
    world.a_capacity(project)
    other = world.a_capacity(confirmed_on=days_ago(33))
    told = Told()
    assert services.ask() == 2
    assert services.ask() == 0
    assert sorted(told.rows) == sorted([oldest.id, other.id])
    services.confirm(member_of(other.organization), other.public_id)
    assert services.ask(today() + timedelta(days=30)) == 1
    assert services.ask(today() + timedelta(days=32)) == 1
    assert told.rows[2:] == [oldest.id, other.id]


def test_what_is_not_offered_is_not_asked_about(app: Flask) -> None:
    stale = {"confirmed_on": days_ago(40)}
    world.a_capacity(active=False, **stale)
    world.a_capacity(valid_until=days_ago(1), **stale)
    for state in ("draft", "submitted", "paused", "closed"):
        world.a_capacity(world.a_project(state=state), **stale)
    assert services.ask() == 0


def test_workers_at_once_ask_once(either_app: Flask) -> None:
    for _ in range(5):
        world.a_capacity(confirmed_on=days_ago(40))
    told = Told()
    db.session.remove()
    start = threading.Barrier(3)

    def work() -> None:
        with either_app.app_context():
            start.wait()
            services.ask()
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told.rows) == 5


def test_one_press_confirms_all_that_an_organization_offers(app: Flask, client: Browser) -> None:
    project = world.a_project()
    rows = [world.a_capacity(project, confirmed_on=days_ago(70)) for _ in range(3)]
    gone = world.a_capacity(project, active=False, confirmed_on=days_ago(70))
    foreign = world.a_capacity(confirmed_on=days_ago(70))
    organization = project.organization
    client.sign_in(world.a_user(organization=organization, region=None))
    listed = client.get("/projects?tab=mine").get_data(as_text=True)
    assert f"/organizations/{organization.public_id}/capacity/confirm" in listed
    assert client.submit(f"/organizations/{organization.public_id}/capacity/confirm").status_code == 303
    db.session.expire_all()
    assert {row.confirmed_on for row in rows} == {today()}
    assert {gone.confirmed_on, foreign.confirmed_on} == {days_ago(70)}
    assert audit.history("capacity", rows[0].id)[-1].action == "capacity:confirmed"
    assert "capacity/confirm" not in client.get("/projects?tab=mine").get_data(as_text=True)
    stranger = member_of(world.an_organization())
    with pytest.raises(NotFound):
        services.confirm_all(stranger, organization.public_id)
    empty = world.an_organization()
    with pytest.raises(StateConflict):
        services.confirm_all(member_of(empty), empty.public_id)


def test_others_do_not_see_the_pages_of_an_organization(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    for user in (world.a_user(Role.OFFICER), world.a_user(organization=world.an_organization(), region=None)):
        client.sign_in(user)
        for page in ("calendar", "pools"):
            assert client.get(f"/organizations/{organization.public_id}/{page}").status_code in (403, 404)
