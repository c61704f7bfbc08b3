"""k-anonymity of public cards (rule P6): fewer than five alike are shown as part of a larger crowd.

Pure: what is alike is counted by the caller.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from marketplace import regions
from marketplace.needs.models import AGE_BANDS

#: The least number of households that a public card's county, age band, group and category must have in common.
MINIMUM_CROWD = 5

#: Broad groups of public cards. Illness, disability, bereavement and guardianship are never told apart.
HOUSEHOLD = "household"
BROAD_GROUPS: dict[str, tuple[str, ...]] = {
    "child": ("G-HARDCHILD", "G-ORPHAN", "G-LEFTCHILD", "G-MIGCHILD", "G-DISCHILD", "G-STUDENT"),
    "elder": ("G-ELDUNABLE", "G-ELDALONE"),
    HOUSEHOLD: (),
}
#: Ages where an age band would tell too much.
CHILD, ADULT = "child", "adult"
_ADULT_FROM = 18


class Shown(NamedTuple):
    """What a public card names: region code, age band (or child, adult, None) and broad group."""

    region: str
    age: str | None
    group: str


#: How many households a region (and all below it) has of an age, broad group and category; None is any.
Count = Callable[[str, str | None, str | None, str], int]


def broad_group(groups: Iterable[str]) -> str:
    """The broad group of a need's target groups; children before older people before the rest."""
    given = set(groups)
    return next((broad for broad, codes in BROAD_GROUPS.items() if given.intersection(codes)), HOUSEHOLD)


def age_band_of(age: int | None) -> str | None:
    """The band that an age in whole years lies in; None for none."""
    if age is None or age < 0:
        return None
    return next((band for band, (first, last) in AGE_BANDS.items() if first <= age <= last), None)


def wide_age(band: str | None) -> str | None:
    """Child or adult for an age band."""
    if band is None:
        return None
    return CHILD if AGE_BANDS[band][0] < _ADULT_FROM else ADULT


def bands_of(age: str | None) -> tuple[str, ...]:
    """The age bands that child, adult or a band itself stands for."""
    if age in (CHILD, ADULT):
        return tuple(band for band in AGE_BANDS if wide_age(band) == age)
    return (age,) if age else ()


def public_count(number: int) -> int | str:
    """A count of people's affairs as a public page may tell it: 1 to 4 are "<5" (rule P7)."""
    return f"<{MINIMUM_CROWD}" if 0 < number < MINIMUM_CROWD else number


def prefecture_of(region: str) -> str:
    """The prefecture that a county lies in; a prefecture or province itself."""
    return f"{region[:4]}00"


def generalise(region: str, band: str | None, group: str, category: str, count: Count) -> Shown:
    """Region, age and group as a public card may name them.

    From the narrowest to the widest, the first that at least MINIMUM_CROWD households share: the county; its
    prefecture; child or adult in place of the age band; a household in difficulty in place of the group. What
    even then too few share names prefecture and household alone.
    """
    wider = prefecture_of(region) if regions.exists(prefecture_of(region)) else region
    steps = (
        (Shown(region, band, group), group),
        (Shown(wider, band, group), group),
        (Shown(wider, wide_age(band), group), group),
        (Shown(wider, wide_age(band), HOUSEHOLD), None),
    )
    for shown, counted in steps:
        if count(shown.region, shown.age, counted, category) >= MINIMUM_CROWD:
            return shown
    return Shown(wider, None, HOUSEHOLD)
