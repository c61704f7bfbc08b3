"""The one door: a problem in, a checked solution out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from matching.network import Network, best_flow
from matching.policy import Policy
from matching.problem import Problem
from matching.solution import Bound, Solution
from matching.verify import objective, verify


def solve(
    problem: Problem,
    policy: Policy = Policy(),  # noqa: B008 - immutable
    *,
    time_limit: float | None = None,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Solution:
    """The best flow of ``problem``: most units of tier 0, then of tier 1 and so on, then the greatest fit."""
    started = time.perf_counter()
    tell = progress or (lambda fraction: None)
    tell(0.0)
    flow = best_flow(
        Network(
            problem.quantity,
            problem.tier,
            problem.capacity,
            problem.need,
            problem.offer,
            problem.fit,
            problem.pool,
            problem.pool_capacity,
            problem.pool_parent,
        )
    )
    flow.flags.writeable = False
    solved = time.perf_counter()
    served, fit = objective(problem, flow)
    held = np.zeros(problem.capacity.size, np.int64)
    held.flags.writeable = False
    solution = Solution(
        flow=flow,
        served=served,
        fit=fit,
        status="optimal",
        fairness=None,
        bound=Bound(served, None, fit),
        engines={"network": 1.0},
        verified=False,
        held=held,
        timings={},
    )
    verify(problem, solution)
    checked = time.perf_counter()
    tell(1.0)
    return replace(solution, verified=True, timings={"solve": solved - started, "verify": checked - solved})
