"""The columns of one file: its header understood, its cells parsed, its faults noted."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int32s, Int64s
from matching.eligibility.codes import CodeTables
from matching.tables import columns as cells
from matching.tables.faults import FaultLog, Language
from matching.tables.grid import LONGEST_CELL, Column, Grid, TextColumn

FORMULA_STARTS = "=+@"

WHAT = {"category": ("类别", "category"), "region": ("地区", "region"), "group": ("人群", "group")}


class Sheet:
    """The columns of a grid by their English names, parsed once for each distinct cell.

    Faults go to the log; what is returned beside them only keeps the lengths right until the log is closed.
    """

    def __init__(
        self, grid: Grid, known: dict[str, str], required: Iterable[str], log: FaultLog, language: Language
    ) -> None:
        self._grid, self._log, self._language = grid, log, language
        self.rows = grid.rows
        log.header(grid.header)
        if not self.rows and not log:
            log.add(1, "-", "no_rows")
        self._place = self._match_header(known, required)
        used = set(self._place.values())
        for index, column, kind, text in grid.marks:
            if column in used:
                log.add(self.rows[index], grid.header[column], kind, value=text)
        self._marked = {(index, column) for index, column, *_ in grid.marks}
        # The ignored column is the one that nothing reads, not even to find its faults.
        self._check_texts(column for column, told in enumerate(grid.header) if not self._is_ignored(told))

    def _match_header(self, known: dict[str, str], required: Iterable[str]) -> dict[str, int]:
        names = {name: name for name in known} | {cells.plain(chinese): name for name, chinese in known.items()}
        place: dict[str, int] = {}
        unknown: list[tuple[int, str, str]] = []
        for column, told in enumerate(self._grid.header):
            name = names.get(cells.plain(told).casefold())
            if name is None:
                unknown.append((column, told, self._near(told, names)))
            elif name in place:
                self._log.add(1, told, "duplicate_column", first=place[name] + 1, name=name)
            else:
                place[name] = column
        nears = {near: told for _, told, near in unknown if near}
        for name in required:
            if name in place:
                continue
            chinese = known[name]
            title = name if self._language == "en" else chinese
            if name in nears:
                self._log.add(1, title, "missing_column_near", name=title, near=nears[name])
            else:
                self._log.add(1, title, "missing_column", name=title)
        for _, told, near in unknown:
            if near and near not in place:
                self._log.warn(1, told or "-", "unknown_column_near", near=near)
            else:
                self._log.warn(1, told or "-", "unknown_column")
        # Dropped at the door: nothing below this line ever sees a cell of it.
        place.pop(cells.IGNORED, None)
        return place

    def _near(self, told: str, names: dict[str, str]) -> str:
        found = difflib.get_close_matches(cells.plain(told).casefold()[:60], list(names), n=1, cutoff=0.7)
        return names[found[0]] if found else ""

    @staticmethod
    def _is_ignored(told: str) -> bool:
        return cells.plain(told).casefold() in cells.IGNORED_NAMES

    def _check_texts(self, columns: Iterable[int]) -> None:
        """Over-long cells, also in columns that are not known: such a file is not what its sender thinks."""
        for place, told in enumerate(self._grid.header):
            if len(told) > LONGEST_CELL:
                self._log.add(1, f"#{place + 1}", "too_long", length=len(told))
        for column in columns:
            if self._grid.columns[column].longest() <= LONGEST_CELL:
                continue
            values = self._grid.columns[column].values()
            for index, value in enumerate(values):
                if len(value) > LONGEST_CELL:
                    self._log.add(self.rows[index], self._grid.header[column], "too_long", length=len(value))
                    values[index] = ""
                    self._marked.add((index, column))

    def what(self, name: str) -> str:
        """A category, region or group in the user's language."""
        return WHAT[name][self._language == "en"]

    def column(self, name: str) -> Column:
        """The cells of a column; empty ones where the file does not have it."""
        place = self._place.get(name)
        return TextColumn([""] * len(self.rows)) if place is None else self._grid.columns[place]

    def names(self) -> dict[str, str]:
        """The columns that the file has and that are used, as the file names them."""
        return {name: self._grid.header[place] for name, place in self._place.items()}

    def header(self, name: str) -> str:
        """The column as the file names it."""
        place = self._place.get(name)
        return name if place is None else self._grid.header[place]

    def fault(self, index: int, name: str, kind: str, **values: object) -> None:
        """Note a fault of a record; cells already refused keep their first one."""
        if (index, self._place.get(name, -1)) not in self._marked:
            self._log.add(self.rows[index], self.header(name), kind, **values)

    def text(self, name: str) -> list[str]:
        """Free text as it is; a spreadsheet would run what begins like a formula, so that is a fault."""
        values = self.column(name).values()
        if self.column(name).starts(FORMULA_STARTS):
            for index, value in enumerate(values):
                if value.startswith(tuple(FORMULA_STARTS)):
                    self.fault(index, name, "formula", value=value)
        return values

    def ids(self) -> list[str]:
        """Ids: none empty, none twice."""
        values = self.text("id")
        if "id" not in self._place:
            return values
        if len(set(values)) < len(values) or "" in values:
            first: dict[str, int] = {}
            for index, value in enumerate(values):
                if not value:
                    self.fault(index, "id", "empty")
                elif value in first:
                    self.fault(index, "id", "duplicate_id", value=value, first=self.rows[first[value]])
                else:
                    first[value] = index
        return values

    def order(self, ids: list[str]) -> NDArray[np.intp]:
        """Record numbers in the order of ids: the same facts give the same answer in any order of rows."""
        if all(map(str.__le__, ids, ids[1:])):
            return np.arange(len(ids))
        return np.array(sorted(range(len(ids)), key=ids.__getitem__), np.intp)

    def parsed(self, name: str, parse: Callable[[str], Any], default: Any, *, required: bool = False) -> list[Any]:
        """Values of a column; empty cells and faulty ones have the default."""
        values, place = self._distinct(name, parse, default, required=required)
        return list(map(values.__getitem__, place.tolist()))

    def _distinct(
        self, name: str, parse: Callable[[str], Any], default: Any, *, required: bool = False
    ) -> tuple[list[Any], NDArray[np.intp]]:
        """The values of the different cells of a column, and for each record which of them it has."""
        told, place = self.column(name).distinct()
        values: list[Any] = [default] * len(told)
        faulty: dict[int, cells.CellError] = {}
        for number, cell in enumerate(told):
            if not cell:
                continue
            try:
                if cell[0] in "=@":
                    raise cells.CellError("formula", value=cell)
                values[number] = parse(cell)
            except cells.CellError as refused:
                faulty[number] = refused
        if required and name in self._place:
            for number, value in enumerate(values):
                if _is_nothing(value):
                    faulty.setdefault(number, cells.CellError("empty"))
        if faulty:
            for index in np.flatnonzero(np.isin(place, list(faulty))).tolist():
                error = faulty[int(place[index])]
                self.fault(index, name, error.kind, **error.values)
        return values, place

    def required(self, name: str, parse: Callable[[str], Any]) -> Int32s:
        """int32 (rows,), a column that may not be empty."""
        values, place = self._distinct(name, parse, None, required=True)
        numbers = np.array([0 if value is None else value for value in values], np.int64)
        return numbers.astype(np.int32)[place]

    def integers(self, name: str, parse: Callable[[str], int], default: int) -> Int64s:
        """int64 (rows,)."""
        if name not in self._place:
            return np.full(len(self.rows), default, np.int64)
        values, place = self._distinct(name, parse, default)
        return np.array(values, np.int64)[place]

    def days(self, name: str) -> NDArray[np.datetime64]:
        """datetime64[D] (rows,); NaT for empty cells."""
        nothing = np.datetime64("NaT", "D").astype(np.int64)
        parse = cells.day(self._grid.first_serial)
        return self.integers(name, parse, int(nothing)).astype("datetime64[D]")

    def groups(self, tables: CodeTables) -> tuple[NDArray[np.uint64], Bools]:
        """uint64 (rows,) masks, and bool (rows,) whether the cell says ALL."""
        dropped: set[str] = set()
        parse = cells.groups(tables.groups, self.what("group"), dropped)
        values, place = self._distinct("groups", parse, (0, 0))
        if dropped:
            count = sum(cell in dropped for cell in self.column("groups").values())
            self._log.warn(1, self.header("groups"), "statistic_dropped", value="G-NONLOCAL", count=count)
        masks = np.array([mask for mask, _ in values], np.uint64)
        return masks[place], np.array([everyone for _, everyone in values], np.bool_)[place]

    def points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """float64 (rows,) latitudes and longitudes; NaN for none; one without the other is a fault."""
        lat = self._degrees("lat", 90.0, "latitude")
        lon = self._degrees("lon", 180.0, "longitude")
        lat_told, lon_told = self.column("lat").filled(), self.column("lon").filled()
        for index in np.flatnonzero(lat_told != lon_told).tolist():
            if lat_told[index]:
                self.fault(index, "lon", "half_point", other=self.header("lon"))
            else:
                self.fault(index, "lat", "half_point", other=self.header("lat"))
        return lat, lon

    def _degrees(self, name: str, limit: float, kind: str) -> NDArray[np.float64]:
        # Most points differ, so one pass over all beats parsing each distinct cell.
        degrees = self.column(name).decimals()
        if degrees is not None:
            told = np.count_nonzero(self.column(name).filled())
            if np.count_nonzero(np.abs(degrees) <= limit) == told:
                return degrees
        return np.array(self.parsed(name, cells.decimal_number(-limit, limit, kind), np.nan), np.float64)

    def check_period(self, begin: NDArray[np.datetime64], end: NDArray[np.datetime64]) -> None:
        """A validity ends no earlier than it begins."""
        for index in np.flatnonzero(end < begin).tolist():
            self.fault(index, "valid_until", "ends_before", value=end[index], first=begin[index])

    def pools(self) -> tuple[Int32s, list[str], Int64s]:
        """Pool numbers by record, the names in their order, and the quantity of each."""
        told = self.text("pool")
        parse = cells.whole_number(0)
        quantity_told = self.column("pool_quantity").values()
        quantity = self.parsed("pool_quantity", parse, None)
        names = sorted({name for name in told if name})
        number = {name: place for place, name in enumerate(names)}
        found: dict[str, tuple[int, int]] = {}
        last: dict[str, int] = {}
        faulty: set[str] = set()
        for index, (name, value) in enumerate(zip(told, quantity, strict=True)):
            if not name:
                if value is not None:
                    self.fault(index, "pool", "quantity_without_pool")
                continue
            last.setdefault(name, index)
            if value is None:
                if quantity_told[index]:
                    faulty.add(name)
            elif name not in found:
                found[name] = (value, index)
            elif found[name][0] != value:
                other, first = found[name]
                self.fault(
                    index,
                    "pool_quantity",
                    "pool_conflict",
                    pool=name,
                    value=value,
                    first=self.rows[first],
                    other=other,
                )
        for name in names:
            if name not in found and name not in faulty:
                column = "pool_quantity" if "pool_quantity" in self._place else "pool"
                self.fault(last[name], column, "no_pool_quantity", pool=name)
        pool = np.array([number.get(name, -1) for name in told], np.int32)
        return pool, names, np.array([found.get(name, (0, 0))[0] for name in names], np.int64)


def _is_nothing(value: Any) -> bool:
    return value is None or value == ()
