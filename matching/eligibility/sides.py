"""What the hard rules look at: a row for each need and each offer, in columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int32s

Floats = NDArray[np.float64]
Masks = NDArray[np.uint64]
Dates = NDArray[np.datetime64]


@dataclass(frozen=True)
class Needs:
    """What the rules ask of the needs (n).

    Attributes:
        category, region: int32 (n,), positions in the code tables.
        lat, lon: float64 (n,), degrees; NaN where the need has no point of its own.
        groups: uint64 (n,), bit g for group g of the code tables.
        requires: uint64 (n, w), bit b of word v for qualification 64 v + b of a numbering that the
            offers share.
        deadline: datetime64[D] (n,), the last day on which it may be served; NaT none.
        posted: datetime64[D] (n,), since when it waits; NaT means as of today. For scoring alone.
    """

    category: Int32s
    region: Int32s
    lat: Floats
    lon: Floats
    groups: Masks
    requires: Masks
    deadline: Dates
    posted: Dates

    def __len__(self) -> int:
        return int(self.category.size)


@dataclass(frozen=True)
class Offers:
    """What the rules ask of the offers (m).

    Attributes:
        categories: bool (m, C), the categories listed.
        regions: bool (m, R), the regions listed.
        seat: int32 (m,), the first region listed, whose seat stands in for a missing point.
        lat, lon: float64 (m,), degrees; NaN where unknown.
        radius_km: float64 (m,); NaN no limit.
        groups: uint64 (m,), the groups listed; 0 all.
        qualifications: uint64 (m, w), as `Needs.requires`.
        valid_from, valid_until: datetime64[D] (m,), the first and the last day of validity; NaT open.
    """

    categories: Bools
    regions: Bools
    seat: Int32s
    lat: Floats
    lon: Floats
    radius_km: Floats
    groups: Masks
    qualifications: Masks
    valid_from: Dates
    valid_until: Dates

    def __len__(self) -> int:
        return int(self.seat.size)
