"""Plain files are cut by NumPy: what comes out is what the general reader makes of the same cells, quoted."""

from __future__ import annotations

import csv
import io
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.tables.faults import FaultLog
from matching.tables.grid import Grid, PackedColumn, TextColumn
from matching.tables.plain import SPACES, read_plain
from matching.tables.source import read_csv

CELLS = st.one_of(
    st.sampled_from(["", "", "red", "S0301", "37.32999", "-106.2", "+1", ".5", "-", ".", "1e3", "1_0", "=1", "编号 3"]),
    st.text(st.characters(codec="utf-8", exclude_characters='",\r\n\0'), max_size=20).map(str.strip),
    st.decimals(-200, 200, places=5).map(str),
)


def text_of(records: list[list[str]], end: str = "\n", quoting: int = csv.QUOTE_NONE) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, lineterminator=end, quoting=quoting, quotechar='"').writerows(records)  # type: ignore[arg-type]  # an int is a quoting
    return stream.getvalue().encode()


def general(records: list[list[str]]) -> Grid:
    log = FaultLog("file.csv")
    grid = read_csv(text_of(records, quoting=csv.QUOTE_ALL), log)
    assert grid is not None
    assert not log
    return grid


@settings(deadline=None, max_examples=400)
@given(
    records=st.integers(2, 4).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=12)
    ),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    cut=st.booleans(),
)
def test_both_readers_agree(records: list[list[str]], end: str, mark: bytes, cut: bool) -> None:
    names = [f"column {place}" for place in range(len(records[0]))]
    data = mark + text_of([names, *records], end)
    plain = read_plain(data.removesuffix(b"\n") if cut and end == "\n" else data)
    assert plain is not None
    other = general([names, *records])
    assert (plain.header, plain.rows, plain.marks) == (other.header, other.rows, other.marks)
    for one, two in zip(plain.columns, other.columns, strict=True):
        assert one.values() == two.values()
        assert one.filled().tolist() == two.filled().tolist()
        assert one.starts("=+@") == two.starts("=+@")
        assert one.longest() >= two.longest()
        told, place = one.distinct()
        assert [told[at] for at in place.tolist()] == two.values()
        assert len(set(told)) == len(told)
        degrees = two.decimals()
        mine = one.decimals()
        if degrees is None or mine is None:
            assert mine is degrees
        else:
            assert np.array_equal(mine, degrees, equal_nan=True)


@pytest.mark.parametrize(
    "data",
    [
        b'a,b\n"1",2\n',  # quotes
        b"a,b\n1\n",  # ragged
        b"a,b\n1,2,3\n1\n",  # as many cells, elsewhere
        b"a,b\n\n1,2\n",  # an empty line
        b"a,b\r1,2\r",  # old line ends
        b"a\n1\n",  # one column
        b"a,b\n1, 2\n",
        b"a,b\n1 ,2\n",
        "a,b\n1,\u30002\n".encode(),
        "a,b\n1,2\u00a0\n".encode(),
        "a,b\n1\u2009,2\n".encode(),
        "a,b\n编号,2\n".encode("gb18030"),
        b"a,b\n1,\0\n",
        b"a,b\n1," + b"2" * 40_000 + b"\n",
    ],
)
def test_what_is_not_plain_is_left_to_the_general_reader(data: bytes) -> None:
    assert read_plain(data) is None


def test_all_space_is_known() -> None:
    assert set(SPACES) == {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()}


def test_many_different_cells_are_told_apart() -> None:
    cells = [f"{number % 7000:x}" * (1 + number % 3) for number in range(9000)]
    data = "\n".join(f"{cell},x" for cell in ["a", *cells]).encode()
    grid = read_plain(data)
    assert grid is not None
    column = grid.columns[0]
    assert isinstance(column, PackedColumn)
    told, place = column.distinct()
    assert [told[at] for at in place.tolist()] == cells == TextColumn(cells).values()
    assert len(told) == len(set(cells))
