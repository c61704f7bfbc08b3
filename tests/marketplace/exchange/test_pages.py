"""Files sent and taken in the application: an empty table, a look, a yes; each within what its sender may touch."""

import os
import time
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from python_calamine import CalamineWorkbook

from marketplace.cases.models import Case
from marketplace.exchange import incoming
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.permissions import Role
from marketplace.projects.models import Capacity, Pool, Project
from matching.tables import CAPACITY_COLUMNS, NEED_COLUMNS
from tests.support import world
from tests.support.client import Browser

CAPACITY = {"编号": "C1", "类别": "衣被御寒物资", "服务地区": "石嘴山市", "数量": "20", "标题": "冬衣"}
NEED = {
    "编号": "N1",
    "类型": "物资",
    "类别": "S1102",
    "地区": "大武口区",
    "数量": "2",
    "家庭编号": "F1",
    "标题": "两套冬衣",
}


def table(*rows: dict[str, Any], name: str = "表格.csv") -> tuple[BytesIO, str]:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [",".join(columns), *(",".join(str(row.get(column, "")) for column in columns) for row in rows)]
    return BytesIO("\n".join(lines).encode("gb18030")), name


def token_of(text: str) -> str:
    start = text.index('name="token" value="') + len('name="token" value="')
    return text[start : start + 48]


def manager(client: Browser) -> tuple[Project, str]:
    project = world.a_project()
    client.sign_in(world.a_user(organization=project.organization, region=None))
    return project, f"/projects/{project.public_id}/capacity/file"


def test_an_empty_table_has_the_columns_that_are_read(app: Flask, client: Browser) -> None:
    _, page = manager(client)
    book = CalamineWorkbook.from_filelike(BytesIO(client.get(f"{page}/blank").get_data()))
    header = book.get_sheet_by_index(0).to_python()[0]
    assert header == [name for key, name in CAPACITY_COLUMNS.items() if key != "organization"]
    client.sign_in(world.a_user(Role.CASEWORKER))
    book = CalamineWorkbook.from_filelike(BytesIO(client.get("/needs/file/blank").get_data()))
    header = book.get_sheet_by_index(0).to_python()[0]
    assert set(header) <= set(NEED_COLUMNS.values())
    assert "户籍地" not in header
    codes = {row[1] for row in book.get_sheet_by_index(1).to_python()}
    assert {"S1102", "640202", "micro_wish", "G-ELDALONE"} <= codes


def test_capacity_is_looked_at_and_then_brought_in(app: Flask, client: Browser) -> None:
    project, page = manager(client)
    assert client.get(page).status_code == 200
    assert client.submit(page).status_code == 422
    looked = client.submit(page, {"file": table(CAPACITY)}, content_type="multipart/form-data")
    text = looked.get_data(as_text=True)
    assert looked.status_code == 200
    assert "冬衣" in text
    assert db.session.query(Capacity).count() == 0
    token = token_of(text)
    assert client.submit(f"{page}/confirm", {"token": token}).status_code == 303
    made = db.session.query(Capacity).one()
    assert (made.project_id, made.quantity, made.regions, made.organization_id) == (
        project.id, 20, ["640200"], project.organization_id,
    )  # fmt: skip
    assert db.session.query(Project).count() == 1  # no project opens past the officer
    assert client.submit(f"{page}/confirm", {"token": token}).status_code == 409
    again = client.submit(page, {"file": table(CAPACITY)}, content_type="multipart/form-data").get_data(as_text=True)
    assert 'name="token"' not in again


def test_every_fault_is_listed_with_its_row_and_column(app: Flask, client: Browser) -> None:
    _, page = manager(client)
    rows = [CAPACITY | {"数量": "很多"}, CAPACITY | {"编号": "C2", "服务地区": "北京"}, CAPACITY]
    refused = client.submit(page, {"file": table(*rows)}, content_type="multipart/form-data")
    text = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert text.count('<th scope="row" data-label="列') + text.count('<th scope="row" data-label="Column') == 3
    assert 'name="token"' not in text
    assert not list(incoming._folder().iterdir())


def test_a_member_touches_only_what_is_their_organizations(app: Flask, client: Browser) -> None:
    project, page = manager(client)
    foreign = world.a_capacity(external_id="C1")
    world.a_capacity(pool_id=world.save(Pool(name="别家的车", quantity=5)).id)
    rows = [
        CAPACITY,
        CAPACITY | {"编号": "C2", "机构": "别家"},
        CAPACITY | {"编号": "C3", "资源池": "别家的车", "资源池总量": "9"},
    ]
    refused = client.submit(f"{page}?lang=en", {"file": table(*rows)}, content_type="multipart/form-data")
    text = refused.get_data(as_text=True)
    assert refused.status_code == 422
    for words in ("this id is used elsewhere", "your own organization", "other organizations use this pool"):
        assert words in text
    assert db.session.get_one(Capacity, foreign.id).quantity == 10
    other = world.a_project()
    assert client.get(f"/projects/{other.public_id}/capacity/file").status_code == 404
    assert client.get(f"/projects/{other.public_id}/capacity/file/blank").status_code == 404
    closed = world.a_project(project.organization, state="closed")
    address = f"/projects/{closed.public_id}/capacity/file"
    assert client.submit(address, {"file": table(CAPACITY)}, content_type="multipart/form-data").status_code == 409


def test_needs_of_the_region_are_brought_in(app: Flask, client: Browser) -> None:
    user = world.a_user(Role.CASEWORKER)
    client.sign_in(user)
    wish = NEED | {"编号": "N2", "类型": "微心愿", "数量": "1", "同意日期": "2026-11-01"}
    looked = client.submit("/needs/file", {"file": table(NEED, wish)}, content_type="multipart/form-data")
    assert looked.status_code == 200
    token = token_of(looked.get_data(as_text=True))
    assert client.submit("/needs/file/confirm", {"token": token}).status_code == 303
    states = {need.external_id: (need.state, need.author) for need in db.session.query(Need)}
    assert states == {"N1": ("open", f"user:{user.id}"), "N2": ("review", f"user:{user.id}")}
    assert db.session.query(Case).one().region == "640202"


def test_a_caseworker_touches_only_their_region(app: Flask, client: Browser) -> None:
    client.sign_in(world.a_user(Role.CASEWORKER))
    case = world.a_case(world.XINGQING, external_id="F9")
    world.a_need(case, external_id="N9")
    rows = [
        NEED | {"地区": "兴庆区"},
        NEED | {"编号": "N9"},
        NEED | {"编号": "N3", "家庭编号": "F9"},
        NEED | {"编号": "N4", "家庭编号": "F4"},
    ]
    refused = client.submit("/needs/file?lang=en", {"file": table(*rows)}, content_type="multipart/form-data")
    text = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert "outside the region" in text
    assert text.count("this id is used elsewhere") == 2
    assert db.session.query(Need).count() == 1


def test_a_token_is_for_one_sender_one_purpose_and_one_hour(app: Flask, client: Browser) -> None:
    project, page = manager(client)
    sent = {"file": table(CAPACITY)}
    token = token_of(client.submit(page, sent, content_type="multipart/form-data").get_data(as_text=True))
    second = world.a_project(project.organization)
    assert client.submit(f"/projects/{second.public_id}/capacity/file/confirm", {"token": token}).status_code == 409
    colleague = world.a_user(organization=project.organization, region=None)
    client.sign_in(colleague)
    for wrong in (token, "", "../secrets.json", "0" * 48):
        assert client.submit(f"{page}/confirm", {"token": wrong}).status_code == 409
    [path] = incoming._folder().iterdir()
    assert "冬衣".encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    past = time.time() - incoming.KEPT_SECONDS - 1
    os.utime(path, (past, past))
    incoming.forget()
    assert not path.exists()
    assert db.session.query(Capacity).count() == 0


@pytest.mark.parametrize("name", ["x.xlsx", "x.csv", "../../etc/passwd", "x" * 300])
def test_what_is_no_table_is_refused_in_words(app: Flask, client: Browser, name: str) -> None:
    _, page = manager(client)
    sent = {"file": (BytesIO(os.urandom(2000)), name)}
    assert client.submit(page, sent, content_type="multipart/form-data").status_code == 422
