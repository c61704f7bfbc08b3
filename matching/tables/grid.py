"""Columns of text cells: as lists, or still packed in the bytes of a plain CSV file.

A large file spends most of its reading on making a text of every cell. Packed columns make one only of each
distinct cell where cells repeat, and of none where they are numbers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int32s

DECIMAL_DIGITS = 15
"""So many digits are a whole number below 2**53, and that over a power of ten is rounded as reading it is."""


LONGEST_WORD = 64
"""Longer cells are told apart as texts."""

SAMPLE = 2_000
"""Cells among which all different ones are hoped for."""

CHUNK_CELLS = 200_000
"""Cells that are decoded at a time; bounds the memory."""

LONGEST_CELL = 32_767
"""Characters, the limit of spreadsheets."""


class Column(Protocol):
    """The cells of one column, stripped of surrounding space."""

    def values(self) -> list[str]:
        """Every cell."""

    def distinct(self) -> tuple[list[str], NDArray[np.intp]]:
        """The different cells, and for each record which of them it is."""

    def longest(self) -> int:
        """The characters of the longest cell, or more (bytes)."""

    def starts(self, marks: str) -> bool:
        """Whether some cell begins with one of the characters, all ASCII."""

    def filled(self) -> Bools:
        """bool (rows,): the cells that are not empty."""

    def decimals(self) -> NDArray[np.float64] | None:
        """float64 (rows,), NaN for empty cells; None if some other is no number for ``float``."""


class TextColumn:
    """A column as a list."""

    def __init__(self, cells: list[str]) -> None:
        self._cells = cells

    def values(self) -> list[str]:
        """Every cell."""
        return self._cells

    def distinct(self) -> tuple[list[str], NDArray[np.intp]]:
        """The different cells in the order in which they come."""
        place: dict[str, int] = {}
        rows = [place.setdefault(cell, len(place)) for cell in self._cells]
        return list(place), np.array(rows, np.intp)

    def longest(self) -> int:
        """The characters of the longest cell."""
        return len(max(self._cells, key=len, default=""))

    def starts(self, marks: str) -> bool:
        """Whether some cell begins with one of the characters."""
        return not {cell[:1] for cell in self._cells}.isdisjoint(marks)

    def filled(self) -> Bools:
        """bool (rows,): the cells that are not empty."""
        return np.array(list(map(bool, self._cells)), np.bool_)

    def decimals(self) -> NDArray[np.float64] | None:
        """float64 (rows,), NaN for empty cells; None if some other is no number for ``float``."""
        if any("_" in cell for cell in self._cells):
            return None
        try:
            return np.array([float(cell) if cell else np.nan for cell in self._cells], np.float64)
        except ValueError:
            return None


class PackedColumn:
    """A column within the bytes of a file in UTF-8.

    Args:
        data: uint8, the file, no byte of it 0.
        start, length: int32 (rows,), where each cell lies; seven bytes more can be read behind it.
    """

    def __init__(self, data: NDArray[np.uint8], start: Int32s, length: Int32s) -> None:
        self._data, self._start, self._length = data, start, length

    def values(self) -> list[str]:
        """Every cell, decoded all at once."""
        return self._values

    @cached_property
    def _values(self) -> list[str]:
        if not self._length.any():
            return [""] * self._length.size
        cells: list[str] = []
        for begin in range(0, self._length.size, CHUNK_CELLS):
            size = self._length[begin : begin + CHUNK_CELLS].astype(np.int64) + 1
            ends = np.cumsum(size)
            rows = np.repeat(self._start[begin : begin + CHUNK_CELLS] - (ends - size), size)
            rows += np.arange(rows.size)
            joined = self._data[rows]
            joined[ends - 1] = ord("\n")
            cells += joined.tobytes().decode().split("\n")[:-1]
        return cells

    def _word(self, begin: int) -> NDArray[np.uint64]:
        """Eight bytes of each cell from a place on, the first one highest; 0 beyond its end."""
        at_every_byte = np.ndarray((self._data.size - 7,), ">u8", self._data, strides=(1,))
        there = self._length > begin
        word = at_every_byte[np.where(there, self._start + np.int32(begin), 0)].astype(np.uint64)
        beyond = np.clip(begin + 8 - self._length, 0, 8)
        word &= _KEPT[np.where(there, beyond, 8)]
        return word

    def distinct(self) -> tuple[list[str], NDArray[np.intp]]:
        """The different cells in no order that matters."""
        if self._length.size == 0:
            return [], np.zeros(0, np.intp)
        longest = self.longest()
        if longest > LONGEST_WORD:
            return TextColumn(self.values()).distinct()
        code = _numbered(self._word(0))
        for begin in range(8, longest, 8):
            code = _numbered(code * self._length.size + _numbered(self._word(begin)))
        first = np.zeros(int(code.max()) + 1, np.intp)
        first[code[::-1]] = np.arange(code.size - 1, -1, -1)
        return PackedColumn(self._data, self._start[first], self._length[first]).values(), code

    def longest(self) -> int:
        """The bytes of the longest cell."""
        return int(self._length.max(initial=0))

    def starts(self, marks: str) -> bool:
        """Whether some cell begins with one of the characters."""
        begins = self._data[self._start[self._length > 0]]
        return any(bool(np.any(begins == ord(mark))) for mark in marks)

    def filled(self) -> Bools:
        """bool (rows,): the cells that are not empty."""
        return self._length > 0

    def decimals(self) -> NDArray[np.float64] | None:
        """float64 (rows,), NaN for empty cells; None if some other is no number for ``float``.

        Digits with at most a sign and a point are read here, all at once.
        """
        longest = self.longest()
        if longest > DECIMAL_DIGITS:
            return TextColumn(self.values()).decimals()
        whole, decimals = np.zeros((2, self._length.size), np.int64)
        digits = np.zeros(self._length.size, np.int64)
        pointed = np.zeros(self._length.size, np.bool_)
        word = self._word(0)
        minus = word >> np.uint64(56) == ord("-")
        for place in range(longest):
            word = self._word(place) if place % 8 == 0 else word << np.uint64(8)
            found = (word >> np.uint64(56)).astype(np.int64)
            digit = (found >= ord("0")) & (found <= ord("9"))
            point = found == ord(".")
            if np.any(point & pointed) or not np.all(digit | point | (found == 0) | (minus if place == 0 else False)):
                return TextColumn(self.values()).decimals()
            whole = np.where(digit, whole * 10 + found - ord("0"), whole)
            decimals += digit & pointed
            digits += digit
            pointed |= point
        if np.any((digits == 0) & (self._length > 0)):
            return None  # a sign or a point alone
        value = whole / _POWERS[decimals]
        return np.where(self._length == 0, np.nan, np.where(minus, -value, value))


_POWERS = 10.0 ** np.arange(DECIMAL_DIGITS + 1)


_KEPT = np.array([(2**64 - 1) >> (8 * gone) << (8 * gone) for gone in range(9)], np.uint64)


def _numbered(values: NDArray[np.uint64] | NDArray[np.intp]) -> NDArray[np.intp]:
    """The number of each value among the different ones."""
    known = np.unique(values[:SAMPLE])
    place = np.minimum(np.searchsorted(known, values), known.size - 1)
    if np.array_equal(known[place], values):  # few different ones, as of codes and colours: no sorting
        return place
    return np.unique(values, return_inverse=True)[1]


@dataclass
class Grid:
    """Text cells by column.

    Attributes:
        header: the cells of row 1.
        columns: one for each header cell.
        rows: the row in the file of each record.
        marks: cells that the source itself refuses: (index of the record, column, kind of fault, text).
        first_serial: days from 1970-01-01 to the workbook's day 0, None where dates are always text.
    """

    header: list[str]
    columns: list[Column]
    rows: list[int]
    marks: list[tuple[int, int, str, str]] = field(default_factory=list)
    first_serial: int | None = None


def drop_blank(grid: Grid) -> Grid:
    """Leave out records whose cells are all empty, as spreadsheets leave behind."""
    if not grid.columns or grid.columns[0].filled().all():
        return grid
    filled = np.logical_or.reduce([column.filled() for column in grid.columns])
    filled[[index for index, *_ in grid.marks]] = True
    if filled.all():
        return grid
    return _only(grid, np.flatnonzero(filled).tolist())


def leave_out(grid: Grid, rows: Collection[int]) -> Grid:
    """Leave out records by their row in the file, as those already found faulty."""
    if not rows:
        return grid
    refused = frozenset(rows)
    return _only(grid, [index for index, row in enumerate(grid.rows) if row not in refused])


def _only(grid: Grid, keep: list[int]) -> Grid:
    place = {index: new for new, index in enumerate(keep)}
    cells = [column.values() for column in grid.columns]
    return Grid(
        grid.header,
        [TextColumn([column[index] for index in keep]) for column in cells],
        [grid.rows[index] for index in keep],
        [(place[index], column, kind, text) for index, column, kind, text in grid.marks if index in place],
        grid.first_serial,
    )
