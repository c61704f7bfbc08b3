"""HTTP of matching runs."""

from marketplace.permissions import Slice

runs = Slice("runs", __name__, url_prefix="/runs")
