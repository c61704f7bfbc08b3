"""What holding is expected to save: the same futures played to their end after a run with and one without a reserve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketplace.matches.foresight.ahead import Kept, without_margin
from matching import Policy, Problem, Solution, solve
from matching.foresight.expected_prices import together
from matching.reserve.aim import left_over

WEIGHED_ARCS = 3_000_000
"""Futures are weighed until their pairs add up to so many; at least one is, and a large region's mean is over fewer."""


def weighed(kept: Kept, problem: Problem, solution: Solution, futures: Sequence[Problem], policy: Policy) -> Kept:
    """What was kept, with the units by tier that holding is expected to serve beyond those it makes wait.

    For each future, what is left after tonight with the reserve is given to those still waiting and those to come as
    well as can be; so is what would have been left without it. The mean of the differences is told without the margin
    of the futures, and with it the difference of tonight, which is sure.
    """
    if solution.reserve is None:
        return kept
    plain = solve(problem, Policy(tiers=policy.tiers))
    before, after = _served(plain, policy.tiers), _served(solution, policy.tiers)
    rest = tuple(_rest(problem, flow) for flow in (plain.flow, solution.flow))
    sums, arcs, weighed_futures = np.zeros(policy.tiers), 0, 0
    for future in futures:
        without, having = (_served(solve(together(one, future), Policy()), policy.tiers) for one in rest)
        sums += having - without
        arcs += future.need.size + problem.need.size
        weighed_futures += 1
        if arcs >= WEIGHED_ARCS:
            break
    saved = after - before + without_margin(sums / max(weighed_futures, 1))
    return replace(kept, saved=saved, weighed=weighed_futures)


def _rest(problem: Problem, flow: NDArray[np.int64]) -> Problem:
    """What a flow left, as urgent as it was, without bundles and least batches: too dear for an estimate."""
    rest, _ = left_over(problem, flow)
    waiting = np.flatnonzero(problem.quantity - np.bincount(problem.need, flow, problem.quantity.size) > 0)
    columns: dict[str, Any] = rest.columns() | {
        "tier": problem.tier[waiting],
        "bundle": np.full(waiting.size, -1, np.int32),
        "whole": np.zeros(waiting.size, np.bool_),
        "minimum_batch": np.zeros(problem.capacity.size, np.int64),
    }
    return Problem(**columns)


def _served(solution: Solution, tiers: int) -> NDArray[np.int64]:
    served = np.zeros(tiers, np.int64)
    served[: len(solution.served)] = solution.served
    return served
