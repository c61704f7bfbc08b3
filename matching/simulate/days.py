"""Arrivals over time: needs come daily, runs match them nightly, accepted work stays as it is.

A day goes like this:

1. Proposals that have stood for ``answer_days`` are answered. What is accepted is frozen and takes its
   capacity for good. A pair that is declined is not proposed again; its units are open once more.
2. The needs of the day come, and the capacity that it brings.
3. On every ``run_every``-th night a run (:func:`matching.solve`) matches all that is open, with the capacity
   that accepted work leaves. Where the arrivals tell how, the fit has grown by the days waited. A run may take
   back proposals that nobody has answered; a proposal that stays keeps its age. With ``answer_days`` of 0 the
   answers follow at once. Where the policy lets waiting raise a need, it counts as of that tier in the run; what is
   told by tier goes by its own.
4. Needs that reach their deadline leave; what is not served of them has expired.

Whether a supplier would accept a need is drawn once for each arc, from the seed and the day alone, and no run
changes it: two policies meet the same suppliers, and their difference is the policies'.

Rules that couple needs hold over the days. A bundle is answered as a whole: it is as old as the oldest of its
pairs, one that declines turns all of it down, and once a part of it has expired the rest is not proposed. A
need does not go where one that it excludes was accepted. An offer's least batch binds what a run proposes, with
what the offer has accepted before counted; if some of it then declines, the offer still serves the others.

Where the policy keeps a pace (``pace_weight``), an offer has given in its month what ``offers.given`` says and what it
has accepted since the first day, or since the last later day that brought it capacity: that begins a new month.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from matching.ageing import aged_tiers
from matching.columns import Bools, Int32s, Int64s, InvalidProblem, first
from matching.policy import Policy
from matching.problem import FIT_MAX, Problem
from matching.scoring import waiting_part
from matching.simulate.arrivals import Arrivals
from matching.simulate.timeline import Arrived, Nights, Timeline, Work
from matching.simulate.whatif import sums
from matching.solve import solve

DEFAULT_POLICY = Policy()

NEVER = 2**62
"""The deadline of a need that has none."""


def simulate(
    days: Sequence[Arrivals],
    offers: Problem,
    policy: Policy = DEFAULT_POLICY,
    *,
    run_every: int = 1,
    answer_days: int = 0,
    accept: float | ArrayLike = 1.0,
    stay: int = 0,
    opens: ArrayLike | None = None,
    closes: ArrayLike | None = None,
    seed: int = 0,
    time_limit: float | None = None,
    workers: int | None = None,
    ahead: Callable[[int, Problem, Int64s], ArrayLike | None] | None = None,
) -> Timeline:
    """What would happen if needs came like this and were matched under this policy.

    Args:
        days: the arrivals of each day.
        offers: its offers and pools are what there is on the first day; its needs and arcs are not read.
        policy: what each run aims at. Weights of the fit's parts act through the fit of the arrivals, and the
            weight of waiting through their growth.
        run_every: a run at the end of every so many days.
        answer_days: days a proposal stands before it is answered. What could not be answered by a need's
            deadline is not proposed.
        accept: the probability that a supplier accepts, one for all or float (m,) by offer.
        stay: fit added (up to 10000) to a pair that is proposed already: less churn, at the price of fit.
        opens, closes: int (m,), the first and the last day on which each offer serves; None for all days.
        seed: of the suppliers' answers; at least 0.
        time_limit, workers: for each run, as for :func:`matching.solve`.
        ahead: told the day, tonight's problem (all offers, arcs to those that serve) and the row of each of its needs
            among all, it gives the reserve of the run, as :func:`matching.expected_prices` would, or None.

    Returns:
        The same timeline for the same arguments, as far as ``solve`` gives the same flow: on networks always.

    Raises:
        InvalidProblem: a day has other offers, or a deadline before it.
        ValueError: an option is out of range.
    """
    _check_options(run_every, answer_days, stay, seed)
    _check_days(days, offers.capacity.size)
    world = _World(days, offers, policy, answer_days, _willing(days, offers.capacity.size, accept, seed))
    world.opens = _days("opens", opens, offers.capacity.size, 0)
    world.closes = _days("closes", closes, offers.capacity.size, NEVER)
    for day, arrivals in enumerate(days):
        world.answer(day)
        world.gain(day, arrivals.capacity)
        if (day + 1) % run_every == 0:
            problem, arcs, rows = world.tonight(day, stay)
            reserve = None if ahead is None else ahead(day, problem, rows)
            solution = solve(problem, policy, time_limit=time_limit, workers=workers, reserve=reserve)
            world.propose(day, arcs, solution.flow, optimal=solution.status == "optimal")
            if answer_days == 0:
                world.answer(day)
        world.leave(day)
    return world.timeline()


def _check_options(run_every: int, answer_days: int, stay: int, seed: int) -> None:
    for name, value, least in (("run_every", run_every, 1), ("answer_days", answer_days, 0), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name}: must be at least {least}, got {value}")
    if not 0 <= stay <= FIT_MAX:
        raise ValueError(f"stay: must be from 0 to {FIT_MAX}, got {stay}")


def _check_days(days: Sequence[Arrivals], offers: int) -> None:
    for day, arrivals in enumerate(days):
        if arrivals.problem.capacity.size != offers:
            given = arrivals.problem.capacity.size
            raise InvalidProblem("capacity", None, f"expected {offers} offers on day {day}, got {given}")
        passed = (arrivals.deadline >= 0) & (arrivals.deadline < day)
        first("deadline", passed, f"must not be before the need's own day, {day}", arrivals.deadline)


def _days(name: str, days: ArrayLike | None, offers: int, otherwise: int) -> Int64s:
    given = np.full(offers, otherwise, np.int64) if days is None else np.asarray(days, np.int64)
    if given.shape != (offers,):
        raise ValueError(f"{name}: expected {offers} days")
    return given


def _willing(days: Sequence[Arrivals], offers: int, accept: float | ArrayLike, seed: int) -> Bools:
    """Whether the supplier of each arc would accept: drawn by seed, day and arc, whatever the policy."""
    given = np.asarray(accept, np.float64)
    if given.shape not in ((), (offers,)) or not np.all((given >= 0) & (given <= 1)):
        raise ValueError(f"accept: expected probabilities from 0 to 1, one or {offers}")
    chance = np.broadcast_to(given, offers)
    drawn = [
        np.random.default_rng([seed, day]).random(arrivals.problem.need.size) < chance[arrivals.problem.offer]
        for day, arrivals in enumerate(days)
    ]
    return np.concatenate([np.zeros(0, np.bool_), *drawn])


class _World:
    """All needs and arcs of all days in single columns, and what stands at the moment."""

    opens: Int64s
    closes: Int64s

    def __init__(
        self, days: Sequence[Arrivals], offers: Problem, policy: Policy, answer_days: int, willing: Bools
    ) -> None:
        problems = [arrivals.problem for arrivals in days]
        sizes = np.array([problem.quantity.size for problem in problems], np.int64)
        start = np.cumsum(sizes) - sizes
        bundles = np.array([problem.bundle.max(initial=-1) + 1 for problem in problems], np.int64)
        bundle_start = np.cumsum(bundles) - bundles
        self.offers, self.answer_days, self.willing = offers, answer_days, willing
        self.day = np.repeat(np.arange(len(days)), sizes)
        self.row = np.arange(self.day.size) - start[self.day]
        self.label = _joined([arrivals.label for arrivals in days], np.int32)
        self.deadline = _joined([arrivals.deadline for arrivals in days], np.int64)
        self.last = np.where(self.deadline < 0, NEVER, self.deadline)
        self.quantity, self.tier, self.whole, self.group = (
            _joined([getattr(problem, name) for problem in problems], dtype)
            for name, dtype in (("quantity", np.int64), ("tier", np.int8), ("whole", np.bool_), ("group", np.int32))
        )
        self.bundle = _shifted([problem.bundle for problem in problems], bundle_start)
        self.need = _shifted([problem.need for problem in problems], start)
        self.offer, self.cost, self.use = (
            _joined([getattr(problem, name) for problem in problems], np.int64) for name in ("offer", "cost", "use")
        )
        self._grow(days, policy)
        pairs = _shifted([problem.exclusions.ravel() for problem in problems], start).reshape(-1, 2)
        self.exclusions = pairs
        both = np.concatenate([pairs, pairs[:, ::-1]])
        self.excluding = both[np.argsort(both[:, 0], kind="stable")]
        self.capacity, self.pool_capacity, self.budget = (
            offers.capacity.copy(),
            offers.pool_capacity.copy(),
            offers.budget.copy(),
        )
        needs, arcs = self.quantity.size, self.need.size
        self.served, self.expired = np.zeros(needs, np.int64), np.zeros(needs, np.int64)
        self.standing, self.since = np.zeros(arcs, np.int64), np.full(arcs, -1, np.int64)
        self.closed = np.zeros(arcs, np.bool_)
        self.given = np.zeros(offers.capacity.size, np.int64)
        self.month = offers.given.copy()
        self.work: list[tuple[Int64s, ...]] = []
        self.nights = Nights(
            *(np.zeros(len(days), np.bool_ if name in ("ran", "optimal") else np.int64) for name in Nights._fields)
        )
        self.nights.optimal[:] = True

    def _grow(self, days: Sequence[Arrivals], policy: Policy) -> None:
        """How the fit of each arc changes: what does not say so has its fit as the steady part of a total of 1."""
        steady, total, weight, waited = [], [], [], []
        for arrivals in days:
            growth, arcs, needs = arrivals.growth, arrivals.problem.need.size, arrivals.problem.quantity.size
            steady.append(arrivals.problem.fit if growth is None else growth.steady)
            total.append(np.full(arcs, 1 if growth is None else growth.total))
            weight.append(np.full(arcs, 0 if growth is None else policy.waiting_weight))
            waited.append(np.zeros(needs, np.int64) if growth is None else growth.waited)
        self.steady, self.total, self.weight, self.waited = (
            _joined(columns, np.int64) for columns in (steady, total, weight, waited)
        )
        self.policy = policy

    def fit_on(self, day: int, arcs: Int64s) -> Int64s:
        """The fit of arcs on a day, int64 (arcs,)."""
        need = self.need[arcs]
        waiting = waiting_part(day - self.day[need] + self.waited[need], self.policy.waiting_full_days)
        fit: Int64s = (self.steady[arcs] + self.weight[arcs] * waiting) // self.total[arcs]
        return fit

    def gain(self, day: int, capacity: Int64s) -> None:
        """Add what a day brings to the offers; after the first day it begins their months anew."""
        self.capacity += capacity
        if day > 0:
            self.month[capacity > 0] = 0

    def answer(self, day: int) -> None:
        """Freeze what is accepted of the proposals that have stood long enough, and close what is declined."""
        due = np.flatnonzero((self.standing > 0) & (self.since + self.answer_days <= day))
        willing, bundle = self.willing[due], self.bundle[self.need[due]]
        whole = willing & ((bundle < 0) | ~np.isin(bundle, bundle[~willing]))
        taken, declined = due[whole], due[~whole]
        units, offer = self.standing[taken], self.offer[taken]
        self.nights.accepted[day] += units.sum()
        self.nights.declined[day] += self.standing[declined].sum()
        self.work.append((self.need[taken], offer, units, self.since[taken], np.full(taken.size, day)))
        self._charge(taken, units)
        self.standing[due], self.since[due] = 0, -1
        self.closed[due[~willing]] = True
        self._exclude(taken)

    def _charge(self, arcs: Int64s, units: Int64s) -> None:
        """Take what accepted units use from offers, from the pools above them, and from budgets."""
        offer, offers = self.offer[arcs], self.capacity.size
        np.add.at(self.served, self.need[arcs], units)
        gave = sums(offers, offer, units)
        self.given += gave
        self.month += gave
        used = sums(offers, offer, units * self.use[arcs])
        self.capacity -= used
        self.budget -= np.where(self.budget >= 0, sums(offers, offer, units * self.cost[arcs]), 0)
        above = self.offers.pool
        while above.size and above.max() >= 0:
            inside = above >= 0
            np.subtract.at(self.pool_capacity, above[inside], used[inside])
            above = np.where(inside, self.offers.pool_parent[above], np.int32(-1))

    def _exclude(self, arcs: Int64s) -> None:
        """Close the arcs of needs to offers that have accepted a need they exclude."""
        begin, end = (np.searchsorted(self.excluding[:, 0], self.need[arcs], side) for side in ("left", "right"))
        count = end - begin
        if not count.any():
            return
        place = np.repeat(begin - np.cumsum(count) + count, count) + np.arange(count.sum())
        offers = self.capacity.size
        keys = self.excluding[place, 1] * offers + np.repeat(self.offer[arcs], count)
        self.closed |= np.isin(self.need * offers + self.offer, keys)

    def tonight(self, day: int, stay: int) -> tuple[Problem, Int64s, Int64s]:
        """What is open as a problem of its own, and the arcs and the needs it has among all."""
        remaining = self.quantity - self.served - self.expired
        here = (self.day <= day) & (remaining > 0)
        broken = np.unique(self.bundle[(self.expired > 0) & (self.bundle >= 0)])
        hopeful = here & ~np.isin(self.bundle, broken)
        answered = np.where(self.since < 0, day, self.since) + self.answer_days
        serving = (self.opens[self.offer] <= day) & (answered <= self.closes[self.offer])
        arcs = np.flatnonzero(hopeful[self.need] & ~self.closed & (answered <= self.last[self.need]) & serving)
        rows = np.flatnonzero(here)
        place = np.full(here.size, -1)
        place[rows] = np.arange(rows.size)
        pairs = self.exclusions[here[self.exclusions].all(axis=1)]
        fit = self.fit_on(day, arcs)
        problem = Problem(
            quantity=remaining[rows],
            tier=aged_tiers(self.tier[rows], day - self.day[rows] + self.waited[rows], self.policy),
            bundle=self.bundle[rows],
            whole=self.whole[rows],
            group=self.group[rows],
            capacity=self.capacity,
            pool=self.offers.pool,
            budget=self.budget,
            minimum_batch=np.maximum(self.offers.minimum_batch - self.given, 0),
            given=self.month,
            pool_capacity=self.pool_capacity,
            pool_parent=self.offers.pool_parent,
            need=place[self.need[arcs]],
            offer=self.offer[arcs],
            fit=np.where(self.standing[arcs] > 0, np.minimum(fit + stay, FIT_MAX), fit),
            cost=self.cost[arcs],
            use=self.use[arcs],
            exclusions=place[pairs],
        )
        return problem, arcs, rows

    def propose(self, day: int, arcs: Int64s, flow: Int64s, *, optimal: bool) -> None:
        """Let the run's flow stand; a proposal that stood before keeps its age."""
        stood = self.standing
        self.standing = np.zeros_like(stood)
        self.standing[arcs] = flow
        nights = self.nights
        nights.ran[day], nights.optimal[day] = True, optimal
        nights.standing[day] = stood.sum()
        nights.withdrawn[day] = np.maximum(stood - self.standing, 0).sum()
        nights.proposed[day] = np.maximum(self.standing - stood, 0).sum()
        self.since = np.where(self.standing > 0, np.where(self.since < 0, day, self.since), -1)
        bundled = np.flatnonzero((self.standing > 0) & (self.bundle[self.need] >= 0))
        bundle = self.bundle[self.need[bundled]]
        oldest = np.full(int(bundle.max(initial=-1)) + 1, NEVER)
        np.minimum.at(oldest, bundle, self.since[bundled])
        self.since[bundled] = oldest[bundle]

    def leave(self, day: int) -> None:
        """What is not served of the needs whose last day this is has expired."""
        over = self.deadline == day
        self.expired[over] = self.quantity[over] - self.served[over]

    def timeline(self) -> Timeline:
        """What happened, read-only."""
        proposed = sums(self.quantity.size, self.need, self.standing)
        work = Work(*(_joined([entry[place] for entry in self.work], np.int64) for place in range(len(Work._fields))))
        needs = Arrived(
            day=self.day,
            row=self.row,
            tier=self.tier,
            label=self.label,
            quantity=self.quantity,
            deadline=self.deadline,
            served=self.served,
            expired=self.expired,
            proposed=proposed,
        )
        for array in (*needs, *work, *self.nights):
            array.flags.writeable = False
        return Timeline(needs, work, self.nights)


def _joined(columns: Sequence[Any], dtype: type[Any]) -> Any:
    """The columns of all days one after the other."""
    return np.concatenate([np.zeros(0, dtype), *columns]).astype(dtype, copy=False)


def _shifted(columns: Sequence[Int32s], start: Int64s) -> Int64s:
    """Row numbers of all days one after the other, counted on from day to day; -1 stays."""
    shifted = [
        np.where(rows < 0, np.int64(-1), rows + begin) for rows, begin in zip(columns, start.tolist(), strict=True)
    ]
    joined: Int64s = _joined(shifted, np.int64)
    return joined
