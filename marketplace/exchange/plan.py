"""What an import would do to one table, worked out before anything is written."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, bindparam, insert, select, update

from marketplace.exchange.faults import Header, ImportFault
from marketplace.extensions import db
from matching.eligibility.codes import CodeList
from matching.tables.write import FORMULA_STARTS

CHUNK = 2000
Values = dict[str, Any]


@dataclass
class Change:
    """A stored row that a file changes: the columns with their new values."""

    key: int
    region: str
    values: Values


@dataclass
class Plan:
    """New rows, changed rows, and how many stay as they are."""

    new: list[Values] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    unchanged: int = 0
    faults: list[ImportFault] = field(default_factory=list)
    warnings: list[ImportFault] = field(default_factory=list)


def chunks(items: Sequence[Any], size: int = CHUNK) -> Iterator[Sequence[Any]]:
    """Pieces small enough for one statement."""
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]


def stored(model: Any, columns: Iterable[str], ids: Sequence[str]) -> dict[str, Any]:
    """Rows of a table by the id that a file gives them: external_id, or public_id where there is none."""
    wanted = [getattr(model, name) for name in ("id", "external_id", "public_id", *columns)]
    found: dict[str, Any] = {}
    for chunk in chunks(ids):
        query = select(*wanted).where(model.external_id.is_(None), model.public_id.in_(chunk)).with_for_update()
        found |= {row.public_id: row for row in db.session.execute(query)}
        query = select(*wanted).where(model.external_id.in_(chunk)).with_for_update()
        found |= {row.external_id: row for row in db.session.execute(query)}
    return found


def differing(row: Any, values: Values, unordered: frozenset[str]) -> Values:
    """The values that a stored row does not have yet; lists of `unordered` columns are compared as sets."""
    return {
        name: value
        for name, value in values.items()
        if (old := getattr(row, name)) != value and not (name in unordered and sorted(old or ()) == sorted(value or ()))
    }


def store_new(model: Any, rows: Sequence[Values], told: Any) -> dict[str, int]:
    """Insert rows in bulk; keys by external_id. `told(count)` hears of every chunk."""
    table: Table = model.__table__
    keys: dict[str, int] = {}
    for chunk in chunks(rows):
        db.session.execute(insert(table), list(chunk))
        query = select(table.c.external_id, table.c.id).where(
            table.c.external_id.in_([row["external_id"] for row in chunk])
        )
        keys |= dict(db.session.execute(query).all())
        told(len(chunk))
    return keys


def store_changed(model: Any, changes: Sequence[Change]) -> None:
    """Update rows, those with the same columns by one statement."""
    table: Table = model.__table__
    by_columns: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        by_columns.setdefault(tuple(sorted(change.values)), []).append(change)
    for names, alike in by_columns.items():
        values: dict[str, Any] = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
        statement = update(table).where(table.c.id == bindparam("key")).values(version=table.c.version + 1, **values)
        parameters = [{"key": each.key} | {f"new_{name}": each.values[name] for name in names} for each in alike]
        db.session.connection().execute(statement, parameters)


def days_of(column: NDArray[np.datetime64]) -> list[date | None]:
    """Dates of a column of a file's table; None for NaT."""
    days: list[date | None] = column.astype(object).tolist()
    return days


def degrees_of(column: NDArray[np.float64], digits: int | None = None) -> list[float | None]:
    """Degrees or kilometres; None for NaN. `digits` blurs a point."""
    return [None if isnan(value) else value if digits is None else round(value, digits) for value in column.tolist()]


def group_codes(codes: CodeList, masks: NDArray[np.uint64]) -> list[list[str]]:
    """Group codes of each mask, in the order of the code list."""
    known: dict[int, list[str]] = {}
    for mask in set(masks.tolist()):
        known[mask] = [code for place, code in enumerate(codes.codes) if mask >> place & 1]
    return [list(known[mask]) for mask in masks.tolist()]


def told_text(text: str) -> str:
    """A text as it was before an export made it safe for spreadsheets."""
    return text[1:] if text.startswith("'") and text[1:2] in FORMULA_STARTS and text[1:2] else text


def check_length(plan: Plan, header: Header, row: int, name: str, text: str, limit: int) -> None:
    if len(text) > limit:
        plan.faults.append(header.fault(row, name, "too_long_for", length=len(text), limit=limit))
