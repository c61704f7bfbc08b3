"""Whatever bytes come, the reader gives a table or faults, and both files of faults can be told in both languages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.matches.file_codes import code_tables
from matching.tables import CAPACITY_COLUMNS, NEED_COLUMNS, InvalidTable, capacity_of, needs_of
from tests.support.table_files import FULL_CAPACITY, FULL_NEED, NEED, csv_bytes, repacked, xlsx_bytes

TABLES = code_tables()
WORKBOOK = xlsx_bytes([FULL_NEED, {**NEED, "id": "N2"}])
CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "1", "-1", "1.5", "1e99", "nan", "S03", "640104", "红", "=1", "是", "2026-02-30", "Ⅻ", "٣", "²"]
    ),
)


def faults_of(error: InvalidTable) -> None:
    """Every fault must have a place and a text on one line."""
    assert error.faults
    for fault in error.faults:
        assert fault.row >= 1
        assert "\n" not in fault.line("zh")
        assert "\n" not in fault.line("en")


def answer(data: bytes, name: str) -> None:
    """Read as either file: there is a sound table, or there are faults."""
    for read in (needs_of, capacity_of):
        try:
            table = read(data, name, TABLES)
        except InvalidTable as error:
            faults_of(error)
            continue
        assert len(set(table.id)) == len(table) > 0
        assert table.id == sorted(table.id)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    answer(data, "x.csv")
    answer(data, "x.xlsx")
    answer(b"PK\x03\x04" + data, "x.xlsx")


@settings(deadline=None)
@given(st.text(max_size=300), st.sampled_from(["utf-8", "gb18030", "utf-16"]))
def test_any_text(text: str, encoding: str) -> None:
    answer(text.encode(encoding, "replace"), "x.csv")


@settings(deadline=None)
@given(st.data(), st.sampled_from([FULL_NEED, FULL_CAPACITY]))
def test_any_cells_under_a_good_header(data: st.DataObject, good: dict[str, object]) -> None:
    names = list(NEED_COLUMNS if good is FULL_NEED else CAPACITY_COLUMNS)
    changed = data.draw(st.dictionaries(st.sampled_from(names), CELLS, max_size=4))
    answer(csv_bytes([good, {**good, "id": "other", **changed}], columns=list(good)), "x.csv")


@settings(deadline=None)
@given(st.integers(0, len(WORKBOOK) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_workbook(place: int, damage: bytes) -> None:
    answer(WORKBOOK[:place] + damage + WORKBOOK[place + len(damage) :], "x.xlsx")


ODD_CELLS = (
    *("<c/>", "<c><v>1</v></c>", "<c r='A1' t='s'><v>0</v></c>", "<c t='s'><v>-1</v></c>", "<c t='s'><v>²</v></c>"),
    *("<c t='s'><v>99999</v></c>", "<c r='0'><v>x</v></c>", "<c t='e'><v>#REF!</v></c>", "<c><f/></c>"),
    *("<c t='inlineStr'><is><rPh><t>x</t></rPh></is></c>", "<c><v>1</v><v>2</v></c>", "<v>1</v>", "&#0;", "<c>"),
    *("<c r='C9' t='inlineStr'><is><t>id</t></is></c>", "<![CDATA[id]]>", f"<c t='s'><v>{'9' * 5000}</v></c>"),
)
ODD_ROWS = ("<row>", "<row r='0'>", "<row r='1'>", "<row r='99999999999999999999'>", f"<row r='{'9' * 5000}'>")
HEADER_ROW = "".join(
    f"<c t='inlineStr'><is><t>{name}</t></is></c>" for name in ("id", "category", "region", "quantity")
)
SHEETS = st.lists(
    st.tuples(st.sampled_from(ODD_ROWS), st.lists(st.sampled_from(ODD_CELLS), max_size=5).map("".join)), max_size=4
).map(lambda rows: "".join(f"{start}{cells}</row>" for start, cells in rows))


@settings(deadline=None)
@given(SHEETS, st.booleans())
def test_any_sheet(rows: str, headed: bool) -> None:
    header = f"<row>{HEADER_ROW}</row>" if headed else ""
    sheet = f"<worksheet><sheetData>{header}{rows}</sheetData></worksheet>".encode()
    answer(repacked(WORKBOOK, {"xl/worksheets/sheet1.xml": sheet}), "x.xlsx")


@pytest.mark.parametrize("name", ["a:b.csv", "空 格.csv", ""])
def test_any_file_name(name: str) -> None:
    answer(b"", name)
