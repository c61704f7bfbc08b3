"""Plain CSV files, as programs write them: cut into cells by NumPy, without a step of the interpreter for each.

Plain is UTF-8 without quotes, each line with as many cells as the header, no cell with space around it. What is
not plain is read by `source`, and comes out the same.
"""

from __future__ import annotations

import codecs

import numpy as np
from numpy.typing import NDArray

from matching.tables.grid import LONGEST_CELL, Column, Grid, PackedColumn, drop_blank

PIECE = 1 << 22

SPACES = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What ``str.strip`` takes away."""

_ASCII_SPACE = np.zeros(256, np.bool_)
_ASCII_SPACE[[ord(space) for space in SPACES if space < "\x80" and space not in "\r\n"]] = True
_WIDE_SPACES = np.array([int.from_bytes(space.encode(), "big") for space in SPACES if space >= "\x80"])


def read_plain(data: bytes) -> Grid | None:
    """The grid of a plain file; None for any other."""
    if b'"' in data or b"\0" in data or data.count(b"\r") != data.count(b"\r\n") or not _is_utf8(data):
        return None
    data = data.removeprefix(codecs.BOM_UTF8)
    data += b"\n" * (not data.endswith(b"\n"))
    header = [cell.strip() for cell in data[: data.index(b"\n")].decode().split(",")]
    array = np.frombuffer(data + bytes(8), np.uint8)
    ends = np.flatnonzero((array == ord(",")) | (array == ord("\n"))).astype(np.int32)
    width = len(header)
    if width == 1 or ends.size % width or np.any(array[ends[width - 1 :: width]] != ord("\n")):
        return None
    if np.count_nonzero(array == ord("\n")) * width != ends.size:
        return None
    start = ends[width - 1 : -1] + np.int32(1)
    ends = ends[width:]
    last = ends[width - 1 :: width]
    last -= array[last - 1] == ord("\r")
    length = ends - start
    if length.size and (length.max() > LONGEST_CELL or _has_space_around(array, start, length)):
        return None
    columns: list[Column] = [
        PackedColumn(array, start[place::width].copy(), length[place::width].copy()) for place in range(width)
    ]
    return drop_blank(Grid(header, columns, list(range(2, start.size // width + 2))))


def _is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8; a piece at a time, so that no second copy of the file is made."""
    if data.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for begin in range(0, len(data), PIECE):
            decoder.decode(data[begin : begin + PIECE], final=begin + PIECE >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def _has_space_around(array: NDArray[np.uint8], start: NDArray[np.int32], length: NDArray[np.int32]) -> bool:
    end = start + length - 1
    begins, stops = array[start], array[end]
    if np.any(_ASCII_SPACE[begins] & (length > 0)) or np.any(_ASCII_SPACE[stops] & (length > 0)):
        return True
    for place in (start[begins >= 0x80], end[(stops >= 0x80) & (length > 1)] - 2):
        two = array[place].astype(np.int64) << 8 | array[place + 1]
        three = two << 8 | array[np.minimum(place + 2, array.size - 1)]
        if (
            np.isin(three, _WIDE_SPACES).any()
            or np.isin(two, _WIDE_SPACES).any()
            or np.isin(three & 0xFFFF, _WIDE_SPACES).any()
        ):
            return True
    return False
