"""Limits and one-time acts under many hands, on both database engines."""

from typing import Any

import pytest

from tests.races.controls import caught
from tests.races.crowd import race
from tests.races.invariants import Race
from tests.races.limits import LIMITS, LOOSE

SEED, ATTEMPTS = 12, 320


@pytest.mark.parametrize("limit", LIMITS, ids=lambda kind: kind.__name__)
def test_it_holds_under_many_hands(racing_app: Any, limit: type[Race]) -> None:
    held = limit(racing_app, ATTEMPTS)
    counted = race(racing_app, held.attempt, held.number, seed=SEED, ahead=0)
    assert held.check(counted) == []
    assert sum(counted.values()) == held.number


@pytest.mark.parametrize("control", LOOSE, ids=lambda kind: kind.__name__)
def test_without_its_guard_the_race_fails(racing_app: Any, control: Any) -> None:
    loose = control(racing_app, attempts=ATTEMPTS)
    counted = race(racing_app, loose.attempt, loose.number, seed=SEED, processes=16, ahead=0)
    assert caught(loose, counted)
