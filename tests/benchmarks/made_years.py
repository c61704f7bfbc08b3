"""Made years for foresight: people, capacity that ends at different times, arrivals of several kinds, all by a seed.

People live in three places and ask for help of five kinds, about six a day; 15 in a hundred are red, 35 yellow, the
others blue. Where the year has seasons, some kinds are asked for in winter and the others a little less. Capacity comes
in lots: each serves one to three kinds in one place or all. All lots are open from the first night and end at different
times, after two months to a year; there is enough of them for about two thirds of those they could serve. A year before
it, made by the same rules but for what the scenario changes, is the record that forecasts are drawn from.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from matching import Arrivals, Problem, expected_prices
from matching.columns import Bools, Floats, Int8s, Int64s
from matching.foresight.expectations import CAUTION, Record, draw

NIGHTS = 365
FIRST = date(2026, 1, 1)
KINDS, PLACES = 5, 3
COLOURS = (0.15, 0.35, 0.5)
NEEDS_A_DAY = 6.0
LOTS = 40
SHARE = 2 / 3
"""Capacity for so much of the demand that it could serve."""

SCALE_KM = 20.0

SCENARIOS = {
    "stationary": (1.0, "flat"),
    "seasonal": (1.0, "seasonal"),
    "shock": (1.0, "shock"),
    "drift": (1.0, "drift"),
    "forecast x 0.7": (0.7, "flat"),
    "forecast x 1.3": (1.3, "flat"),
}
"""By name: what forecasts are multiplied by, and how arrivals go."""


class Needs(NamedTuple):
    """Needs in the order in which they come; columns (n,), places in km."""

    day: Int64s
    tier: Int8s
    kind: Int64s
    place: Int64s
    east: Floats
    north: Floats


def of_rows(needs: Needs, rows: Any) -> Needs:
    """Some of the needs."""
    day, tier, kind, place, east, north = (column[rows] for column in needs)
    return Needs(day, tier, kind, place, east, north)


class Lots(NamedTuple):
    """Capacity; columns (m,), and which kinds each serves, bool (m, kinds); place -1 serves all."""

    closes: Int64s
    capacity: Int64s
    kinds: Bools
    place: Int64s
    east: Floats
    north: Floats


class Year(NamedTuple):
    """A made year and the one before: needs of both on days from -NIGHTS to NIGHTS - 1."""

    before: Needs
    needs: Needs
    lots: Lots
    scale: float
    seed: int


CENTRES = np.array([(0, 0), (60, 10), (20, 70)], np.float64)


def made_year(scenario: str, seed: int) -> Year:
    """The year of a scenario, the same for the same seed."""
    scale, course = SCENARIOS[scenario]
    rng = np.random.default_rng([seed, 13])
    kinds, places = rng.dirichlet(np.full(KINDS, 4.0)), rng.dirichlet(np.full(PLACES, 6.0))
    winter = rng.random(KINDS) < 0.4  # kinds that are asked for in winter, in a year with seasons
    day = np.arange(-NIGHTS, NIGHTS)
    rate = np.full((day.size, KINDS), NEEDS_A_DAY) * kinds
    if course == "seasonal":
        cold = np.cos(2 * np.pi * day / NIGHTS)[:, None]
        rate *= np.where(winter, 1 + 0.8 * cold, 1 - 0.3 * cold)
    rate *= np.where(day % 7 >= 5, 0.4, 1.24)[:, None]
    if course == "shock":
        begin = int(rng.integers(60, 300))
        rate[(day >= begin) & (day < begin + 5)] *= 10
    if course == "drift":
        rate *= np.where(day < 0, 1.0, 1 + 0.5 * day / NIGHTS)[:, None]
    count = rng.poisson(rate)
    own = np.repeat(np.arange(count.size), count.ravel())
    drawn = _people(day[own // KINDS], own % KINDS, places, rng)
    early = drawn.day < 0
    before, needs = of_rows(drawn, early), of_rows(drawn, ~early)
    return Year(before, needs, _lots(needs, rng), scale, seed)


def _people(day: Int64s, kind: Int64s, places: Floats, rng: np.random.Generator) -> Needs:
    size = day.size
    place = rng.choice(PLACES, size, p=places)
    spot = CENTRES[place] + rng.normal(0, 8, (size, 2))
    tier = rng.choice(3, size, p=COLOURS).astype(np.int8)
    return Needs(day, tier, kind, place, spot[:, 0], spot[:, 1])


def _lots(needs: Needs, rng: np.random.Generator) -> Lots:
    lasts = rng.choice([61, 91, 122, 182, 243, 304, NIGHTS], LOTS, p=(0.1, 0.1, 0.1, 0.15, 0.15, 0.15, 0.25))
    closes = lasts - 1
    served = rng.choice(KINDS, (LOTS, KINDS), replace=True)
    kinds = np.zeros((LOTS, KINDS), np.bool_)
    for row, many in enumerate(rng.integers(1, 4, LOTS).tolist()):
        kinds[row, served[row, :many]] = True
    home = rng.integers(0, PLACES, LOTS)
    spot = CENTRES[home] + rng.normal(0, 6, (LOTS, 2))
    place = np.where(rng.random(LOTS) < 0.6, home, -1)
    weight = rng.lognormal(0, 0.5, LOTS) * lasts**0.7 * np.where(place < 0, 2.5, 1.0)
    lots = Lots(closes, np.ones(LOTS, np.int64), kinds, place, spot[:, 0], spot[:, 1])
    need, offer, _ = pairs(needs, lots)
    in_time = needs.day[need] <= closes[offer]
    demand = np.unique(need[in_time]).size
    capacity = np.maximum(np.round(weight / weight.sum() * demand * SHARE), 1)
    return lots._replace(capacity=capacity.astype(np.int64))


def pairs(needs: Needs, lots: Lots) -> tuple[Int64s, Int64s, Int64s]:
    """Need, lot and fit of the pairs of the same kind and place, in the order of the needs; dates are not looked at."""
    near = (lots.place[None, :] < 0) | (needs.place[:, None] == lots.place)
    need, offer = np.nonzero(near & lots.kinds.T[needs.kind])
    km = np.hypot(needs.east[need] - lots.east[offer], needs.north[need] - lots.north[offer])
    breadth = lots.kinds.sum(axis=1)[offer]
    fit = 10_000 * (0.6 * SCALE_KM / (SCALE_KM + km) + 0.4 / breadth)
    return need, offer, fit.astype(np.int64)


def problem_of(needs: Needs, lots: Lots, rows: tuple[Int64s, Int64s, Int64s]) -> Problem:
    """The problem of some needs, with capacity as the lots begin with."""
    need, offer, fit = rows
    return Problem(
        quantity=np.ones(needs.day.size), tier=needs.tier, capacity=lots.capacity, need=need, offer=offer, fit=fit
    )  # fmt: skip


def arrivals_of(year: Year) -> list[Arrivals]:
    """The days of the year for a simulation."""
    need, offer, fit = pairs(year.needs, year.lots)
    begin = np.searchsorted(year.needs.day, np.arange(NIGHTS + 1))
    arcs = np.searchsorted(need, begin)
    days = []
    for day in range(NIGHTS):
        here, there = slice(begin[day], begin[day + 1]), slice(arcs[day], arcs[day + 1])
        own = of_rows(year.needs, here)
        days.append(Arrivals(problem_of(own, year.lots, (need[there] - begin[day], offer[there], fit[there]))))
    return days


def hindsight_of(year: Year) -> Problem:
    """All needs of the year at once, each with the lots that are not over when it comes."""
    need, offer, fit = pairs(year.needs, year.lots)
    kept = year.needs.day[need] <= year.lots.closes[offer]
    return problem_of(year.needs, year.lots, (need[kept], offer[kept], fit[kept]))


class Forecast:
    """Futures of a year, night by night, from what had come by then and the year before alone."""

    def __init__(self, year: Year, number: int) -> None:
        self._year, self._number = year, number
        day, tier, kind, place, east, north = (
            np.concatenate([one, other]) for one, other in zip(year.before, year.needs, strict=True)
        )
        self._all = Needs(day, tier, kind, place, east, north)
        self._pairs = pairs(self._all, year.lots)
        self._first = np.searchsorted(self._pairs[0], np.arange(self._all.day.size + 1))

    def prices(self, night: int, problem: Problem, rows: Int64s) -> Int64s | None:
        """The reserve of a night; None where nobody is to come while what is known lasts."""
        lots = self._year.lots
        lasting = (lots.closes > night) & (problem.capacity > 0)
        horizon = int(lots.closes[lasting].max(initial=night)) - night
        if horizon <= 0:
            return None
        known = int(np.searchsorted(self._all.day, night, side="right"))
        record = Record(self._all.day[:known] + NIGHTS, FIRST - timedelta(NIGHTS), NIGHTS + night + 1)
        start = FIRST + timedelta(night + 1)
        drawn = draw(
            record,
            start,
            horizon,
            number=self._number,
            seed=1000 * self._year.seed + night,
            scale=CAUTION * self._year.scale,
        )
        futures = [self._problem(one.row, one.day + night + 1, lasting, problem) for one in drawn]
        waiting = rows + self._year.before.day.size
        served = self._problem(waiting, np.full(rows.size, night), lots.closes >= night, problem)
        prices = np.array(expected_prices(served, futures, workers=1))
        prices[lots.closes <= night] = 0
        return prices

    def _problem(self, row: Int64s, day: Int64s, lasting: Bools, problem: Problem) -> Problem:
        """Copies of needs that come on some days, over the lots that last."""
        count = self._first[row + 1] - self._first[row]
        need = np.repeat(np.arange(row.size), count)
        place = np.repeat(self._first[row] - np.cumsum(count) + count, count) + np.arange(need.size)
        offer, fit = self._pairs[1][place], self._pairs[2][place]
        kept = lasting[offer] & (day[need] <= self._year.lots.closes[offer])
        return Problem(
            quantity=np.ones(row.size),
            tier=self._all.tier[row],
            capacity=problem.capacity,
            need=need[kept],
            offer=offer[kept],
            fit=fit[kept],
        )
