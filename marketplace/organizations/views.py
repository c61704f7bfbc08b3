"""HTTP of organizations and alliances."""

from marketplace.permissions import Slice

organizations = Slice("organizations", __name__, url_prefix="/organizations")
alliances = Slice("alliances", __name__, url_prefix="/alliances")
