"""Match units of need to offers: pure NumPy in, NumPy out, exact where it says so."""

from matching.explain import explain
from matching.policy import InvalidPolicy, Policy
from matching.prices import Prices, prices
from matching.problem import FIT_MAX, InvalidProblem, Problem
from matching.solution import Bound, Solution
from matching.solve import Cancelled, solve
from matching.verify import InvalidSolution, verify

__all__ = [
    "FIT_MAX",
    "Bound",
    "Cancelled",
    "InvalidPolicy",
    "InvalidProblem",
    "InvalidSolution",
    "Policy",
    "Prices",
    "Problem",
    "Solution",
    "explain",
    "prices",
    "solve",
    "verify",
]
