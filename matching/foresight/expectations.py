"""Needs still to come, drawn from a record of those that came: the futures that prices are averaged over.

A drawn need is a copy of one that came before: its category, region, groups, colour and quantity come with it, and no
model of how they hang together is needed. How many come on a day is

    level x trend x weekday x season

all read from the record by weighing its days. For a day to come, a past day counts by how near it lies in the year
(a bell of ``SEASON_DAYS``), so that winter needs come in winter and those for school in late summer; and every day
counts a little by how recent it is (``RECENT_DAYS``), which is all there is to go by where the record is shorter than
a year. A year that is further back counts ``YEARS_FADE`` of the next. The mean is taken of counts without their
weekday, and each day to come then has its weekday again (Nadaraya 1964, Watson 1964: regression by local means).

The trend is how the last weeks compare with the same weeks by the years before, the most unusual weeks left out, drawn
towards none as far as chance alone could tell as much. Where the record holds no year before, there is no trend to
tell from a season, and none is assumed.

Every future has a level of its own, as uncertain as the weeks of the record were uneven: needs that came in bursts
come in bursts. The draw is fixed by the seed; rows of the record may come in any order where they have keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from matching.columns import Floats, Int64s, at_least, between, column

FUTURES = 5
"""So many futures are drawn unless told otherwise; fewer leave the prices to chance."""

LEAST_DAYS = 56
LEAST_NEEDS = 100
"""A record of fewer days or needs is no ground for a forecast."""

CAUTION = 1.15
"""Draw futures at this scale for the prices of a run; numbers told to people are divided by it.

A need that waits can still be served, capacity that is given away is gone: where one error costs more than the other,
more than the mean is kept (Arrow, Harris & Marschak 1951, Optimal inventory policy, Econometrica 19). How much more is
measured on two made years (docs/benchmarks.md): yellow needs served, of hindsight, 0.933 and 0.980 at 1.0, 0.974 and
0.999 at 1.15; total fit 1.008 and 0.990 at 1.0, 1.001 and 0.983 at 1.15. It costs blue needs days of waiting."""

YEAR = 365.25
SEASON_DAYS = 21.0
"""The spread of the bell by which days near in the year count, about three weeks."""

RECENT_DAYS = 60.0
RECENT_SHARE = 0.02
"""How fast recency fades, and what it counts beside a day of the same season."""

YEARS_FADE = 0.5

TREND_WEEKS = 8
TREND_LEAST_WEEKS = 6
TREND_DOUBT = 0.25
"""How far, as a logarithm, levels of two years commonly differ; how far the record is believed follows from it."""

TREND_LIMIT = 3.0
"""No year is taken for more than so many times the last, or for less than this part of it."""


class ThinHistory(ValueError):
    """The record is too short for a forecast: ``days`` and ``needs`` it holds, ``least_days`` and ``least_needs``."""

    def __init__(self, days: int, needs: int) -> None:
        self.days, self.needs = days, needs
        self.least_days, self.least_needs = LEAST_DAYS, LEAST_NEEDS
        super().__init__(
            f"the record holds {needs} needs in {days} days; a forecast takes {LEAST_NEEDS} needs in {LEAST_DAYS} days"
        )


@dataclass(frozen=True, init=False, eq=False)
class Record:
    """What came: one row for each need, on all days of a span without gaps.

    Attributes:
        day: int64 (r,), the day each need came, counted from ``first`` as 0; below ``days``.
        first: the first day of the record.
        days: how many days it covers, those without needs among them.
        key: int64 (r,), a number for each need that stays the same, such as its id: it orders the needs of a day. Its
            row if none are given.
    """

    day: Int64s
    first: date
    days: int
    key: Int64s

    def __init__(self, day: ArrayLike, first: date, days: int, *, key: ArrayLike | None = None) -> None:
        put = object.__setattr__
        put(self, "day", column("day", day, np.int64))
        put(self, "first", first)
        put(self, "days", days)
        at_least("days", np.array([days], np.int64), 0)
        between("day", self.day, 0, max(days, 1))
        own = np.arange(self.day.size) if key is None else key
        put(self, "key", column("key", own, np.int64, self.day.size))

    @property
    def is_thin(self) -> bool:
        """Whether it is too short for a forecast."""
        return self.days < LEAST_DAYS or self.day.size < LEAST_NEEDS


class Drawn(NamedTuple):
    """The needs of one future, in the order in which they come.

    Attributes:
        row: int64 (x,), which need of the record each is a copy of, or which row of an expectation.
        day: int64 (x,), the day it comes, counted from the start of the future as 0.
    """

    row: Int64s
    day: Int64s


def draw(
    record: Record, start: date, horizon: int, *, number: int = FUTURES, seed: int = 0, scale: float = 1.0
) -> list[Drawn]:
    """Futures of the days from ``start`` on, drawn from what came before.

    Args:
        record: what came; days of it from ``start`` on are not looked at.
        start: the first day to come: the day after tonight.
        horizon: how many days to draw.
        number: how many futures.
        seed: of the draw, at least 0. Take another one every night: chance then evens out over the nights.
        scale: multiplies what is expected; for trials of forecasts that are too low or too high.
    Raises:
        ThinHistory: the record up to ``start`` is too short.
        ValueError: an option is out of range.
    """
    _check(horizon, number, seed, scale)
    course = _Course.of(record, start, horizon)
    rng = np.random.default_rng([seed, 1])
    levels = _levels(course.unevenness, number, rng)
    return [course.drawn(rng, scale * level) for level in levels.tolist()]


def rates(record: Record, start: date, horizon: int) -> Floats:
    """float64 (horizon,): how many needs are expected on each of the days from ``start`` on; errors as of `draw`."""
    _check(horizon, 1, 0, 1.0)
    return _Course.of(record, start, horizon).rate


def expected(
    rows_a_month: ArrayLike, horizon: int, *, number: int = FUTURES, seed: int = 0, scale: float = 1.0
) -> list[Drawn]:
    """Futures by a coordinator's own expectation, where the record is thin: so many a month of each row.

    Args:
        rows_a_month: float (x,), at least 0, how many needs of each row of the expectation come in a month.
        horizon, number, seed, scale: as of `draw`.
    Raises:
        ValueError: an option or an expectation is out of range.
    """
    _check(horizon, number, seed, scale)
    monthly = np.asarray(rows_a_month, np.float64)
    if monthly.ndim != 1 or not np.all(np.isfinite(monthly) & (monthly >= 0)):
        raise ValueError("rows_a_month: expected finite numbers of at least 0")
    rng = np.random.default_rng([seed, 2])
    futures = []
    for _ in range(number):
        count = rng.poisson(np.tile(monthly * (12 / YEAR) * scale, (horizon, 1))).ravel()
        place = np.repeat(np.arange(count.size), count)
        futures.append(Drawn(row=place % max(monthly.size, 1), day=place // max(monthly.size, 1)))
    return futures


def _check(horizon: int, number: int, seed: int, scale: float) -> None:
    for name, value, least in (("horizon", horizon, 0), ("number", number, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name}: must be at least {least}, got {value}")
    if not 0 <= scale < float("inf"):
        raise ValueError(f"scale: must be a number of at least 0, got {scale}")


@dataclass(frozen=True, eq=False)
class _Course:
    """What a record says of the days to come.

    Attributes:
        rate: float64 (horizon,), needs expected on each day.
        chance: float64 (horizon, days), for each day to come the shares of the past days in it, added up.
        begin: int64 (days + 1,), where the needs of each past day begin in ``order``.
        order: int64, rows of the record by day and key.
        unevenness: the spread of a future's level, as a logarithm.
    """

    rate: Floats
    chance: Floats
    begin: Int64s
    order: Int64s
    unevenness: float

    @classmethod
    def of(cls, record: Record, start: date, horizon: int) -> _Course:
        known = min(record.days, (start - record.first).days)
        rows = np.flatnonzero(record.day < known)
        if known < LEAST_DAYS or rows.size < LEAST_NEEDS:
            raise ThinHistory(max(known, 0), rows.size)
        order = rows[np.lexsort((record.key[rows], record.day[rows]))]
        count = np.bincount(record.day[rows], minlength=known)
        begin = np.concatenate([[0], np.cumsum(count)])
        gap = (start - record.first).days - known  # days between the record and the start
        weekday = (record.first.weekday() + np.arange(known + gap + horizon)) % 7
        factor = _weekdays(count, weekday[:known])
        growth = _growth(count, factor[weekday[:known]])
        past, coming = np.arange(known), known + gap + np.arange(horizon)
        weight = _weights(past, coming)
        grown = weight * growth ** np.minimum((coming[:, None] - past) / YEAR, 2.0)
        share = grown * count
        whole = np.maximum((weight * factor[weekday[:known]]).sum(axis=1), 1e-300)
        rate = share.sum(axis=1) / whole * factor[weekday[known + gap :]]
        return cls(rate, np.cumsum(share, axis=1), begin, order, _unevenness(count, growth))

    def drawn(self, rng: np.random.Generator, scale: float) -> Drawn:
        """One future."""
        count = rng.poisson(self.rate * scale)
        day = np.repeat(np.arange(count.size), count)
        total = self.chance[day, -1]
        wanted = rng.random(day.size) * total
        past = np.empty(day.size, np.int64)
        end = np.cumsum(count)
        for coming in np.flatnonzero(count).tolist():
            own = slice(end[coming] - count[coming], end[coming])
            past[own] = np.searchsorted(self.chance[coming], wanted[own], side="right")
        size = self.begin[past + 1] - self.begin[past]
        place = self.begin[past] + (rng.random(day.size) * size).astype(np.int64)
        return Drawn(row=self.order[place], day=day)


def _weekdays(count: Int64s, weekday: Int64s) -> Floats:
    """float64 (7,): how a weekday compares with the mean day, drawn towards it where there is little to go by."""
    mean = max(float(count.mean()), 1e-9)
    prior = 4 * 7.0  # as if so many mean needs had come on each weekday besides
    days = np.bincount(weekday, minlength=7)
    came = np.bincount(weekday, weights=count, minlength=7)
    factor = (came + prior) / (days * mean + prior)
    return np.asarray(factor * 7 / factor.sum(), np.float64)


def _weights(past: Int64s, coming: Int64s) -> Floats:
    """float64 (horizon, days): how much each past day counts for each day to come."""
    apart = np.arange(1, int(coming.max(initial=0)) + 2)  # a function of the days between alone
    around = (apart + YEAR / 2) % YEAR - YEAR / 2
    bell = np.exp(-0.5 * (around / SEASON_DAYS) ** 2) * YEARS_FADE ** np.maximum(np.round(apart / YEAR) - 1, 0)
    recent = RECENT_SHARE * np.exp(-(past[-1] - past) / RECENT_DAYS)
    weight: Floats = bell[coming[:, None] - past - 1] + recent
    return weight


def _growth(count: Int64s, factor: Floats) -> float:
    """How much more comes than a year ago: 1.0 where there is no year before, or no telling."""
    weeks = min(TREND_WEEKS, (count.size - round(YEAR)) // 7)
    if weeks < TREND_LEAST_WEEKS:
        return 1.0
    recent = np.arange(count.size - 7 * weeks, count.size)
    before = np.arange(count.size - 7 * weeks - 180)  # at least half a year earlier
    weight = _weights(before, recent)
    usual = (weight @ count[before]) / np.maximum(weight @ factor[before], 1e-300) * factor[recent]
    now, then = (values.reshape(weeks, 7).sum(axis=1) for values in (count[recent], usual))
    order = np.argsort(now / np.maximum(then, 1e-9))[1 + weeks // 8 : weeks - 1 - weeks // 8]
    came, had = float(now[order].sum()), float(then[order].sum())
    if had < 1:
        return 1.0
    told = np.log((came + 0.5) / (had + 0.5))
    doubt = 2.0 / max(came, 1.0) + 2.0 / had  # counts vary more than independent needs would
    log = told * TREND_DOUBT**2 / (TREND_DOUBT**2 + doubt)
    return float(np.exp(np.clip(log, -np.log(TREND_LIMIT), np.log(TREND_LIMIT))))


def _unevenness(count: Int64s, growth: float) -> float:
    """The spread of the level to come, as a logarithm: what is uneven beyond chance, and doubt about the growth."""
    weeks = count[count.size % 7 :].reshape(-1, 7).sum(axis=1)
    near = np.convolve(weeks, np.ones(9) / 9, mode="valid") if weeks.size >= 9 else np.full(1, weeks.mean())
    middle = weeks[4 : 4 + near.size] if weeks.size >= 9 else weeks
    beyond = float(((middle - near) ** 2 - near).mean()) / max(float((near**2).mean()), 1e-9)
    return float(np.sqrt(max(beyond, 0.0) / 8 + (np.log(growth) / 8) ** 2))


def _levels(spread: float, number: int, rng: np.random.Generator) -> Floats:
    """float64 (number,): a level for each future, evenly over its spread, so that few futures show all of it."""
    place = (rng.permutation(number) + 0.5) / number * 2 - 1
    return np.asarray(np.exp(1.5 * spread * place), np.float64)
