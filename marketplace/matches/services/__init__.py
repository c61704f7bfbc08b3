"""Rules of matching runs: the only writers of their tables."""

from marketplace.matches.services import pairs  # noqa: F401  # answers whoever pairs by hand
from marketplace.matches.services.explaining import Told, explained
from marketplace.matches.services.performing import perform, take_up_lost_runs
from marketplace.matches.services.reading import (
    alliance_by_slug,
    alliance_of,
    alliance_of_key,
    alliances_for,
    compared,
    failed_runs,
    find,
    find_trial,
    list_runs,
    needs_of,
    outcomes_of,
    preview,
    quick_to_preview,
    shortages_of,
)
from marketplace.matches.services.restricted import (
    CaseResult,
    accept_for_case,
    cancel_for_case,
    case_of_team,
    decline_for_case,
    explained_for_case,
    find_of_team,
    result_of,
    runs_of_case,
    start_for_case,
)
from marketplace.matches.services.runs import cancel, run_now, start, start_nightly_runs, try_changes
from marketplace.matches.services.settings import Setting, check_region, policy_for, save, setting_of
from marketplace.matches.services.settings import policy_of as stored_policy
from marketplace.matches.services.suggestions import Suggested, suggest

__all__ = [
    "CaseResult",
    "Setting",
    "Suggested",
    "Told",
    "accept_for_case",
    "alliance_by_slug",
    "alliance_of",
    "alliance_of_key",
    "alliances_for",
    "cancel",
    "cancel_for_case",
    "case_of_team",
    "check_region",
    "compared",
    "decline_for_case",
    "explained",
    "explained_for_case",
    "failed_runs",
    "find",
    "find_of_team",
    "find_trial",
    "list_runs",
    "needs_of",
    "outcomes_of",
    "perform",
    "policy_for",
    "preview",
    "quick_to_preview",
    "result_of",
    "run_now",
    "runs_of_case",
    "save",
    "setting_of",
    "shortages_of",
    "start",
    "start_for_case",
    "start_nightly_runs",
    "stored_policy",
    "suggest",
    "take_up_lost_runs",
    "try_changes",
]
