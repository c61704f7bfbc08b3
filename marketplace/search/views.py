"""HTTP of search."""

from marketplace.permissions import Slice

search = Slice("search", __name__)
