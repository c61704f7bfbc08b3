"""Reading: the same facts in every accepted shape, and every fault told with its place."""

from pathlib import Path

import numpy as np
import pytest

from matching.eligibility.codes import CodeList, CodeTables
from matching.tables import InvalidTable, capacity_of, needs_of, read_needs
from tests.matching.reading import TABLES, capacity_faults, need_faults, one, read, same
from tests.support.table_files import (
    CAPACITY,
    CHINESE_CAPACITY,
    CHINESE_NEED,
    CHINESE_NEEDS,
    FULL_CAPACITY,
    FULL_NEED,
    NEED,
    csv_bytes,
    xlsx_bytes,
)


def test_every_column_of_a_need() -> None:
    table = read(csv_bytes([FULL_NEED]))
    assert table.id == ["N-7"]
    assert table.kind.tolist() == [0]
    assert TABLES.categories.codes[table.category[0]] == "S1105"
    assert TABLES.regions.codes[table.region[0]] == "640202"
    assert (table.lat[0], table.lon[0]) == (39.0192, 106.368)
    assert table.quantity.tolist() == [3]
    assert table.tier.tolist() == [0]
    groups = [code for place, code in enumerate(TABLES.groups.codes) if int(table.groups[0]) >> place & 1]
    assert sorted(groups) == ["G-HARDCHILD", "T-DIBAO"]
    assert table.requires == [("Q-SOCWORK", "own word")]
    assert str(table.deadline[0]) == "2026-12-31"
    assert str(table.posted[0]) == "2026-10-01"
    assert table.household == ["H1"]
    assert (table.bundle.tolist(), table.bundle_names) == ([0], ["B1"])
    assert table.whole.tolist() == [True]
    assert table.value_fen.tolist() == [12050]
    assert table.title == ["儿童书包"]
    assert table.warnings == []


def test_every_column_of_a_capacity() -> None:
    table = capacity_of(csv_bytes([FULL_CAPACITY]), "capacity.csv", TABLES)
    assert (table.pool.tolist(), table.pool_names, table.pool_capacity.tolist()) == ([0], ["P"], [40])
    assert [TABLES.categories.codes[place] for place in table.categories[0]] == ["S11", "S0301"]
    assert [TABLES.regions.codes[place] for place in table.regions[0]] == ["640200", "640104"]
    assert table.radius_km.tolist() == [12.5]
    assert (table.budget_fen.tolist(), table.unit_cost_fen.tolist()) == ([100_000], [9_999])
    assert table.qualifications == [("Q-SOCWORK",)]
    assert table.minimum_batch.tolist() == [2]
    assert [str(table.valid_from[0]), str(table.valid_until[0])] == ["2026-01-01", "2026-12-31"]


def test_defaults() -> None:
    table = read(csv_bytes([NEED]))
    assert (table.kind.tolist(), table.tier.tolist()) == ([2], [2])
    assert np.isnan(table.lat).all()
    assert np.isnat(table.posted).all()
    assert np.isnat(table.deadline).all()
    assert (table.bundle.tolist(), table.whole.tolist(), table.value_fen.tolist()) == ([-1], [False], [-1])
    capacity = capacity_of(csv_bytes([CAPACITY]), "capacity.csv", TABLES)
    assert np.isnan(capacity.radius_km).all()
    assert (capacity.pool.tolist(), capacity.budget_fen.tolist(), capacity.groups.tolist()) == ([-1], [-1], [0])


SHAPES = {
    "bom": csv_bytes([FULL_NEED], encoding="utf-8-sig"),
    "gb18030": csv_bytes([FULL_NEED], encoding="gb18030"),
    "chinese": csv_bytes([CHINESE_NEED], chinese=CHINESE_NEEDS),
    "chinese gb18030": csv_bytes([CHINESE_NEED], chinese=CHINESE_NEEDS, encoding="gb18030"),
    "xlsx": xlsx_bytes([FULL_NEED]),
    "columns in another order": csv_bytes([FULL_NEED], columns=list(FULL_NEED)[::-1]),
    "without hukou": csv_bytes([FULL_NEED], columns=[name for name in FULL_NEED if name != "hukou"]),
    "blank rows": csv_bytes([FULL_NEED]) + b"\r\n" + b"," * 17 + b"\r\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_facts_in_another_shape(shape: str) -> None:
    assert same(read(csv_bytes([FULL_NEED])), read(SHAPES[shape], "needs"))


def test_full_width_parentheses_in_headers() -> None:
    names = {name: told.replace("(", "\uff08").replace(")", "\uff09") for name, told in CHINESE_CAPACITY.items()}
    plain = capacity_of(csv_bytes([FULL_CAPACITY]), "c", TABLES)
    assert same(plain, capacity_of(csv_bytes([FULL_CAPACITY], chinese=names), "c", TABLES))


def test_rows_come_in_the_order_of_their_ids() -> None:
    rows = [{**NEED, "id": name, "title": name.lower()} for name in ("b", "A", "c", "B")]
    table = read(csv_bytes(rows))
    assert table.id == ["A", "B", "b", "c"]
    assert table.title == ["a", "b", "b", "c"]
    assert table.row.tolist() == [3, 5, 2, 4]


def test_hukou_is_dropped_unparsed() -> None:
    plain = read(csv_bytes([NEED]))
    for cell in ("620000", "=1+1", "x" * 40_000, "\0"):
        assert same(plain, read(csv_bytes([{**NEED, "hukou": cell}])))


@pytest.mark.parametrize(
    ("changes", "column", "kind"),
    [
        ({"id": ""}, "id", "empty"),
        ({"id": "N1"}, "id", "duplicate_id"),
        ({"id": "=1+2"}, "id", "formula"),
        ({"quantity": ""}, "quantity", "empty"),
        ({"quantity": "-1"}, "quantity", "below"),
        ({"quantity": "0"}, "quantity", "below"),
        ({"quantity": "1.5"}, "quantity", "not_integer"),
        ({"quantity": "many"}, "quantity", "not_integer"),
        ({"quantity": "1,5"}, "quantity", "not_integer"),
        ({"quantity": "1e30"}, "quantity", "above"),
        ({"quantity": "1000000001"}, "quantity", "above"),
        ({"quantity": "=2"}, "quantity", "formula"),
        ({"category": "S99"}, "category", "unknown_code"),
        ({"category": "入户探仿"}, "category", "unknown_near"),
        ({"category": ""}, "category", "empty"),
        ({"region": "110101"}, "region", "unknown_code"),
        ({"region": "大武口"}, "region", "unknown_near"),
        ({"kind": "loan"}, "kind", "unknown_choice"),
        ({"urgency": "green"}, "urgency", "unknown_choice"),
        ({"groups": "G-ILL;nobody"}, "groups", "unknown_code"),
        ({"lat": "200", "lon": "106"}, "lat", "latitude"),
        ({"lat": "38", "lon": "-190"}, "lon", "longitude"),
        ({"lat": "nan", "lon": "106"}, "lat", "not_number"),
        ({"lat": "3_8", "lon": "106"}, "lat", "not_number"),
        ({"lat": "38", "lon": ""}, "lon", "half_point"),
        ({"lat": "", "lon": "106"}, "lat", "half_point"),
        ({"deadline": "2026-02-30"}, "deadline", "not_date"),
        ({"deadline": "soon"}, "deadline", "not_date"),
        ({"posted": "01/02/2026"}, "posted", "not_date"),
        ({"whole": "maybe"}, "whole", "unknown_choice"),
        ({"value_yuan": "-1"}, "value_yuan", "below"),
        ({"value_yuan": "1.234"}, "value_yuan", "not_money"),
        ({"value_yuan": "a lot"}, "value_yuan", "not_money"),
        ({"title": "=cmd|' /C calc'!A0"}, "title", "formula"),
        ({"title": "@SUM(1)"}, "title", "formula"),
        ({"title": "x" * 32_768}, "title", "too_long"),
        ({"title": "x" * 10_000_000}, "title", "too_long"),
        ({"title": "a\0b"}, "title", "nul"),
    ],
)
def test_a_fault_of_a_need_is_told_with_row_and_column(changes: dict[str, object], column: str, kind: str) -> None:
    assert one(**changes) == [(3, column, kind)]


@pytest.mark.parametrize(
    ("changes", "column", "kind"),
    [
        ({"categories": ";"}, "categories", "empty"),
        ({"regions": "640104;999999"}, "regions", "unknown_code"),
        ({"quantity": "-3"}, "quantity", "below"),
        ({"radius_km": "-1"}, "radius_km", "below"),
        ({"budget_yuan": "-5"}, "budget_yuan", "below"),
        ({"minimum_batch": "-5"}, "minimum_batch", "below"),
        ({"valid_from": "2026-02-01", "valid_until": "2026-01-31"}, "valid_until", "ends_before"),
        ({"pool": "P"}, "pool", "no_pool_quantity"),
        ({"pool": "", "pool_quantity": "4"}, "pool", "quantity_without_pool"),
    ],
)
def test_a_fault_of_a_capacity(changes: dict[str, object], column: str, kind: str) -> None:
    assert capacity_faults({**CAPACITY, **changes}) == [(2, column, kind)]


def test_a_pool_has_one_quantity() -> None:
    rows = [{**CAPACITY, "id": name, "pool": "P", "pool_quantity": told} for name, told in (("a", 4), ("b", ""))]
    table = capacity_of(csv_bytes(rows), "c", TABLES)
    assert (table.pool.tolist(), table.pool_capacity.tolist()) == ([0, 0], [4])
    assert capacity_faults(*rows, {**rows[0], "id": "d", "pool_quantity": 5}) == [(4, "pool_quantity", "pool_conflict")]


def test_all_faults_come_in_one_go_in_the_order_of_the_file() -> None:
    rows = [
        {**NEED, "id": "", "quantity": "x"},
        {**NEED, "id": "a", "category": "S9", "lat": "91", "lon": "1"},
        {**NEED, "id": "a", "region": "?"},
    ]
    assert need_faults(csv_bytes(rows, columns=[*NEED, "lat", "lon"])) == [
        (2, "id", "empty"),
        (2, "quantity", "not_integer"),
        (3, "category", "unknown_near"),
        (3, "lat", "latitude"),
        (4, "id", "duplicate_id"),
        (4, "region", "unknown_code"),
    ]


def test_faults_name_the_column_as_the_file_does_in_the_language_of_the_reader() -> None:
    with pytest.raises(InvalidTable) as refused:
        needs_of(csv_bytes([{**NEED, "quantity": "-2"}], chinese=CHINESE_NEEDS), "需求.csv", TABLES)
    fault = refused.value.faults[0]
    assert fault.line("zh").startswith("需求.csv:2:数量: -2 太小")
    assert fault.line("en") == "需求.csv:2:数量: -2 is too small; at least 1"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [(1, "-", "empty_file")]),
        (b"\xef\xbb\xbf  \n", [(1, "-", "empty_file")]),
        (b"id,category,region,quantity\n", [(1, "-", "no_rows")]),
        (b"id;category;region;quantity\nN1;S0301;640104;1\n", [(1, "-", "delimiter")]),
        (b"id\tcategory\tregion\tquantity\nN1\tS0301\t640104\t1\n", [(1, "-", "delimiter")]),
        (csv_bytes([NEED], encoding="utf-16"), [(1, "-", "utf16")]),
        (b"id,category,region,quantity\nN1,\xff\xff,640104,1\n", [(2, "category", "encoding")]),
        (csv_bytes([{**NEED, "title": "敬老院"}]).replace("院".encode(), b"\xe9\x99 "), [(2, "title", "encoding")]),
        (b'id,category,region,quantity\nN1,"S0301,640104,1\n', [(2, "-", "quotes")]),
        (b"id,category,region,quantity\nN1,S0301,640104\n", [(2, "-", "ragged"), (2, "quantity", "empty")]),
        (b"id,category,region,quantity\nN1,S0301,640104,1,2\n", [(2, "-", "ragged")]),
        (b"PK\x03\x04nonsense", [(1, "-", "not_workbook")]),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, [(1, "-", "old_excel")]),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            [(1, "-", "encrypted")],
        ),
    ],
)
def test_files_that_cannot_be_read(data: bytes, expected: list[tuple[int, str, str]]) -> None:
    assert need_faults(data) == expected


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidTable) as refused:
        read_needs(tmp_path / "none.csv", TABLES)
    assert [fault.kind for fault in refused.value.faults] == ["missing_file"]


def test_headers() -> None:
    assert need_faults(b"id,category,quantity\nN1,S0301,1\n") == [(1, "地区", "missing_column")]
    assert need_faults(b"id,category,regoin,quantity\nN1,S0301,1,1\n") == [(1, "地区", "missing_column_near")]
    twice = csv_bytes([NEED]).replace(b"id,category", "编号,id".encode())
    assert (1, "id", "duplicate_column") in need_faults(twice)
    table = read(csv_bytes([{**NEED, "telephone": "1", "urgancy": "red"}]))
    assert [(w.column, w.kind) for w in table.warnings] == [
        ("telephone", "unknown_column"),
        ("urgancy", "unknown_column_near"),
    ]


def test_messages_stay_short_and_on_one_line() -> None:
    strange = "columns\n" * 1_000
    table = read(csv_bytes([{**NEED, strange: "x"}]))
    (warning,) = table.warnings
    assert len(warning.line("en")) < 200
    assert "\n" not in warning.line("zh")
    with pytest.raises(InvalidTable) as refused:
        read(csv_bytes([{**NEED, "category": strange + "x"}]))
    assert len(refused.value.faults[0].line("en")) < 200
    assert "\n" not in refused.value.faults[0].line("zh")


def test_statistics_only_groups_are_dropped_with_a_warning() -> None:
    table = read(csv_bytes([{**NEED, "groups": "G-NONLOCAL;G-ILL"}]))
    assert table.groups[0] == 1 << TABLES.groups.position["G-ILL"]
    assert [warning.kind for warning in table.warnings] == ["statistic_dropped"]


def test_all_opens_a_capacity_to_everyone() -> None:
    table = capacity_of(csv_bytes([{**CAPACITY, "groups": "ALL;G-ILL"}]), "c", TABLES)
    assert table.groups.tolist() == [0]


def test_an_ambiguous_name_lists_the_codes() -> None:
    tables = CodeTables(
        categories=CodeList(("A", "B"), ("同名", "同名"), ("x", "y"), ("", "")),
        regions=TABLES.regions,
        seats=TABLES.seats,
        groups=TABLES.groups,
    )
    with pytest.raises(InvalidTable, match="A 同名, B 同名"):
        needs_of(csv_bytes([{**NEED, "category": "同名"}]), "n", tables)
