"""HTTP of needs, for staff."""

from marketplace.needs.views import drafts, posting, review
from marketplace.needs.views.common import needs

__all__ = ["drafts", "needs", "posting", "review"]
