"""Match units of need to offers: pure NumPy in, NumPy out, exact where it says so."""

from matching.explain.accounts import explain
from matching.foresight.expected_prices import expected_prices
from matching.policy import InvalidPolicy, Policy
from matching.prices.worth import Prices, prices
from matching.problem import FIT_MAX, InvalidProblem, Problem
from matching.simulate.arrivals import Arrivals, Growth
from matching.simulate.days import simulate
from matching.simulate.timeline import Timeline
from matching.simulate.whatif import Changes, Difference, compare, what_if
from matching.solution import Bound, Solution
from matching.solve import Cancelled, solve
from matching.verify import InvalidSolution, verify

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
