"""Rules of foresight: the only writers of its tables."""

from marketplace.matches.foresight.services.backtests import (
    cancel,
    perform,
    review_monthly,
    start,
    take_up_lost_backtests,
)
from marketplace.matches.foresight.services.reading import backtests_of, find, newest_done
from marketplace.matches.foresight.services.switch import (
    GOOD_FOR,
    Expected,
    expect,
    expectations_of,
    scope_of,
    switch_of,
    switch_of_key,
    switched_on,
    turn_off,
    turn_on,
)

__all__ = [
    "GOOD_FOR",
    "Expected",
    "backtests_of",
    "cancel",
    "expect",
    "expectations_of",
    "find",
    "newest_done",
    "perform",
    "review_monthly",
    "scope_of",
    "start",
    "switch_of",
    "switch_of_key",
    "switched_on",
    "take_up_lost_backtests",
    "turn_off",
    "turn_on",
]
