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
        status: "optimal" if (served, fairness, fit less imbalance) is proven best, "feasible" if it is not,
            "cancelled" if the work was stopped: what was done until then stands, and the rest is zero.
        fairness: the sum over groups of served**2 / size, the less the fairer; None where the policy does not
            ask for it.
        bound: (served, fairness, fit) that no solution can beat, compared from the left; equal to the value
            where optimal, but for the fit where the policy trades it for balance.
        engines: the share of the arcs that each engine solved; the shares add to 1.
        verified: True once :func:`matching.verify.verify` re-checked it.
        held: int64 (m,), units of each offer kept back for later, in one largest further flow on what is left;
            zeros without a reserve.
        imbalance: what the policy's weight for balanced load takes from the fit; None without one.
        timings: seconds by stage: prepare, network, coupled, verify, and their total.
        reserve: int64 (m,), the prices that it was made with; None without any above 0.
        beyond_reserve: with a reserve, what the served units are worth beyond its prices, the sum of
            (worth - use * price), less no penalty for load; None without one. ``status`` speaks of what a reserve
            aims at (:mod:`matching.reserve.aim`) then, and ``bound`` still of served units, fairness and fit.
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
    imbalance: int | None = None
    reserve: Int64s | None = None
    beyond_reserve: int | None = None
