"""2,000 presses through live HTTP: each unit is granted exactly once, and nobody meets an error page."""

from typing import Any

from marketplace.settings import Settings
from tests.races.crowd import race
from tests.races.web import Pressing, two_servers

ATTEMPTS = 2_000


def test_nothing_is_given_twice_and_nobody_sees_an_error(racing_app: Any) -> None:
    settings: Settings = racing_app.extensions["marketplace.settings"]
    with two_servers(settings) as ports:
        pressing = Pressing(racing_app, ports, ATTEMPTS)
        counted = race(racing_app, pressing.attempt, pressing.number, seed=12)
        assert pressing.faults(counted) == []
        assert sum(counted.values()) == ATTEMPTS
