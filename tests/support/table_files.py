"""Input files in every accepted shape, and broken ones."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date

from openpyxl import Workbook

from matching.tables import CAPACITY_COLUMNS, NEED_COLUMNS

Record = Mapping[str, object]

NEED: Record = {"id": "N1", "category": "S0301", "region": "640104", "quantity": 2}
CAPACITY: Record = {"id": "C1", "categories": "S0301", "regions": "640104", "quantity": 5}

FULL_NEED: Record = {
    "id": "N-7",
    "kind": "micro_wish",
    "category": "S1105",
    "region": "640202",
    "lat": "39.0192",
    "lon": "106.368",
    "quantity": "3",
    "urgency": "red",
    "groups": "G-HARDCHILD;T-DIBAO",
    "requires": "Q-SOCWORK;own word",
    "deadline": "2026-12-31",
    "posted": "2026-10-01",
    "household": "H1",
    "bundle": "B1",
    "whole": "yes",
    "value_yuan": "120.5",
    "title": "儿童书包",
    "hukou": "620000",
}
CHINESE_NEED: Record = {
    "id": "N-7",
    "kind": "微心愿",
    "category": "儿童用品玩具图书",
    "region": "大武口区",
    "lat": "３９．０１９２",
    "lon": "106.368",
    "quantity": "３",
    "urgency": "红",
    "groups": "困境儿童；低保对象",
    "requires": "社工证；own word",
    "deadline": "2026年12月31日",
    "posted": "2026/10/1",
    "household": "H1",
    "bundle": "B1",
    "whole": "是",
    "value_yuan": "120.50",
    "title": "儿童书包",
    "hukou": "甘肃",
}
FULL_CAPACITY: Record = {
    "id": "C-9",
    "organization": "武口社工",
    "pool": "P",
    "pool_quantity": "40",
    "categories": "S11;S0301",
    "regions": "640200;640104",
    "lat": "39.0",
    "lon": "106.4",
    "radius_km": "12.5",
    "quantity": "20",
    "budget_yuan": "1000",
    "unit_cost_yuan": "99.99",
    "groups": "G-HARDCHILD",
    "qualifications": "Q-SOCWORK",
    "minimum_batch": "2",
    "valid_from": "2026-01-01",
    "valid_until": "2026-12-31",
    "title": "书包项目",
}


def csv_bytes(
    records: Sequence[Record],
    *,
    columns: Sequence[str] | None = None,
    chinese: Mapping[str, str] | None = None,
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> bytes:
    """A CSV file with the columns of its first record, in English or by the names in `chinese`."""
    names = list(columns or records[0])
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([chinese[name] if chinese else name for name in names])
    writer.writerows([[record.get(name, "") for name in names] for record in records])
    return stream.getvalue().encode(encoding)


def xlsx_bytes(records: Sequence[Record], *, columns: Sequence[str] | None = None) -> bytes:
    """A workbook as a spreadsheet program writes it: numbers as numbers, dates as dates."""
    names = list(columns or records[0])
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(names)
    for record in records:
        sheet.append([_typed(name, record.get(name)) for name in names])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _typed(name: str, value: object) -> object:
    text = str(value or "")
    if name in ("deadline", "posted", "valid_from", "valid_until"):
        return date.fromisoformat(text) if text.count("-") == 2 else text
    if name in ("lat", "lon", "quantity", "value_yuan", "radius_km", "region") and text.replace(".", "", 1).isdigit():
        return float(text) if "." in text else int(text)
    return value


def zipped(parts: Mapping[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def repacked(workbook: bytes, changed: Mapping[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A workbook with some parts replaced or added."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return zipped({**parts, **changed}, compression=compression)


CHINESE_NEEDS = dict(NEED_COLUMNS)
CHINESE_CAPACITY = dict(CAPACITY_COLUMNS)
