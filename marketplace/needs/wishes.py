"""HTTP of micro-wishes, for everyone."""

from marketplace.permissions import Slice

wishes = Slice("wishes", __name__, url_prefix="/wishes")
