"""Rules of the one life-cycle: claims, proposals and what is assigned by hand. The only writers of its tables."""

from marketplace.allocations.services.answers import AnswerSummary, accept, accept_all, decline, decline_all
from marketplace.allocations.services.claims import (
    CLAIM_HOURS,
    LIVE_CLAIMS,
    claim,
    claims_of,
    fulfilled_wishes,
    similar_wishes,
)
from marketplace.allocations.services.counters import reconcile
from marketplace.allocations.services.deliveries import (
    confirm,
    dispute,
    mark_delivered,
    reopen,
    reveal_contact,
    start_delivery,
)
from marketplace.allocations.services.proposals import declined_pairs, propose, supersede
from marketplace.allocations.services.reading import (
    TABS,
    alternatives,
    events_of,
    find,
    find_to_deliver,
    inbox,
    inbox_counts,
    of_need,
    of_run,
    suppliers_of,
    tabs_for,
)
from marketplace.allocations.services.returns import expire_overdue, release

__all__ = [
    "CLAIM_HOURS",
    "LIVE_CLAIMS",
    "TABS",
    "AnswerSummary",
    "accept",
    "accept_all",
    "alternatives",
    "claim",
    "claims_of",
    "confirm",
    "decline",
    "decline_all",
    "declined_pairs",
    "dispute",
    "events_of",
    "expire_overdue",
    "find",
    "find_to_deliver",
    "fulfilled_wishes",
    "inbox",
    "inbox_counts",
    "mark_delivered",
    "of_need",
    "of_run",
    "propose",
    "reconcile",
    "release",
    "reopen",
    "reveal_contact",
    "similar_wishes",
    "start_delivery",
    "supersede",
    "suppliers_of",
    "tabs_for",
]
