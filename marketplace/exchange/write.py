"""Writing tables: CSV for any program, XLSX for offices; texts that no spreadsheet runs as formulas."""

import csv
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from matching.tables import safe_text


def write_table(path: Path, columns: Sequence[str], records: Iterable[Sequence[str]]) -> int:
    """Write a file in the format of its ending, whole or not at all; how many rows.

    CSV is UTF-8 with a byte-order mark, by which spreadsheets know it.

    Raises:
        OSError: the folder is missing or cannot be written.
    """
    handle, draft_name = tempfile.mkstemp(dir=path.parent, suffix=path.suffix)
    os.close(handle)
    draft = Path(draft_name)
    try:
        count = (_write_xlsx if path.suffix.lower() == ".xlsx" else _write_csv)(draft, columns, records)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def _write_csv(path: Path, columns: Sequence[str], records: Iterable[Sequence[str]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for record in records:
            writer.writerow([safe_text(cell) for cell in record])
            count += 1
    return count


def _write_xlsx(path: Path, columns: Sequence[str], records: Iterable[Sequence[str]]) -> int:
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Bangnin")
    sheet.append(list(columns))
    count = 0
    for record in records:
        # Control characters have no place in XML; nobody typed them on purpose.
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("", safe_text(cell)) or None for cell in record])
        count += 1
    workbook.save(path)
    return count
