"""The columns of the two files: names, and what a cell of each may say."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from matching.eligibility.codes import NO_LIMIT, STATISTIC_ONLY, CodeList
from matching.tables.faults import Language

KINDS = ("micro_wish", "goods", "service", "employment", "grant")
URGENCIES = ("red", "yellow", "blue")
"""In the order of the tiers: red is tier 0."""

IGNORED = "hukou"
"""Where a household is registered decides nothing: the cells of this column are dropped unparsed."""

EARLIER = "earlier_suppliers"
"""Organizations that have helped the household before. Only a matching of files reads it: a database knows."""

NEED_COLUMNS = {
    "id": "编号",
    "kind": "类型",
    "category": "类别",
    "region": "地区",
    "lat": "纬度",
    "lon": "经度",
    "quantity": "数量",
    "urgency": "紧急程度",
    "groups": "人群",
    "requires": "资质要求",
    "deadline": "截止日期",
    "posted": "登记日期",
    "household": "家庭编号",
    "bundle": "套餐",
    "whole": "整体满足",
    "value_yuan": "金额(元)",
    "title": "标题",
    IGNORED: "户籍地",
    "consent_date": "同意日期",
    "consent_by": "同意人",
    EARLIER: "原服务机构",
}
"""The columns of needs by their English name, with the Chinese one."""

IGNORED_NAMES = frozenset({IGNORED, NEED_COLUMNS[IGNORED]})

CAPACITY_COLUMNS = {
    "id": "编号",
    "organization": "机构",
    "pool": "资源池",
    "pool_quantity": "资源池总量",
    "categories": "类别",
    "regions": "服务地区",
    "lat": "纬度",
    "lon": "经度",
    "radius_km": "服务半径(公里)",
    "quantity": "数量",
    "budget_yuan": "预算(元)",
    "unit_cost_yuan": "单价(元)",
    "groups": "人群",
    "qualifications": "资质",
    "minimum_batch": "最小批量",
    "valid_from": "有效期起",
    "valid_until": "有效期止",
    "title": "标题",
}
"""The columns of capacity by their English name, with the Chinese one."""

NEED_REQUIRED = ("id", "category", "region", "quantity")
CAPACITY_REQUIRED = ("id", "categories", "regions", "quantity")

KIND_WORDS = dict(zip(("微心愿", "物资", "服务", "就业", "资金"), KINDS, strict=True))
URGENCY_WORDS = {
    "红": "red",
    "黄": "yellow",
    "蓝": "blue",
    "红色": "red",
    "黄色": "yellow",
    "蓝色": "blue",
}
TRUE_WORDS = frozenset({"是", "true", "yes", "1", "y"})
FALSE_WORDS = frozenset({"否", "false", "no", "0", "n"})

LARGEST_QUANTITY = 1_000_000_000
LARGEST_FEN = 10**15
LARGEST_RADIUS_KM = 25_000.0
"""More than half round the Earth."""

_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_DATE = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|年(\d{1,2})月(\d{1,2})日?)"
    r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?",
    re.ASCII,
)
_EPOCH = date(1970, 1, 1)
_FIRST_YEAR, _LAST_YEAR = 1900, 2200

Value = TypeVar("Value")
Parser = Callable[[str], Any]


class CellError(Exception):
    """What is wrong with a cell: a kind of `faults.TEXTS` and its values."""

    def __init__(self, kind: str, **values: object) -> None:
        self.kind, self.values = kind, values
        super().__init__(kind)


def plain(text: str) -> str:
    """Full-width letters, digits and marks as their plain forms (NFKC), without space around."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def number(text: str) -> Decimal:
    """A finite decimal number; digits may be grouped by commas in threes."""
    told = plain(text)
    if len(told) > 40 or not _NUMBER.fullmatch(told) or not any(char.isdigit() for char in told):
        raise CellError("not_number", value=text)
    return Decimal(told.replace(",", ""))


def whole_number(least: int, most: int = LARGEST_QUANTITY) -> Callable[[str], int]:
    """Parses whole numbers between two limits."""

    def parse(text: str) -> int:
        try:
            value = number(text)
        except CellError:
            raise CellError("not_integer", value=text) from None
        if value != value.to_integral_value():
            raise CellError("not_integer", value=text)
        if value < least:
            raise CellError("below", value=text, least=least)
        if value > most:
            raise CellError("above", value=text, most=most)
        return int(value)

    return parse


def decimal_number(least: float, most: float, kind: str = "") -> Callable[[str], float]:
    """Parses numbers between two limits; `kind` names the fault of a value outside them."""

    def parse(text: str) -> float:
        value = float(number(text))
        if kind and not least <= value <= most:
            raise CellError(kind, value=text)
        if value < least:
            raise CellError("below", value=text, least=least)
        if value > most:
            raise CellError("above", value=text, most=most)
        return value

    return parse


def money(text: str) -> int:
    """Fen from yuan with at most two decimals, at least 0."""
    try:
        value = number(text) * 100
    except CellError:
        raise CellError("not_money", value=text) from None
    if value < 0:
        raise CellError("below", value=text, least=0)
    if value != value.to_integral_value():
        raise CellError("not_money", value=text)
    if value > LARGEST_FEN:
        raise CellError("above", value=text, most=LARGEST_FEN // 100)
    return int(value)


def day(first_serial: int | None) -> Callable[[str], int]:
    """Parses dates to days since 1970-01-01; a workbook may tell them as serial numbers."""

    def parse(text: str) -> int:
        told = plain(text)
        if first_serial is not None and re.fullmatch(r"\d{1,6}(?:\.\d+)?", told):
            days = first_serial + int(float(told))
            found = _EPOCH + timedelta(days=days)
        else:
            match = _DATE.fullmatch(told)
            if not match:
                raise CellError("not_date", value=text)
            year, month, day_of_month = (int(part) for part in match.groups() if part is not None)
            try:
                found = date(year, month, day_of_month)
            except ValueError:
                raise CellError("not_date", value=text) from None
        if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
            raise CellError("not_date", value=text)
        return (found - _EPOCH).days

    return parse


def choice(words: dict[str, str], values: tuple[str, ...], language: Language) -> Callable[[str], int]:
    """Parses one of a few words, Chinese or English, to its position among `values`."""
    known = {word: values.index(value) for word, value in words.items()}
    known |= {value: place for place, value in enumerate(values)}
    told = list(values) if language == "en" else list(dict.fromkeys(words))[: len(values)]

    def parse(text: str) -> int:
        place = known.get(plain(text).casefold())
        if place is None:
            raise CellError("unknown_choice", value=text, choices=" ".join(told))
        return place

    return parse


def truth(language: Language) -> Callable[[str], bool]:
    """Parses yes and no."""

    def parse(text: str) -> bool:
        told = plain(text).casefold()
        if told in TRUE_WORDS or told in FALSE_WORDS:
            return told in TRUE_WORDS
        raise CellError("unknown_choice", value=text, choices="yes no" if language == "en" else "是 否")

    return parse


def code(codes: CodeList, what: str) -> Callable[[str], int]:
    """Parses a code or exact name to its position."""

    def parse(text: str) -> int:
        places = codes.positions_by_text.get(text) or codes.positions_by_text.get(plain(text))
        if places is None:
            near = _near(text, codes)
            if near:
                raise CellError("unknown_near", value=text, what=what, near=near)
            raise CellError("unknown_code", value=text, what=what)
        if len(places) > 1:
            choices = ", ".join(f"{codes.codes[place]} {codes.names_zh[place]}" for place in places)
            raise CellError("ambiguous", value=text, choices=choices)
        return places[0]

    return parse


def _near(text: str, codes: CodeList) -> str:
    """What may be meant. Numbers that look alike stand for places far apart, so none is offered for a number."""
    if plain(text).isdigit():
        return ""
    found = difflib.get_close_matches(text[:60], list(codes.positions_by_text), n=1, cutoff=0.75)
    return found[0] if found else ""


def items(text: str) -> list[str]:
    """The parts of a cell that lists several, each once, in their order."""
    parts = (part.strip() for part in text.replace("；", ";").split(";"))
    return list(dict.fromkeys(part for part in parts if part))


def codes_of(codes: CodeList, what: str) -> Callable[[str], tuple[int, ...]]:
    """Parses a list of codes or names to positions."""
    one = code(codes, what)

    def parse(text: str) -> tuple[int, ...]:
        return tuple(dict.fromkeys(one(part) for part in items(text)))

    return parse


def groups(codes: CodeList, what: str, dropped: set[str]) -> Callable[[str], tuple[int, int]]:
    """Parses a list of groups to (mask, whether it says ALL); notes statistics-only codes in `dropped`."""
    one = code(codes, what)

    def parse(text: str) -> tuple[int, int]:
        mask = everyone = 0
        for part in items(text):
            told = plain(part)
            if told in STATISTIC_ONLY:
                dropped.add(text)
            elif told in (NO_LIMIT, "不限人群", "Anyone"):
                everyone = 1
            else:
                mask |= 1 << one(part)
        return mask, everyone

    return parse


def names(text: str) -> tuple[str, ...]:
    """A list of names, alike in whatever letters they are written."""
    return tuple(sorted({name_key(part) for part in items(text)}))


def name_key(text: str) -> str:
    """What names that mean the same have in common."""
    return plain(text).casefold()


def words(known: CodeList) -> Callable[[str], tuple[str, ...]]:
    """Parses a list of free words; a known name stands for its code."""

    def parse(text: str) -> tuple[str, ...]:
        told = []
        for part in items(text):
            places = known.positions_by_text.get(part) or known.positions_by_text.get(plain(part)) or ()
            told.append(known.codes[places[0]] if len(places) == 1 else plain(part))
        return tuple(sorted(dict.fromkeys(told)))

    return parse
