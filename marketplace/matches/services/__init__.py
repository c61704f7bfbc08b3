"""Rules of matching runs: the only writers of their tables."""

from marketplace.matches.services.explaining import Told, explained
from marketplace.matches.services.performing import perform, take_up_lost_runs
from marketplace.matches.services.reading import (
    alliance_by_slug,
    alliance_of,
    alliances_for,
    compared,
    find,
    find_trial,
    list_runs,
    needs_of,
    outcomes_of,
    preview,
    quick_to_preview,
    shortages_of,
)
from marketplace.matches.services.restricted import CaseMatch, match_case
from marketplace.matches.services.runs import cancel, run_now, start, start_nightly_runs, try_changes
from marketplace.matches.services.settings import Setting, check_region, policy_for, save, setting_of
from marketplace.matches.services.settings import policy_of as stored_policy
from marketplace.matches.services.suggestions import Suggested, suggest

__all__ = [
    "CaseMatch",
    "Setting",
    "Suggested",
    "Told",
    "alliance_by_slug",
    "alliance_of",
    "alliances_for",
    "cancel",
    "check_region",
    "compared",
    "explained",
    "find",
    "find_trial",
    "list_runs",
    "match_case",
    "needs_of",
    "outcomes_of",
    "perform",
    "policy_for",
    "preview",
    "quick_to_preview",
    "run_now",
    "save",
    "setting_of",
    "shortages_of",
    "start",
    "start_nightly_runs",
    "stored_policy",
    "suggest",
    "take_up_lost_runs",
    "try_changes",
]
