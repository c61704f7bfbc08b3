"""Writing CSV: plain UTF-8, texts that a spreadsheet cannot mistake for formulas, millions of pairs a second."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
CHUNK_ROWS = 200_000
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
        encoded = np.array([_quoted(safe_text(value)).encode() for value in values] or [b""], np.bytes_)
        width = max(encoded.dtype.itemsize, 1)
        texts = encoded.astype(f"S{width}").view(np.uint8).reshape(encoded.size, width)
        return cls(texts, place)

    @classmethod
    def of_numbers(cls, values: NDArray[np.integer]) -> PairColumn:
        """A column of whole numbers, at least 0."""
        distinct, place = np.unique(values, return_inverse=True)
        return cls.of([str(value) for value in distinct.tolist()], place)


def pair_lines(header: Sequence[str], columns: Sequence[PairColumn]) -> Iterator[bytes]:
    """A long CSV file in pieces.

    Rows are laid out side by side in fixed widths and the padding is squeezed out afterwards, so that no row
    costs a step of the interpreter.
    """
    yield (",".join(header) + "\n").encode()
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


def _quoted(text: str) -> str:
    if any(mark in text for mark in ',"\n\r'):
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text
