"""Workbooks part by part: what spreadsheet programs write, and what attackers do."""

import io
import struct
import zipfile
from collections.abc import Mapping
from datetime import date, datetime

import pytest
from openpyxl import Workbook

from marketplace.matches.file_codes import code_tables
from matching.tables import InvalidTable, NeedTable, needs_of
from tests.support.table_files import zipped

TABLES = code_tables()
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATION = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
TITLES = ("id", "category", "region", "quantity", "title")


def text(value: str) -> str:
    return f"<c t='inlineStr'><is><t>{value}</t></is></c>"


def row(*cells: str) -> str:
    return f"<row>{''.join(cells)}</row>"


HEADER = row(*map(text, TITLES))


def parts(rows: str, **more: str) -> dict[str, bytes]:
    """The parts of a workbook with one sheet; keywords replace the inside of its workbook and relations."""
    sheets = more.get("sheets", "<sheet name='S' sheetId='1' r:id='a'/>")
    relations = more.get("relations", "<Relationship Id='a' Target='worksheets/one.xml'/>")
    return {
        "xl/workbook.xml": f"<workbook {MAIN} {RELATION}><sheets>{sheets}</sheets></workbook>".encode(),
        "xl/_rels/workbook.xml.rels": f"<Relationships>{relations}</Relationships>".encode(),
        "xl/worksheets/one.xml": f"<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>".encode(),
    }


def read(content: Mapping[str, bytes] | bytes) -> NeedTable:
    data = content if isinstance(content, bytes) else zipped(content)
    return needs_of(data, "needs.xlsx", TABLES)


def faults(content: Mapping[str, bytes] | bytes) -> list[tuple[int, str, str]]:
    with pytest.raises(InvalidTable) as refused:
        read(content)
    return [(fault.row, fault.column, fault.kind) for fault in refused.value.faults]


def reason(content: Mapping[str, bytes] | bytes) -> str:
    with pytest.raises(InvalidTable) as refused:
        read(content)
    (fault,) = refused.value.faults
    assert fault.kind == "not_workbook"
    return fault.values["reason"]


def test_shared_and_rich_texts_without_phonetic_hints() -> None:
    shared = (
        "<si><t>N1</t></si><si><t>S0301</t></si><si><t>640104</t></si>"
        "<si><r><t>午</t></r><r><t xml:space='preserve'>餐 </t></r><rPh sb='0' eb='1'><t>wucan</t></rPh></si>"
    )
    cells = [f"<c t='s'><v>{place}</v></c>" for place in (0, 1, 2)]
    content = parts(HEADER + row(*cells, "<c><v>2</v></c>", "<c t='s'><v>3</v></c>"))
    table = read(content | {"xl/sharedStrings.xml": f"<sst {MAIN}>{shared}</sst>".encode()})
    assert (table.id, table.quantity.tolist(), table.title) == (["N1"], [2], ["午餐"])


def test_cells_and_rows_may_be_left_out_or_numbered() -> None:
    rows = (
        f"<row r='3'>{''.join(map(text, TITLES))}</row>"
        "<row r='7'><c r='D7'><v>4</v></c><c r='A7' t='str'><v>N1</v></c>"
        "<c r='B7' t='inlineStr'><is><t>S0301</t></is></c><c r='C7'><v>640104</v></c></row>"
    )
    table = read(parts(rows))
    assert (table.id, table.quantity.tolist(), table.row.tolist()) == (["N1"], [4], [7])


def test_numbers_and_truths_as_spreadsheets_store_them() -> None:
    header = row(*map(text, ("id", "category", "region", "quantity", "lat", "lon", "whole", "deadline")))
    cells = ("<v>1001</v>", "<v>3.0</v>", "<v>38.473600000000001</v>", "<v>1.062887E2</v>")
    number, quantity, lat, lon = (f"<c>{cell}</c>" for cell in cells)
    rest = "<c t='b'><v>1</v></c><c s='3'><v>46387.5</v></c>"
    table = read(parts(header + row(number, text("S0301"), text("640104"), quantity, lat, lon) + ""))
    assert table.id == ["1001"]
    assert (table.quantity.tolist(), table.lat.tolist(), table.lon.tolist()) == ([3], [38.4736], [106.2887])
    table = read(parts(header + row(number, text("S0301"), text("640104"), quantity, lat, lon, rest)))
    assert table.whole.tolist() == [True]
    assert str(table.deadline[0]) == "2026-12-31"


def test_the_first_sheet_in_the_order_of_the_workbook() -> None:
    sheets = "<sheet name='Second file' r:id='b'/><sheet name='Other' r:id='a'/>"
    relations = (
        "<Relationship Id='a' Target='worksheets/one.xml'/><Relationship Id='b' Target='/xl/worksheets/two.xml'/>"
    )
    good = HEADER + row(*map(text, ("N1", "S0301", "640104", "1", "")))
    content = parts("", sheets=sheets, relations=relations)
    content["xl/worksheets/two.xml"] = parts(good)["xl/worksheets/one.xml"]
    table = read(content)
    assert table.id == ["N1"]
    assert [(warning.kind, warning.values) for warning in table.warnings] == [
        ("other_sheets", {"first": "Second file", "count": "1"})
    ]


def test_cells_beyond_the_header_are_a_fault_of_their_row() -> None:
    good = list(map(text, ("N1", "S0301", "640104", "1", "")))
    assert faults(parts(HEADER + row(*good, text("extra")))) == [(2, "-", "ragged")]


def test_a_formula_in_the_header_or_behind_the_table() -> None:
    header = row(*map(text, TITLES[:4]), "<c><f>A1</f><v>title</v></c>")
    good = list(map(text, ("N1", "S0301", "640104", "1", "")))
    assert faults(parts(header + row(*good))) == [(1, "title", "formula")]


def test_a_file_as_openpyxl_writes_it_with_dates_and_empty_rows() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["编号", "类别", "地区", "数量", "截止日期"])
    sheet.append(["N1", "助餐送餐", "兴庆区", 2, date(2026, 12, 31)])
    sheet.append([])
    sheet.append(["N2", "助餐送餐", "兴庆区", 3, datetime.fromisoformat("2027-01-01T08:30")])
    stream = io.BytesIO()
    book.save(stream)
    table = read(stream.getvalue())
    assert table.id == ["N1", "N2"]
    assert table.row.tolist() == [2, 4]
    assert [str(day) for day in table.deadline] == ["2026-12-31", "2027-01-01"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"sheets": ""}, "no sheet"),
        ({"relations": ""}, "no xl"),
        ({"relations": "<Relationship Id='a' Target='worksheets/gone.xml'/>"}, "no xl/worksheets/gone.xml"),
        ({"relations": "<Relationship Id='a' Target='../../../etc/passwd'/>"}, "no ../../etc/passwd"),
    ],
)
def test_parts_that_are_not_there(more: dict[str, str], expected: str) -> None:
    assert reason(parts(HEADER, **more)).startswith(expected)


def test_an_archive_that_is_no_workbook() -> None:
    assert reason({"readme.txt": b"hello"}) == "no xl/workbook.xml"


def test_too_many_parts() -> None:
    content = parts(HEADER) | {f"xl/media/{number}": b"" for number in range(300)}
    assert "200 parts" in reason(content)


def test_the_directory_is_looked_at_before_it_is_built() -> None:
    data = bytearray(zipped(parts(HEADER)))
    end = data.rfind(b"PK\x05\x06")
    struct.pack_into("<H", data, end + 10, 60_000)
    assert "200 parts" in reason(bytes(data))
    assert "directory" in reason(bytes(data[:end]))


def test_encrypted_parts() -> None:
    data = bytearray(zipped(parts(HEADER)))
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data[at + 8] |= 1
        at += 4
    assert faults(bytes(data)) == [(1, "-", "encrypted")]


def test_a_part_that_shrinks_too_much() -> None:
    assert faults(parts(HEADER) | {"xl/media/a": b"\0" * 6_000_000}) == [(1, "-", "unpacks_too_large")]


def test_damaged_parts() -> None:
    data = bytearray(zipped(parts(HEADER + "<!-- x -->" * 50)))
    at = data.find(b"one.xml") + 20
    data[at : at + 8] = b"\xff" * 8
    assert faults(bytes(data)) == [(1, "-", "not_workbook")]


def test_an_entity_in_any_encoding_is_refused() -> None:
    document = f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE s [<!ENTITY a "b">]><worksheet {MAIN}>&a;</worksheet>'
    content = parts(HEADER) | {"xl/worksheets/one.xml": document.encode("utf-16")}
    assert reason(content) == "a document type"


def test_too_many_cells() -> None:
    wide = row(*["<c/>"] * 250)
    assert faults(_stored(parts(HEADER + wide * 16_001))) == [(1, "-", "too_many_cells")]


def _stored(content: Mapping[str, bytes]) -> bytes:
    return zipped(content, compression=zipfile.ZIP_STORED)


@pytest.mark.parametrize("reference", ["A0x", "ÀÀ1", "ZZZZZ1", "-1", "1"])
def test_odd_references(reference: str) -> None:
    cells = f"<c r='{reference}' t='inlineStr'><is><t>x</t></is></c>"
    with pytest.raises(InvalidTable):
        read(parts(HEADER + row(cells)))
