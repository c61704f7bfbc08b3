"""Money as whole fen: read from and written as yuan, never through binary floating point."""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal

FEN_PER_YUAN = 100
FEN_PER_WAN = 10_000 * FEN_PER_YUAN

MAXIMUM_FEN = 10**15
"""Ten trillion yuan: more is a slip of the keyboard, and sums of many still fit a 64-bit column."""

_YUAN = re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")


def parse_yuan(text: str) -> int:
    """The fen of an amount in yuan such as `1234.5` or `1,234.50`; full-width digits are read too.

    Raises:
        ValueError: the text is no plain number, has a part below one fen, groups its digits wrongly, or
            lies beyond the largest amount.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if len(plain) > 32 or _YUAN.fullmatch(plain) is None:
        raise ValueError(f"not an amount in yuan: {text[:32]!r}")
    fen = Decimal(plain.replace(",", "")) * FEN_PER_YUAN
    if fen != fen.to_integral_value():
        raise ValueError(f"an amount in yuan has at most two decimals: {plain!r}")
    if abs(fen) > MAXIMUM_FEN:
        raise ValueError(f"the amount is beyond the largest one: {plain!r}")
    return int(fen)


def to_yuan(fen: int) -> Decimal:
    """The amount in yuan, exact, with two decimals."""
    return (Decimal(fen) / FEN_PER_YUAN).quantize(Decimal("0.01"))


def yuan_text(fen: int) -> str:
    """The amount in yuan for files: no separators, no zeros behind the last digit, as `1234.5` or `500`."""
    text = str(to_yuan(fen))
    return text.rstrip("0").rstrip(".")


def format_yuan(fen: int, locale: str = "zh_Hans_CN") -> str:
    """The amount for readers: `1,234.50元` in Chinese, `¥1,234.50` in English."""
    sign = "-" if fen < 0 else ""
    number = f"{abs(to_yuan(fen)):,.2f}"
    return f"{sign}¥{number}" if locale.lower().startswith("en") else f"{sign}{number}元"


def format_wan(fen: int, locale: str = "zh_Hans_CN") -> str:
    """A large amount for readers: `378.88万元` in Chinese, in whole yuan (`¥3,788,800`) in English.

    English has no word for 万, so the same amount is written out. Rounding is half up.
    """
    sign = "-" if fen < 0 else ""
    if locale.lower().startswith("en"):
        yuan = (Decimal(abs(fen)) / FEN_PER_YUAN).quantize(Decimal(1), ROUND_HALF_UP)
        return f"{sign}¥{yuan:,}"
    wan = (Decimal(abs(fen)) / FEN_PER_WAN).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{sign}{wan:,.2f}万元"
