"""Presses for every invariant through live HTTP: each unit is granted exactly once, and nobody meets an error page."""

from typing import Any

from marketplace.settings import Settings
from tests.races.crowd import race
from tests.races.web import AllPressed, two_servers

#: A hundred for each invariant.
PRESSES = 10_108


def test_nothing_is_given_twice_and_nobody_sees_an_error(racing_app: Any) -> None:
    settings: Settings = racing_app.extensions["marketplace.settings"]
    with two_servers(settings) as ports:
        held = AllPressed(racing_app, ports, PRESSES)
        counted = race(racing_app, held.attempt, held.number, seed=12)
        assert held.check(counted) == []
        assert sum(counted.values()) == held.number
