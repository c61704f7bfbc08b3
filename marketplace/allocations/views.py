"""HTTP of allocations."""

from marketplace.permissions import Slice

allocations = Slice("allocations", __name__)
