"""The file formats of needs and capacity: CSV and XLSX in, CSV out."""

from matching.tables.columns import CAPACITY_COLUMNS, KINDS, NEED_COLUMNS, URGENCIES
from matching.tables.faults import Fault, FaultLog, InvalidTable, Language
from matching.tables.read import (
    CapacityTable,
    NeedTable,
    capacity_of,
    grid_of,
    load,
    needs_of,
    read_capacity,
    read_needs,
)
from matching.tables.sheet import Sheet
from matching.tables.write import PairColumn, csv_text, pair_header, pair_lines, safe_text

__all__ = [
    "CAPACITY_COLUMNS",
    "KINDS",
    "NEED_COLUMNS",
    "URGENCIES",
    "CapacityTable",
    "Fault",
    "FaultLog",
    "InvalidTable",
    "Language",
    "NeedTable",
    "PairColumn",
    "Sheet",
    "capacity_of",
    "csv_text",
    "grid_of",
    "load",
    "needs_of",
    "pair_header",
    "pair_lines",
    "read_capacity",
    "read_needs",
    "safe_text",
]
