"""The answer of a matching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from matching.columns import Int64s

Status = Literal["optimal", "feasible", "cancelled"]


class Bound(NamedTuple):
    """An objective that no solution can beat, compared as a whole from the left."""

    served: tuple[int, ...]
    fairness: Fraction | None
    fit: int


@dataclass(frozen=True, eq=False)
class Solution:
    """Units on each arc, and what is known about them.

    Attributes:
        flow: int64 (k,), units on each arc, in the order of the problem's arcs; read-only.
        served: units served of each tier, up to the largest tier of the problem.
        fit: sum of fit over the served units.
        status: "optimal" if (served, fit) is proven best, "feasible" if time ran out before the proof.
        fairness: the value of the fairness level; None where the policy has none.
        bound: (served, fairness, fit) that no solution can beat; equal to the value where optimal.
        engines: the share of the arcs that each engine solved; the shares add to 1.
        verified: True once :func:`matching.verify.verify` re-checked it.
        held: int64 (m,), units of each offer kept back for later; zeros without a reserve.
        timings: seconds by stage: prepare, network, coupled, verify, and their total.
    """

    flow: Int64s
    served: tuple[int, ...]
    fit: int
    status: Status
    fairness: Fraction | None
    bound: Bound
    engines: Mapping[str, float]
    verified: bool
    held: Int64s
    timings: Mapping[str, float]
