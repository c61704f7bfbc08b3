"""An independent check of a solution: feasible by every rule, sums re-added. It shares no code with the engines."""

from __future__ import annotations

import numpy as np

from matching.columns import Int64s
from matching.problem import Problem
from matching.solution import Solution


class InvalidSolution(ValueError):
    """A solution breaks rules of its problem; ``faults`` lists them."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


def objective(problem: Problem, flow: Int64s) -> tuple[tuple[int, ...], int]:
    """Units served per tier and total fit of a flow."""
    used = np.flatnonzero(flow)
    units = flow[used]
    served = np.zeros(problem.tiers, np.int64)
    np.add.at(served, problem.tier[problem.need[used]], units)
    return tuple(served.tolist()), int(np.dot(units, problem.fit[used].astype(np.int64)))


def verify(problem: Problem, solution: Solution) -> None:
    """Check the sums. Raises InvalidSolution."""
    served, fit = objective(problem, solution.flow)
    if (served, fit) != (solution.served, solution.fit):
        raise InvalidSolution(["the sums differ"])
