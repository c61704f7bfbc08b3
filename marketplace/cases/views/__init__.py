"""HTTP of cases."""

from marketplace.cases.views import care, discards, households
from marketplace.cases.views.common import cases

__all__ = ["care", "cases", "discards", "households"]
