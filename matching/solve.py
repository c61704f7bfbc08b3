"""The one door: a problem in, a checked solution out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from matching.columns import Int64s
from matching.components import Parts, split
from matching.coupling import Coupling, examine
from matching.network import best_flow
from matching.policy import Policy
from matching.problem import Problem
from matching.solution import Bound, Solution
from matching.verify import objective, verify

DEFAULT_POLICY = Policy()


def solve(
    problem: Problem,
    policy: Policy = DEFAULT_POLICY,  # noqa: ARG001 - its order is the contract's; it has no levels to add yet
    *,
    time_limit: float | None = None,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Solution:
    """The best solution: most units of tier 0, then of tier 1 and so on, then the greatest sum of fit.

    The problem is split into parts that share nothing. Parts whose rules do not couple are solved exactly as
    networks; the others by CP-SAT, level by level. The result is checked by :func:`matching.verify` before
    it is given out.

    Args:
        problem: the checked input.
        policy: what the organization aims at.
        time_limit: seconds after which the search in coupled parts stops with the best found. Networks are
            not cut short: they have no result before the end, and take seconds at 100,000 needs.
        workers: threads of the search in coupled parts; None takes every core. Networks take one.
        progress: called with the share of the work done, never falling, from 0.0 to 1.0. A connected network
            is one step.
    Returns:
        The same flow for the same problem where all of it is a network; with coupled parts the same objective
        whenever the status is "optimal".
    Raises:
        ValueError: ``time_limit`` or ``workers`` is not above 0.
        InvalidSolution: the result fails its check, which would be a fault of the engines.
    """
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"time_limit: must be above 0 seconds, got {time_limit}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers: must be at least 1, got {workers}")
    started = time.perf_counter()
    meter = _Meter(progress, problem.need.size)
    coupling = examine(problem)
    parts = split(problem, coupling)
    prepared = time.perf_counter()
    flow = np.zeros(problem.need.size, np.int64)
    _solve_networks(coupling, parts, flow, meter)
    network_done = time.perf_counter()
    exact, slack = _solve_coupled(problem, coupling, parts, flow, meter, _Clock(started, time_limit), workers)
    flow.flags.writeable = False
    solved = time.perf_counter()
    served, fit = objective(problem, flow)
    beaten = tuple(total + more for total, more in zip((*served, fit), slack.tolist(), strict=True))
    held = np.zeros(problem.capacity.size, np.int64)
    held.flags.writeable = False
    solution = Solution(
        flow=flow,
        served=served,
        fit=fit,
        status="optimal" if exact else "feasible",
        fairness=None,
        bound=Bound(beaten[:-1], None, beaten[-1]),
        engines=_shares(problem, parts),
        verified=False,
        held=held,
        timings={},
    )
    verify(problem, solution)
    verified = time.perf_counter()
    meter.finish()
    stages = {
        "prepare": prepared - started,
        "network": network_done - prepared,
        "coupled": solved - network_done,
        "verify": verified - solved,
        "total": verified - started,
    }
    return replace(solution, verified=True, timings=stages)


def _solve_networks(coupling: Coupling, parts: Parts, flow: Int64s, meter: _Meter) -> None:
    for arcs in parts.networks:
        everything = arcs.size == flow.size
        flow[arcs] = best_flow(coupling.network if everything else coupling.network.of(arcs))
        meter.add(arcs.size)


def _solve_coupled(
    problem: Problem,
    coupling: Coupling,
    parts: Parts,
    flow: Int64s,
    meter: _Meter,
    clock: _Clock,
    workers: int | None,
) -> tuple[bool, Int64s]:
    """Fill in the flow of the coupled parts; whether it is optimal, and by how much the bound exceeds it.

    Objectives and bounds of parts add up level by level, and the lexicographic order is kept by addition, so
    the sum of the bounds is a bound of the sum.
    """
    exact, slack = True, np.zeros(problem.tiers + 1, np.int64)
    if not parts.coupled:
        return exact, slack
    from matching.coupled import solve_component  # CP-SAT loads pandas: 0.2 s and 60 MB that networks save

    waiting = sum(arcs.size for arcs in parts.coupled)
    for arcs in sorted(parts.coupled, key=len):  # what small parts leave of their time goes to the large ones
        outcome = solve_component(
            problem,
            coupling,
            arcs,
            seconds=clock.share(arcs.size / waiting),
            workers=workers,
            tell=meter.within(arcs.size),
        )
        waiting -= arcs.size
        meter.add(arcs.size)
        flow[arcs] = outcome.flow
        exact &= outcome.optimal
        slack += outcome.bound
        np.subtract.at(slack, problem.tier[problem.need[arcs]], outcome.flow)
        slack[-1] -= int(np.dot(outcome.flow, problem.fit[arcs].astype(np.int64)))
    return exact, slack


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
        self._tell(0.0)

    def _tell(self, fraction: float) -> None:
        if self._progress is not None and fraction > self._told:
            self._told = fraction
            self._progress(fraction)

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
