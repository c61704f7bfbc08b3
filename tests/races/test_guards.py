"""Edits, codes, links, shares, letters, jobs, decisions and runs under many hands, on both database engines."""

from typing import Any

import pytest

from tests.races.controls import caught
from tests.races.crowd import race
from tests.races.guards import GUARDS
from tests.races.invariants import Race
from tests.races.unguarded import LOOSE

SEED, ATTEMPTS = 12, 120
#: Fewer than in the long form: starting a process costs more than what it tries.
PROCESSES, PROCESSES_OF_CONTROLS = 16, 8


@pytest.mark.parametrize("guard", GUARDS, ids=lambda kind: kind.__name__)
def test_it_holds_under_many_hands(racing_app: Any, guard: type[Race]) -> None:
    held = guard(racing_app, ATTEMPTS)
    counted = race(racing_app, held.attempt, held.number, seed=SEED, processes=PROCESSES, ahead=0)
    assert held.check(counted) == []
    assert sum(counted.values()) == held.number


@pytest.mark.parametrize("control", LOOSE, ids=lambda kind: kind.__name__)
def test_without_its_guard_the_race_fails(racing_app: Any, control: Any) -> None:
    loose = control(racing_app, attempts=ATTEMPTS)
    counted = race(racing_app, loose.attempt, loose.number, seed=SEED, processes=PROCESSES_OF_CONTROLS, ahead=0)
    assert caught(loose, counted)
