"""What a simulation of arrivals shows: waiting, churn and coverage over time, and two policies side by side.

Days are numbered from 0. Units count as *served* from the day they are accepted on; what is proposed and not
answered yet is *open*, so that on every day served + open + expired = arrived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int8s, Int32s, Int64s, InvalidProblem, first
from matching.simulate.whatif import Breakdown, Pairs, Served, changed, sums

Floats = NDArray[np.float64]

By = Literal["tier", "label"]


class Arrived(NamedTuple):
    """All needs of a simulation (n rows, in the order of their days) and what became of them.

    Attributes:
        day: int64, the day each came.
        row: int64, its row in the problem of that day.
        tier: int8. label: int32, -1 none. quantity: int64.
        deadline: int64, the last day it can be served on; -1 none.
        served, expired, proposed: int64 units: accepted; not served by the deadline; proposed at the end and
            not answered yet.
    """

    day: Int64s
    row: Int64s
    tier: Int8s
    label: Int32s
    quantity: Int64s
    deadline: Int64s
    served: Int64s
    expired: Int64s
    proposed: Int64s

    @property
    def open(self) -> Int64s:
        """Units still looked after at the end, those proposed among them."""
        return self.quantity - self.served - self.expired


class Work(NamedTuple):
    """What was accepted, in the order of acceptance; int64 columns of the same length. It never changes again.

    Attributes:
        need: the row among all needs. offer: the row of the offer. units: how many.
        proposed_on, accepted_on: days.
    """

    need: Int64s
    offer: Int64s
    units: Int64s
    proposed_on: Int64s
    accepted_on: Int64s


class Nights(NamedTuple):
    """What happened day by day; columns (d,), in units.

    Attributes:
        ran: whether there was a run in that night.
        standing: proposals that stood before the run, waiting for an answer; 0 without a run.
        withdrawn: those of them that the run took back.
        proposed: what the run proposed anew.
        accepted, declined: the answers of that day.
        optimal: whether the run was proven optimal; true without a run.
    """

    ran: Bools
    standing: Int64s
    withdrawn: Int64s
    proposed: Int64s
    accepted: Int64s
    declined: Int64s
    optimal: Bools


class Course(NamedTuple):
    """Units by day and level, int64 (d, levels), all from the first day to the end of each day."""

    arrived: Int64s
    served: Int64s
    expired: Int64s

    @property
    def open(self) -> Int64s:
        """Units open at the end of each day."""
        return self.arrived - self.served - self.expired

    @property
    def coverage(self) -> Floats:
        """Served units as a share of the units that arrived until then; nan before the first."""
        return _ratio(self.served, self.arrived)


class Spread(NamedTuple):
    """Days, weighted by units, for each level: columns (levels,).

    Attributes:
        units: int64, how many units are counted.
        mean: float64, nan without units.
        median, ninetieth: int64, the fewest days that at least half, at least 90 %, of the units do not
            exceed; -1 without units.
    """

    units: Int64s
    mean: Floats
    median: Int64s
    ninetieth: Int64s


class Waiting(NamedTuple):
    """How long needs wait.

    Attributes:
        served: days from arrival to acceptance of the units that were served.
        unserved: days from arrival to the deadline, or to the last day, of those that were not (yet).
    """

    served: Spread
    unserved: Spread


@dataclass(frozen=True, eq=False)
class TimelineDifference:
    """Two timelines of the same arrivals, ``before`` and ``after`` a change of policy.

    Attributes:
        needs: units served by need, before and after.
        tiers, labels: the same by tier and by label.
        waiting: the waiting by tier of either.
        churn: the churn of either.
    """

    needs: Served
    tiers: Breakdown
    labels: Breakdown
    waiting: tuple[Waiting, Waiting]
    churn: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Timeline:
    """The result of a simulation.

    Attributes:
        needs: all needs and what became of them.
        work: what was accepted.
        nights: what happened day by day.
    """

    needs: Arrived
    work: Work
    nights: Nights

    @property
    def days(self) -> int:
        """How many days were simulated."""
        return int(self.nights.ran.size)

    @property
    def churn(self) -> float:
        """Of the proposals that stood before a run, the share that the run took back; 0.0 where none stood."""
        standing = int(self.nights.standing.sum())
        return int(self.nights.withdrawn.sum()) / standing if standing else 0.0

    def course(self, by: By = "tier") -> Course:
        """Arrived, served and expired units by tier or by label, added up day by day; label -1 is left out."""
        needs, work = self.needs, self.work
        left = np.flatnonzero(needs.expired)
        every = np.arange(needs.day.size)
        return Course(
            arrived=self._daily(by, every, needs.day, needs.quantity),
            served=self._daily(by, work.need, work.accepted_on, work.units),
            expired=self._daily(by, left, needs.deadline[left], needs.expired[left]),
        )

    def _daily(self, by: By, rows: Int64s, days: Int64s, units: Int64s) -> Int64s:
        level, levels = self._level(by)
        known = level[rows] >= 0
        place = days[known] * levels + level[rows][known]
        daily = sums(self.days * levels, place, units[known]).reshape(self.days, levels)
        return np.cumsum(daily, axis=0, dtype=np.int64)

    def _level(self, by: By) -> tuple[Int64s, int]:
        level = (self.needs.tier if by == "tier" else self.needs.label).astype(np.int64)
        return level, int(level.max(initial=-1)) + 1

    def waiting(self, by: By = "tier") -> Waiting:
        """How long needs wait, by tier or by label."""
        needs, work = self.needs, self.work
        level, levels = self._level(by)
        last = np.where(needs.deadline < 0, self.days - 1, np.minimum(needs.deadline, self.days - 1))
        return Waiting(
            served=_spread(level[work.need], levels, work.accepted_on - needs.day[work.need], work.units),
            unserved=_spread(level, levels, last - needs.day, needs.quantity - needs.served),
        )

    def compare(self, other: Timeline) -> TimelineDifference:
        """What ``other`` does otherwise than this one, for the same arrivals.

        Raises:
            InvalidProblem: the needs are not the same.
        """
        mine, theirs = self.needs, other.needs
        if mine.day.size != theirs.day.size or self.days != other.days:
            raise InvalidProblem("day", None, "the timelines must be of the same arrivals")
        for name in ("day", "tier", "label", "quantity", "deadline"):
            differing = getattr(mine, name) != getattr(theirs, name)
            first(name, differing, "the timelines must be of the same arrivals")
        works = (self.work, other.work)
        served = changed(mine.quantity, *(Pairs(work.need, work.offer, work.units) for work in works))
        return TimelineDifference(
            needs=served,
            tiers=served.by(mine.tier),
            labels=served.by(mine.label),
            waiting=(self.waiting(), other.waiting()),
            churn=(self.churn, other.churn),
        )


def _spread(level: Int64s, levels: int, days: Int64s, units: Int64s) -> Spread:
    """Weighted mean and percentiles of days by level: one sort, then sums along it."""
    counted = np.flatnonzero((units > 0) & (level >= 0))
    order = counted[np.lexsort((days[counted], level[counted]))]
    level, days, units = level[order], days[order], units[order]
    total = sums(levels, level, units)
    passed = np.cumsum(units, dtype=np.int64)
    before = np.cumsum(total, dtype=np.int64) - total
    percentiles = []
    for percent in (50, 90):
        wanted = before + np.maximum(-(-total * percent // 100), 1)
        place = np.searchsorted(passed, wanted)
        there = np.zeros(levels, np.int64) if days.size == 0 else days[np.minimum(place, days.size - 1)]
        percentiles.append(np.where(total > 0, there, -1))
    return Spread(total, _ratio(sums(levels, level, days * units), total), *percentiles)


def _ratio(part: Int64s, whole: Int64s) -> Floats:
    shares = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
