"""Small random needs and offers for the rules, and the rules once more, pair by pair, as a person reads them."""

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

import numpy as np
from hypothesis import strategies as st

from marketplace.matches.file_codes import code_tables
from matching.eligibility.rules import Needs, Offers
from matching.tables.build import Words, listed

AS_OF = np.datetime64("2026-11-24", "D")
TABLES = code_tables()
CATEGORIES = ("S03", "S0301", "S0302", "S06", "S0601")
REGIONS = ("640000", "640100", "640104", "640106", "640200", "640202")
GROUPS = ("G-ELDALONE", "G-ILL", "G-MIGCHILD", "T-DIBAO", "T-TEKUN")
QUALIFICATIONS = ("Q-NURSE", "Q-REHAB", "medic")
DAYS = (None, -400, -1, 0, 1, 400)


@dataclass(frozen=True)
class Need:
    category: str
    region: str
    point: tuple[float, float] | None
    groups: tuple[str, ...]
    requires: tuple[str, ...]
    deadline: int | None
    waited: int


@dataclass(frozen=True)
class Offer:
    categories: tuple[str, ...]
    regions: tuple[str, ...]
    point: tuple[float, float] | None
    radius: float | None
    groups: tuple[str, ...]
    qualifications: tuple[str, ...]
    begins: int | None
    ends: int | None


def _some(values: tuple[str, ...], least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=3, unique=True).map(tuple)


POINTS = st.none() | st.tuples(st.floats(38.0, 39.5), st.floats(105.8, 106.8))
DAY = st.sampled_from(DAYS)
NEEDS = st.builds(
    Need,
    st.sampled_from(CATEGORIES),
    st.sampled_from(REGIONS),
    POINTS,
    _some(GROUPS),
    _some(QUALIFICATIONS),
    DAY,
    st.integers(-3, 400),
)
OFFERS = st.builds(
    Offer,
    _some(CATEGORIES, 1),
    _some(REGIONS, 1),
    POINTS,
    st.none() | st.sampled_from((0.0, 5.0, 40.0, 200.0)),
    _some(GROUPS),
    _some(QUALIFICATIONS),
    DAY,
    DAY,
)


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Haversine."""
    lat1, lon1, lat2, lon2 = (radians(value) for value in (*one, *other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0088 * asin(sqrt(half))


def seat(region: str) -> tuple[float, float]:
    lat, lon = TABLES.seats[TABLES.regions.position[region]]
    return float(lat), float(lon)


def covers_region(listed_code: str, wanted: str) -> bool:
    if listed_code.endswith("0000"):
        return listed_code[:2] == wanted[:2]
    if listed_code.endswith("00"):
        return listed_code[:4] == wanted[:4]
    return listed_code == wanted


def distance(need: Need, offer: Offer) -> float:
    return kilometres(need.point or seat(need.region), offer.point or seat(offer.regions[0]))


def rules(need: Need, offer: Offer) -> list[bool]:
    """Whether each rule holds: category, region, distance, group, qualification, dates."""
    limits = [group for group in offer.groups if group.startswith("G-") and group != "G-MIGCHILD"]
    return [
        any(need.category.startswith(code) for code in offer.categories),
        any(covers_region(code, need.region) for code in offer.regions),
        offer.radius is None or distance(need, offer) <= offer.radius,
        not limits or bool(set(limits) & set(need.groups)),
        set(need.requires) <= set(offer.qualifications),
        (need.deadline is None or need.deadline >= 0)
        and (offer.begins is None or offer.begins <= 0)
        and (offer.ends is None or offer.ends >= 0),
    ]


def _days(values: list[int | None]) -> np.ndarray:
    return np.array([np.datetime64("NaT", "D") if value is None else AS_OF + value for value in values], "M8[D]")


def _masks(lists: list[tuple[str, ...]]) -> np.ndarray:
    position = TABLES.groups.position
    return np.array([sum(1 << position[group] for group in groups) for groups in lists], np.uint64)


def columns(needs: list[Need], offers: list[Offer]) -> tuple[Needs, Offers, Words]:
    """The same rows as the arrays that matching takes."""
    words = Words(need.requires for need in needs)
    categories, regions = TABLES.categories.position, TABLES.regions.position
    need_points = [need.point or (np.nan, np.nan) for need in needs]
    offer_points = [offer.point or (np.nan, np.nan) for offer in offers]
    return (
        Needs(
            category=np.array([categories[need.category] for need in needs], np.int32),
            region=np.array([regions[need.region] for need in needs], np.int32),
            lat=np.array([point[0] for point in need_points], np.float64),
            lon=np.array([point[1] for point in need_points], np.float64),
            groups=_masks([need.groups for need in needs]),
            requires=words.masks([need.requires for need in needs]),
            deadline=_days([need.deadline for need in needs]),
            posted=_days([-need.waited for need in needs]),
        ),
        Offers(
            categories=listed([tuple(categories[c] for c in offer.categories) for offer in offers], len(categories)),
            regions=listed([tuple(regions[r] for r in offer.regions) for offer in offers], len(regions)),
            seat=np.array([regions[offer.regions[0]] for offer in offers], np.int32),
            lat=np.array([point[0] for point in offer_points], np.float64),
            lon=np.array([point[1] for point in offer_points], np.float64),
            radius_km=np.array([np.nan if offer.radius is None else offer.radius for offer in offers], np.float64),
            groups=_masks([offer.groups for offer in offers]),
            qualifications=words.masks([offer.qualifications for offer in offers]),
            valid_from=_days([offer.begins for offer in offers]),
            valid_until=_days([offer.ends for offer in offers]),
        ),
        words,
    )
