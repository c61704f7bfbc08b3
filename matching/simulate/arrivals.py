"""What comes on one day of a simulation: needs with their arcs, capacity, and how fit grows while needs wait."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from matching.columns import Int32s, Int64s, at_least, column, default
from matching.problem import Problem
from matching.scoring import FULL
from matching.simulate.whatif import label_column


@dataclass(frozen=True, eq=False)
class Growth:
    """The fit of arcs as their needs wait: (steady + waiting weight · waiting part) // total, each night anew.

    The weight and the full days of waiting are those of the policy that is simulated; the rest is told here, for
    that policy, by `matching.scoring.Scorer.steady` and `.total`.

    Attributes:
        steady: int64 (k,), the weighted sum of the parts that do not grow.
        total: the sum of the weights of all parts, above 0.
        waited: int64 (n,), the days each need has waited already when it comes.
    """

    steady: Int64s
    total: int
    waited: Int64s

    def check(self, problem: Problem) -> None:
        """Refuse columns that do not belong to a day's needs and arcs.

        Raises:
            InvalidProblem: a column has the wrong length, type or values.
        """
        steady = column("steady", self.steady, np.int64, problem.need.size)
        waited = column("waited", self.waited, np.int64, problem.quantity.size)
        at_least("steady", steady, 0)
        at_least("waited", waited, 0)
        at_least("total", np.array([self.total], np.int64), 1)
        at_least("total", FULL * self.total - steady, 0)


@dataclass(frozen=True, init=False, eq=False)
class Arrivals:
    """What comes on one day.

    Attributes:
        problem: the day's new needs (n) with their arcs (k) to the offers of the simulation; the offers'
            own columns are not read. Bundles and exclusions hold within the day; groups over all days.
        deadline: int64 (n,), the last day each need can be served on, counted from the first day of the
            simulation as 0; -1 none.
        label: int32 (n,), what to count by, such as the number of the region; -1 none.
        capacity: int64 (m,), capacity that each offer gains on this day.
        growth: how the fit of the arcs grows while their needs wait; None lets it stay as it is.
    """

    problem: Problem
    deadline: Int64s
    label: Int32s
    capacity: Int64s
    growth: Growth | None

    def __init__(
        self,
        problem: Problem,
        *,
        deadline: ArrayLike | None = None,
        label: ArrayLike | None = None,
        capacity: ArrayLike | None = None,
        growth: Growth | None = None,
    ) -> None:
        needs, offers = problem.quantity.size, problem.capacity.size
        put = object.__setattr__
        put(self, "problem", problem)
        put(self, "deadline", column("deadline", default(deadline, needs, -1), np.int64, needs))
        put(self, "label", label_column("label", label, needs))
        put(self, "capacity", column("capacity", default(capacity, offers, 0), np.int64, offers))
        at_least("deadline", self.deadline, -1)
        at_least("capacity", self.capacity, 0)
        put(self, "growth", growth)
        if growth is not None:
            growth.check(problem)
