"""Nobody waits for ever: the tier that a need counts as in a run, after so many days of waiting.

Served by tier, the least urgent could wait as long as more urgent ones come. A policy may therefore let time raise a
need: from its ``yellow_after_days``-th day of waiting on a need of tier 2, or of a less urgent one, counts as tier 1;
and from its ``red_after_days``-th day as tier 1, by its own tier or by waiting, it counts as tier 0. Needs of tier 0
are served first, and of equal ones whoever fits best: where the policy has a weight for waiting, those who have waited.

Only the tier in the run's problem changes. What a caseworker said of the urgency stays, and so do the figures told by
it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from matching.columns import Int8s
from matching.policy import Policy


def aged_tiers(tier: ArrayLike, waited_days: ArrayLike, policy: Policy, yellow_days: ArrayLike | None = None) -> Int8s:
    """The tiers that needs count as in a run.

    Args:
        tier: int8 (n,), 0 the most urgent.
        waited_days: int64 (n,), whole days since each came.
        policy: its ``yellow_after_days`` and ``red_after_days``; None of them raises nothing.
        yellow_days: int64 (n,), whole days for which each need of tier 1 has been of tier 1; since it came, if None.
    Returns:
        int8 (n,), none above its own tier.
    """
    own = np.asarray(tier, np.int8)
    waited = np.asarray(waited_days, np.int64)
    as_yellow = waited if yellow_days is None else np.asarray(yellow_days, np.int64)
    counted = own.copy()
    by_waiting = np.full(own.shape, -1, np.int64)
    if policy.yellow_after_days is not None:
        by_waiting = waited - policy.yellow_after_days
        counted[(own > 1) & (by_waiting >= 0)] = 1
    if policy.red_after_days is not None:
        days = np.where(own == 1, np.maximum(as_yellow, by_waiting), by_waiting)
        counted[(counted == 1) & (days >= policy.red_after_days)] = 0
    return counted
