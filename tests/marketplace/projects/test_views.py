"""Pages of projects and capacity, as each reader gets them."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from marketplace.accounts.models import User
from marketplace.extensions import db
from marketplace.permissions import Role
from marketplace.projects.models import Capacity, Project
from tests.marketplace.projects.people import member_of
from tests.support import world
from tests.support.client import Browser

PROJECT = {
    "title": "冬季送暖",
    "summary": "为困难家庭送冬衣，不限户籍。",
    "funding": "charity",
    "starts_on": "2026-11-01",
}
CAPACITY: dict[str, Any] = {
    "title": "冬衣",
    "categories": ["S1102", "S11"],
    "regions": ["640200"],
    "quantity": "20",
    "unit": "",
    "groups": ["G-ELDALONE"],
    "prefers": ["T-DIBAO", "G-MIGCHILD"],
    "qualifications": [],
    "valid_from": "2026-11-01",
    "valid_until": "2027-03-31",
    "radius_km": "15.5",
    "budget_fen": "1,200.50",
    "unit_cost_fen": "60",
    "pool_name": "一辆车",
    "pool_quantity": "40",
    "minimum_batch": "2",
}


def only(model: Any) -> Any:
    db.session.rollback()
    db.session.expire_all()
    return db.session.query(model).one()


def test_a_project_is_drafted_filled_submitted_sent_back_and_opened(
    app: Flask, client: Browser, new_client: Callable[[], Browser]
) -> None:
    organization = world.an_organization()
    client.sign_in(world.a_user(organization=organization, region=None))
    officer = new_client().sign_in(world.a_user(Role.OFFICER))
    form = PROJECT | {"organization": organization.public_id}
    assert client.submit("/projects/new", form | {"title": ""}).status_code == 422
    drafted = client.submit("/projects/new", form)
    assert drafted.status_code == 303
    page = drafted.location.removesuffix("/capacity/new")
    assert new_client().get(page).status_code == 404
    assert client.submit(f"{page}/submit").status_code == 409

    wrong = client.submit(drafted.location, CAPACITY | {"categories": [], "quantity": "many", "budget_fen": "lots"})
    text = wrong.get_data(as_text=True)
    assert wrong.status_code == 422
    assert all(f'id="{name}-error"' in text for name in ("categories", "quantity", "budget_fen"))
    assert client.submit(drafted.location, CAPACITY).status_code == 303
    capacity = only(Capacity)
    assert (capacity.quantity, capacity.budget_fen, capacity.unit_cost_fen, capacity.pool.quantity) == (
        20,
        120050,
        6000,
        40,
    )
    assert capacity.groups == ["G-ELDALONE", "G-MIGCHILD", "T-DIBAO"]

    assert client.submit(f"{page}/submit").status_code == 303
    assert PROJECT["title"] in officer.get("/projects?tab=queue").get_data(as_text=True)
    version = only(Project).version
    assert officer.submit(f"{page}/send-back", {"version": version, "reason": ""}).status_code == 422
    assert officer.submit(f"{page}/send-back", {"version": version, "reason": "请写明时间"}).status_code == 303
    assert "请写明时间" in client.get(page).get_data(as_text=True)
    edited = PROJECT | {"summary": "每周二送。", "version": only(Project).version}
    assert client.submit(f"{page}/edit", edited).status_code == 303
    assert client.submit(f"{page}/edit", edited).status_code == 409
    assert client.submit(f"{page}/edit", PROJECT).status_code == 409
    assert client.submit(f"{page}/submit").status_code == 303
    assert officer.submit(f"{page}/open", {"version": 1}).status_code == 409
    assert officer.submit(f"{page}/open", {"version": only(Project).version}).status_code == 303

    public = new_client().get(page)
    assert public.status_code == 200
    assert "1,200.5" not in public.get_data(as_text=True)
    assert "1,200.5" in client.get(page).get_data(as_text=True)
    listed = new_client().get("/projects?category=S1102&region=640202&kind=charity")
    assert PROJECT["title"] in listed.get_data(as_text=True)
    assert PROJECT["title"] not in new_client().get("/projects?category=S0201").get_data(as_text=True)

    assert client.submit(f"{page}/pause", {"reason": ""}).status_code == 422
    for move in ("pause", "resume", "close"):
        assert client.submit(f"{page}/{move}", {"reason": "season"}).status_code == 303
    assert new_client().get(page).status_code == 404
    assert client.get(page).status_code == 200


def test_a_capacity_is_edited_confirmed_withdrawn_and_restored(app: Flask, client: Browser) -> None:
    capacity = world.a_capacity(quantity=20, allocated=12, categories=["S1102"], groups=["T-DIBAO", "G-ELDALONE"])
    client.sign_in(world.a_user(organization=capacity.organization, region=None))
    address = f"/capacity/{capacity.public_id}"
    form = client.get(f"{address}/edit").get_data(as_text=True)
    assert 'value="T-DIBAO" checked' in form
    assert "G-NONLOCAL" not in form
    lowered = client.submit(f"{address}/edit?lang=en", CAPACITY | {"version": 1, "quantity": "11"})
    assert lowered.status_code == 422
    assert "12 of 20 are given or promised; the lowest possible is 12" in lowered.get_data(as_text=True)
    fields = CAPACITY | {"version": 1, "quantity": "12", "unit_cost_fen": "", "minimum_batch": ""}
    assert client.submit(f"{address}/edit", fields).status_code == 303
    assert client.submit(f"{address}/edit", fields).status_code == 409
    assert client.submit(f"{address}/confirm").status_code == 303
    withdrawn = client.submit(f"{address}/withdraw", follow_redirects=True).get_data(as_text=True)
    assert f'action="{address}/restore"' in withdrawn
    assert client.submit(f"{address}/restore").status_code == 303
    assert only(Capacity).active


def test_a_refused_form_names_every_field_and_keeps_what_was_typed(app: Flask, client: Browser) -> None:
    project = world.a_project(state="draft")
    client.sign_in(world.a_user(organization=project.organization, region=None))
    page = f"/projects/{project.public_id}"
    assert project.title in client.get(f"{page}/edit").get_data(as_text=True)
    assert 'value="640202" checked' in client.get(f"{page}/capacity/new").get_data(as_text=True)
    backwards = PROJECT | {"version": 1, "starts_on": "2026-12-01", "ends_on": "2026-11-01"}
    assert 'id="ends_on-error"' in client.submit(f"{page}/edit", backwards).get_data(as_text=True)
    backwards["organization"] = project.organization.public_id
    assert 'id="ends_on-error"' in client.submit("/projects/new", backwards).get_data(as_text=True)
    wrong = CAPACITY | {"radius_km": "far", "valid_from": "soon", "minimum_batch": "few", "budget_fen": "lots"}
    text = client.submit(f"{page}/capacity/new", wrong).get_data(as_text=True)
    for name in ("radius_km", "valid_from", "minimum_batch", "budget_fen"):
        assert f'id="{name}-error"' in text
    assert 'value="lots"' in text
    assert 'value="S1102" checked' in text


def test_no_group_can_be_made_a_rule_by_hand(app: Flask, client: Browser) -> None:
    project = world.a_project()
    client.sign_in(world.a_user(organization=project.organization, region=None))
    address = f"/projects/{project.public_id}/capacity/new"
    assert client.submit(address, CAPACITY | {"groups": ["G-NONLOCAL"]}).status_code == 422
    assert client.submit(address, CAPACITY | {"groups": ["T-DIBAO"]}).status_code == 422
    assert db.session.query(Capacity).count() == 0


def test_another_organizations_project_and_capacity_look_absent(app: Flask, client: Browser) -> None:
    capacity = world.a_capacity(world.a_project(state="draft"))
    project, address = f"/projects/{capacity.project.public_id}", f"/capacity/{capacity.public_id}"
    client.sign_in(world.a_user(organization=world.an_organization(), region=None))
    for page in (project, f"{project}/edit", f"{project}/capacity/new", f"{address}/edit"):
        assert client.get(page).status_code == 404
    posts = [f"{project}/{act}" for act in ("edit", "submit", "pause", "resume", "close", "capacity/new")]
    posts += [f"{address}/{act}" for act in ("edit", "withdraw", "restore", "confirm")]
    for page in posts:
        assert client.submit(page, PROJECT | CAPACITY | {"version": 1}).status_code == 404
    assert client.submit(f"{project}/open", {"version": 1}).status_code == 403


def test_excluding_wording_is_shown_to_its_author_and_the_officer(
    app: Flask, client: Browser, new_client: Callable[[], Browser]
) -> None:
    project = world.a_project(state="submitted", summary="请带证件，仅限本地户籍。")
    world.a_capacity(project)
    page = f"/projects/{project.public_id}"
    client.sign_in(world.a_user(organization=project.organization, region=None))
    officer = new_client().sign_in(world.a_user(Role.OFFICER))
    for reader in (client, officer):
        assert "<li>仅限本地户籍</li>" in reader.get(page).get_data(as_text=True)
    assert "badge-state--bad" in officer.get("/projects?tab=queue").get_data(as_text=True)


def test_a_member_of_several_chooses_the_organization(app: Flask, client: Browser) -> None:
    first, second = world.an_organization(name="甲会"), world.an_organization(name="乙会")
    client.sign_in(db.session.get_one(User, member_of(first, second).user_id))
    page = client.get(f"/projects/new?organization={second.public_id}").get_data(as_text=True)
    assert f'<option selected value="{second.public_id}">' in page
    assert client.submit("/projects/new", PROJECT | {"organization": "nobody"}).status_code == 422
    suspended = world.an_organization(state="suspended", refusal_reason="x")
    client.sign_in(world.a_user(organization=suspended, region=None))
    assert "empty-state" in client.get("/projects/new").get_data(as_text=True)


def test_lists_of_one_organization_and_empty_ones(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    world.a_project(organization, title="甲项目")
    world.a_project(organization, title="乙草稿", state="draft")
    address = f"/projects?organization={organization.public_id}"
    public = client.get(address).get_data(as_text=True)
    assert "甲项目" in public
    assert "乙草稿" not in public
    assert organization.name in public
    assert client.get("/projects?organization=nobody").status_code == 404
    client.sign_in(world.a_user(organization=organization, region=None))
    assert "乙草稿" in client.get(address).get_data(as_text=True)
    assert "empty-state" in client.get("/projects?tab=mine&state=closed").get_data(as_text=True)
    client.sign_in(world.a_user(Role.OFFICER, region=world.HUINONG))
    assert "empty-state" in client.get("/projects?tab=queue").get_data(as_text=True)
    assert "empty-state" in client.get("/projects?category=S0201&page=0").get_data(as_text=True)
