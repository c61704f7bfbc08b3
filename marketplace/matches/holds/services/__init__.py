"""Rules of what is kept back: the only writers of requests about it."""

import marketplace.matches.holds.services.lapsing  # noqa: F401  # registers its sweeper
from marketplace.matches.holds.services.current import HeldNeed, held_need, held_units
from marketplace.matches.holds.services.exceptions import (
    ask_exception,
    capacities_kept,
    find_exception,
    grant_exception,
    need_of_caseworker,
    refuse_exception,
    withdraw_exception,
)
from marketplace.matches.holds.services.reading import KINDS, exception_of, queue, releases_of, to_decide
from marketplace.matches.holds.services.releases import (
    ask_release,
    capacity_of_supplier,
    find_release,
    grant_release,
    refuse_release,
    withdraw_release,
)

__all__ = [
    "KINDS",
    "HeldNeed",
    "ask_exception",
    "ask_release",
    "capacities_kept",
    "capacity_of_supplier",
    "exception_of",
    "find_exception",
    "find_release",
    "grant_exception",
    "grant_release",
    "held_need",
    "held_units",
    "need_of_caseworker",
    "queue",
    "refuse_exception",
    "refuse_release",
    "releases_of",
    "to_decide",
    "withdraw_exception",
    "withdraw_release",
]
