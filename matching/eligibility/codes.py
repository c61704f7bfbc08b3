"""The code lists that matching rules speak of, handed in by the caller: categories, regions, groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools

NEVER_EXCLUDE_PREFIX = "T-"
"""Recognitions (T-…) are mostly granted where a household is registered: they raise fit and never refuse."""

NEVER_EXCLUDE = frozenset({"G-MIGCHILD"})
"""Groups that speak of a person's origin: they too raise fit and never refuse."""

STATISTIC_ONLY = frozenset({"G-NONLOCAL"})
"""Counted in statistics and kept out of matching altogether."""

NO_LIMIT = "ALL"
"""The group code that means anyone."""


@dataclass(frozen=True)
class CodeList:
    """Codes with their names, in a fixed order; a column of a table holds positions in it.

    Attributes:
        codes: the codes, each once.
        names_zh, names_en: their names, in the same order.
        parents: the code above each, empty for none. Regions leave it out: their codes tell it.
    """

    codes: tuple[str, ...]
    names_zh: tuple[str, ...]
    names_en: tuple[str, ...]
    parents: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def position(self) -> dict[str, int]:
        """Positions by code."""
        return {code: place for place, code in enumerate(self.codes)}

    @cached_property
    def positions_by_text(self) -> dict[str, tuple[int, ...]]:
        """Positions by code or exact Chinese or English name; several where a name is ambiguous."""
        found: dict[str, tuple[int, ...]] = {}
        for texts in (self.names_zh, self.names_en, self.codes):
            for place, text in enumerate(texts):
                if text and place not in found.get(text, ()):
                    found[text] = (*found.get(text, ()), place)
        for place, code in enumerate(self.codes):
            found[code] = (place,)
        return found

    def name(self, place: int, language: str) -> str:
        """The name in ``zh`` or ``en``."""
        return (self.names_en if language == "en" else self.names_zh)[place]


@dataclass(frozen=True)
class CodeTables:
    """The lists of one installation.

    Attributes:
        categories: service categories; ``parents`` names the category above a leaf.
        regions: GB/T 2260 codes of six digits.
        seats: float64 (regions, 2), latitude and longitude of each region's seat in degrees.
        groups: target groups and recognitions, without ALL and without statistics-only codes; at most 64.
        qualifications: names of known qualifications, so that a file may say either; may be empty.
    """

    categories: CodeList
    regions: CodeList
    seats: NDArray[np.float64]
    groups: CodeList
    qualifications: CodeList = field(default_factory=lambda: CodeList((), (), ()))

    def __post_init__(self) -> None:
        if len(self.groups) > 64:
            raise ValueError("at most 64 group codes fit in a mask")

    @cached_property
    def category_covers(self) -> Bools:
        """bool (C, C): whether listing the row's category covers a need of the column's category."""
        size = len(self.categories)
        covers = np.eye(size, dtype=np.bool_)
        place = self.categories.position
        for code, parent in zip(self.categories.codes, self.categories.parents, strict=True):
            below, above = place[code], parent
            while above:
                covers[place[above], below] = True
                above = self.categories.parents[place[above]]
        return covers

    @cached_property
    def region_covers(self) -> Bools:
        """bool (R, R): whether listing the row's region covers a need in the column's region (GB/T 2260)."""
        prefixes = [region_prefix(code) for code in self.regions.codes]
        return np.array(
            [[code.startswith(prefix) for code in self.regions.codes] for prefix in prefixes], dtype=np.bool_
        ).reshape(len(prefixes), len(prefixes))

    @cached_property
    def leaves_below(self) -> NDArray[np.int64]:
        """int64 (C,): how many categories without children each covers, itself included."""
        covers = self.category_covers
        leaf = covers.sum(axis=1) == 1
        below: NDArray[np.int64] = (covers & leaf).sum(axis=1, dtype=np.int64)
        return below

    @cached_property
    def excluding_groups(self) -> np.uint64:
        """The mask of the groups that a capacity may limit itself to."""
        mask = 0
        for place, code in enumerate(self.groups.codes):
            if not code.startswith(NEVER_EXCLUDE_PREFIX) and code not in NEVER_EXCLUDE:
                mask |= 1 << place
        return np.uint64(mask)


def region_prefix(code: str) -> str:
    """The leading digits a GB/T 2260 code shares with every code below it: 640000 → 64, 640200 → 6402."""
    while len(code) > 2 and code.endswith("00"):
        code = code[:-2]
    return code
