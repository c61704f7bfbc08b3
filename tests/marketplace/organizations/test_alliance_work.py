"""Running an alliance: its members with their dates, and its service packages."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations import services
from marketplace.organizations.models import Alliance, AllianceMember, Organization
from marketplace.permissions import ANYONE, Actor, Role
from marketplace.records import today
from tests.support import world
from tests.support.client import Browser

ENTRY = services.PackageEntry(
    name="失能老人居家照护套餐",
    audience="G-ELDUNABLE",
    items=(
        services.Item("service", "S0202", "每周居家基础护理", 4, ("Q-NURSE",), 30),
        services.Item("service", "S0301", "每日午餐送到家", 30),
    ),
)


def coordinator(region: str = world.DAWUKOU) -> Actor:
    return actor_of(world.a_user(Role.COORDINATOR, region=region))


def joined(alliance: Alliance) -> list[int]:
    return [row.id for rows in services.alliance_members(ANYONE, alliance).values() for row in rows]


def test_a_coordinator_adds_and_parts_with_their_dates(app: Flask) -> None:
    alliance, organization = world.an_alliance(), world.an_organization()
    actor, slug, key = coordinator(), alliance.slug, organization.public_id
    services.add_to_alliance(actor, slug, key)
    assert joined(alliance) == [organization.id]
    with pytest.raises(StateConflict):
        services.add_to_alliance(actor, slug, key)
    services.end_alliance_membership(actor, slug, key)
    assert joined(alliance) == []
    with pytest.raises(StateConflict):
        services.end_alliance_membership(actor, slug, key)
    services.add_to_alliance(actor, slug, key)
    times = [(row.joined_on, row.left_on) for row in db.session.scalars(select(AllianceMember).order_by("id"))]
    assert times == [(today(), today()), (today(), None)]
    assert [found.id for found in services.alliances_of(db.session.get_one(Organization, organization.id))] == [
        alliance.id
    ]


def test_only_verified_organizations_join(app: Flask) -> None:
    alliance = world.an_alliance()
    for organization in (world.an_organization(state="registered"), None):
        with pytest.raises(InvalidInput):
            services.add_to_alliance(coordinator(), alliance.slug, organization.public_id if organization else "x")


def test_who_runs_an_alliance(app: Flask) -> None:
    alliance, organization = world.an_alliance(), world.an_organization()
    manager = actor_of(world.a_user(organization=organization))
    staff = actor_of(world.a_user(organization=organization, position="staff"))
    for stranger in (coordinator(world.HUINONG), manager, staff, actor_of(world.a_user(Role.OFFICER))):
        with pytest.raises(NotFound):
            services.add_to_alliance(stranger, alliance.slug, organization.public_id)
    with pytest.raises(InvalidInput):
        services.name_organizer(coordinator(), alliance.slug, organization.public_id)
    services.add_to_alliance(coordinator(), alliance.slug, organization.public_id)
    services.name_organizer(coordinator(), alliance.slug, organization.public_id)
    services.create_package(manager, alliance.slug, ENTRY)
    with pytest.raises(NotFound):
        services.create_package(staff, alliance.slug, replace(ENTRY, name="别的"))
    services.end_alliance_membership(coordinator(), alliance.slug, organization.public_id)
    with pytest.raises(NotFound):
        services.create_package(manager, alliance.slug, replace(ENTRY, name="别的"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"audience": "G-NONLOCAL"}, "audience"),
        ({"audience": "T-DIBAO"}, "audience"),
        ({"audience": "G-MIGCHILD"}, "audience"),
        ({"items": ()}, "items"),
        ({"items": (services.Item("micro_wish", "S1105", "一双棉鞋", 1),)}, "items"),
        ({"items": (services.Item("service", "S9999", "护理", 1),)}, "items"),
        ({"items": (services.Item("service", "S0202", "护理", 0),)}, "items"),
        ({"items": (services.Item("service", "S0202", "护理", 1, ("Q-NOBODY",)),)}, "items"),
        ({"items": (services.Item("service", "S0202", "请打13912345678", 1),)}, "items"),
        ({"items": (services.Item("service", "S0202", "护理", 1, (), 0),)}, "items"),
        ({"items": (services.Item("service", "S0202", "护理", 1),) * 21}, "items"),
    ],
)
def test_a_package_that_breaks_a_rule_names_the_field(app: Flask, change: dict[str, object], field: str) -> None:
    alliance = world.an_alliance()
    with pytest.raises(InvalidInput) as refused:
        services.create_package(coordinator(), alliance.slug, replace(ENTRY, **change))
    assert set(refused.value.fields) == {field}


def test_a_package_changes_and_is_withdrawn(app: Flask) -> None:
    alliance, actor = world.an_alliance(), coordinator()
    package = services.create_package(actor, alliance.slug, ENTRY)
    key = package.public_id
    services.edit_package(actor, key, 1, replace(ENTRY, items=ENTRY.items[:1], together=False))
    with pytest.raises(StateConflict):
        services.edit_package(actor, key, 1, ENTRY)
    [found] = services.packages_for(world.DAWUKOU)
    assert ([item.title for item in found.items], found.together) == (["每周居家基础护理"], False)
    assert services.packages_for(world.HUINONG) == []
    services.offer_package(actor, key, offered=False)
    assert services.packages_for(world.DAWUKOU) == []
    with pytest.raises(NotFound):
        services.offered_package(key, world.DAWUKOU)
    with pytest.raises(NotFound):
        services.load_package(coordinator(world.HUINONG), key)


def test_the_pages_of_those_who_run_an_alliance(app: Flask, client: Browser) -> None:
    alliance, organization = world.an_alliance(), world.an_organization(name="助老协会")
    page = f"/alliances/{alliance.slug}"
    assert f"{page}/members" not in client.get(page).get_data(as_text=True)
    client.sign_in(world.a_user(Role.COORDINATOR))
    assert f"{page}/members" in client.get(page).get_data(as_text=True)
    assert "助老协会" in client.get(f"{page}/members?find=助老").get_data(as_text=True)
    chosen = {"organization": organization.public_id}
    assert client.submit(f"{page}/members/add", chosen).status_code == 303
    assert client.submit(f"{page}/organizer", chosen).status_code == 303
    assert client.submit(f"{page}/members/end", chosen).status_code == 303
    form = {
        "name": "照护套餐", "audience": "G-DISABLED", "together": "y",
        "items-0-category": "S0501", "items-0-kind": "service", "items-0-title": "康复训练", "items-0-quantity": "8",
        "items-0-requires": "Q-REHAB", "items-1-category": "", "items-1-kind": "goods", "items-1-quantity": "1",
    }  # fmt: skip
    assert client.submit(f"{page}/packages/new", form | {"items-0-title": ""}).status_code == 422
    assert client.submit(f"{page}/packages/new", form | {"items-0-quantity": "x"}).status_code == 422
    forgotten = client.submit(f"{page}/packages/new", form | {"items-1-title": "轮椅一台"})
    assert forgotten.status_code == 422
    assert 'id="items-1-category-error"' in forgotten.get_data(as_text=True)  # nothing written is left out silently
    assert client.submit(f"{page}/packages/new", form).status_code == 303
    [package] = services.packages_for(world.DAWUKOU)
    assert [(item.title, item.requires) for item in package.items] == [("康复训练", ["Q-REHAB"])]
    edit = f"/alliances/packages/{package.public_id}"
    assert "康复训练" in client.get(f"{edit}/edit").get_data(as_text=True)
    assert client.submit(f"{edit}/edit", form | {"version": "1", "name": "康复套餐"}).status_code == 303
    assert client.submit(f"{edit}/edit", form | {"version": "1"}).status_code == 409
    assert client.submit(f"{edit}/withdraw").status_code == 303
    assert "康复套餐" in client.get(page).get_data(as_text=True)  # those who run it see it still
    assert "events__item" not in client.get(page).get_data(as_text=True)
    client.sign_in(world.a_user(Role.AUDITOR))
    assert "events__item" in client.get(page).get_data(as_text=True)
    client.submit("/account/logout")
    assert "康复套餐" not in client.get(page).get_data(as_text=True)
    client.sign_in(world.a_user(Role.COORDINATOR))
    assert client.submit(f"{edit}/offer").status_code == 303


def test_a_coordinator_founds_an_alliance_and_edits_it(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.COORDINATOR))
    assert "/alliances/new" in client.get("/alliances").get_data(as_text=True)
    form = {"name": "武帮您", "region": world.DAWUKOU, "summary": "助老、助残、助困"}
    made = client.submit("/alliances/new", form)
    alliance = db.session.scalars(select(Alliance)).one()
    page = f"/alliances/{alliance.slug}"
    assert (made.status_code, made.location) == (303, f"{page}/members")
    assert client.submit("/alliances/new", form).status_code == 422  # the name is taken
    assert client.submit("/alliances/new", form | {"name": "另一个", "region": world.XINGQING}).status_code == 422
    edited = {"name": "武帮您联盟", "summary": "", "version": 1}
    assert client.submit(f"{page}/edit", edited).status_code == 303
    assert "武帮您联盟" in client.get(page).get_data(as_text=True)
    assert client.submit(f"{page}/edit", edited).status_code == 409
    assert [event.action for event in audit.history("alliance", alliance.id)] == ["alliance:created", "alliance:edited"]


def test_only_those_of_the_region_found_and_edit(app: Flask, client: Browser) -> None:
    alliance = world.an_alliance(organizer_id=world.an_organization().id)
    for user, found, edit in (
        (world.a_user(Role.OFFICER), 403, 403),
        (world.a_user(organization=world.an_organization()), 403, 404),
        (world.a_user(organization=db.session.get_one(Organization, alliance.organizer_id)), 403, 200),
        (world.a_user(Role.COORDINATOR, region=world.XINGQING), 200, 404),
    ):
        client.sign_in(user)
        assert client.get("/alliances/new").status_code == found
        assert client.get(f"/alliances/{alliance.slug}/edit").status_code == edit
