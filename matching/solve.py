"""The one door: a problem in, a checked solution out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from matching.columns import Int64s
from matching.components import Parts, split
from matching.coupling import examine
from matching.fairness.balance import imbalance
from matching.fairness.groups import (
    Aims,
    aims_of,
    convex_flow,
    least_unfairness,
    served_by_group,
    unfairness,
)
from matching.meter import Clock, Meter
from matching.network.parallel import solve_parts
from matching.network.sifting import exact_flow
from matching.policy import Policy
from matching.problem import Problem
from matching.reserve.aim import Kept, further_flow, kept_back, left_over, with_arcs, worthiest_flow
from matching.solution import Bound, Solution
from matching.verify import objective, verify

if TYPE_CHECKING:
    from matching.coupled.parts import CoupledParts

DEFAULT_POLICY = Policy()

FORK_FROM = 100_000
"""Networks with fewer arcs together are solved in this process: they take less than it takes to start others."""


SHORTEST = 0.1
"""Seconds to look for units that coupled parts could still serve, where the time limit is over."""


class Cancelled(Exception):
    """Raised by a progress callback to stop the work; :func:`solve` then returns what is done."""


def solve(
    problem: Problem,
    policy: Policy = DEFAULT_POLICY,
    *,
    time_limit: float | None = None,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
    reserve: ArrayLike | None = None,
) -> Solution:
    """The best solution: most units of tier 0, then of tier 1 and so on, then the greatest sum of fit.

    Between coverage and fit comes fairness where the policy asks for it, and from the fit goes what it asks
    for balance (:mod:`matching.fairness.groups`). The problem is split into parts that share nothing. Parts whose
    rules do not couple are solved exactly as networks; the others by CP-SAT, level by level. The result is
    checked by :func:`matching.verify` before it is given out.

    Fairness adds up over groups, not over parts, so parts that share a group are joined where one of them is
    coupled (:mod:`matching.coupled.joining`).

    Args:
        problem: the checked input.
        policy: what the organization aims at.
        time_limit: seconds after which the search in coupled parts stops with the best found. Networks are
            not cut short: they have no result before the end, and take seconds at 100,000 needs. Without a limit
            proofs take as long as they take, but for very large coupled parts (``matching.coupled.climb.LARGE``).
        workers: how many processes solve networks, and threads search in coupled parts; None takes every
            core. Large problems alone are worth the processes.
        progress: called with the share of the work done, never falling, from 0.0 to 1.0; while a process solves
            a large network or a coupled part is searched, about ten times a second. If it raises
            :class:`Cancelled`, the work stops at once: the status is "cancelled", the flow what was found by then.
        reserve: int64 (m,), at least 0, what a unit of each offer is worth to needs still to come, as
            :func:`matching.expected_prices` tells: a unit is served only where it is worth more
            (:mod:`matching.reserve.aim`). The problem is then solved a second time without it, for the bound.
    Returns:
        The same flow for the same problem and policy on any number of workers, where all of it is a network;
        with coupled parts the same objective whenever the status is "optimal".
    Raises:
        ValueError: ``time_limit`` or ``workers`` is not above 0.
        InvalidProblem: the policy asks for fairness between more units than it can count, the reserve is no column
            of prices, or with a reserve a tier is not among the policy's.
        InvalidSolution: the result fails its check, which would be a fault of the engines.
    """
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"time_limit: must be above 0 seconds, got {time_limit}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers: must be at least 1, got {workers}")
    started = time.perf_counter()
    clock = Clock(started, time_limit)
    kept = kept_back(problem, policy, reserve)
    run: _Run | _ReservedRun = (
        _Run(problem, policy, workers, clock) if kept is None else _ReservedRun(problem, policy, workers, clock, kept)
    )
    cancelled = False
    try:
        meter = Meter(progress, run.arcs)
        run.go(meter)
    except Cancelled:
        cancelled = True
    solved = time.perf_counter()
    solution = run.solution(cancelled=cancelled)
    verify(problem, solution, policy, kept.price if kept is not None else None)
    verified = time.perf_counter()
    if not cancelled:
        meter.finish()
    stages = {
        "prepare": run.prepared - started,
        "network": run.network_seconds,
        "coupled": run.coupled_seconds,
        "verify": verified - solved,
        "total": verified - started,
    }
    return replace(solution, verified=True, timings=stages)


class _Run:
    """One solve: the flow as it fills, and by how much the bound exceeds it.

    With ``kept`` it solves what a reserve makes of the problem, and knows no bound.
    """

    def __init__(
        self, problem: Problem, policy: Policy, workers: int | None, clock: Clock, kept: Kept | None = None
    ) -> None:
        self._policy, self._workers, self._clock, self._kept = policy, workers, clock, kept
        whole, problem = problem, kept.problem if kept is not None else problem
        self._problem, self.arcs = problem, problem.need.size
        self._flow = np.zeros(problem.need.size, np.int64)
        self._coupling = examine(problem)
        self._parts = split(problem, self._coupling, joined=policy.fairness)
        self._aims: Aims | None = None
        if policy.fairness or policy.dearest_load:
            weight, pace = policy.load_balance_weight, policy.pace_weight
            self._aims = aims_of(whole, fair=policy.fairness, weight=weight, pace=pace)
        self._networks, self._exact = self._parts.networks, True
        self._searched: CoupledParts | None = None
        self._bound = _loosest(problem, policy)
        self.prepared = time.perf_counter()
        self.network_seconds = self.coupled_seconds = 0.0

    def go(self, meter: Meter) -> None:
        """Solve all parts, then join those that share groups with a coupled one."""
        started = time.perf_counter()
        self._solve_coupled(meter)
        coupled = time.perf_counter()
        self._solve_networks(meter)
        network = time.perf_counter()
        if self._searched is not None:
            if self._searched.grouped:
                kept = self._kept is not None
                self._searched.join(self._networks, self._flow, self._clock.left(), exactly=kept)
            meter.wholly(sum(arcs.size for arcs in self._parts.coupled))
        self.network_seconds = network - coupled
        self.coupled_seconds = time.perf_counter() - started - self.network_seconds
        if self._kept is None:
            self._bound = self._least_beaten()

    def _solve_networks(self, meter: Meter) -> None:
        parts = self._parts.networks
        arcs = sum(part.size for part in parts)
        workers = self._workers or len(os.sched_getaffinity(0))
        aims = self._aims
        if aims is not None and self._policy.fairness and self._parts.coupled:
            aims = aims._replace(before=served_by_group(aims, self._problem.need, self._flow))
        if self._kept is not None and aims is not None and self._policy.fairness and arcs:
            from matching.reserve.fairness import fairest_kept  # CP-SAT, as below

            together = np.sort(np.concatenate(parts))  # units of a tier may be exchanged between parts
            self._networks = [together]
            network, value = self._coupling.network.of(together), self._kept.value[together]
            self._flow[together], self._exact = fairest_kept(network, value, aims)
            meter.add(arcs)
            return
        if arcs >= FORK_FROM and ((workers > 1 and len(parts) > 1) or meter.heard):
            one = partial(self._network_flow, aims=aims)
            solve_parts(parts, one, self._flow, lambda part: meter.add(part.size), meter.beat, workers)
            return
        for part in parts:
            self._flow[part] = self._network_flow(part, aims)
            meter.add(part.size)

    def _network_flow(self, arcs: Int64s, aims: Aims | None) -> Int64s:
        everything = arcs.size == self._flow.size
        network = self._coupling.network if everything else self._coupling.network.of(arcs)
        if self._kept is not None:
            return worthiest_flow(network, self._kept.value[arcs], aims)
        return exact_flow(network) if aims is None else convex_flow(network, aims)

    def _solve_coupled(self, meter: Meter) -> None:
        """Fill in the flow of the coupled parts."""
        if not self._parts.coupled:
            return
        from matching.coupled.parts import CoupledParts  # CP-SAT loads pandas: 0.2 s and 60 MB that networks save

        parts = CoupledParts(
            self._problem, self._coupling, self._parts.coupled, self._aims, self._workers, meter.partly
        )
        self._searched = parts
        try:
            parts.search(self._clock.left())
        finally:
            for part in parts.parts:
                self._flow[part.arcs] = part.flow

    def _least_beaten(self) -> Bound:
        """What no solution beats: the flow's own objective, and what is not proven of it in coupled parts."""
        problem, policy, aims = self._problem, self._policy, self._aims
        served, fit = objective(problem, self._flow)
        fairness = unfairness(problem, self._flow) if policy.fairness else None
        slack = np.zeros(problem.tiers + 1, np.int64)
        less: Fraction | None = Fraction(0)
        if self._searched is not None:
            slack, less = self._searched.slack(self._flow)
        if aims is not None and aims.balance.most:
            plain = aims.without_balance()
            for arcs in self._networks:
                if self._searched is None or not self._searched.joined(arcs):
                    fits = problem.fit[arcs].astype(np.int64)
                    slack[-1] += int(np.dot(self._network_flow(arcs, plain) - self._flow[arcs], fits))
        most = tuple((np.array(served, np.int64) + slack[:-1]).tolist())
        if fairness is not None:
            fairness = least_unfairness(problem, sum(most)) if less is None else fairness - less
        return Bound(most, fairness, fit + int(slack[-1]))

    def solution(self, *, cancelled: bool) -> Solution:
        """What the run found, not yet checked."""
        problem, policy = self._problem, self._policy
        self._flow.flags.writeable = False
        served, fit = objective(problem, self._flow)
        fairness = unfairness(problem, self._flow) if policy.fairness else None
        if cancelled:
            bound, exact = _loosest(problem, policy), False
        else:
            bound, exact = self._bound, self.kept_flow()[1]
        held = np.zeros(problem.capacity.size, np.int64)
        held.flags.writeable = False
        return Solution(
            flow=self._flow,
            served=served,
            fit=fit,
            status="cancelled" if cancelled else "optimal" if exact else "feasible",
            fairness=fairness,
            bound=bound,
            engines=_shares(problem, self._parts),
            verified=False,
            held=held,
            timings={},
            imbalance=imbalance(problem, self._flow, policy),
        )

    def kept_flow(self) -> tuple[Int64s, bool]:
        """The flow of what a reserve makes of the problem, and whether it is proven best."""
        searched = self._searched
        if searched is None:
            return self._flow, self._exact
        return self._flow, searched.optimal and (self._exact or all(map(searched.joined, self._networks)))


class _ReservedRun:
    """A solve that keeps capacity back, then a plain one for what cannot be beaten."""

    def __init__(self, problem: Problem, policy: Policy, workers: int | None, clock: Clock, kept: Kept) -> None:
        self._problem, self._clock, self._kept = problem, clock, kept
        self._run = _Run(problem, policy, workers, clock.part(0.5), kept)
        self._plain = _Run(problem, policy, workers, clock)
        self._aim = policy
        self.arcs = self._run.arcs + self._plain.arcs
        self.prepared = self._plain.prepared

    @property
    def network_seconds(self) -> float:
        """Seconds in networks, with the reserve and without."""
        return self._run.network_seconds + self._plain.network_seconds

    @property
    def coupled_seconds(self) -> float:
        """Seconds in coupled parts, with the reserve and without."""
        return self._run.coupled_seconds + self._plain.coupled_seconds

    def go(self, meter: Meter) -> None:
        """Solve both."""
        self._run.go(meter)
        self._plain.go(meter)

    def solution(self, *, cancelled: bool) -> Solution:
        """What the run with the reserve found, beside the bound and the engines of the plain one."""
        problem = self._problem
        plain = self._plain.solution(cancelled=cancelled)
        kept_flow, exact = self._run.kept_flow()
        flow = np.zeros(problem.need.size, np.int64)
        flow[self._kept.arcs] = kept_flow
        flow.flags.writeable = False
        served, fit = objective(problem, flow)
        return replace(
            plain,
            flow=flow,
            served=served,
            fit=fit,
            status="cancelled" if cancelled else "optimal" if exact else "feasible",
            fairness=unfairness(problem, flow) if self._aim.fairness else None,
            held=np.zeros(problem.capacity.size, np.int64) if cancelled else self._held(flow),
            imbalance=imbalance(problem, flow, self._aim),
            reserve=self._kept.price,
            beyond_reserve=int(np.dot(kept_flow, self._kept.value)),
        )

    def _held(self, flow: Int64s) -> Int64s:
        """The units of each offer in one largest further flow on what is left."""
        rest, _ = left_over(self._problem, flow)
        further, allowed = further_flow(rest)
        if not allowed:  # as many as the rules allow; how well they would fit is of no account
            plain = with_arcs(rest, np.arange(rest.need.size), fit=np.zeros(rest.need.size, np.int32))
            left = self._clock.share(1.0)
            further = solve(plain, time_limit=None if left is None else max(left, SHORTEST)).flow
        held = np.zeros(self._problem.capacity.size, np.int64)
        np.add.at(held, rest.offer, further)
        held.flags.writeable = False
        return held


def _loosest(problem: Problem, policy: Policy) -> Bound:
    """A bound without any search: every need that has an arc in full, at its best fit, and no group above another."""
    best = _best_fits(problem)
    reached = best >= 0
    served = np.zeros(problem.tiers, np.int64)
    np.add.at(served, problem.tier[reached], problem.quantity[reached])
    fit = int(np.dot(problem.quantity[reached], best[reached]))
    return Bound(tuple(served.tolist()), Fraction(0) if policy.fairness else None, fit)


def _best_fits(problem: Problem) -> Int64s:
    """The highest fit of each need's arcs; -1 where it has none."""
    best = np.full(problem.quantity.size, -1, np.int64)
    need, fit = problem.need, problem.fit
    if need.size and bool(np.all(need[1:] >= need[:-1])):  # as files give them: a run of arcs for each need
        first = np.flatnonzero(np.concatenate(([True], need[1:] != need[:-1])))
        best[need[first]] = np.maximum.reduceat(fit, first)
    else:
        np.maximum.at(best, need, fit)
    return best


def _shares(problem: Problem, parts: Parts) -> dict[str, float]:
    """The share of the arcs that each engine settled; arcs that nothing can use count for the network."""
    coupled = sum(arcs.size for arcs in parts.coupled) / max(problem.need.size, 1)
    if coupled == 0:
        return {"network": 1.0}
    return {"network": 1 - coupled, "coupled": coupled} if coupled < 1 else {"coupled": 1.0}
