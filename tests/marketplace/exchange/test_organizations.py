"""Organizations and projects from files."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import audit
from marketplace.credit_code import check_character
from marketplace.exchange import services
from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.permissions import system_actor
from marketplace.projects.models import Capacity, Project
from matching.tables import InvalidTable
from tests.marketplace.exchange.conftest import CAPACITY, Write
from tests.support import world

IMPORT = system_actor("import")
ORGANIZATION = {"id": "O1", "name": "暖心慈善会", "region": "640202"}
PROJECT = {"id": "P1", "organization": "O1", "title": "冬季送暖"}


def code(body: str) -> str:
    return body + check_character(body)


CODE = code("51640202MJX123456")


def bring(kind: str, path: Path, **options: Any) -> tuple[int, int, int]:
    outcome = services.import_file(IMPORT, kind, path, **options)
    return outcome.new, outcome.changed, outcome.unchanged


def faults(kind: str, path: Path) -> list[str]:
    with pytest.raises(InvalidTable) as caught:
        services.import_file(IMPORT, kind, path, language="en")
    return [f"{fault.row}:{fault.column}: {fault.kind}" for fault in caught.value.faults]


def one(model: Any, external_id: str) -> Any:
    db.session.rollback()
    return db.session.scalars(select(model).where(model.external_id == external_id)).one()


def test_an_organization_is_made_updated_and_left_alone(app: Flask, write: Write) -> None:
    row = ORGANIZATION | {"kind": "foundation", "credit_code": CODE.lower(), "contact_phone": "10087654321"}
    assert bring("organizations", write(row), dry_run=True) == (1, 0, 0)
    assert db.session.query(Organization).count() == 0
    assert bring("organizations", write(row)) == (1, 0, 0)
    made = one(Organization, "O1")
    assert (made.state, made.imported, made.kind, made.credit_code) == ("verified", True, "foundation", CODE)
    assert (str(made.contact_phone), made.contact_phone.plain()) == ("100****4321", "10087654321")
    assert bring("organizations", write(row)) == (0, 0, 1)
    assert bring("organizations", write(ORGANIZATION | {"name": "暖心会", "contact_phone": ""})) == (0, 1, 0)
    made = one(Organization, "O1")
    assert (made.name, made.kind, made.contact_phone.plain()) == ("暖心会", "foundation", "10087654321")
    actions = [event.action for event in audit.history("organization", made.id)]
    assert actions == ["organization:imported", "organization:import_changed"]


def test_chinese_headers_and_values_are_read(app: Flask, write: Write) -> None:
    row = {"编号": "O1", "名称": "阳光社工", "机构类型": "社会工作机构", "地区": "大武口区", "联系人": "李四"}
    assert bring("organizations", write(row)) == (1, 0, 0)
    assert (one(Organization, "O1").kind, one(Organization, "O1").region) == ("social_work", "640202")


def test_what_a_capacity_file_named_is_taken_up(app: Flask, write: Write) -> None:
    services.import_file(IMPORT, "capacity", write(CAPACITY | {"organization": "暖心慈善会"}))
    assert bring("organizations", write(ORGANIZATION)) == (0, 1, 0)
    assert db.session.query(Organization).count() == 1
    assert one(Organization, "O1").region == "640202"
    assert db.session.query(Capacity).one().region == "640202"  # the copy that scopes officers follows


def test_codes_are_checked_and_unique(app: Flask, write: Write) -> None:
    world.an_organization(credit_code=CODE)
    rows = [
        ORGANIZATION | {"credit_code": CODE[:-1] + "?"},
        ORGANIZATION | {"id": "O2", "credit_code": CODE},
        ORGANIZATION | {"id": "O3", "credit_code": code("51640202MJX123457")},
        ORGANIZATION | {"id": "O4", "credit_code": code("51640202MJX123457")},
    ]
    assert faults("organizations", write(*rows)) == [
        "2:credit_code: credit_code",
        "3:credit_code: credit_code_taken",
        "5:credit_code: credit_code_taken",
    ]


def test_faults_of_the_reader_and_of_the_database_come_in_one_round(app: Flask, write: Write) -> None:
    world.an_organization(credit_code=CODE)
    rows = [
        ORGANIZATION | {"region": "nowhere"},
        ORGANIZATION | {"id": "O2", "credit_code": CODE},
        ORGANIZATION | {"id": "O3", "kind": "circus", "credit_code": CODE},
        ORGANIZATION | {"id": "O4", "name": ""},
    ]
    assert faults("organizations", write(*rows)) == [
        "2:region: unknown_code", "3:credit_code: credit_code_taken", "4:kind: unknown_choice", "5:name: empty",
    ]  # fmt: skip
    capacity = world.a_capacity(quantity=20, allocated=12, external_id="C1")
    rows = [CAPACITY | {"quantity": "11"}, CAPACITY | {"id": "C2", "quantity": "many"}]
    assert faults("capacity", write(*rows)) == ["2:quantity: below_allocated", "3:quantity: not_integer"]
    assert db.session.get_one(Capacity, capacity.id).quantity == 20


def test_a_contact_is_never_repeated_in_a_fault(app: Flask, write: Write) -> None:
    row = ORGANIZATION | {"contact_name": "=金丝雀", "contact_phone": "+10087654321"}
    with pytest.raises(InvalidTable) as caught:
        services.import_file(IMPORT, "organizations", write(row))
    text = "".join(fault.line("zh") for fault in caught.value.faults)
    assert "formula" in {fault.kind for fault in caught.value.faults}
    assert "金丝雀" not in text
    assert "10087654321" not in text


def test_a_project_is_made_updated_and_left_alone(app: Flask, write: Write) -> None:
    bring("organizations", write(ORGANIZATION))
    row = PROJECT | {"funding": "政府购买", "starts_on": "2026-11-01"}
    assert bring("projects", write(row)) == (1, 0, 0)
    made = one(Project, "P1")
    assert (made.state, made.funding, made.region, made.imported) == ("open", "government_purchase", "640202", True)
    assert bring("projects", write(row)) == (0, 0, 1)
    assert bring("projects", write(PROJECT | {"organization": "暖心慈善会", "title": "送暖"})) == (0, 1, 0)
    assert (one(Project, "P1").title, one(Project, "P1").funding) == ("送暖", "government_purchase")


def test_a_project_names_an_organization_that_is_there(app: Flask, write: Write) -> None:
    first = world.an_organization(name="同名会")
    world.an_organization(name="同名会")
    rows = [
        PROJECT,
        PROJECT | {"id": "P2", "organization": "同名会"},
        PROJECT | {"id": "P3", "organization": first.public_id, "starts_on": "2026-12-01", "ends_on": "2026-11-01"},
    ]
    assert faults("projects", write(*rows)) == [
        "2:organization: unknown_organization", "3:organization: several_organizations", "4:ends_on: period",
    ]  # fmt: skip


def test_a_project_with_capacity_stays_with_its_organization(app: Flask, write: Write) -> None:
    project = world.a_project(external_id="P1")
    world.a_capacity(project)
    other = world.an_organization()
    assert faults("projects", write(PROJECT | {"organization": other.public_id})) == [
        "2:organization: project_organization_fixed"
    ]


def test_wording_that_keeps_people_out_is_told(app: Flask, write: Write) -> None:
    bring("organizations", write(ORGANIZATION))
    outcome = services.import_file(IMPORT, "projects", write(PROJECT | {"summary": "送餐。仅限本地户籍。"}))
    assert [warning.kind for warning in outcome.warnings] == ["hukou_wording"]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_round_trip_changes_nothing(app: Flask, tmp_path: Path, ending: str) -> None:
    world.a_capacity()
    world.a_project(world.an_organization(name_en="Sunshine", credit_code=CODE), summary="“引号”，逗号\n换行")
    for kind, count in (("organizations", 2), ("projects", 2)):
        path = tmp_path / f"{kind}.{ending}"
        assert services.export_file(kind, path) == count
        assert bring(kind, path) == (0, 0, count)
    text = (tmp_path / f"organizations.{ending}").read_bytes()
    assert world.CANARIES["contact_phone"].encode() not in text
