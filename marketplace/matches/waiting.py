"""What needs count as in a run: the caseworker's colour, raised by waiting where the policy says so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marketplace.matches.snapshot import Snapshot
from matching import Problem
from matching.ageing import aged_tiers


def waited_days(snapshot: Snapshot) -> NDArray[np.int64]:
    """int64 (n,): whole days that each need has waited; 0 where its day is unknown."""
    days = (snapshot.as_of - snapshot.needs.posted).astype(np.int64)
    return np.where(np.isnat(snapshot.needs.posted), 0, np.maximum(days, 0))


def counted_tiers(snapshot: Snapshot) -> NDArray[np.int8]:
    """int8 (n,): the tier of each need in the run's problem; a need has been of its colour since it was posted."""
    return aged_tiers(snapshot.tier, waited_days(snapshot), snapshot.policy)


def by_colour(problem: Problem, snapshot: Snapshot) -> Problem:
    """The problem with the colours that caseworkers gave in the place of what the needs counted as."""
    return Problem(**{**problem.columns(), "tier": snapshot.tier})
