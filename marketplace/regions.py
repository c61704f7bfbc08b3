"""Administrative regions of Ningxia (GB/T 2260) and the provinces that people come from.

Codes, names and seats are read once from `data/regions.csv` and `data/provinces.csv`. Points are the seats
of government, in degrees; they lie within some hundred metres of WGS-84, which is harmless at the scale of
a county. Nothing here touches a database: the commands import it at their cold start.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data"

NINGXIA = "640000"
"""The root of the tree: every other region lies below it."""


@dataclass(frozen=True, slots=True)
class Region:
    """A region of the tree: the autonomous region, a prefecture or a county.

    `level` is `province`, `prefecture` or `county`; `parent_code` is empty at the root; `lat` and `lon` are
    the seat in degrees.
    """

    code: str
    name_zh: str
    name_en: str
    level: str
    parent_code: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Province:
    """A province-level division of China: where a household registration may be, never where help is."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class RegionNode:
    """A region with the regions directly below it, for menus and tables."""

    region: Region
    children: tuple["RegionNode", ...]


def _in_english(locale: str) -> bool:
    return locale.lower().startswith("en")


@lru_cache(maxsize=1)
def _by_code() -> dict[str, Region]:
    with (DATA / "regions.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["code"]: Region(
                code=row["code"],
                name_zh=row["name_zh"],
                name_en=row["name_en"],
                level=row["level"],
                parent_code=row["parent_code"],
                lat=float(row["seat_lat"]),
                lon=float(row["seat_lon"]),
            )
            for row in csv.DictReader(file)
        }


@lru_cache(maxsize=1)
def _by_text() -> dict[str, Region]:
    found: dict[str, Region] = {}
    for region in _by_code().values():
        for text in (region.code, region.name_zh, region.name_en):
            found[text] = region
    return found


@lru_cache(maxsize=1)
def _provinces_by_code() -> dict[str, Province]:
    with (DATA / "provinces.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: Province(row["code"], row["name_zh"], row["name_en"]) for row in csv.DictReader(file)}


@lru_cache(maxsize=1)
def all_regions() -> tuple[Region, ...]:
    """All 28 regions in the order of their codes, which puts every region before those below it."""
    return tuple(sorted(_by_code().values(), key=lambda region: region.code))


@lru_cache(maxsize=1)
def counties() -> tuple[Region, ...]:
    """The 22 counties, districts and county-level cities, in the order of their codes."""
    return tuple(region for region in all_regions() if region.level == "county")


@lru_cache(maxsize=1)
def provinces() -> tuple[Province, ...]:
    """All 34 province-level divisions in the order of their codes: choices for a household registration."""
    return tuple(sorted(_provinces_by_code().values(), key=lambda province: province.code))


def get(code: str) -> Region:
    """The region of a code.

    Raises:
        KeyError: no region of Ningxia has this code.
    """
    return _by_code()[code]


def exists(code: str) -> bool:
    """Whether the code is that of a region of Ningxia."""
    return code in _by_code()


def find(text: str) -> Region | None:
    """The region whose code, Chinese name or English name is exactly this text, or None."""
    return _by_text().get(text.strip())


def name(code: str, locale: str = "zh_Hans_CN") -> str:
    """The region's own name, as 大武口区 or Dawukou.

    Raises:
        KeyError: no region of Ningxia has this code.
    """
    region = get(code)
    return region.name_en if _in_english(locale) else region.name_zh


def full_name(code: str, locale: str = "zh_Hans_CN") -> str:
    """The name with the prefecture's, as 石嘴山市大武口区 or Dawukou, Shizuishan; the province is left out.

    Raises:
        KeyError: no region of Ningxia has this code.
    """
    region = get(code)
    chain = [upper for upper in ancestors(code) if upper.level == "prefecture"] + [region]
    if _in_english(locale):
        return ", ".join(part.name_en for part in reversed(chain))
    return "".join(part.name_zh for part in chain)


def prefix(code: str) -> str:
    """The leading digits that a code shares with every code below it: 640000 → 64, 640200 → 6402.

    Works on any six-digit GB/T 2260 code, also outside Ningxia.
    """
    if code.endswith("0000"):
        return code[:2]
    if code.endswith("00"):
        return code[:4]
    return code


def contains(parent: str, child: str) -> bool:
    """Whether `child` is `parent` or lies below it."""
    return child.startswith(prefix(parent))


@lru_cache(maxsize=64)
def subtree(code: str) -> tuple[Region, ...]:
    """The region and all below it, in the order of their codes.

    Raises:
        KeyError: no region of Ningxia has this code.
    """
    get(code)
    return tuple(region for region in all_regions() if contains(code, region.code))


@lru_cache(maxsize=64)
def ancestors(code: str) -> tuple[Region, ...]:
    """The regions above a region, from the root down; empty for the root.

    Raises:
        KeyError: no region of Ningxia has this code.
    """
    region = get(code)
    if not region.parent_code:
        return ()
    return (*ancestors(region.parent_code), get(region.parent_code))


@lru_cache(maxsize=64)
def children(code: str) -> tuple[Region, ...]:
    """The regions directly below a region, in the order of their codes."""
    return tuple(region for region in all_regions() if region.parent_code == code)


@lru_cache(maxsize=1)
def tree() -> RegionNode:
    """The whole tree from Ningxia down."""

    def node(region: Region) -> RegionNode:
        return RegionNode(region, tuple(node(child) for child in children(region.code)))

    return node(get(NINGXIA))


def province(code: str) -> Province | None:
    """The province-level division that a six-digit code lies in, or None when there is none."""
    return _provinces_by_code().get(f"{code[:2]}0000")


def province_name(code: str, locale: str = "zh_Hans_CN") -> str:
    """The name of the division that a code lies in, or the code itself when it lies in none."""
    found = province(code)
    if found is None:
        return code
    return found.name_en if _in_english(locale) else found.name_zh
