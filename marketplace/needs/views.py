"""HTTP of needs, for staff."""

from marketplace.permissions import Slice

needs = Slice("needs", __name__, url_prefix="/needs")
