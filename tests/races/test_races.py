"""Every invariant, 64 processes, on both database engines."""

from typing import Any

import pytest

from tests.races import ATTEMPTS
from tests.races.controls import CONTROLS, caught
from tests.races.crowd import race
from tests.races.invariants import RACES, Race

SEED = 12


@pytest.mark.parametrize("invariant", RACES, ids=lambda kind: kind.__name__)
def test_it_holds_under_many_hands(racing_app: Any, invariant: type[Race]) -> None:
    held = invariant(racing_app, ATTEMPTS)
    counted = race(racing_app, held.attempt, held.number, seed=SEED)
    assert held.check(counted) == []
    assert sum(counted.values()) == held.number


@pytest.mark.parametrize("control", CONTROLS, ids=lambda kind: kind.__name__)
def test_without_its_guard_the_race_fails(racing_app: Any, control: Any) -> None:
    loose = control(racing_app, attempts=400)
    counted = race(racing_app, loose.attempt, loose.number, seed=SEED, processes=16, ahead=0)
    assert caught(loose, counted)
