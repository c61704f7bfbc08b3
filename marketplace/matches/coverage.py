"""Units served and asked for, by colour, region and group: what runs and trials are judged by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketplace.matches.file_codes import code_tables
from marketplace.matches.snapshot import Snapshot
from matching.eligibility.codes import STATISTIC_ONLY
from matching.tables import URGENCIES

Units = NDArray[np.int64]


def by_colour(snapshot: Snapshot, units: Units, rows: NDArray[Any] | slice = slice(None)) -> dict[str, int]:
    """Units by colour, of some needs."""
    counted = np.zeros(len(URGENCIES), np.int64)
    np.add.at(counted, snapshot.tier[rows], units[rows])
    return dict(zip(URGENCIES, counted.tolist(), strict=True))


def coverage(snapshot: Snapshot, served: Units) -> dict[str, Any]:
    """Asked and served units by colour: of all needs, and of each region and each group that has any.

    A need counts for each of its groups, so the groups add up to more than the whole.
    """
    return {
        "regions": {code: _share(snapshot, served, rows) for code, rows in _regions(snapshot).items()},
        "groups": {code: _share(snapshot, served, rows) for code, rows in _groups(snapshot).items()},
    }


def _share(snapshot: Snapshot, served: Units, rows: NDArray[np.intp]) -> dict[str, dict[str, int]]:
    return {"asked": by_colour(snapshot, snapshot.quantity, rows), "served": by_colour(snapshot, served, rows)}


def _regions(snapshot: Snapshot) -> dict[str, NDArray[np.intp]]:
    codes = np.array(snapshot.regions)
    return {str(code): np.flatnonzero(codes == code) for code in np.unique(codes)}


def _groups(snapshot: Snapshot) -> dict[str, NDArray[np.intp]]:
    found = {}
    for bit, code in enumerate(code_tables().groups.codes):
        rows = np.flatnonzero(snapshot.needs.groups >> np.uint64(bit) & np.uint64(1))
        if rows.size and code not in STATISTIC_ONLY:
            found[code] = rows
    return found


def served_units(quantity: Units, need: NDArray[Any], units: Units) -> Units:
    """int64 (n,): the units that each need gets."""
    served = np.zeros(quantity.size, np.int64)
    np.add.at(served, need, units)
    return served
