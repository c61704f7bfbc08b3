"""Writing CSV: plain UTF-8, texts that a spreadsheet cannot mistake for formulas, millions of pairs a second."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", " ", "\u3000", "＝", "＋", "－", "＠")
"""Spreadsheets may read what follows as a formula, some of them also after a space or in full width."""

CHUNK_ROWS = 200_000
SMALL_NUMBERS = 10_001
"""Numbers below this, the fits among them, need no search for the distinct ones."""

_NEGATIVE = re.compile(r"-\d+(?:\.\d+)?", re.ASCII)


def safe_text(text: str) -> str:
    """A text that spreadsheets show as it is: an apostrophe before what would begin a formula.

    A negative number begins none, so that an id such as -5 comes out as it went in.
    """
    if not text.startswith(FORMULA_STARTS) or _NEGATIVE.fullmatch(text):
        return text
    return f"'{text}"


def csv_text(header: Sequence[str], records: Iterable[Sequence[object]]) -> str:
    """A small CSV file; callers pass free text through :func:`safe_text`."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(records)
    return stream.getvalue()


@dataclass(frozen=True)
class PairColumn:
    """A column of a long file: the row's value is `texts[place]`.

    Attributes:
        texts: uint8 (values, width), UTF-8 bytes padded with 0.
        place: int (rows,), which of them.
    """

    texts: NDArray[np.uint8]
    place: NDArray[np.integer]

    @classmethod
    def of(cls, values: Sequence[str], place: NDArray[np.integer]) -> PairColumn:
        """A column of texts, made safe and quoted where CSV asks for it."""
        encoded = np.array(_encoded(values) or [b""], np.bytes_)
        width = max(encoded.dtype.itemsize, 1)
        texts = encoded.astype(f"S{width}").view(np.uint8).reshape(encoded.size, width)
        return cls(texts, place)

    @classmethod
    def of_numbers(cls, values: NDArray[np.integer]) -> PairColumn:
        """A column of whole numbers, at least 0."""
        if values.size and values.max() < SMALL_NUMBERS:
            return cls(_small_numbers(), values)
        distinct, place = np.unique(values, return_inverse=True)
        return cls.of([str(value) for value in distinct.tolist()], place)

    def at(self, place: NDArray[np.integer]) -> PairColumn:
        """The same texts for other rows."""
        return PairColumn(self.texts, place)


def pair_header(header: Sequence[str]) -> bytes:
    """The first line of a long CSV file."""
    return (",".join(header) + "\n").encode()


def pair_lines(columns: Sequence[PairColumn]) -> Iterator[bytes]:
    """The rows of a long CSV file in pieces.

    Rows are laid out side by side in fixed widths and the padding is squeezed out afterwards, so that no row
    costs a step of the interpreter.
    """
    rows = columns[0].place.size
    width = sum(column.texts.shape[1] + 1 for column in columns)
    for begin in range(0, rows, CHUNK_ROWS):
        end = min(begin + CHUNK_ROWS, rows)
        lines = np.empty((end - begin, width), np.uint8)
        at = 0
        for number, column in enumerate(columns):
            size = column.texts.shape[1]
            lines[:, at : at + size] = column.texts[column.place[begin:end]]
            lines[:, at + size] = ord("\n") if number == len(columns) - 1 else ord(",")
            at += size + 1
        flat = lines.ravel()
        yield flat[flat != 0].tobytes()


@cache
def _small_numbers() -> NDArray[np.uint8]:
    return PairColumn.of([str(value) for value in range(SMALL_NUMBERS)], np.zeros(0, np.int64)).texts


def _encoded(values: Sequence[str]) -> list[bytes]:
    """The values in UTF-8, made safe and quoted; all at once where none needs either."""
    joined = "\n".join(values)
    plain = not any(mark in joined for mark in ',"\r') and joined.count("\n") == max(len(values) - 1, 0)
    if plain and values and {value[:1] for value in values}.isdisjoint(FORMULA_STARTS):
        return joined.encode().split(b"\n")
    return [_quoted(safe_text(value)).encode() for value in values]


def _quoted(text: str) -> str:
    if any(mark in text for mark in ',"\n\r'):
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text
