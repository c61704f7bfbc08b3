"""From the bytes of a file to a grid of text cells: CSV here and in `plain`, XLSX in `workbook`."""

from __future__ import annotations

import csv
import io

from matching.tables.faults import FaultLog
from matching.tables.grid import Grid, TextColumn, drop_blank
from matching.tables.plain import read_plain

LARGEST_CSV = 256 * 1024**2
"""Bytes of a CSV file; a million needs have about half of it."""

_MULTIBYTE_FOR_CERTAIN = 3
"""So many well-formed UTF-8 characters before a broken one do not occur by chance in GB18030."""


def decode(data: bytes, log: FaultLog) -> str | None:
    """The text of a CSV file in UTF-8, with or without a byte-order mark, or GB18030; None with a fault."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        log.add(1, "-", "utf16")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        sound = data[max(0, broken.start - 4096) : broken.start].decode("utf-8", "ignore")
        place = broken.start
    if sum(char > "\x7f" for char in sound) < _MULTIBYTE_FOR_CERTAIN:
        try:
            return data.decode("gb18030")
        except UnicodeDecodeError:
            pass
    line_start = data.rfind(b"\n", 0, place) + 1
    column = data.count(b",", line_start, place)
    header = data[: data.find(b"\n")].decode("utf-8", "replace").lstrip("\ufeff").split(",")
    name = header[column].strip() if column < len(header) and "�" not in header[column] else "-"
    log.add(data.count(b"\n", 0, place) + 1, name or "-", "encoding")
    return None


def read_csv(data: bytes, log: FaultLog) -> Grid | None:
    """The grid of a CSV file, or None with at least one fault noted."""
    plain = read_plain(data)
    if plain is not None:
        return plain
    text = decode(data, log)
    if text is None:
        return None
    if not text.strip():
        log.add(1, "-", "empty_file")
        return None
    records: list[list[str]] = []
    limit = csv.field_size_limit(len(text) + 1)
    try:
        # `extend` keeps what was read before an error: the faults of those rows are told too.
        records.extend(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        log.add(len(records) + 1, "-", "quotes", reason=str(error))
    finally:
        csv.field_size_limit(limit)
    if not records:
        return None
    header = [cell.strip() for cell in records[0]]
    if len(header) == 1 and (found := next((mark for mark in ";\t|\uff0c\uff1b、" if mark in header[0]), None)):
        log.add(1, "-", "delimiter", found="Tab" if found == "\t" else found)
        return None
    width, numbers, kept = len(header), [], []
    for number, record in enumerate(records[1:], start=2):
        if len(record) != width:
            if not any(record):
                continue
            log.add(number, "-", "ragged", found=len(record), wanted=width)
            record = (record + [""] * width)[:width]
        numbers.append(number)
        kept.append(record)
    return _grid(header, numbers, kept, "\0" in text)


def _grid(header: list[str], numbers: list[int], kept: list[list[str]], has_nul: bool) -> Grid:
    columns = [list(map(str.strip, column)) for column in zip(*kept, strict=True)]
    columns = columns or [[] for _ in header]
    grid = Grid(header, [TextColumn(column) for column in columns], numbers)
    if has_nul:
        for place, cells in enumerate(columns):
            grid.marks += [(index, place, "nul", "") for index, cell in enumerate(cells) if "\0" in cell]
    return drop_blank(grid)
