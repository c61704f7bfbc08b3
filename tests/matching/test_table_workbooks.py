"""Workbooks: formulas, odd sheets, old calendars, and long files that are written part by part."""

import csv
import io
import zipfile

import numpy as np
import pytest

from matching.tables import csv_text, safe_text
from matching.tables.write import PairColumn, pair_header, pair_lines
from tests.matching.reading import need_faults, read
from tests.support.table_files import (
    NEED,
    repacked,
    xlsx_bytes,
)


def test_workbook_formulas_and_errors_are_faults_of_their_cells() -> None:
    sheet = _sheet(
        "<row r='1'>" + _texts("id", "category", "region", "quantity", "hukou") + "</row>"
        "<row r='2'>" + _texts("N1", "S0301", "640104") + "<c><f>1+1</f><v>2</v></c><c><f>1</f></c></row>"
        "<row r='4'>" + _texts("N2", "S0301", "640104") + "<c t='e'><v>#N/A</v></c></row>"
    )
    assert need_faults(repacked(xlsx_bytes([NEED]), sheet), "n.xlsx") == [
        (2, "quantity", "formula"),
        (4, "quantity", "error_cell"),
    ]


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ("<row r='1'>" + "<c r='XFD1' t='inlineStr'><is><t>id</t></is></c></row>", "far_cell"),
        ("", "empty_file"),
        ("<row r='1'><c r='A1' t='s'><v>99</v></c></row>", "not_workbook"),
        ("<row", "not_workbook"),
    ],
)
def test_odd_sheets(rows: str, kind: str) -> None:
    assert need_faults(repacked(xlsx_bytes([NEED]), _sheet(rows)), "n.xlsx") == [(1, "-", kind)]


def test_a_document_type_is_refused() -> None:
    sheet = b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>'
    faults = need_faults(repacked(xlsx_bytes([NEED]), {"xl/worksheets/sheet1.xml": sheet}), "n.xlsx")
    assert faults == [(1, "-", "not_workbook")]


def test_dates_of_the_1904_system() -> None:
    book = xlsx_bytes([{**NEED, "deadline": "2026-12-31"}])
    shifted = repacked(
        book,
        {
            "xl/workbook.xml": _part(book, "xl/workbook.xml").replace(b"<workbookPr ", b'<workbookPr date1904="1" '),
            "xl/worksheets/sheet1.xml": _part(book, "xl/worksheets/sheet1.xml").replace(b"46387", b"44925"),
        },
    )
    assert str(read(book, "n.xlsx").deadline[0]) == "2026-12-31"
    assert str(read(shifted, "n.xlsx").deadline[0]) == "2026-12-31"


def _part(book: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return archive.read(name)


def _texts(*values: str) -> str:
    return "".join(f"<c t='inlineStr'><is><t>{value}</t></is></c>" for value in values)


def _sheet(rows: str) -> dict[str, bytes]:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = f'<worksheet xmlns="{space}"><sheetData>{rows}</sheetData></worksheet>'
    return {"xl/worksheets/sheet1.xml": sheet.encode()}


@pytest.mark.parametrize("largest", [10_000, 10_001, 123_456])
@pytest.mark.parametrize(
    "names",
    [
        ["a,b", 'say "x"', "=1+1", "编号", "-5"],
        ["a", "b c", "", "编号", "d=1"],
        ["a", "b\nc", "", "d", "e"],
        ["a", "+b", "", "d", "e"],
    ],
)
def test_long_files_are_written_like_short_ones(names: list[str], largest: int) -> None:
    place = np.array([4, 3, 2, 1, 0, 0])
    numbers = np.array([0, 10, 7, 7, largest, 1])
    columns = [PairColumn.of(names, place), PairColumn.of_numbers(numbers)]
    lines = b"".join([pair_header(("name", "number")), *pair_lines(columns)]).decode()
    records = [(safe_text(names[at]), number) for at, number in zip(place.tolist(), numbers.tolist(), strict=True)]
    assert lines == csv_text(("name", "number"), records)
    assert list(csv.reader(io.StringIO(lines)))[1:] == [[str(cell) for cell in record] for record in records]
