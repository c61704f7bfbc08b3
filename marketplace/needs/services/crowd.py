"""How many households are alike, for what a public card may name (rule P6)."""

import time
from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, false, func, not_, or_, select

from marketplace.extensions import db
from marketplace.needs.anonymity import (
    BROAD_GROUPS,
    HOUSEHOLD,
    MINIMUM_CROWD,
    broad_group,
    generalise,
    prefecture_of,
    wide_age,
)
from marketplace.needs.models import Need

#: Above so many needs the counts are kept for a while: they change slowly, and counting takes a second.
KEPT_ABOVE, KEPT_SECONDS = 20_000, 60.0
_Cell = tuple[str, str | None, str | None, str]


def broad_group_column() -> ColumnElement[str]:
    """The broad group of a need's target groups, as SQL."""
    text = cast(Need.groups, String)
    return case(
        *(
            (or_(*(text.contains(f'"{code}"') for code in codes)), broad)
            for broad, codes in BROAD_GROUPS.items()
            if codes
        ),
        else_=HOUSEHOLD,
    )


class Crowd:
    """Households by county or prefecture, age, broad group and category; each counted once wherever it counts."""

    def __init__(self) -> None:
        household = func.coalesce(cast(Need.case_id, String), Need.public_id)
        query = (
            select(Need.region, Need.age_band, broad_group_column(), Need.category, household)
            .where(Need.state != "draft")
            .distinct()
            .execution_options(yield_per=5000)
        )
        alike: defaultdict[_Cell, set[Hashable]] = defaultdict(set)
        for region, band, group, category, one in db.session.execute(query):
            place, age = prefecture_of(region), wide_age(band)
            for cell in (
                (region, band, group, category),
                (place, band, group, category),
                (place, age, group, category),
                (place, age, None, category),
            ):
                alike[cell].add(one)
        self._counts = {cell: len(households) for cell, households in alike.items()}

    def count(self, region: str, age: str | None, group: str | None, category: str) -> int:
        return self._counts.get((region, age, group, category), 0)

    def shown_in(self, county: str) -> ColumnElement[bool]:
        """Wishes whose card may stand for a county: those shown there, and those of its prefecture shown as such.

        Filtering by the true county instead would tell what the wider region on the card hides.
        """
        prefecture = prefecture_of(county)
        named = self._named(prefecture)
        widened = Need.region.startswith(prefecture[:4], autoescape=True)
        if named:
            widened = and_(widened, not_(or_(*(condition for _county, condition in named))))
        return or_(widened, self.named_in(county))

    def named_in(self, county: str) -> ColumnElement[bool]:
        """Wishes whose card names a county."""
        return or_(false(), *(condition for named, condition in self._named(prefecture_of(county)) if named == county))

    def _named(self, prefecture: str) -> list[tuple[str, ColumnElement[bool]]]:
        """Of each crowd that is large enough for its county to be named: the county, and who is of it."""
        return [
            (cell[0], _cell_is(cell))
            for cell, number in self._counts.items()
            if number >= MINIMUM_CROWD
            and cell[2] is not None
            and not cell[0].endswith("00")
            and prefecture_of(cell[0]) == prefecture
        ]

    def shown_region(self, region: str, band: str | None, groups: Iterable[str], category: str) -> str:
        """The region that a card names: the county, or its prefecture."""
        return generalise(region, band, broad_group(groups), category, self.count).region


def _cell_is(cell: _Cell) -> ColumnElement[bool]:
    region, band, group, category = cell
    return and_(
        Need.region == region,
        Need.age_band.is_not_distinct_from(band),
        broad_group_column() == group,
        Need.category == category,
    )


class _Kept:
    """The counts of each database, with when they were made."""

    def __init__(self) -> None:
        self._crowds: dict[str, tuple[float, Crowd]] = {}

    def current(self) -> Crowd:
        if (db.session.scalar(select(func.max(Need.id))) or 0) <= KEPT_ABOVE:
            return Crowd()
        key: Any = str(db.engine.url)
        made, crowd = self._crowds.get(key, (0.0, None))
        if crowd is None or time.monotonic() - made > KEPT_SECONDS:
            crowd = Crowd()
            self._crowds[key] = (time.monotonic(), crowd)
        return crowd


current_crowd = _Kept().current
