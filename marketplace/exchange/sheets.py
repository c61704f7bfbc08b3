"""Reading tables that no matching reads: organizations, projects, households. Every fault, or rows in file order."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from marketplace.exchange.faults import MaskingLog
from marketplace.exchange.plan import Values, told_text
from matching.tables import Fault, Language, Sheet, grid_of
from matching.tables.grid import leave_out


@dataclass(frozen=True)
class Format:
    """What a file of a kind looks like.

    Attributes:
        columns: English name -> Chinese name.
        required: those that every file has, filled in every row.
        open_columns: those whose cells a message may repeat; the others hold personal data.
    """

    columns: dict[str, str]
    required: tuple[str, ...]
    open_columns: frozenset[str]


@dataclass
class Rows:
    """The records of a file.

    Attributes:
        values: by record, column -> parsed value; columns that the file does not have are there too, empty.
        row: row in the file of each record.
        header: the columns that the file has, by their English names, as the file names them.
    """

    values: list[Values]
    row: list[int]
    header: dict[str, str]
    warnings: list[Fault] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.values)


#: Takes the sheet and gives, for each record, the value of one column.
Reader = Callable[[Sheet], list[Any]]


def read_rows(
    data: bytes, file: str, form: Format, readers: dict[str, Reader], language: Language, without: Collection[int]
) -> Rows:
    """Read a file.

    Args:
        readers: how each column is read; texts where none is given.
        without: rows of the file that are left out.
    Raises:
        InvalidTable: with every fault of the file; of personal columns none repeats a cell.
    """
    log = MaskingLog(file, form.columns, form.open_columns)
    sheet = Sheet(leave_out(grid_of(data, log), without), form.columns, form.required, log, language)
    columns = {"id": sheet.ids()}
    for name in form.columns:
        if name != "id":
            columns[name] = readers[name](sheet) if name in readers else texts(name, form.required)(sheet)
    log.close()
    values = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return Rows(values, list(sheet.rows), sheet.names(), log.warnings)


def texts(name: str, required: tuple[str, ...] = ()) -> Reader:
    """A column of free text."""

    def read(sheet: Sheet) -> list[str]:
        values = [told_text(value) for value in sheet.text(name)]
        if name in required and name in sheet.names():
            for index, value in enumerate(values):
                if not value:
                    sheet.fault(index, name, "empty")
        return values

    return read


def days(name: str) -> Reader:
    """A column of dates; None for empty cells."""

    def read(sheet: Sheet) -> list[date | None]:
        told: list[date | None] = sheet.days(name).astype(object).tolist()
        return told

    return read
