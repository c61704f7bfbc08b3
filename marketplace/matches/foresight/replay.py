"""A past period run again, night by night: without foresight, with it, with forecasts too low or high, in hindsight.

Pure: columns of numbers in, a summary out; a process of its own does it. All ways get the same needs on the same days
and the same capacity on the same days; the period is the world, so capacity that lasts longer counts as ending with it.
What a run proposes is taken as accepted. A forecast of a night reads the record up to that night alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketplace.matches.file_codes import code_tables
from marketplace.matches.foresight.ahead import Ahead, Drawn, Pairs, futures_of, kept_for, timeless, useful_days
from matching import Policy, Problem, solve
from matching.ageing import aged_tiers
from matching.eligibility.rules import Needs, Offers
from matching.foresight import expectations
from matching.scoring import Scorer, waiting_part
from matching.tables import URGENCIES

Int64s = NDArray[np.int64]
Tell = Callable[[float], None]

NIGHT_SECONDS = 10.0
HINDSIGHT_SECONDS = 60.0
"""The search in coupled parts of one night, and of the whole period in hindsight, stops with the best found."""

WAYS = {"nightly": None, "foresight": 1.0, "low": 0.7, "high": 1.3}
"""Ways to run the nights, and what the forecast of a run is multiplied by; None looks at the night alone."""

_SHARES = {"nightly": 1, "foresight": 4, "low": 4, "high": 4, "hindsight": 1}


@dataclass(frozen=True)
class Period:
    """What a period is run again from.

    Attributes:
        begins: its first day. days: how many.
        needs: needs of the record (r), in the order of their keys, and behind them the rows of an expectation (x).
        tier, bundle, whole: of the needs, as in `matching.Problem`; tiers are the colours that caseworkers gave.
        quantity: int64 (r + x,), units of each need. left: of them those to be served in the period.
        day: int64 (r + x,), the day it came, counted from `begins`; below 0 before.
        leaves: int64 (r + x,), the last day on which it may be served.
        regions: region code of each need.
        record: days and keys of the first r needs. a_month: of the others, how many of each come in a month.
        offers: with `capacity` int64 (m,) when they open, `opens` and `closes` int64 (m,), their first and last day.
        given: int64 (m,), what each had given when the period began, towards its least batch.
        pool, pool_capacity, minimum_batch: as in `matching.Problem`.
        happened: int64 (s, 3), need row, units and days of waiting of what was given in fact.
        policy, horizon: of the runs, and how far they look ahead.
        told: counts that only the page tells.
    """

    begins: date
    days: int
    needs: Needs
    tier: NDArray[np.int8]
    bundle: NDArray[np.int32]
    whole: NDArray[np.bool_]
    quantity: Int64s
    left: Int64s
    day: Int64s
    leaves: Int64s
    regions: tuple[str, ...]
    record: expectations.Record
    a_month: Int64s
    offers: Offers
    capacity: Int64s
    opens: Int64s
    closes: Int64s
    given: Int64s
    pool: NDArray[np.int32]
    pool_capacity: Int64s
    minimum_batch: Int64s
    happened: Int64s
    policy: Policy
    horizon: int
    told: dict[str, Any]


@dataclass(frozen=True)
class Replayed:
    """The outcome: what a page and a record show of it."""

    summary: dict[str, Any]


def work(period: Period) -> Callable[[Tell], Replayed]:
    """What `solving.in_child` takes to run a period again."""
    return partial(replay, period)


def replay(period: Period, tell: Tell = lambda _share: None) -> Replayed:
    """Every way the period could have gone, side by side; calls `tell` with the share done."""
    world = _World(period)
    ways = {"happened": _figures(period, *period.happened.T)}
    done, whole = 0, sum(_SHARES.values())
    nights = thin = by_expectation = 0
    for name, scale in WAYS.items():
        begin, share = done / whole, _SHARES[name] / whole
        way = _Nights(world, scale)
        for night in range(period.days):
            way.run(night)
            tell(begin + share * (night + 1) / period.days)
        ways[name] = _figures(period, *way.given())
        if name == "foresight":
            nights, thin, by_expectation = way.forecast_nights, way.thin_nights, way.expected_nights
        done += _SHARES[name]
    ways["hindsight"] = _figures(period, *_hindsight(world), waits=False)
    tell(1.0)
    taking_part = np.flatnonzero(period.left > 0)
    came = period.day >= 0
    return Replayed(
        {
            "days": period.days,
            "needs": int(taking_part.size),
            "came": _by_colour(period, np.where(came, period.left, 0)),
            "asked": _by_colour(period, period.left),
            "asked_by_region": _by_region(period, period.left),
            "capacities": int((period.capacity > 0).sum()),
            "capacity": int(period.capacity.sum()),
            "ways": ways,
            "forecast_nights": nights,
            "thin_nights": thin,
            "expected_nights": by_expectation,
            "record": {"days": period.record.days, "needs": int(period.record.day.size)},
            "expected": bool(period.a_month.size),
            "horizon": period.horizon,
            **period.told,
        }
    )


class _World:
    """Pairs of the needs that take part and the offers, and what the futures copy."""

    def __init__(self, period: Period) -> None:
        self.period = period
        as_of = np.datetime64(period.begins, "D")
        arcs = timeless(period.needs, period.offers, as_of)
        fresh = replace(period.needs, posted=np.full(len(period.needs), np.datetime64("NaT"), "M8[D]"))
        scorer = Scorer(fresh, period.offers, code_tables(), period.policy, as_of)
        steady, self.total = scorer.steady(arcs), scorer.total
        begin = np.searchsorted(arcs.need, np.arange(len(period.needs) + 1))
        fit = (steady // self.total).astype(np.int32)
        self.pairs = Pairs(begin, arcs.offer, fit, useful_days(period.needs))
        takes_part = (period.left > 0)[arcs.need]
        self.need, self.offer = arcs.need[takes_part].astype(np.int64), arcs.offer[takes_part].astype(np.int64)
        self.steady = steady[takes_part]
        self.closes = np.minimum(period.closes, period.days - 1)

    def fit(self, arcs: Int64s, waited: Int64s) -> Int64s:
        """int64 (arcs,): the fit of pairs after so many days of waiting."""
        policy = self.period.policy
        grown = policy.waiting_weight * waiting_part(np.maximum(waited, 0), policy.waiting_full_days)
        return np.asarray((self.steady[arcs] + grown) // self.total, np.int64)


class _Nights:
    """One way of running the nights, and what stands so far."""

    def __init__(self, world: _World, scale: float | None) -> None:
        period = world.period
        self.world, self.period, self.scale = world, period, scale
        self.left, self.free = period.left.copy(), period.capacity.copy()
        self.pool_free = period.pool_capacity.copy()
        self.gave = period.given.copy()
        self.of_month = np.zeros_like(self.gave)  # given since the first of the month, as far as the period tells
        self.forecast_nights = self.thin_nights = self.expected_nights = 0
        self._work: list[tuple[Int64s, Int64s, Int64s]] = []

    def given(self) -> tuple[Int64s, Int64s, Int64s]:
        """Rows of needs, units and days of waiting."""
        columns = zip(*self._work, strict=True) if self._work else ([np.zeros(0, np.int64)] for _ in range(3))
        need, units, waited = (np.concatenate(list(column)) for column in columns)
        return need, units, waited

    def run(self, night: int) -> None:
        """One night: who waits, what is free, the best there is of it."""
        period, world = self.period, self.world
        if (period.begins + timedelta(days=night)).day == 1:
            self.of_month[:] = 0
        here = (period.day <= night) & (self.left > 0) & (period.leaves >= night)
        serving = (period.opens <= night) & (world.closes >= night) & (self.free > 0)
        arcs = np.flatnonzero(here[world.need] & serving[world.offer])
        if arcs.size == 0:
            return
        problem, rows = self._problem(night, here, arcs)
        reserve = None if self.scale is None else self._reserve(night, problem)
        solution = solve(problem, period.policy, time_limit=NIGHT_SECONDS, workers=1, reserve=reserve)
        used = np.flatnonzero(solution.flow)
        need, offer, units = rows[problem.need[used]], problem.offer[used], solution.flow[used]
        np.subtract.at(self.left, need, units)
        np.subtract.at(self.free, offer, units)
        np.add.at(self.gave, offer, units)
        np.add.at(self.of_month, offer, units)
        inside = period.pool[offer] >= 0
        np.subtract.at(self.pool_free, period.pool[offer][inside], units[inside])
        self._work.append((need, units, np.maximum(night - period.day[need], 0)))

    def _problem(self, night: int, here: NDArray[np.bool_], arcs: Int64s) -> tuple[Problem, Int64s]:
        period, world = self.period, self.world
        rows = np.flatnonzero(here).astype(np.int64)
        place = np.full(here.size, -1, np.int64)
        place[rows] = np.arange(rows.size)
        waited = night - period.day
        problem = Problem(
            quantity=self.left[rows],
            tier=aged_tiers(period.tier[rows], np.maximum(waited[rows], 0), period.policy),
            bundle=period.bundle[rows],
            whole=period.whole[rows],
            group=period.needs.region[rows] if period.policy.fairness else None,
            capacity=np.maximum(self.free, 0),
            pool=period.pool,
            pool_capacity=np.maximum(self.pool_free, 0),
            minimum_batch=np.maximum(period.minimum_batch - self.gave, 0),
            given=self.of_month if period.policy.pace_weight else None,
            need=place[world.need[arcs]],
            offer=world.offer[arcs],
            fit=world.fit(arcs, waited[world.need[arcs]]),
        )
        return problem, rows

    def _reserve(self, night: int, problem: Problem) -> Int64s | None:
        """The prices of a night, from what was known on it; None where nothing could be told."""
        period = self.period
        last = np.minimum(self.world.closes - night, period.horizon)
        futures = self._futures(night, int(last.max(initial=0)))
        if futures is None:
            self.thin_nights += 1
            return None
        self.forecast_nights += 1
        ahead = Ahead(
            needs=period.needs,
            quantity=period.quantity,
            tier=period.tier,
            futures=futures,
            first=np.maximum(period.opens - night, 0),
            last=last,
            released=np.zeros(last.size, np.bool_),
            next_run=1,
            days_known=period.record.days,
        )
        # Prices are those of the network: bundles, wholeness and batches bind the night itself, not the estimate.
        columns = problem.columns()
        plain = Problem(**{name: columns[name] for name in _NETWORK})
        return kept_for(plain, ahead, futures_of(ahead, self.world.pairs, plain), period.policy).price

    def _futures(self, night: int, horizon: int) -> tuple[Drawn, ...] | None:
        period = self.period
        start, scale = period.begins + timedelta(days=night + 1), expectations.CAUTION * (self.scale or 1.0)
        seed = start.toordinal()
        try:
            drawn = expectations.draw(period.record, start, max(horizon, 0), seed=seed, scale=scale)
            behind = 0
        except expectations.ThinHistory:
            if not period.a_month.size:
                return None
            self.expected_nights += 1
            drawn = expectations.expected(period.a_month, max(horizon, 0), seed=seed, scale=scale)
            behind = period.record.day.size
        return tuple(Drawn(one.row + behind, one.day + 1) for one in drawn)


_NETWORK = ("quantity", "tier", "capacity", "need", "offer", "fit", "pool", "pool_capacity", "pool_parent")


def _hindsight(world: _World) -> tuple[Int64s, Int64s, Int64s]:
    """The best that could have been done by who had known everything: one exact solve of the whole period."""
    period = world.period
    first = np.maximum(np.maximum(period.day[world.need], period.opens[world.offer]), 0)
    arcs = np.flatnonzero(first <= np.minimum(period.leaves[world.need], world.closes[world.offer]))
    rows = np.flatnonzero(period.left > 0).astype(np.int64)
    place = np.full(period.left.size, -1, np.int64)
    place[rows] = np.arange(rows.size)
    problem = Problem(
        quantity=period.left[rows],
        tier=period.tier[rows],
        bundle=period.bundle[rows],
        whole=period.whole[rows],
        capacity=period.capacity,
        pool=period.pool,
        pool_capacity=period.pool_capacity,
        minimum_batch=np.maximum(period.minimum_batch - period.given, 0),
        need=place[world.need[arcs]],
        offer=world.offer[arcs],
        fit=world.fit(arcs, first[arcs] - period.day[world.need[arcs]]),
    )
    flow = solve(problem, Policy(), time_limit=HINDSIGHT_SECONDS, workers=1).flow
    used = np.flatnonzero(flow)
    return rows[problem.need[used]], flow[used], np.zeros(used.size, np.int64)


def _figures(period: Period, need: Int64s, units: Int64s, waited: Int64s, *, waits: bool = True) -> dict[str, Any]:
    """What one way did: by the colours that caseworkers gave, whatever a need counted as."""
    served = np.zeros(period.left.size, np.int64)
    np.add.at(served, need, units)
    rest = period.left - served
    gone = period.leaves < period.days - 1
    return {
        "served": _by_colour(period, served),
        "by_region": _by_region(period, served),
        "still_waiting": _by_colour(period, np.where(gone, 0, rest)),
        "expired": _by_colour(period, np.where(gone, rest, 0)),
        "waiting_days": _waiting(period.tier[need], units, waited) if waits else None,
        "unspent": int(period.capacity.sum() - units.sum()),
    }


def _waiting(tier: NDArray[np.int8], units: Int64s, waited: Int64s) -> dict[str, float | None]:
    """Mean days of waiting of the units served, by colour."""
    told: dict[str, float | None] = {}
    for place, colour in enumerate(URGENCIES):
        of_colour = tier == place
        total = int(units[of_colour].sum())
        told[colour] = round(float((units * waited)[of_colour].sum() / total), 1) if total else None
    return told


def _by_colour(period: Period, units: Int64s) -> dict[str, int]:
    counted = np.zeros(len(URGENCIES), np.int64)
    np.add.at(counted, period.tier, units)
    return dict(zip(URGENCIES, counted.tolist(), strict=True))


def _by_region(period: Period, units: Int64s) -> dict[str, dict[str, int]]:
    codes = np.array(period.regions)
    found = np.unique(codes[period.left > 0]) if codes.size else codes
    return {str(code): _by_colour(period, np.where(codes == code, units, 0)) for code in found}
