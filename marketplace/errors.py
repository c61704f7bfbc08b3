"""Every error a person can meet: its HTTP status and its message live here, once."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _


class MarketplaceError(Exception):
    """The user's request cannot be done; the message says what to do. Shown, not logged as a fault."""

    status = 400
    code = "error"
    title = _("That did not work")
    message: Any = _("Please try again.")

    def __init__(self, message: Any = None, **details: Any) -> None:
        self.message = message if message is not None else type(self).message
        self.details = details
        super().__init__(self.message)

    def __str__(self) -> str:
        return str(self.message)


class InvalidInput(MarketplaceError):
    """Values that break a rule; `fields` maps a form field to its message."""

    status = 422
    code = "invalid_input"
    title = _("Please check what you entered")
    message = _("Some values cannot be used.")

    def __init__(self, message: Any = None, *, fields: Mapping[str, Any] | None = None) -> None:
        self.fields = dict(fields or {})
        super().__init__(message if message is not None else next(iter(self.fields.values()), None))


class SignInRequired(MarketplaceError):
    status = 401
    code = "sign_in_required"
    title = _("Please sign in")
    message = _("Sign in to see this page.")


class AccessDenied(MarketplaceError):
    status = 403
    code = "access_denied"
    title = _("This is not open to you")
    message = _("Your role does not include this. Ask your administrator if you need it.")


class NotFound(MarketplaceError):
    """Absent, or not the reader's to see: the two look the same on purpose."""

    status = 404
    code = "not_found"
    title = _("Page not found")
    message = _("It does not exist, or is not open to you.")


class StateConflict(MarketplaceError):
    """Somebody moved the record first, or the move is no longer possible."""

    status = 409
    code = "state_conflict"
    title = _("This has changed meanwhile")
    message = _("Somebody changed this record a moment ago. Look at it again before you go on.")

    def __init__(self, message: Any = None, **details: Any) -> None:
        if message is not None and type(self) is StateConflict:  # a rule that says so itself: nobody else moved it
            self.title = _("This cannot be done now")
        super().__init__(message, **details)


class CapacityExhausted(StateConflict):
    code = "capacity_exhausted"
    title = _("Not enough capacity left")
    message = _("Fewer units are free than this asks for.")


class AlreadyClaimed(StateConflict):
    code = "already_claimed"
    title = _("Someone has just taken this wish")
    message = _("Thank you for wanting to help. Someone claimed this wish a moment before you.")


class LimitReached(MarketplaceError):
    status = 409
    code = "limit_reached"
    title = _("Limit reached")
    message = _("You have reached the limit for this.")
