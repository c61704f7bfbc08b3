"""HTTP of accounts. Sign-in and sign-out are Flask-Security's."""

from marketplace.accounts.views import own, registration, second_factor, staff  # noqa: F401  # importing adds the routes
from marketplace.accounts.views.parts import accounts

__all__ = ["accounts"]
