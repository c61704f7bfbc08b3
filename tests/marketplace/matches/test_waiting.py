"""Nobody waits for ever: waiting raises what a need counts as in a run, never its colour."""

from dataclasses import replace

import pytest
from flask import Flask
from flask_babel import gettext

from marketplace.extensions import db
from marketplace.matches import services
from marketplace.matches.models import RunOutcome
from marketplace.matches.services.settings import SITE_POLICY
from marketplace.needs.models import Need
from marketplace.permissions import Role
from marketplace.wording import URGENCIES
from tests.marketplace.matches.run_support import SYSTEM, again, proposals
from tests.support import world
from tests.support.client import Browser


@pytest.fixture
def long_waiting(app: Flask) -> dict[str, Need]:
    """Capacity for one, a red need of today, and a blue and a yellow one that have waited long."""
    world.a_capacity(quantity=1)
    return {
        "red": world.a_need(urgency="red", quantity=1, posted_on=world.in_days(0), groups=["G-ILL"]),
        "yellow": world.a_need(urgency="yellow", quantity=1, posted_on=world.in_days(-200)),
        "blue": world.a_need(urgency="blue", quantity=1, posted_on=world.in_days(-60)),
    }


def test_who_has_waited_long_counts_as_more_urgent_and_keeps_the_colour(
    long_waiting: dict[str, Need], client: Browser
) -> None:
    run = services.run_now(SYSTEM, world.DAWUKOU)
    assert run.summary["served"] == {"red": 0, "yellow": 1, "blue": 0}
    assert run.summary["counted_as"] == {"red": 1, "yellow": 1, "blue": 0}
    (proposal,) = proposals()
    assert (proposal.need_id, proposal.reasons["counted_as"]) == (long_waiting["yellow"].id, "red")
    assert again(long_waiting["yellow"]).urgency == "yellow"
    told = {row.need_id: row.details.get("counted_as") for row in db.session.query(RunOutcome)}
    assert told == {long_waiting["red"].id: None, long_waiting["blue"].id: "yellow"}
    client.sign_in(world.a_user(Role.COORDINATOR))
    for view, colour in (("proposals", "red"), ("unserved", "yellow")):
        page = client.get(f"/runs/{run.public_id}?view={view}").get_data(as_text=True)
        with client.application.test_request_context():
            assert str(gettext("counted as %(colour)s", colour=URGENCIES[colour])) in page


def test_an_officer_may_turn_it_off(long_waiting: dict[str, Need]) -> None:
    off = replace(SITE_POLICY, yellow_after_days=None, red_after_days=None)
    services.save(SYSTEM, world.DAWUKOU, None, off, nightly=False, hour=2, version=0)
    assert services.policy_for(world.DAWUKOU) == off
    run = services.run_now(SYSTEM, world.DAWUKOU)
    assert run.summary["served"] == {"red": 1, "yellow": 0, "blue": 0}
    assert "counted_as" not in run.summary
    assert "counted_as" not in proposals()[0].reasons
