"""Households and people from files: sealed on arrival, and no message repeats what a cell says."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from marketplace.cases.models import Case, Person
from marketplace.exchange import services
from marketplace.extensions import db
from marketplace.permissions import system_actor
from matching.tables import InvalidTable
from tests.marketplace.exchange.conftest import NEED, Write
from tests.support import world

IMPORT = system_actor("import")
NUMBER = "640202195003074415"
PERSON = {
    "id": "P1",
    "household": "F1",
    "region": "640202",
    "colour": "红",
    "summary": world.CANARIES["summary"],
    "name": world.CANARIES["name"],
    "id_number": NUMBER,
    "phone": world.CANARIES["phone"],
    "address": world.CANARIES["address"],
    "tier": "T-DIBAO",
    "groups": "G-ELDALONE;G-DISABLED",
    "hukou_place": "甘肃省",
    "residence_permit": "是",
}


def bring(path: Path, **options: Any) -> tuple[int, int, int]:
    outcome = services.import_file(IMPORT, "cases", path, **options)
    return outcome.new, outcome.changed, outcome.unchanged


def refused(path: Path) -> InvalidTable:
    with pytest.raises(InvalidTable) as caught:
        services.import_file(IMPORT, "cases", path)
    return caught.value


def kinds(error: InvalidTable) -> list[str]:
    return [f"{fault.row}:{fault.column}: {fault.kind}" for fault in error.faults]


def person(external_id: str) -> Person:
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(Person).where(Person.external_id == external_id)).one()


def test_a_household_comes_with_its_people_sealed(app: Flask, write: Write) -> None:
    child = {"id": "P2", "household": "F1", "region": "640202", "name": "小金丝雀", "relation": "子女"}
    assert bring(write(PERSON, child), dry_run=True) == (2, 0, 0)
    assert db.session.query(Case).count() == 0
    assert bring(write(PERSON, child)) == (2, 0, 0)
    case = db.session.query(Case).one()
    assert (case.external_id, case.colour, case.region, len(case.people)) == ("F1", "RED", "640202", 2)
    first = person("P1")
    assert (first.name.plain(), first.id_number.plain(), first.hukou_region) == (  # type: ignore[union-attr]  # given
        world.CANARIES["name"], NUMBER, "620000",
    )  # fmt: skip
    assert (first.sex, first.birth_on.plain(), first.tier) == ("M", "1950-03-07", "T-DIBAO")  # type: ignore[union-attr]  # from the number
    assert (first.groups, first.residence_permit) == (["G-DISABLED", "G-ELDALONE"], True)
    raw = " ".join(
        str(row) for table in ("person", '"case"') for row in db.session.execute(text(f"SELECT * FROM {table}"))
    )
    assert not [value for value in (NUMBER, *world.CANARIES.values(), "1950-03-07") if value in raw]


def test_a_second_import_updates_and_an_open_cell_keeps(app: Flask, write: Write) -> None:
    bring(write(PERSON))
    assert bring(write(PERSON)) == (0, 0, 1)
    assert bring(write({"id": "P1", "household": "F1", "region": "640202", "phone": "10099990000"})) == (0, 1, 0)
    kept = person("P1")
    assert (kept.phone.plain(), kept.name.plain()) == ("10099990000", world.CANARIES["name"])  # type: ignore[union-attr]  # given
    outcome = services.import_file(IMPORT, "cases", write(PERSON | {"phone": "", "colour": "黄"}))
    assert outcome.unchanged == 1
    assert db.session.query(Case).one().colour == "YELLOW"


def test_a_needs_file_and_a_cases_file_speak_of_one_household(app: Flask, write: Write) -> None:
    services.import_file(IMPORT, "needs", write(NEED | {"household": "F1"}))
    assert bring(write(PERSON)) == (1, 0, 0)
    assert db.session.query(Case).count() == 1


def test_every_fault_is_told_and_none_repeats_a_cell(app: Flask, write: Write) -> None:
    bring(write(PERSON | {"id": "P9", "household": "F9", "id_number": ""}))
    secret = "金丝雀路七七八八号"
    rows = [
        PERSON | {"id": "A", "region": secret},
        PERSON | {"id": "B", "id_number": secret},
        PERSON | {"id": "C", "birth_on": secret},
        PERSON | {"id": "D", "sex": secret},
        PERSON | {"id": "E", "tier": secret},
        PERSON | {"id": "F", "groups": secret},
        PERSON | {"id": "G", "hukou_place": secret},
        PERSON | {"id": "H", "name": ""},
        PERSON | {"id": "I", "colour": "黄"},
        PERSON | {"id": "P9"},
        PERSON | {"id": "J", "name": "=" + secret},
        PERSON | {"id": "K", "birth_on": "2199-01-01"},
        PERSON | {"id": "L", "address": secret * 30},
        PERSON | {"id": secret},
        PERSON | {"id": secret},
    ]
    error = refused(write(*rows))
    assert {fault.row for fault in error.faults} == {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16}
    told = "\n".join(fault.line(language) for fault in error.faults for language in ("zh", "en"))  # type: ignore[arg-type]
    assert secret[:3] not in told
    assert world.CANARIES["name"] not in told
    assert db.session.query(Person).count() == 1


def test_a_file_without_a_header_names_nobody(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"1,{world.CANARIES['name']},{NUMBER},{world.CANARIES['address']}\n2,乙,3,4\n", encoding="utf-8")
    error = refused(path)
    told = "\n".join(fault.line("zh") for fault in error.faults)
    assert "missing_column" in {fault.kind for fault in error.faults}
    assert not [value for value in (NUMBER, *world.CANARIES.values()) if value in told]


def test_warnings_tell_where_to_look_and_not_at_whom(app: Flask, write: Write) -> None:
    bring(write(PERSON))
    twin = PERSON | {"id": "P2", "household": "F2", "id_number": NUMBER}
    wrong = PERSON | {"id": "P3", "household": "F3", "id_number": NUMBER[:-1] + "0"}
    outcome = services.import_file(IMPORT, "cases", write(twin, wrong))
    assert [(warning.row, warning.kind) for warning in outcome.warnings] == [
        (2, "person_twice"), (3, "id_number_check"),
    ]  # fmt: skip
    assert NUMBER not in "".join(warning.line("zh") for warning in outcome.warnings)


def test_nobody_moves_to_another_household_by_a_file(app: Flask, write: Write) -> None:
    bring(write(PERSON))
    assert kinds(refused(write(PERSON | {"household": "F2"}))) == ["2:household: person_household_fixed"]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_an_export_names_nobody_and_comes_back_unchanged(app: Flask, tmp_path: Path, write: Write, ending: str) -> None:
    bring(write(PERSON))
    world.a_case(restricted=True)
    path = tmp_path / f"cases.{ending}"
    assert services.export_file("cases", path) == 1
    assert bring(path) == (0, 0, 1)
    if ending == "csv":
        written = path.read_text("utf-8")
        assert not [value for value in (NUMBER, "620000", *world.CANARIES.values()) if value in written]
