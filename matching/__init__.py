"""Match units of need to offers: pure NumPy in, NumPy out, exact where it says so."""

from matching.arrivals import Arrivals, Growth
from matching.explain import explain
from matching.foresight import expected_prices
from matching.policy import InvalidPolicy, Policy
from matching.prices import Prices, prices
from matching.problem import FIT_MAX, InvalidProblem, Problem
from matching.simulate import simulate
from matching.solution import Bound, Solution
from matching.solve import Cancelled, solve
from matching.timeline import Timeline
from matching.verify import InvalidSolution, verify
from matching.whatif import Changes, Difference, compare, what_if

__all__ = [
    "FIT_MAX",
    "Arrivals",
    "Bound",
    "Cancelled",
    "Changes",
    "Difference",
    "Growth",
    "InvalidPolicy",
    "InvalidProblem",
    "InvalidSolution",
    "Policy",
    "Prices",
    "Problem",
    "Solution",
    "Timeline",
    "compare",
    "expected_prices",
    "explain",
    "prices",
    "simulate",
    "solve",
    "verify",
    "what_if",
]
