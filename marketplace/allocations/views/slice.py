"""The blueprint of allocations, on which the modules beside this one register their routes."""

from marketplace.permissions import Slice

allocations = Slice("allocations", __name__)
