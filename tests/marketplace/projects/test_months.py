"""The calendar of what is committed."""

from datetime import date, timedelta

import pytest
from flask import Flask

from marketplace.errors import NotFound
from marketplace.projects import services
from marketplace.projects.services.recurring import first_day, last_day
from marketplace.records import today
from tests.marketplace.projects.people import member_of
from tests.support import world
from tests.support.client import Browser


def test_a_month_shows_what_is_offered_committed_and_due(either_app: Flask) -> None:
    capacity = world.a_capacity(title="甲", quantity=10)
    world.a_capacity(capacity.project, title="乙", valid_until=first_day(today()) - timedelta(days=1))
    world.a_capacity(world.a_project(capacity.organization, state="draft"), title="丙")
    world.a_capacity(title="别家")
    due = world.an_allocation(capacity=capacity, state="delivering", due_on=last_day(today()), quantity=2)
    late = world.an_allocation(capacity=capacity, state="accepted", due_on=first_day(today()))
    world.an_allocation(capacity=capacity, state="accepted")
    member = member_of(capacity.organization)
    organization = capacity.organization
    assert organization is not None
    view = services.month_view(member, organization.public_id, first_day(today()))
    [row] = view.offered
    assert (row.capacity.title, row.capacity.free, view.full, view.due) == ("甲", 6, 0, 2)
    assert [allocation.id for allocation in row.due] == [late.id, due.id]
    assert (len(row.undated), row.late) == (1, int(first_day(today()) < today()))
    assert {day: [row.id for row in rows] for day, rows in view.deliveries.items()} == {
        first_day(today()): [late.id], last_day(today()): [due.id],
    }  # fmt: skip
    with pytest.raises(NotFound):
        services.month_view(member, world.an_organization().public_id, first_day(today()))


def test_months_to_come_show_what_rules_plan(either_app: Flask) -> None:
    capacity = world.a_capacity(title="甲")
    member, organization = member_of(capacity.organization), capacity.organization
    assert organization is not None
    services.make_monthly(member, capacity.public_id, services.RecurrenceFacts(12))
    nxt = last_day(today()) + timedelta(days=1)
    view = services.month_view(member, organization.public_id, nxt)
    assert (view.offered, [plan.recurrence.quantity for plan in view.planned]) == ([], [12])
    services.renew(nxt)
    view = services.month_view(member, organization.public_id, nxt)
    assert ([row.capacity.quantity for row in view.offered], view.planned) == ([12], [])
    assert (view.before, first_day(view.after)) == (first_day(today()), view.after)


def test_weeks_begin_on_monday_and_hold_every_day_once(app: Flask) -> None:
    organization = world.an_organization()
    view = services.month_view(member_of(organization), organization.public_id, date(2026, 11, 1))
    days = [day for week in view.weeks for day in week]
    assert [day.day for day in days if day] == list(range(1, 31))
    assert days.index(date(2026, 11, 1)) == 6
    assert all(len(week) == 7 for week in view.weeks)


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "next", "1900-01", "9999-12", "2026-1"])
def test_an_address_that_names_no_month_within_reach_means_this_one(app: Flask, text: str) -> None:
    assert services.month_asked(text, date(2026, 11, 24)) == date(2026, 11, 1)
    assert services.month_asked("2027-02", date(2026, 11, 24)) == date(2027, 2, 1)


def test_the_page_turns_and_prints(app: Flask, client: Browser) -> None:
    capacity = world.a_capacity(title="冬衣")
    world.an_allocation(capacity=capacity, state="delivering", due_on=today())
    assert capacity.organization is not None
    page = f"/organizations/{capacity.organization.public_id}/calendar"
    client.sign_in(world.a_user(organization=capacity.organization, region=None))
    shown = client.get(page).get_data(as_text=True)
    assert 'class="is-today"' in shown
    assert "month__due" in shown
    sheet = client.get(f"{page}?print=1").get_data(as_text=True)
    assert 'class="sheet"' in sheet
    assert "post-button" not in sheet
    assert client.get(f"{page}?month=2020-01").status_code == 200
