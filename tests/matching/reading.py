"""Reads tables of tests, and what is wrong with them."""

from dataclasses import fields

import numpy as np
import pytest

from marketplace.matches.file_codes import code_tables
from matching.tables import InvalidTable, NeedTable, capacity_of, needs_of
from tests.support.table_files import (
    NEED,
    Record,
    csv_bytes,
)

TABLES = code_tables()


def read(data: bytes, name: str = "needs.csv") -> NeedTable:
    return needs_of(data, name, TABLES)


def need_faults(data: bytes, name: str = "needs.csv") -> list[tuple[int, str, str]]:
    with pytest.raises(InvalidTable) as refused:
        needs_of(data, name, TABLES)
    return [(fault.row, fault.column, fault.kind) for fault in refused.value.faults]


def capacity_faults(*records: Record) -> list[tuple[int, str, str]]:
    with pytest.raises(InvalidTable) as refused:
        capacity_of(csv_bytes(records, columns=list({name: 0 for record in records for name in record})), "c", TABLES)
    return [(fault.row, fault.column, fault.kind) for fault in refused.value.faults]


def one(**changes: object) -> list[tuple[int, str, str]]:
    """The faults of a file with one good row and one that differs from it in these cells."""
    changed = {**NEED, "id": "N2", **changes}
    return need_faults(csv_bytes([NEED, changed], columns=list(changed)))


def same(one_table: object, other: object) -> bool:
    """Whether two tables hold the same, rows of the file and warnings aside."""
    for column in fields(one_table):  # type: ignore[arg-type]  # both are tables, which are dataclasses
        if column.name in ("row", "header", "warnings"):
            continue
        left, right = getattr(one_table, column.name), getattr(other, column.name)
        if isinstance(left, np.ndarray):
            if not np.array_equal(left, right, equal_nan=left.dtype.kind in "fM"):
                return False
        elif left != right:
            return False
    return True
