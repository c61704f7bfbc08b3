"""Exact money."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace import money


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("1,234.50", 123_450),
        ("0", 0),
        ("0.01", 1),
        ("500", 50_000),
        (" 12.3 ", 1_230),
        ("12.300", 1_230),
        ("１２．５", 1_250),
        ("-3.20", -320),
        ("3,788,800", 378_880_000),
    ],
)
def test_parse_reads_exact_amounts(text: str, fen: int) -> None:
    assert money.parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "1.234",
        "12,34",
        "1,2345",
        "1e3",
        "nan",
        "inf",
        "1.",
        ".5",
        "--1",
        "1 000",
        "=1+1",
        "9" * 17,
        "1" * 40,
    ],
)
def test_parse_refuses_everything_else(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        money.parse_yuan(text)


@given(st.integers(min_value=-money.MAXIMUM_FEN, max_value=money.MAXIMUM_FEN))
def test_written_amounts_read_back(fen: int) -> None:
    assert money.parse_yuan(money.yuan_text(fen)) == fen
    assert money.parse_yuan(money.format_yuan(fen).removesuffix("元")) == fen
    assert money.to_yuan(fen) * 100 == Decimal(fen)


def test_amounts_for_readers() -> None:
    assert money.format_yuan(123_450) == "1,234.50元"
    assert money.format_yuan(123_450, "en") == "¥1,234.50"
    assert money.format_yuan(-5, "en") == "-¥0.05"
    assert money.format_yuan(0) == "0.00元"
    assert money.format_wan(378_880_000) == "378.88万元"
    assert money.format_wan(378_880_000, "en") == "¥3,788,800"
    assert money.format_wan(5_000) == "0.01万元"
    assert money.format_wan(-6_500_000) == "-6.50万元"


def test_amounts_for_files_have_no_idle_zeros() -> None:
    assert [money.yuan_text(fen) for fen in (0, 5, 50, 50_000, 123_450)] == ["0", "0.05", "0.5", "500", "1234.5"]
