"""HTTP of organizations and alliances."""

from marketplace.organizations.views import (  # noqa: F401  # importing adds the routes
    alliance_pages,
    documents,
    first_manager,
    members,
    packages,
    profiles,
)
from marketplace.organizations.views.parts import alliances, organizations

__all__ = ["alliances", "organizations"]
