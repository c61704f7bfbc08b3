"""Texts of tables on their way out: nothing that a spreadsheet would run, nothing over long."""

import pytest

from matching.tables import safe_text
from tests.matching.reading import need_faults, read
from tests.support.table_files import (
    CHINESE_NEEDS,
    NEED,
    csv_bytes,
)


@pytest.mark.parametrize("text", ["=1", "+1", "-1+2", "-a", "@x", "\tx", "\rx"])
def test_no_text_begins_a_formula(text: str) -> None:
    assert safe_text(text) == f"'{text}"


@pytest.mark.parametrize("text", ["plain", "", "-5", "-5.25", "a=b"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert safe_text(text) == text


def test_the_columns_are_told_as_the_file_names_them() -> None:
    table = read(csv_bytes([{**NEED, "hukou": ""}], chinese=CHINESE_NEEDS))
    assert table.header == {"id": "编号", "category": "类别", "region": "地区", "quantity": "数量"}


def test_an_over_long_cell_is_a_fault_in_any_column_and_in_the_header() -> None:
    long = "x" * 40_000
    head, row = "id,category,region,quantity", "1,S1102,640202,1"
    assert need_faults(f"{head},notes\n{row},{long}\n".encode()) == [(2, "notes", "too_long")]
    assert need_faults(f"{head},{long}\n{row},y\n".encode()) == [(1, "#5", "too_long")]


def test_text_that_a_spreadsheet_might_run_is_shown_as_text() -> None:
    for text in ("=1+1", "+1", "-a", "@a", "\t=1", "\r=1", " =1", "\n=1", "＝1", "＋1", "＠a", "－a", "　=1"):
        assert safe_text(text) == f"'{text}"
    for text in ("-5", "-2.5", "a=1", "一双棉鞋"):
        assert safe_text(text) == text


def test_no_place_is_offered_for_a_wrong_number() -> None:
    assert need_faults(b"id,category,region,quantity\n1,S1102,640203,1\n") == [(2, "region", "unknown_code")]
