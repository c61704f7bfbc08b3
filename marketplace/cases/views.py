"""HTTP of cases."""

from marketplace.permissions import Slice

cases = Slice("cases", __name__)
