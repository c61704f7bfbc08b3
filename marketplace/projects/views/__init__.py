"""HTTP of projects, their capacity, and volunteers' own offers."""

from marketplace.projects.views import capacity, offers, organization, pages
from marketplace.projects.views.base import projects

__all__ = ["capacity", "offers", "organization", "pages", "projects"]
