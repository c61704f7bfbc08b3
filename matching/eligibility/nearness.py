"""Points on the sphere: distances of pairs, and what lies within reach of a whole cell of a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int32s, Int64s
from matching.eligibility.codes import CodeTables

if TYPE_CHECKING:
    from matching.eligibility.sides import Needs, Offers

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the Earth (IUGG R1)."""

RADIUS_TOLERANCE_KM = 1e-6
"""A millimetre: a need exactly on the circle is inside it whatever the rounding."""

CELL = 0.002
"""The side of a cell of the grid, as a part of the Earth's radius: 13 km."""

ROUNDING = 1e-9
"""More than coordinates are off by rounding: 6 mm on the ground."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """Points on the unit sphere and the reach of each offer as a squared chord.

    The squared chord between two unit vectors is 4 sin²(angle / 2): it needs no trigonometry for a pair,
    grows with the distance, and is exact for near points.

    Attributes:
        need: float64 (3, n).
        offer: float64 (3, m).
        reach: float64 (m,), infinite where an offer has no radius.
    """

    need: Floats
    offer: Floats
    reach: Floats

    @classmethod
    def of(cls, needs: Needs, offers: Offers, tables: CodeTables) -> Points:
        seats = tables.seats
        unknown = np.isnan(needs.lat) | np.isnan(needs.lon)
        need = _unit_vectors(
            np.where(unknown, seats[needs.region, 0], needs.lat),
            np.where(unknown, seats[needs.region, 1], needs.lon),
        )
        unknown = np.isnan(offers.lat) | np.isnan(offers.lon)
        offer = _unit_vectors(
            np.where(unknown, seats[offers.seat, 0], offers.lat),
            np.where(unknown, seats[offers.seat, 1], offers.lon),
        )
        half_angle = np.minimum((offers.radius_km + RADIUS_TOLERANCE_KM) / (2 * EARTH_RADIUS_KM), np.pi / 2)
        return cls(need, offer, np.where(np.isnan(half_angle), np.inf, 4 * np.sin(half_angle) ** 2))

    def chord(self, need: Int32s, offer: Int32s) -> Floats:
        """Squared chords of pairs, float64 (pairs,)."""
        total = np.zeros(need.size)
        for axis in range(3):
            difference = self.need[axis][need]
            difference -= self.offer[axis][offer]
            difference *= difference
            total += difference
        return total


def _unit_vectors(lat: Floats, lon: Floats) -> Floats:
    """float64 (3, rows), contiguous by axis."""
    latitude, longitude = np.radians(lat), np.radians(lon)
    shrink = np.cos(latitude)
    return np.stack([shrink * np.cos(longitude), shrink * np.sin(longitude), np.sin(latitude)])


def metres_of(chord: Floats) -> Int32s:
    """Metres of squared chords, rounded."""
    half = np.minimum(np.sqrt(chord) / 2, 1.0)
    return np.rint(2000 * EARTH_RADIUS_KM * np.arcsin(half)).astype(np.int32)


class Cells(NamedTuple):
    """A grid of cubes over the sphere, and the points that lie in each.

    Attributes:
        of: int64 (rows,), the cell of each of the given points.
        centre: float64 (3, cells), the middle of the points of each cell.
        size: float64 (cells,), the distance of the farthest of them.
    """

    of: Int64s
    centre: Floats
    size: Floats

    @classmethod
    def around(cls, vectors: Floats) -> Cells:
        """The cells of some unit vectors, float64 (3, rows)."""
        cube = np.floor((vectors + 1) / CELL).astype(np.int64)
        side = int(2 / CELL) + 1
        _, cell = np.unique((cube[0] * side + cube[1]) * side + cube[2], return_inverse=True)
        count = np.bincount(cell)
        centre = np.stack([np.bincount(cell, weights=axis) for axis in vectors]) / count
        size = np.zeros(count.size)
        np.maximum.at(size, cell, np.sqrt(((vectors - centre[:, cell]) ** 2).sum(axis=0)))
        return cls(cell.astype(np.int64), centre, size)

    def may_reach(self, points: Points, cell: Int64s, offer: Int32s) -> Bools:
        """bool (pairs,): whether an offer could reach a point in a cell.

        Chords are straight, so the triangle inequality holds for them: who is farther from the centre than
        its reach and the cell's size together reaches nothing in the cell.
        """
        apart = np.zeros(cell.size)
        for axis in range(3):
            apart += (self.centre[axis][cell] - points.offer[axis][offer]) ** 2
        return np.asarray(np.sqrt(apart) <= np.sqrt(points.reach[offer]) + self.size[cell] + ROUNDING)
