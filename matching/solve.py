"""The one door: a problem in, a checked solution out."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from matching.columns import Int64s
from matching.components import Parts, split
from matching.coupling import examine
from matching.fairness import Aims, aims_of, convex_flow, imbalance, served_by_group, unfairness
from matching.parallel import solve_parts
from matching.policy import Policy
from matching.problem import Problem
from matching.sifting import exact_flow
from matching.solution import Bound, Solution
from matching.verify import objective, verify

DEFAULT_POLICY = Policy()

FORK_FROM = 100_000
"""Networks with fewer arcs together are solved in this process: they take less than it takes to start others."""


class Cancelled(Exception):
    """Raised by a progress callback to stop the work; :func:`solve` then returns what is done."""


def solve(
    problem: Problem,
    policy: Policy = DEFAULT_POLICY,
    *,
    time_limit: float | None = None,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Solution:
    """The best solution: most units of tier 0, then of tier 1 and so on, then the greatest sum of fit.

    Between coverage and fit comes fairness where the policy asks for it, and from the fit goes what it asks
    for balance (:mod:`matching.fairness`). The problem is split into parts that share nothing. Parts whose
    rules do not couple are solved exactly as networks; the others by CP-SAT, level by level. The result is
    checked by :func:`matching.verify` before it is given out.

    Fairness and balance are exact on networks. Coupled parts are solved without them, and the groups of the
    networks are then balanced round what the coupled parts serve: "feasible", with a bound for the whole,
    unless the coupled parts hold no group (for fairness) or the bound is reached.

    Args:
        problem: the checked input.
        policy: what the organization aims at.
        time_limit: seconds after which the search in coupled parts stops with the best found. Networks are
            not cut short: they have no result before the end, and take seconds at 100,000 needs.
        workers: how many processes solve networks, and threads search in coupled parts; None takes every
            core. Large problems alone are worth the processes.
        progress: called with the share of the work done, never falling, from 0.0 to 1.0; while a process
            solves a large network, about ten times a second. If it raises :class:`Cancelled`, the work stops
            at once: the status is "cancelled", the flow that of the parts that were done.
    Returns:
        The same flow for the same problem and policy on any number of workers, where all of it is a network;
        with coupled parts the same objective whenever the status is "optimal".
    Raises:
        ValueError: ``time_limit`` or ``workers`` is not above 0.
        InvalidProblem: the policy asks for fairness between more units than it can count.
        InvalidSolution: the result fails its check, which would be a fault of the engines.
    """
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"time_limit: must be above 0 seconds, got {time_limit}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers: must be at least 1, got {workers}")
    started = time.perf_counter()
    run = _Run(problem, policy, workers, _Clock(started, time_limit))
    cancelled = False
    try:
        meter = _Meter(progress, problem.need.size)
        run.go(meter)
    except Cancelled:
        cancelled = True
    solved = time.perf_counter()
    solution = run.solution(cancelled=cancelled)
    verify(problem, solution, policy)
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
    """One solve: the flow as it fills, and by how much the bound exceeds it."""

    def __init__(self, problem: Problem, policy: Policy, workers: int | None, clock: _Clock) -> None:
        self._problem, self._policy, self._workers, self._clock = problem, policy, workers, clock
        self._flow = np.zeros(problem.need.size, np.int64)
        self._coupling = examine(problem)
        self._parts = split(problem, self._coupling, joined=policy.fairness)
        self._aims: Aims | None = None
        if policy.fairness or policy.load_balance_weight:
            self._aims = aims_of(problem, fair=policy.fairness, weight=policy.load_balance_weight)
        self._exact, self._slack = True, np.zeros(problem.tiers + 1, np.int64)
        self._bound: Bound | None = None
        self.prepared = time.perf_counter()
        self.network_seconds = self.coupled_seconds = 0.0

    def go(self, meter: _Meter) -> None:
        """Solve all parts; the groups of networks are balanced round what the coupled parts serve."""
        started = time.perf_counter()
        self._solve_coupled(meter)
        coupled = time.perf_counter()
        self._solve_networks(meter)
        self.coupled_seconds, self.network_seconds = coupled - started, time.perf_counter() - coupled
        if self._aims is not None:
            self._bound_of_aims(self._aims)

    def _solve_networks(self, meter: _Meter) -> None:
        parts = self._parts.networks
        arcs = sum(part.size for part in parts)
        workers = self._workers or len(os.sched_getaffinity(0))
        if self._aims is not None and self._policy.fairness and self._parts.coupled:
            before = served_by_group(self._aims, self._problem.need, self._flow)
            self._aims = self._aims._replace(before=before)
        if arcs >= FORK_FROM and ((workers > 1 and len(parts) > 1) or meter.heard):
            solve_parts(parts, self._network_flow, self._flow, lambda part: meter.add(part.size), meter.beat, workers)
            return
        for part in parts:
            self._flow[part] = self._network_flow(part)
            meter.add(part.size)

    def _network_flow(self, arcs: Int64s) -> Int64s:
        everything = arcs.size == self._flow.size
        network = self._coupling.network if everything else self._coupling.network.of(arcs)
        return exact_flow(network) if self._aims is None else convex_flow(network, self._aims)

    def _solve_coupled(self, meter: _Meter) -> None:
        """Fill in the flow of the coupled parts, and add up by how much their bounds exceed it.

        Objectives and bounds of parts add up level by level, and the lexicographic order is kept by addition,
        so the sum of the bounds is a bound of the sum.
        """
        if not self._parts.coupled:
            return
        from matching.coupled import solve_component  # CP-SAT loads pandas: 0.2 s and 60 MB that networks save

        problem = self._problem
        waiting = sum(arcs.size for arcs in self._parts.coupled)
        for arcs in sorted(self._parts.coupled, key=len):  # what small parts leave of their time goes to large ones
            outcome = solve_component(
                problem,
                self._coupling,
                arcs,
                seconds=self._clock.share(arcs.size / waiting),
                workers=self._workers,
                tell=meter.within(arcs.size),
            )
            waiting -= arcs.size
            self._flow[arcs] = outcome.flow
            self._exact &= outcome.optimal
            self._slack += outcome.bound
            np.subtract.at(self._slack, problem.tier[problem.need[arcs]], outcome.flow)
            self._slack[-1] -= int(np.dot(outcome.flow, problem.fit[arcs].astype(np.int64)))
            meter.add(arcs.size)

    def _bound_of_aims(self, aims: Aims) -> None:
        """What cannot be beaten where the policy has aims that the coupled engine does not know.

        The relaxed network allows every solution, so its best objective is a bound, compared as a whole. It
        is needed where a coupled part holds a group or balance counts. Else the coupled parts keep their own.
        """
        coupled = np.concatenate([*self._parts.coupled, np.zeros(0, np.int64)])
        if aims.weight or np.any(aims.group[self._problem.need[coupled]] >= 0):
            live = np.flatnonzero(self._coupling.live)
            relaxed = np.zeros_like(self._flow)
            plain = aims._replace(before=np.zeros_like(aims.before), weight=0)
            relaxed[live] = convex_flow(self._coupling.network.of(live), plain)
            served, fit = objective(self._problem, relaxed)
            fairness = unfairness(self._problem, relaxed) if self._policy.fairness else None
            self._bound = Bound(served, fairness, fit)

    def solution(self, *, cancelled: bool) -> Solution:
        """What the run found, not yet checked."""
        problem, policy, weight = self._problem, self._policy, self._policy.load_balance_weight
        self._flow.flags.writeable = False
        served, fit = objective(problem, self._flow)
        fairness = unfairness(problem, self._flow) if policy.fairness else None
        if cancelled:
            bound, exact = _loosest(problem, policy), False
        elif self._bound is None:
            beaten = [total + more for total, more in zip((*served, fit), self._slack.tolist(), strict=True)]
            bound, exact = Bound(tuple(beaten[:-1]), fairness, beaten[-1]), self._exact
        else:
            bound = self._bound
            exact = not self._parts.coupled or (not weight and bound == Bound(served, fairness, fit))
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
            imbalance=imbalance(problem, self._flow, weight) if weight else None,
        )


def _loosest(problem: Problem, policy: Policy) -> Bound:
    """A bound without any search: every need that has an arc in full, at its best fit, and no group above another."""
    best = np.full(problem.quantity.size, -1, np.int64)
    np.maximum.at(best, problem.need, problem.fit)
    reached = best >= 0
    served = np.zeros(problem.tiers, np.int64)
    np.add.at(served, problem.tier[reached], problem.quantity[reached])
    fit = int(np.dot(problem.quantity[reached], best[reached]))
    return Bound(tuple(served.tolist()), Fraction(0) if policy.fairness else None, fit)


def _shares(problem: Problem, parts: Parts) -> dict[str, float]:
    """The share of the arcs that each engine settled; arcs that nothing can use count for the network."""
    coupled = sum(arcs.size for arcs in parts.coupled) / max(problem.need.size, 1)
    if coupled == 0:
        return {"network": 1.0}
    return {"network": 1 - coupled, "coupled": coupled} if coupled < 1 else {"coupled": 1.0}


class _Clock:
    """The time limit as a budget that parts draw on."""

    def __init__(self, started: float, limit: float | None) -> None:
        self._ends = math.inf if limit is None else started + limit

    def share(self, part: float) -> float | None:
        """Seconds for a part of what is left to do; None without a limit."""
        return None if self._ends == math.inf else max(self._ends - time.perf_counter(), 0.0) * part


class _Meter:
    """Tells how much is done, in arcs; what it tells never falls, and is 1.0 only at the end."""

    def __init__(self, progress: Callable[[float], None] | None, arcs: int) -> None:
        self._progress, self._whole, self._done, self._told = progress, arcs + 1, 0, -1.0
        self.heard = progress is not None
        self._tell(0.0)

    def _tell(self, fraction: float) -> None:
        if self._progress is not None and fraction > self._told:
            self._told = fraction
            self._progress(fraction)

    def beat(self) -> None:
        """Nothing new: a chance for the listener to stop the work."""
        if self._progress is not None:
            self._progress(self._told)

    def add(self, arcs: int) -> None:
        """So many more arcs are done."""
        self._done += arcs
        self._tell(self._done / self._whole)

    def within(self, arcs: int) -> Callable[[float], None]:
        """A reporter for the share done of the next ``arcs`` arcs."""
        return lambda share: self._tell((self._done + share * arcs) / self._whole)

    def finish(self) -> None:
        """Everything is done."""
        self._tell(1.0)
