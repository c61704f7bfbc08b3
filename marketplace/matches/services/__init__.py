"""Rules of matching runs: the only writers of their tables."""

from marketplace.matches.services.reading import (
    alliance_of,
    alliances_for,
    find,
    list_runs,
    needs_of,
    outcomes_of,
    preview,
    shortages_of,
)
from marketplace.matches.services.runs import cancel, check_region, perform, run_now, start, take_up_lost_runs

__all__ = [
    "alliance_of",
    "alliances_for",
    "cancel",
    "check_region",
    "find",
    "list_runs",
    "needs_of",
    "outcomes_of",
    "perform",
    "preview",
    "run_now",
    "shortages_of",
    "start",
    "take_up_lost_runs",
]
