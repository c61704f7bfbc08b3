"""Rules of organizations and alliances: the only writers of these tables."""

from marketplace.organizations.services.alliances import (
    alliance_members,
    alliances,
    alliances_of,
    ensure_alliance,
    get_alliance,
)
from marketplace.organizations.services.reading import (
    Filters,
    get,
    history,
    listing,
    registered_in,
    sees_every_state,
    tabs,
    visible_to,
)
from marketplace.organizations.services.registration import (
    Profile,
    edit,
    ensure,
    get_own,
    identity_is_open,
    register,
    resubmit,
)
from marketplace.organizations.services.verification import refuse, reinstate, reveal_contact, suspend, verify

__all__ = [
    "Filters",
    "Profile",
    "alliance_members",
    "alliances",
    "alliances_of",
    "edit",
    "ensure",
    "ensure_alliance",
    "get",
    "get_alliance",
    "get_own",
    "history",
    "identity_is_open",
    "listing",
    "refuse",
    "register",
    "registered_in",
    "reinstate",
    "resubmit",
    "reveal_contact",
    "sees_every_state",
    "suspend",
    "tabs",
    "verify",
    "visible_to",
]
