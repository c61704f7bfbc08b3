"""HTTP of projects, their capacity, and volunteers' own offers."""

from marketplace.projects.views import capacity, organization, pages
from marketplace.projects.views.base import projects
from marketplace.projects.views.offers import offers

__all__ = ["capacity", "offers", "organization", "pages", "projects"]
