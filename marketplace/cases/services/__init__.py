"""Rules of cases, by what people do: keep the household, consent, triage, reveal, look back."""

from marketplace.cases.services.consents import ConsentGiven, give_consent, withdraw_consent
from marketplace.cases.services.history import HistoryEntry, case_history, entries
from marketplace.cases.services.households import (
    GROUPS,
    CaseEntry,
    CaseFilter,
    PersonEntry,
    PersonSaved,
    add_person,
    case_page,
    edit_case,
    edit_person,
    load_case,
    load_person,
    open_case,
    regions_of,
    work_list,
)
from marketplace.cases.services.private import (
    HouseholdWords,
    household_words,
    reveal_person,
    reveal_summary,
)
from marketplace.cases.services.triage import RESTRICTING, REVEAL_REASONS, TRIAGE_RULES, rate, restrict
from marketplace.cases.services.versions import expect_version

__all__ = [
    "GROUPS",
    "RESTRICTING",
    "REVEAL_REASONS",
    "TRIAGE_RULES",
    "CaseEntry",
    "CaseFilter",
    "ConsentGiven",
    "HistoryEntry",
    "HouseholdWords",
    "PersonEntry",
    "PersonSaved",
    "add_person",
    "case_history",
    "case_page",
    "edit_case",
    "edit_person",
    "entries",
    "expect_version",
    "give_consent",
    "household_words",
    "load_case",
    "load_person",
    "open_case",
    "rate",
    "regions_of",
    "restrict",
    "reveal_person",
    "reveal_summary",
    "withdraw_consent",
    "work_list",
]
